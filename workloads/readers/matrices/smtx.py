"""DLMC patterns, `.smtx` (Gale et al., "Sparse GPU Kernels for Deep Learning", SC 2020): shape, offsets, columns."""

import itertools

import numpy as np
from scipy.sparse import csr_array

from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.matrices.canonical import canonical, check_sides
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _read_smtx(source: Source) -> tuple[csr_array, bool]:
    with source.open() as stream:
        lines = [line.decode("utf-8", "replace") for line in itertools.islice(stream, 3)]
    if len(lines) < 2:
        source.fail("row offsets (line 2)", "are missing", "write the three lines of the .smtx format")
    header = _integers(source, "header (line 1)", lines[0].replace(",", " "))
    if len(header) != 3:
        source.fail("header (line 1)", f"has {len(header)} numbers", "write `rows, cols, nnz`")
    rows, columns, entries = (int(number) for number in header)
    check_sides(source, rows, columns)
    offsets = _integers(source, "row offsets (line 2)", lines[1])
    indices = _integers(source, "column indices (line 3)", lines[2] if len(lines) > 2 else "")
    if len(offsets) != rows + 1:
        source.fail("row offsets (line 2)", f"are {len(offsets)} numbers for {rows} rows", f"give {rows + 1}")
    if len(indices) != entries:
        what = f"are {len(indices)} numbers where the header says {entries}"
        source.fail("column indices (line 3)", what, "copy the file again or correct the header")
    if offsets[0] != 0 or offsets[-1] != entries or np.any(np.diff(offsets) < 0):
        source.fail("row offsets (line 2)", f"do not rise from 0 to {entries}", "write the running sum of row lengths")
    if entries and (indices.min() < 0 or indices.max() >= columns):
        what = f"reach from {indices.min()} to {indices.max()} but there are {columns} columns"
        source.fail("column indices (line 3)", what, f"keep them from 0 to {columns - 1}")
    return csr_array((np.ones(entries), indices, offsets), shape=(rows, columns)), True


def _integers(source: Source, field: str, text: str) -> np.ndarray:
    try:
        return np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        source.fail(field, f"holds something that is not a 64-bit integer ({error})", "write whole numbers", error)


def _found(source: Source, options: ReadOptions) -> Found:
    matrix, pattern = _read_smtx(source)
    csr = canonical(source, matrix, options, pattern)
    return Found(source.path, "DLMC pattern", (Layer("", csr.shape, lambda: csr),))


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.suffix == ".smtx" else Sureness.NO


FORMAT = Format("DLMC pattern", _recognise, _found)
