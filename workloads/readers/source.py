"""A file as readers see it: looked through where it is compressed, and never larger than a limit.

Compression is recognised by content, not by suffix: gzip (RFC 1952), bzip2, xz, and zip or tar archives, whose members
are sources of their own. Limits on what is unpacked stand here and nowhere else.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NoReturn

from workloads.errors import InputError

HEAD_BYTES = 65_536
"""What formats are recognised by."""
MOST_UNPACKED = 4 * 2**30
"""Bytes that compressed content may grow to."""
MOST_MEMBERS = 10_000
"""Files of an archive that are looked at."""

BROKEN = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, EOFError, OSError, MemoryError,
    RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What readers of NumPy, SciPy and others raise where bytes are missing or wrong; `InputError` is a `ValueError`."""

_STREAMS = {b"\x1f\x8b\x08": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".lzma", ".z")
_NOT_ARCHIVES = ("format.npy", "[Content_Types].xml", "mimetype", "model.weights.h5", "data.pkl")
"""Members by which a zip file is known to be one document, not a collection of files."""


class Source:
    """A file, or a member of an archive. Methods **raise** `InputError`, one sentence, for what is wrong with it."""

    def __init__(self, path: str | os.PathLike[str], member: str = "") -> None:
        self.path = Path(path)
        self.member = member

    def __str__(self) -> str:
        return f"{self.path}" + (f" ({self.member})" if self.member else "")

    @cached_property
    def name(self) -> str:
        """The file's or member's own name, suffixes of compression cut off where its content is compressed."""
        name = PurePosixPath(self.member).name if self.member else self.path.name
        stem, dot, last = name.rpartition(".")
        return stem if self.compressed and stem and f"{dot}{last}".lower() in _COMPRESSED_SUFFIXES else name

    @property
    def suffix(self) -> str:
        """Lower case, with its dot, of `name`; empty for none."""
        return PurePosixPath(self.name).suffix.lower()

    @cached_property
    def compressed(self) -> bool:
        """Whether the content is looked through; `path` then is of no use to a library."""
        return bool(self.member) or any(self._raw_head.startswith(magic) for magic in _STREAMS)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB of the content."""
        with self._told(), self.open() as stream:
            return stream.read(HEAD_BYTES)

    @cached_property
    def content(self) -> bytes:
        """All of it."""
        with self._told(), self.open() as stream:
            found = stream.read(MOST_UNPACKED + 1)
        if len(found) > MOST_UNPACKED:
            self.fail("content", f"is larger than {MOST_UNPACKED / 2**30:g} GiB", "give a smaller file")
        return found

    def open(self) -> io.BufferedIOBase:
        """A stream of the content from its beginning."""
        stream: io.BufferedIOBase
        stream = io.BytesIO(_member(self.path, self.member)) if self.member else open(self.path, "rb")  # noqa: SIM115
        head = stream.read(6)
        stream.seek(0)
        for magic, unpack in _STREAMS.items():
            if head.startswith(magic):
                if self.member:
                    return unpack(stream, "rb")
                stream.close()
                return unpack(self.path, "rb")
        return stream

    def pieces(self, size: int) -> Iterator[bytes]:
        """The content, at most `size` bytes at a time, none of it kept."""
        with self._told(), self.open() as stream:
            while piece := stream.read(size):
                yield piece

    def beside(self, name: str) -> "Source | None":
        """The file of that name in the same folder or archive, compressed or not; None for none."""
        names = (name, *(name + suffix for suffix in _COMPRESSED_SUFFIXES))
        if self.member:
            members = {one.member: one for one in Source(self.path).members or ()}
            beside = (str(PurePosixPath(self.member).with_name(one)) for one in names)
            return next((members[one] for one in beside if one in members), None)
        return next((Source(p) for one in names if (p := self.path.with_name(one)).is_file()), None)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Numbers (from 1) and texts of the lines, ends cut off; UTF-8 or UTF-16, byte order marks left out."""
        encoding = "utf-16" if self.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with self._told(), self.open() as stream, io.TextIOWrapper(stream, encoding, "replace", newline=None) as text:
            for number, line in enumerate(text, start=1):
                yield number, line.rstrip("\r\n")

    @cached_property
    def first_lines(self) -> list[str]:
        """The lines that lie whole within `head`, at most 200."""
        encoding = "utf-16" if self.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        lines = self.head.decode(encoding, "replace").splitlines()
        return (lines if len(self.head) < HEAD_BYTES else lines[:-1])[:200]

    @cached_property
    def is_text(self) -> bool:
        """Whether the beginning holds text: no zero bytes (unless UTF-16) and few control characters."""
        if self.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return True
        strange = sum(byte < 32 and byte not in b"\t\n\r\f\v\x1b" for byte in self.head[:4096])
        return b"\0" not in self.head and strange <= len(self.head[:4096]) // 100

    @cached_property
    def members(self) -> list["Source"] | None:
        """The files of an archive, hidden ones and folders left out, in order of name; None for what is no archive."""
        if self.member:
            return None
        try:
            if self._raw_head.startswith(b"PK\x03\x04"):
                names = self._zip_names()
                document = any(n in _NOT_ARCHIVES or n.endswith((".npy", "/data.pkl")) for n in names)
                if document:
                    return None
            elif _is_tar(self.head):
                with tarfile.open(self.path) as archive:
                    names = [one.name for one in archive if one.isfile()]
            else:
                return None
        except BROKEN as error:
            self.fail("archive", f"is truncated or damaged ({words_of(error)})", "copy or download it again", error)
        names = [n for n in names if not any(p.startswith((".", "__MACOSX")) for p in PurePosixPath(n).parts)]
        if len(names) > MOST_MEMBERS:
            self.fail("archive", f"holds more than {MOST_MEMBERS} files", "unpack it and give the file meant")
        return [Source(self.path, name) for name in sorted(names)]

    @cached_property
    def zip_names(self) -> tuple[str, ...]:
        """The files of a zip file; none for what is no zip file, or a damaged one."""
        try:
            return tuple(self._zip_names()) if self.head.startswith(b"PK\x03\x04") else ()
        except BROKEN:
            return ()

    def _zip_names(self) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(self.content) if self.compressed else self.path) as archive:
            return [one.filename for one in archive.infolist() if not one.is_dir()]

    def fail(self, field: str, problem: str, fix: str, cause: BaseException | None = None) -> NoReturn:
        """**Raises** `InputError`: `PATH: FIELD PROBLEM; FIX.`"""
        raise InputError(f"{self}: {field} {problem}; {fix}.") from cause

    @cached_property
    def _raw_head(self) -> bytes:
        with self._told(), open(self.path, "rb") as stream:
            return stream.read(512)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong with the bytes themselves, as a sentence."""
        try:
            yield
        except InputError:
            raise
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
            self.fail("compressed data", "is truncated or damaged", "copy or download the file again", error)
        except (NotImplementedError, RuntimeError) as error:  # of zipfile: encrypted, or packed by another method
            self.fail("archive", f"cannot be unpacked ({words_of(error)})", "unpack it and give the file meant", error)
        except MemoryError as error:
            self.fail("content", "needs more memory than there is", "give a smaller file", error)
        except OSError as error:
            what = f"cannot be read ({error.strerror or words_of(error)})"
            self.fail("file", what, "check the file and its permissions", error)


def words_of(error: BaseException) -> str:
    """An error's text on one line, at most 200 characters, without a stop."""
    return " ".join(str(error).split()).rstrip(".")[:200]


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _member(path: Path, name: str) -> bytes:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            found = stream.read(MOST_UNPACKED + 1)
    else:
        with tarfile.open(path) as archive:
            stream = archive.extractfile(name)
            if stream is None:
                raise InputError(f"{path} ({name}): is no plain file; unpack the archive and give the file meant.")
            found = stream.read(MOST_UNPACKED + 1)
    if len(found) > MOST_UNPACKED:
        raise InputError(f"{path} ({name}): is larger than {MOST_UNPACKED / 2**30:g} GiB; unpack it.")
    return found
