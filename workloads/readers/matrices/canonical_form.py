"""A matrix read from a file, made canonical: what every reader of matrices ends with."""

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.kernels.kernel import Numbers
from workloads.readers.found import Found, FoundLayer, LeftOut
from workloads.readers.options import ReadOptions
from workloads.readers.source import LARGE, Source

MAX_SIDE = 2**28
"""Largest number of rows or columns: above SuiteSparse's longest matrix (mawi_201512020330, 226,196,185 rows)."""
MOST_EMPTY = 2**22
"""Rows or columns that a matrix may have beyond `MOST_APART` for each entry: all of them cost time and memory."""
MOST_APART = 64
MOST_ENTRIES = 2**22
"""Non-zeros that a file may unpack to, beyond `MOST_PACKED` for each of its bytes: all of them are gone through."""
MOST_PACKED = 64
SINGLE_BYTES = 4
"""Of a number in single precision."""


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
    numbers: Numbers | None = None,
) -> Found:
    """The one matrix of a file, made canonical; notes tell of stored zeros and of entries that come twice.

    `numbers` are what the file says that values are; where it does not say, they are looked at (`numbers_of`).

    With `mirror` an entry stands for its transposed place too, unless that has an entry of its own.
    """
    stored = matrix.nnz
    check_emptiness(source, matrix.shape, stored)
    check_entries(source, stored)
    csr = _compressed(matrix)
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
    layer = FoundLayer(name, csr.shape, lambda: csr, values=values, numbers=numbers_of(csr.data, numbers))
    return Found(source.path, format, (layer,), left_out, notes)


def numbers_of(values: np.ndarray, declared: Numbers | None = None) -> Numbers:
    """What the values of a matrix are: places alone where all are ones, else what its file says, else whole or not."""
    if np.all(values == 1):
        return "pattern"
    whole = declared != "real" and bool(np.all(values == np.rint(values)))
    return "integer" if whole else "real"


def numbers_of_type(dtype: np.dtype) -> Numbers:
    """What a file's type says of values; floats of half precision are weights of networks, which run as integers."""
    if dtype.kind == "b":
        return "pattern"
    return "real" if dtype.kind in "fc" and dtype.itemsize >= SINGLE_BYTES else "integer"


def both_triangles(matrix: csr_array) -> csr_array:
    """A square canonical matrix with each entry at its transposed place too, where that is empty."""
    coo, side = matrix.tocoo(), matrix.shape[0]
    i, j = (part.astype(np.int64) for part in coo.coords)
    keys, mirrored = i * side + j, j * side + i
    lone = keys[np.minimum(np.searchsorted(keys, mirrored), len(keys) - 1)] != mirrored
    every = (np.append(i, j[lone]), np.append(j, i[lone]))
    return _compressed(coo_array((np.append(coo.data, coo.data[lone]), every), shape=matrix.shape))


def _compressed(matrix: coo_array | csr_array) -> csr_array:
    """Sorted CSR. Where most rows are empty, offsets are written once: a matrix of 2^28 rows takes 1 GiB, not three."""
    if matrix.format == "csr" or matrix.shape[0] < 8 * matrix.nnz or not matrix.nnz:
        csr = csr_array(matrix)
        csr.sort_indices()
        return csr
    coo = matrix.tocoo()
    order = np.lexsort((coo.col, coo.row))
    rows = np.concatenate([[-1], coo.row[order].astype(np.int64), [matrix.shape[0]]])
    offsets = np.repeat(np.arange(matrix.nnz + 1, dtype=np.int32), np.diff(rows))
    return csr_array((coo.data[order], coo.col[order].astype(np.int32), offsets), shape=matrix.shape)


def places_mirror(matrix: coo_array) -> bool:
    """Whether a matrix has entries at the places of its transposed one."""
    if matrix.shape[0] != matrix.shape[1]:
        return False
    i, j = (part.astype(np.int64) for part in matrix.coords)
    ahead, back = np.sort(i * matrix.shape[0] + j), np.sort(j * matrix.shape[0] + i)
    first = np.append(True, ahead[1:] != ahead[:-1])
    return np.array_equal(ahead[first], back[np.append(True, back[1:] != back[:-1])]) if len(ahead) else True


def canonical(source: Source, matrix: coo_array | csr_array, options: ReadOptions, pattern: bool = False) -> csr_array:
    """Float64 CSR, indices sorted, duplicates summed, complex values replaced by their magnitude (of the sum).

    Stored zeros are dropped, or kept with the value one (`options.zeros`); a `pattern` is filled with ones. **Raises**
    `InputError` for NaN, infinities, types that are no numbers and a matrix without non-zeros.
    """
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        csr = csr_array(matrix.astype(number_type(source, matrix.dtype), copy=False))
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


def check_emptiness(source: Source, shape: tuple[int, ...], entries: int) -> None:
    """**Raises** `InputError` where nearly all rows or columns would be empty, unless the user says that it is so."""
    if not source.large and max(shape) > MOST_EMPTY + MOST_APART * entries:
        sides = " x ".join(map(str, shape))
        what = f"{sides} leaves nearly all rows or columns empty, with {entries} entries"
        source.fail("shape", what, f"check the sizes or renumber the ids, or {LARGE}")


def check_entries(source: Source, entries: int, packed: int | None = None) -> None:
    """**Raises** `InputError` for more non-zeros than fit the packed bytes, those of the file unless they are given."""
    packed = source.size_on_disk if packed is None else packed
    if not source.large and entries > MOST_ENTRIES + MOST_PACKED * packed:
        what = f"hold {entries:,} non-zeros, more than {MOST_ENTRIES:,} and {MOST_PACKED} for each of {packed:,} bytes"
        source.fail("values", what, LARGE)


def number_type(source: Source, dtype: np.dtype) -> type:
    """The type that values of a file's type are turned into. **Raises** `InputError` for what is no number."""
    if dtype.kind not in "biufc":
        source.fail("values", f"have the type {dtype}, not numbers", "save them as float64")
    return np.complex128 if dtype.kind == "c" else np.float64
