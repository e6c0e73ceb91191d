"""Compressed content as a stream that ends with a sentence where it grows out of all proportion.

gzip (RFC 1952), bzip2 and xz, told by their first bytes. How much may come out is a sum: what is harmless, and a
multiple of the packed bytes that went in so far, so that a bomb is found out at its beginning. `:large` lifts both.
"""

import bz2
import contextlib
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

MOST_TEXT = 2**26
"""Bytes of text that may be unpacked from any number of packed ones: readers take some twenty times as much memory."""
MOST_BYTES = 2**28
"""The same of binary content, and of all members of an archive together."""
MOST_RATIO = 20
"""Bytes that each packed one may become beyond these: tables of numbers become three to ten."""

PACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b\x08": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": lambda raw: bz2.BZ2File(raw),
    b"\xfd7zXZ\x00": lambda raw: lzma.LZMAFile(raw),  # noqa: SIM115
}
"""How compressed content begins, and what unpacks it."""


class _LeftFile(io.FileIO):
    """A file that may be left open: where a mistake ends a reader, the lines that it was at are forgotten in any order
    with their file, which then closes without a warning."""

    def _dealloc_warn(self, source: object) -> None:
        """Called where a buffer that nobody closed goes."""

    def __del__(self) -> None:
        self.close()


def left_open(path: Path) -> io.BufferedReader:
    """A file that need not be closed: it closes when nobody knows it any more."""
    return io.BufferedReader(_LeftFile(path))


def unpacked(
    raw: io.BufferedIOBase, free: int, refuse: Callable[[], NoReturn], packed: Callable[[], int] | None = None
) -> io.BufferedIOBase:
    """The content of a stream at its beginning, bounded where it is compressed.

    `packed` tells the packed bytes that were read so far of a stream that is unpacked already, as that of a zip file's
    member. More than `free` and `MOST_RATIO` times those calls `refuse`.
    """
    head = raw.read(6)
    raw.seek(0)
    unpack = next((unpack for magic, unpack in PACKED.items() if head.startswith(magic)), None)
    if unpack is not None:
        return io.BufferedReader(_Bounded(unpack(raw), raw, raw.tell, free, refuse), 2**16)
    return raw if packed is None else io.BufferedReader(_Bounded(raw, raw, packed, free, refuse), 2**16)


def read_whole(stream: io.BufferedIOBase) -> bytes:
    """All that is left of a stream, a piece at a time, so that nothing is made for what is only announced."""
    found = io.BytesIO()
    while piece := stream.read(2**22):
        found.write(piece)
    return found.getvalue()


class _Bounded(io.RawIOBase):
    """A stream that refuses to go on behind what its packed bytes may become."""

    def __init__(
        self,
        stream: Any,
        raw: io.BufferedIOBase,
        packed: Callable[[], int],
        free: int,
        refuse: Callable[[], NoReturn],
    ) -> None:
        self._stream, self._raw, self._packed, self._free, self._refuse = stream, raw, packed, free, refuse

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(min(len(buffer), 2**22))
        buffer[: len(piece)] = piece
        if self._stream.tell() > self._free + MOST_RATIO * self._packed():
            self._refuse()
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        if not self.closed:
            with contextlib.closing(self._raw):
                self._stream.close()
        super().close()
