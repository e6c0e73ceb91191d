"""A file of records that only ever grows, so that whatever ends the program, all records but the last are whole.

Bytes: `MAGIC`; then for each record its length (8 bytes, little endian), the BLAKE2b digest of its body (8 bytes) and
its body. The first record is a JSON object, the key: what the journal is about. Each other one is a NumPy `.npz`
archive of arrays of numbers. Reading ends before the first record that is cut short or damaged, and writing goes on
from there.
"""

import hashlib
import io
import json
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workloads.errors import InputError

try:
    import fcntl
except ImportError:  # Windows knows no such locks
    fcntl = None

MAGIC = b"sparse-dse journal 1\n"
SYNC_S = 5.0
"""Records are handed to the operating system at once, and by it to the disk after so long at most: a process that is
killed loses nothing, a machine that loses its power a few seconds."""
_HEAD = struct.Struct("<Q8s")


class OtherSearch(InputError):
    """The journal is about something else."""


class Journal:
    """Records of arrays under a key. InputError if the file cannot be used, `OtherSearch` if its key is another."""

    def __init__(self, path: str | Path, key: Mapping[str, str]):
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = open(self.path, "r+b" if self.path.exists() else "x+b", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise InputError(f"{path}: cannot be opened ({error.strerror}); name another file.") from error
        try:
            self._lock()
            self._begin(dict(key))
        except BaseException:
            self._stream.close()
            raise
        self._first = self._last = self._stream.tell()
        self._reading, self._synced = True, time.monotonic()

    def _lock(self) -> None:
        if fcntl is not None:
            try:
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f"{self.path}: another run is writing it; wait for that or name another.") from error

    def _begin(self, key: dict[str, str]) -> None:
        """Check the key, or write it to a file that holds no whole one yet."""
        head = self._stream.read(len(MAGIC))
        if head != MAGIC[: len(head)]:
            raise InputError(f"{self.path}: is not a checkpoint of a search; name another file.")
        body = _body(self._stream) if head == MAGIC else None
        if body is None:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(MAGIC)
            self._append(json.dumps(key).encode())
            return
        known = json.loads(body)
        for name in key | known:
            if known.get(name) != key.get(name):
                raise OtherSearch(
                    f"{self.path}: is the checkpoint of another search (its {name} differs: {known.get(name)}, not "
                    f"{key.get(name)}); delete it or name another."
                )

    def next(self) -> list[np.ndarray] | None:
        """The next record that is known, or None at their end; whatever lies beyond is cut off."""
        if not self._reading:
            return None
        self._last = self._stream.tell()
        body = _body(self._stream)
        if body is None:
            self._cut(self._last)
            return None
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            return [archive[name] for name in archive.files]

    def drop(self) -> None:
        """Take the record that `next` gave last, and all after it, out of the journal."""
        self._cut(self._last)

    def _cut(self, at: int) -> None:
        self._reading = False
        self._stream.seek(at)
        self._stream.truncate()

    def append(self, arrays: list[np.ndarray]) -> None:
        """Write one record; only after `next` has come to the end, or `drop`."""
        assert not self._reading, "records that are known come before new ones"
        body = io.BytesIO()
        np.savez(body, *arrays)
        self._append(body.getvalue())
        if time.monotonic() - self._synced > SYNC_S:
            os.fsync(self._stream.fileno())
            self._synced = time.monotonic()

    def _append(self, body: bytes) -> None:
        try:
            _write(self._stream, _HEAD.pack(len(body), _check(body)) + body)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror}); free the space.") from error

    def close(self) -> None:
        """Hand everything to the disk and let go of the file; one without records is removed."""
        if not self._stream.closed:
            os.fsync(self._stream.fileno())
            if os.fstat(self._stream.fileno()).st_size == self._first:
                self.path.unlink(missing_ok=True)
            self._stream.close()


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8).digest()


def _body(stream: BinaryIO) -> bytes | None:
    """The body of the record that begins here, None if it is not whole."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, check = _HEAD.unpack(head)
    if length > os.fstat(stream.fileno()).st_size - stream.tell():
        return None
    body = stream.read(length)
    return body if len(body) == length and _check(body) == check else None


def _write(stream: BinaryIO, data: bytes) -> None:
    """All bytes, however many calls the operating system wants for them."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]
