"""A matrix read from a file, made canonical: what every reader of matrices ends with."""

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.readers.found import Found, Layer, LeftOut
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

MAX_SIDE = 2**28
"""Largest number of rows or columns: above SuiteSparse's longest matrix (mawi_201512020330, 226,196,185 rows)."""


def found_matrix(
    source: Source,
    format: str,
    matrix: coo_array | csr_array,
    options: ReadOptions,
    *,
    pattern: bool = False,
    mirror: bool = False,
    notes: tuple[str, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
    values: str = "",
    name: str = "",
) -> Found:
    """The one matrix of a file, made canonical; notes tell of stored zeros and of entries that come twice.

    With `mirror` an entry stands for its transposed place too, unless that has an entry of its own.
    """
    stored = matrix.nnz
    csr = csr_array(matrix)
    csr.sum_duplicates()
    twice = stored - csr.nnz
    zeros = 0 if pattern else int(np.count_nonzero(csr.data == 0))
    csr = canonical(source, csr, options, pattern)
    csr = both_triangles(csr) if mirror else csr
    if twice:
        how = "count once" if pattern else "were added up"
        notes += (f"{source.name}: {twice:,} entries come at places that have one already; they {how}.",)
    if zeros and options.zeros == "drop":
        notes += (f"{source.name}: {zeros:,} stored values are zero and were dropped; :keepzeros keeps them.",)
    elif zeros:
        notes += (f"{source.name}: {zeros:,} stored values are zero; they were kept as ones.",)
    return Found(source.path, format, (Layer(name, csr.shape, lambda: csr, values=values),), left_out, notes)


def both_triangles(matrix: csr_array) -> csr_array:
    """A square matrix with each entry at its transposed place too, where that is empty."""
    mirror = csr_array(matrix.T)
    ones, mirrored = (csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape) for a in (matrix, mirror))
    lone = csr_array(mirrored - csr_array(ones.multiply(mirrored)))
    lone.eliminate_zeros()
    whole = csr_array(matrix + csr_array(mirror.multiply(lone)))
    whole.sort_indices()
    return whole


def canonical(source: Source, matrix: coo_array | csr_array, options: ReadOptions, pattern: bool = False) -> csr_array:
    """Float64 CSR, indices sorted, duplicates summed, complex values replaced by their magnitude (of the sum).

    Stored zeros are dropped, or kept with the value one (`options.zeros`); a `pattern` is filled with ones. **Raises**
    `InputError` for NaN, infinities, types that are no numbers and a matrix without non-zeros.
    """
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        csr = csr_array(matrix.astype(number_type(source, matrix.dtype)))
        csr.sum_duplicates()
        values = np.ones(csr.nnz) if pattern else np.abs(csr.data) if csr.data.dtype.kind == "c" else csr.data
    csr = csr_array((values, csr.indices, csr.indptr), shape=csr.shape)
    if not np.isfinite(values).all():
        position = int(np.argmin(np.isfinite(values)))
        row = int(np.searchsorted(csr.indptr, position, side="right")) - 1
        where = f"value at row {row}, column {csr.indices[position]} (counted from 0)"
        source.fail(where, f"is {values[position]}", "replace or remove values that are NaN or infinite")
    if options.zeros == "keep":
        csr.data[csr.data == 0] = 1.0
    csr.eliminate_zeros()
    csr.sort_indices()
    if csr.nnz == 0:
        source.fail("values", "hold no non-zero", "give a matrix with at least one")
    return csr


def check_sides(source: Source, rows: int, columns: int) -> None:
    """**Raises** `InputError` for a shape without entries or one above `MAX_SIDE`."""
    if min(rows, columns) < 1:
        source.fail("shape", f"{rows} x {columns} is empty", "give at least one row and one column")
    if max(rows, columns) > MAX_SIDE:
        source.fail("shape", f"{rows} x {columns} exceeds {MAX_SIDE} on a side", "check the header or cut the matrix")


def number_type(source: Source, dtype: np.dtype) -> type:
    """The type that values of a file's type are turned into. **Raises** `InputError` for what is no number."""
    if dtype.kind not in "biufc":
        source.fail("values", f"have the type {dtype}, not numbers", "save them as float64")
    return np.complex128 if dtype.kind == "c" else np.float64
