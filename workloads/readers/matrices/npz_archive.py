"""The arrays of an `.npz`, by name and only when asked for; nothing is unpickled."""

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from workloads.readers.found import LeftOut
from workloads.readers.matrices.numpy_files import read_header, read_values
from workloads.readers.source import Source


@dataclass
class NpzArchive:
    """Arrays by name, read when asked for."""

    source: Source
    zip: zipfile.ZipFile
    names: list[str]
    used: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        return all(name in self.names for name in names)

    def array(self, name: str) -> np.ndarray:
        self.used.add(name)
        entry = self.zip.getinfo(f"{name}.npy")
        with self.zip.open(entry) as stream:
            header = read_header(self.source, stream, name)
            return read_values(self.source, stream, header, entry.file_size, name)

    def whole(self, name: str) -> np.ndarray:
        found = self.array(name)
        if found.dtype.kind not in "iu":
            self.source.fail(name, f"has the type {found.dtype}, not whole numbers", "save the indices as int64")
        if found.dtype.itemsize == 8 and found.dtype.kind == "u" and found.size and found.max() > 2**62:
            self.source.fail(name, f"holds {found.max()}", "save the indices as int64")
        return found.astype(np.int64)

    def shape(self, name: str = "shape") -> tuple[int, ...] | None:
        return tuple(int(side) for side in self.whole(name).ravel()[:64]) if name in self.names else None

    def told(self) -> tuple[str, ...]:
        """The notes, each with the file's name."""
        return tuple(f"{self.source.name}: {note}." for note in self.notes)

    def left_out(self) -> tuple[LeftOut, ...]:
        """What was not read."""
        passed = {"data", "_is_array", "format", "shape", "fill_value"}
        return tuple(LeftOut(name, "no part of the matrix") for name in self.names if name not in self.used | passed)


@contextlib.contextmanager
def opened_npz(source: Source) -> Iterator[NpzArchive]:
    """An archive whose names `npz_names` gave."""
    with source.opened_zip() as opened:
        names = [one.removesuffix(".npy") for one in opened.namelist() if one.endswith(".npy")]
        yield NpzArchive(source, opened, names)


def npz_names(source: Source) -> list[str]:
    """The names of the arrays of an `.npz`; empty for what is none."""
    names = source.zip_names
    return [one.removesuffix(".npy") for one in names] if all(one.endswith(".npy") for one in names) else []
