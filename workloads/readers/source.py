"""A file as readers see it: looked through where it is compressed, and never larger than a limit.

Compression is recognised by content, not by suffix: gzip, bzip2, xz (`unpacking`), and zip or tar archives, whose
members are sources of their own (`archives`).
"""

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
from workloads.readers.archives import MOST_MEMBERS, Opened, is_tar, open_zip, tar_members, zip_members
from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO, MOST_TEXT, PACKED, left_open, read_whole, unpacked

HEAD_BYTES = 65_536
"""What formats are recognised by."""
LARGE = "add :large to the path if that is right"
"""How sentences on limits end that this option lifts."""

BROKEN = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, EOFError, OSError, MemoryError,
    RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What readers of NumPy, SciPy and others raise where bytes are missing or wrong; `InputError` is a `ValueError`."""

_COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".lzma", ".z")
_NOT_ARCHIVES = ("format.npy", "[Content_Types].xml", "mimetype", "model.weights.h5", "data.pkl")
"""Members by which a zip file is known to be one document, not a collection of files."""


class Source:
    """A file, or a member of an archive. Methods **raise** `InputError`, one sentence, for what is wrong with it."""

    def __init__(
        self, path: str | os.PathLike[str], member: str = "", large: bool = False, archive: "Source | None" = None
    ) -> None:
        self.path = Path(path)
        self.member = member
        self.large = large
        """Whether the user says that it may unpack to, and announce, as much as it will."""
        self._archive = archive if archive is not None or not member else Source(path, large=large)

    def __str__(self) -> str:
        return f"{self.path}" + (f" ({self.member})" if self.member else "")

    @cached_property
    def name(self) -> str:
        """The file's or member's own name, suffixes of compression cut off where its content is compressed."""
        name = PurePosixPath(self.member).name if self.member else self.path.name
        stem, dot, last = name.rpartition(".")
        return stem if self.compressed and stem and f"{dot}{last}".lower() in _COMPRESSED_SUFFIXES else name

    @cached_property
    def suffix(self) -> str:
        """Lower case, with its dot, of `name`; empty for none."""
        return PurePosixPath(self.name).suffix.lower()

    @cached_property
    def compressed(self) -> bool:
        """Whether the content is looked through; `path` then is of no use to a library."""
        return bool(self.member) or any(self._raw_head.startswith(magic) for magic in PACKED)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB of the content."""
        if not self.member and not self._raw_head:
            return b""
        with self._told(), self.open() as stream:
            return stream.read(HEAD_BYTES)

    @cached_property
    def content(self) -> bytes:
        """All of it."""
        with self._told(), self.open(binary=True) as stream:
            return read_whole(stream)

    def part(self, start: int, size: int) -> bytes:
        """Some bytes of it; never mapped into memory, where a file that is cut off meanwhile would end the process."""
        if self.compressed:
            found = self.content[start : start + size]
        else:
            with self._told(), open(self.path, "rb") as stream:
                stream.seek(start)
                found = stream.read(size)
        if len(found) < size:
            self.fail("file", f"ends before byte {start + size}", "copy or write it again")
        return found

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return len(self.content) if self.compressed else self.size_on_disk

    @property
    def size_on_disk(self) -> int:
        """Bytes of the file at `path`, compressed or not."""
        with self._told():
            return self.path.stat().st_size

    def open(self, binary: bool = False) -> io.BufferedIOBase:
        """A stream of the content from its beginning, within the limits of text or of binary content."""
        free = 2**62 if self.large else MOST_BYTES if binary else MOST_TEXT
        if self._archive is not None:
            return self._archive.in_archive[self.member](free, self._refuse_unpacked)
        return unpacked(left_open(self.path), free, self._refuse_unpacked)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The content, at most `size` bytes at a time, none of it kept."""
        with self._told(), self.open() as stream:
            while piece := stream.read(size):
                yield piece

    def beside(self, name: str) -> "Source | None":
        """The file of that name in the same folder or archive, compressed or not; None for none."""
        names = (name, *(name + suffix for suffix in _COMPRESSED_SUFFIXES))
        return next((found for one in names if (found := self.near(PurePosixPath(one))) is not None), None)

    def near(self, place: PurePosixPath) -> "Source | None":
        """The file at a place relative to this one's folder, here or in the archive; None for none."""
        if self._archive is None:
            path = self.path.parent / place
            return Source(path, large=self.large) if path.is_file() else None
        member = str(PurePosixPath(self.member).parent / place)
        if member not in self._archive.in_archive:
            return None
        return Source(self.path, member, self.large, self._archive)

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
        if self.member or not (is_tar(self.head) or self._raw_head.startswith(b"PK\x03\x04")):
            return None
        names = list(self.in_archive)
        if any(n in _NOT_ARCHIVES or n.endswith((".npy", "/data.pkl")) for n in names) and not is_tar(self.head):
            return None
        names = [n for n in names if not any(p.startswith((".", "__MACOSX")) for p in PurePosixPath(n).parts)]
        if len(names) > MOST_MEMBERS and not self.large:
            self.fail(
                "archive", f"holds more than {MOST_MEMBERS} files", f"unpack it and give the file meant, or {LARGE}"
            )
        return [Source(self.path, name, self.large, self) for name in sorted(names)]

    @cached_property
    def in_archive(self) -> dict[str, Opened]:
        """How the members of an archive are opened, by name."""
        try:
            if is_tar(self.head):
                return tar_members(self.path, self.content if self.compressed else None)
            return zip_members(self.opened_zip())
        except InputError:
            raise
        except BROKEN as error:
            self.fail("archive", f"is truncated or damaged ({words_of(error)})", "copy or download it again", error)

    def opened_zip(self) -> zipfile.ZipFile:
        """The content as a zip file. **Raises** what `zipfile` does, and `InputError` for what unpacks to too much."""
        return open_zip(self.path, self.content if self.compressed else None, self._refuse_unpacked, self.large)

    @cached_property
    def zip_names(self) -> tuple[str, ...]:
        """The files of a zip file; none for what is no zip file, or a damaged one."""
        try:
            if not self.head.startswith(b"PK\x03\x04"):
                return ()
            with self.opened_zip() as archive:
                return tuple(one.filename for one in archive.infolist() if not one.is_dir())
        except InputError:
            raise
        except BROKEN:
            return ()

    def _refuse_unpacked(self) -> NoReturn:
        what = f"unpacks to more than {MOST_TEXT >> 20} MiB of text or {MOST_BYTES >> 20} MiB and {MOST_RATIO} times"
        self.fail("compressed data", f"{what} its packed size", LARGE)

    def fail(self, field: str, problem: str, fix: str, cause: BaseException | None = None) -> NoReturn:
        """**Raises** `InputError`: `PATH: FIELD PROBLEM; FIX.`"""
        raise InputError(f"{self}: {field} {problem}; {fix}.") from cause

    @cached_property
    def _raw_head(self) -> bytes:
        """The beginning of the file at `path`; an empty one is not opened, as those in /proc may never end."""
        if not self.size_on_disk:
            return b""
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
            if error.errno is None:  # of bzip2's decompressor
                self.fail("compressed data", "is truncated or damaged", "copy or download the file again", error)
            what = f"cannot be read ({error.strerror or words_of(error)})"
            self.fail("file", what, "check the file and its permissions", error)


def words_of(error: BaseException) -> str:
    """An error's text on one line, at most 200 characters, without a stop."""
    return " ".join(str(error).split()).rstrip(".")[:200]
