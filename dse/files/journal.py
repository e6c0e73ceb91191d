"""A file of records that only ever grows, so that whatever ends the program, all records but the last are whole.

An SQLite database of two tables: `key` (name, value), what the journal is about, and `records` (number, arrays), one
row for each answer of the models, a NumPy `.npz` archive. Each record is a transaction of its own, which lies in a
write-ahead log beside the file (`-wal`) for as long as a run has it open.
"""

import contextlib
import io
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads.errors import InputError

TABLES = {
    "key": "CREATE TABLE key (name TEXT PRIMARY KEY, value TEXT)",
    "records": "CREATE TABLE records (number INTEGER PRIMARY KEY, arrays BLOB)",
}
FAULTS = {
    sqlite3.SQLITE_BUSY: "another run is writing it; wait for that or name another",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; name another file",
    sqlite3.SQLITE_READONLY: "cannot be opened (it may not be written); name another file",
    sqlite3.SQLITE_NOTADB: "is not a checkpoint of a search; name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged; delete it or name another file",
}
"""What the user is told of SQLite's errors; of any other one that there is no room."""
SYNC_S = 5.0
"""Records are handed to the operating system at once, and by it to the disk after so long at most: a process that is
killed loses nothing, a machine that loses its power a few seconds."""


class OtherSearch(InputError):
    """The journal is about something else."""


class Journal:
    """Records of arrays under a key. InputError if the file cannot be used, `OtherSearch` if its key is another."""

    def __init__(self, path: str | Path, key: Mapping[str, str]):
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=0.0, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{path}: cannot be opened ({reason}); name another file.") from error
        try:
            self._begin(dict(key))
        except BaseException:
            self._database.close()
            raise
        self._number, self._reading, self._synced = 0, True, time.monotonic()

    def _begin(self, key: dict[str, str]) -> None:
        """Take the file for this run alone; check the key, or write it to a file that holds nothing yet."""
        self._ask("PRAGMA locking_mode = EXCLUSIVE")
        tables = {name for (name,) in self._ask("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and tables != set(TABLES):
            raise InputError(f"{self.path}: {FAULTS[sqlite3.SQLITE_NOTADB]}.")
        self._ask("PRAGMA journal_mode = WAL")
        self._ask("PRAGMA synchronous = NORMAL")  # the disk is waited for at a checkpoint of the log only
        self._ask("BEGIN IMMEDIATE")
        if not tables:
            for table in TABLES.values():
                self._ask(table)
            for entry in key.items():
                self._ask("INSERT INTO key VALUES (?, ?)", *entry)
        known = dict(self._ask("SELECT name, value FROM key"))
        self._ask("COMMIT")
        for name in key | known:
            if known.get(name) != key.get(name):
                raise OtherSearch(
                    f"{self.path}: is the checkpoint of another search (its {name} differs: {known.get(name)}, not "
                    f"{key.get(name)}); delete it or name another."
                )

    def _ask(self, command: str, *values: Any) -> list[Any]:
        """Rows that a command of SQL answers; what is wrong with the file as an `InputError`."""
        try:
            return self._database.execute(command, values).fetchall()
        except sqlite3.DatabaseError as error:
            fault = FAULTS.get(error.sqlite_errorcode & 0xFF, f"cannot be written ({error}); free the space")
            raise InputError(f"{self.path}: {fault}.") from error

    def next(self) -> list[np.ndarray] | None:
        """The next record that is known, or None at their end; whatever lies beyond is cut off."""
        if not self._reading:
            return None
        found = self._ask("SELECT arrays FROM records WHERE number = ?", self._number)
        arrays = _unpacked(found[0][0]) if found else None
        if arrays is None:
            self._cut(self._number)
            return None
        self._number += 1
        return arrays

    def drop(self) -> None:
        """Take the record that `next` gave last, and all after it, out of the journal."""
        self._cut(self._number - 1)

    def _cut(self, number: int) -> None:
        self._reading, self._number = False, number
        self._ask("DELETE FROM records WHERE number >= ?", number)

    def append(self, arrays: list[np.ndarray]) -> None:
        """Write one record; only after `next` has come to the end, or `drop`."""
        assert not self._reading, "records that are known come before new ones"
        body = io.BytesIO()
        np.savez(body, *arrays)
        self._ask("INSERT INTO records VALUES (?, ?)", self._number, body.getvalue())
        self._number += 1
        if time.monotonic() - self._synced > SYNC_S:
            self._ask("PRAGMA wal_checkpoint")
            self._synced = time.monotonic()

    def close(self) -> None:
        """Hand everything to the disk and let go of the file; one without records is removed."""
        try:
            empty = not self._ask("SELECT number FROM records LIMIT 1")
        finally:
            self._database.close()
        if empty:
            remove_journal(self.path)


def journal_files(path: str | Path) -> tuple[Path, Path]:
    """A journal, and the log that lies beside it while a run has it open or after one was killed."""
    return Path(path), Path(f"{path}-wal")


def journal_bytes(path: str | Path) -> int:
    """Of both files, as far as they exist."""
    size = 0
    for file in journal_files(path):
        with contextlib.suppress(FileNotFoundError):  # a run may just be closing it
            size += file.stat().st_size
    return size


def remove_journal(path: str | Path) -> None:
    """Delete both files, as far as they exist."""
    for file in journal_files(path):
        file.unlink(missing_ok=True)


def _unpacked(body: bytes) -> list[np.ndarray] | None:
    """The arrays of a record, None if it is damaged: an archive holds checksums."""
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            return [archive[name] for name in archive.files]
    except Exception:  # whatever is wrong with it, the cure is the same
        return None
