"""Zip and tar files: which members they have, and each as a stream; nothing is written to disk.

What a zip file says of its members' sizes is held to what their packed bytes may become, all together, before any is
read; these lie before its directory, and are no more than fit there, whatever it says of them. A compressed tar file is
unpacked into memory once, to its end, so that its checksum holds before it is believed.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO, left_open, unpacked

MOST_MEMBERS = 5000
"""Files of an archive or a folder that are looked at."""

Opened = Callable[[int, Callable[[], NoReturn]], io.BufferedIOBase]
"""A member's content; more than so many bytes (see `unpacking`) call the function."""


def is_tar(head: bytes) -> bool:
    """Whether content that begins so is a tar file."""
    return head[257:262] == b"ustar"


def open_zip(path: Path, content: bytes | None, refuse: Callable[[], NoReturn], large: bool) -> zipfile.ZipFile:
    """A zip file on disk, or in memory; calls `refuse` where its members say that they unpack to too much together."""
    archive = zipfile.ZipFile(left_open(path) if content is None else io.BytesIO(content))
    members = archive.infolist()
    packed = min(sum(one.compress_size for one in members), archive.start_dir)
    if not large and sum(one.file_size for one in members) > MOST_BYTES + MOST_RATIO * packed:
        archive.close()
        refuse()
    return archive


def zip_members(archive: zipfile.ZipFile) -> dict[str, Opened]:
    """The files in a zip file, by name."""

    def opened(member: zipfile.ZipInfo, free: int, refuse: Callable[[], NoReturn]) -> io.BufferedIOBase:
        packed = min(member.compress_size, archive.start_dir)
        return unpacked(archive.open(member), free, refuse, lambda: packed)  # type: ignore[arg-type]

    return {one.filename: partial(opened, one) for one in archive.infolist() if not one.is_dir()}


def tar_members(path: Path, content: bytes | None) -> dict[str, Opened]:
    """The plain files in a tar file on disk, or in memory, by name; links and files with holes are none."""

    def opened(at: int, size: int, free: int, refuse: Callable[[], NoReturn]) -> io.BufferedIOBase:
        with open(path, "rb") if content is None else io.BytesIO(content) as stream:
            stream.seek(at)
            data = stream.read(size)
        if len(data) < size:
            raise EOFError("the archive ends within a file")
        return unpacked(io.BytesIO(data), free, refuse)

    found: dict[str, Opened] = {}
    with tarfile.open(path, "r:") if content is None else tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for one in archive:
            if one.isreg() and not one.issparse():
                found[one.name] = partial(opened, one.offset_data, one.size)
    return found
