"""PETSc's binary matrices: big-endian class id, rows, columns, non-zeros, lengths of rows, columns, values (MatLoad).

Indices have 32 bits, or 64 where PETSc was built so; values are float64, float32 or complex128, told by the file's
length. "PETSc/TAO users manual", MatLoad and `PetscBinaryIO.py`.
"""

import numpy as np
from scipy.sparse import csr_array

from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.found import Found
from workloads.readers.matrices.canonical_form import check_sides, found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_MATRIX, _VECTOR = 1211216, 1211214
_OBJECTS = tuple(range(1211213, 1211225))
"""Class ids: another object may follow the matrix."""
_VALUES = {8: ">f8", 4: ">f4", 16: ">c16"}


def _read(source: Source, options: ReadOptions) -> Found:
    content = source.content
    width = 4 if int.from_bytes(content[:4], "big") == _MATRIX else 8
    if len(content) < 4 * width:
        source.fail("header", "is cut off", "copy the file again")
    _, rows, columns, entries = np.frombuffer(content, f">i{width}", 4).tolist()
    check_sides(source, rows, columns)
    if entries < 0:
        source.fail("matrix", "is dense", "save it as .npy")
    begin = 4 * width
    rest = len(content) - begin - width * (rows + entries)
    if rest < 4 * entries:
        what = f"says {rows} rows and {entries} entries, more than the file holds (truncated?)"
        source.fail("header", what, "copy the file again")
    lengths = np.frombuffer(content, f">i{width}", rows, begin).astype(np.int64)
    begin += width * rows
    indices = np.frombuffer(content, f">i{width}", entries, begin).astype(np.int64)
    begin += width * entries
    if lengths.min() < 0 or lengths.sum() != entries:
        source.fail("lengths of rows", f"do not add up to {entries}", "copy the file again")
    if entries and (indices.min() < 0 or indices.max() >= columns):
        source.fail("column indices", f"reach outside {columns} columns", "copy the file again")
    values = np.frombuffer(content, _value_type(source, content, begin, entries, width), entries, begin)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    matrix = csr_array((values.astype(values.dtype.newbyteorder("=")), indices, offsets), shape=(rows, columns))
    note = f"{source.name}: values were read as {values.dtype.newbyteorder('=')}, by the file's length."
    return found_matrix(source, "PETSc matrix", matrix, options, numbers="real",
                        notes=() if values.dtype == ">f8" else (note,))  # fmt: skip


def _value_type(source: Source, content: bytes, begin: int, entries: int, width: int) -> str:
    for size, name in _VALUES.items():
        end = begin + size * entries
        if end == len(content) or int.from_bytes(content[end : end + width], "big") in _OBJECTS:
            return name
    source.fail("values", "are not float64, float32 or complex128 by the file's length", "copy the file again")


def _class_id(source: Source) -> int:
    four, eight = (int.from_bytes(source.head[:size], "big") for size in (4, 8))
    return four if four in (_MATRIX, _VECTOR) else eight


FORMATS = (
    FileFormat("PETSc matrix", lambda s: Sureness.SIGNED if _class_id(s) == _MATRIX else Sureness.NO, _read,
           heeds=("zeros",)),
    refused("a vector of PETSc", lambda s: Sureness.SIGNED if _class_id(s) == _VECTOR else Sureness.NO,
            "give the file of the matrix"),
)  # fmt: skip
