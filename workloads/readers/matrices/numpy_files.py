"""NumPy's `.npy`: a dense matrix, whose zeros are dropped.

numpy.lib.format (NEP 1). Types that NumPy does not know are written as bytes: `|V2` is bfloat16 (`ml_dtypes`). Whole
numbers [2, n] that could as well be the `edge_index` of a graph are refused unless the name says so (`graphs`).
"""

import io
import math
from functools import partial

import ml_dtypes
import numpy as np
from numpy.lib import format as npy
from scipy.sparse import coo_array, csr_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, FoundLayer
from workloads.readers.matrices.canonical_form import (
    canonical,
    check_entries,
    check_sides,
    number_type,
    numbers_of_type,
)
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

Header = tuple[tuple[int, ...], bool, np.dtype]
"""Shape, whether columns come first, and type."""


def read_header(source: Source, stream: io.BufferedIOBase, field: str = "array") -> Header:
    """What an array's header says. **Raises** `InputError` for what is pickled or no array of numbers."""
    if stream.read(6) != b"\x93NUMPY":
        what = "has no valid NumPy header; it may be pickled Python, which runs code when read"
        source.fail(field, what, "save it with numpy.save, as an array of numbers")
    stream.seek(0)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # ast.literal_eval raises many kinds
        source.fail(field, f"has no valid NumPy header ({str(error)[:80]!r})", "write or copy the file again", error)
    if dtype.hasobject:
        source.fail(field, "holds pickled Python objects, which run code when read", "save it as an array of numbers")
    if dtype.names:
        what = f"has the type of records, a structured type with the fields {', '.join(dtype.names)[:80]}"
        source.fail(field, what, "save it as float32, or as a sparse matrix with scipy.sparse.save_npz")
    return shape, fortran, dtype


def read_values(
    source: Source, stream: io.BufferedIOBase, header: Header, most: int, field: str = "array"
) -> np.ndarray:
    """The array behind a header, of at most `most` bytes."""
    shape, fortran, dtype = header
    size = math.prod(shape) * dtype.itemsize
    if size > most:
        source.fail(field, f"is cut off: its header says {size} bytes and {most} are there", "copy the file again")
    data = stream.read(size)
    if len(data) < size:
        source.fail(field, f"is cut off after {len(data)} of {size} bytes", "copy the file again")
    if stream.read(1):
        source.fail(field, f"goes on behind the {size} bytes that its header says", "write or copy the file again")
    return np.frombuffer(data, dtype).reshape(shape[::-1]).T if fortran else np.frombuffer(data, dtype).reshape(shape)


def _read(source: Source, options: ReadOptions) -> Found:
    with source.open() as stream:
        header = read_header(source, stream)
        start = stream.tell()
    shape, _, dtype = header
    notes: tuple[str, ...] = ()
    if dtype == np.dtype("V2"):
        notes = (f"{source.name}: values of the type |V2 were read as bfloat16.",)
        header = (shape, header[1], np.dtype(ml_dtypes.bfloat16))
    elif dtype.kind == "V":
        what = f"have the type {dtype.str}, which does not say what they are"
        source.fail("values", what, "save them as float32")
    if len(shape) != 2:
        fix = "reshape it to (1, K), or (M, 1)" if len(shape) == 1 else "reshape it to two axes [rows, columns]"
        source.fail("array", f"has {len(shape)} axes where a matrix has 2", fix)
    check_sides(source, *shape)
    if like_edges(header):
        _refuse_edges(source, header, start)
    if dtype != np.dtype("V2"):
        number_type(source, dtype)
    if source.size < start + math.prod(shape) * dtype.itemsize:
        source.fail("array", "is cut off: its header says more bytes than there are", "copy the file again")
    values = f"{header[2]}" if header[2].kind != "b" else ""
    numbers = numbers_of_type(header[2])
    layer = FoundLayer("", shape, partial(_dense, source, header, start, options), values=values, numbers=numbers)
    return Found(source.path, "NumPy .npy", (layer,), (), notes)


def values_behind(source: Source, header: Header, start: int) -> np.ndarray:
    """The array of a file whose header ends at `start`."""
    with io.BytesIO(source.content) if source.compressed else source.open() as stream:
        stream.seek(start)
        return read_values(source, stream, header, source.size - start)


def _dense(source: Source, header: Header, start: int, options: ReadOptions) -> csr_array:
    dense = values_behind(source, header, start)
    if dense.dtype == ml_dtypes.bfloat16:
        dense = dense.astype(np.float32)
    check_entries(source, int(np.count_nonzero(dense)))
    rows, columns = np.nonzero(dense)
    values = np.asarray(dense[rows, columns]).astype(number_type(source, dense.dtype))
    return canonical(source, coo_array((values, (rows, columns)), shape=dense.shape), options)


def like_edges(header: Header) -> bool:
    """Whether an array could be the `edge_index` of a graph: whole numbers of 32 bits or more, [2, n] or [n, 2]."""
    shape, _, dtype = header
    return len(shape) == 2 and 2 in shape and max(shape) > 2 and dtype.kind in "iu" and dtype.itemsize >= 4


def _refuse_edges(source: Source, header: Header, start: int) -> None:
    values = values_behind(source, header, start)
    if values.min() >= 0 and values.max() > 1:
        what = f"is {header[0][0]} x {header[0][1]} whole numbers: the edge_index of a graph or a matrix"
        source.fail("array", what, "rename it to edge_index.npy for edges, or save a matrix as float32")


def _recognise(source: Source) -> Sureness:
    return Sureness.NAMED if source.head.startswith(b"\x93NUMPY") or source.suffix == ".npy" else Sureness.NO


FORMAT = FileFormat("NumPy .npy", _recognise, _read)
