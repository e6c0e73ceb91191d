"""DLMC patterns, `.smtx` (Gale et al., "Sparse GPU Kernels for Deep Learning", SC 2020): shape, offsets, columns."""

import re

import numpy as np
from scipy.sparse import csr_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.matrices.canonical_form import check_sides, found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import Rows, all_rows


def _read(source: Source, options: ReadOptions) -> Found:
    lines = all_rows(source)
    texts = [one for text in lines.row(0) for one in text.split(",") if one]
    if len(texts) != 3:
        source.fail("header (line 1)", f"has {len(texts)} numbers", "write `rows, cols, nnz`")
    if not all(re.fullmatch(r"-?\d{1,18}", one) for one in texts):
        source.fail("header (line 1)", f"holds something that is not a 64-bit integer ({texts})", "write whole numbers")
    rows, columns, entries = (int(one) for one in texts)
    check_sides(source, rows, columns)
    if len(lines) < 2:
        source.fail("row offsets (line 2)", "are missing", "write the three lines of the .smtx format")
    if len(lines) > 3:
        source.fail("file", f"has {len(lines)} lines where .smtx has 3", "give one matrix a file")
    offsets = _line(lines, 1, "row offsets")
    indices = _line(lines, 2, "column indices") if len(lines) > 2 else np.empty(0, np.int64)
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
    matrix = csr_array((np.ones(entries), indices, offsets), shape=(rows, columns))
    return found_matrix(source, "DLMC pattern", matrix, options, pattern=True)


def _line(lines: Rows, row: int, what: str) -> np.ndarray:
    return lines.integers(slice(int(lines.firsts[row]), int(lines.firsts[row + 1])), what)


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.suffix == ".smtx" and source.is_text else Sureness.NO


FORMAT = FileFormat("DLMC pattern", _recognise, _read)
