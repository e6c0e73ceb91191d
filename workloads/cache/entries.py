"""Bytes under a name in a folder of the cache, there only if they are what this user put there under that name.

An entry begins with a SHA-256 of its name and content, so one that is damaged, cut short or in another's place is as
good as missing. It counts only as a plain file of the user's own with one name and no other writer (`folder`): a
digest finds accidents, not what somebody else has planted. Reading and writing never fail.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from pathlib import Path

from workloads.atomic_write import written_whole
from workloads.cache.folder import only_ours, private

DIGEST_BYTES = 32
LARGEST_BYTES = 2**30
"""Of an entry. A guess: thousands of times what the largest tables and programs take."""

_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""No link is followed, and a pipe in an entry's place is not waited for."""


def read_entry(folder: Path, name: str) -> bytes | None:
    """What is kept in a folder under a name; None where there is nothing, or nothing that counts."""
    try:
        found = _bytes(private(folder) / name)
    except OSError:
        return None
    content = found[DIGEST_BYTES:]
    return content if found[:DIGEST_BYTES] == _digest(name, content) else None


def write_entry(folder: Path, name: str, content: bytes) -> None:
    """Keep bytes under a name in place of whatever is there, or not at all where that cannot be done."""
    if len(content) + DIGEST_BYTES > LARGEST_BYTES:
        return
    with contextlib.suppress(OSError):
        path = private(folder) / name
        make_way(path)
        with written_whole(path) as draft:
            draft.touch(mode=0o600)
            draft.write_bytes(_digest(name, content) + content)


def make_way(path: Path) -> None:
    """Delete a folder that lies where a file of the cache goes: nothing replaces a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def _bytes(path: Path) -> bytes:
    descriptor = os.open(path, _READING)
    try:
        status = os.fstat(descriptor)
        plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not (plain and only_ours(status) and status.st_size <= LARGEST_BYTES):
            raise PermissionError(path)
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(descriptor)


def _digest(name: str, content: bytes) -> bytes:
    sums = hashlib.sha256(f"{name}\n".encode())
    sums.update(content)
    return sums.digest()
