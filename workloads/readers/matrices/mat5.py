"""MATLAB's MAT-file, level 5, as far as matrices of numbers need it (MathWorks, "MAT-file format", 2019, chapter 1).

Read here rather than by SciPy, whose compiled reader ends the process on some damaged files. Sizes are held to the
bytes that there are; cells, objects, functions and text are passed over.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csc_array

from workloads.readers.source import LARGE, Source
from workloads.readers.unpacking import MOST_BYTES, MOST_RATIO

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of stored data."""
_MATRIX, _COMPRESSED = 14, 15
_STRUCT, _SPARSE, _DENSE = 2, 5, range(6, 16)
"""Classes of arrays."""
_DEEPEST = 3
"""Structs within structs that are looked into."""


@dataclass(frozen=True)
class _Bytes:
    """A stretch of a file, and its byte order, `<` or `>`."""

    source: Source
    data: memoryview
    order: str

    def elements(self) -> Iterator[tuple[int, "_Bytes"]]:
        """Types and contents of the data elements, one after the other."""
        at = 0
        while at + 8 <= len(self.data):
            kind, size = np.frombuffer(self.data[at : at + 8], f"{self.order}u4").tolist()
            begin, small = at + 8, kind >> 16
            if small:
                kind, size, begin = kind & 0xFFFF, small, at + 4
            if size > (4 if small else len(self.data) - begin):
                self.source.fail("MATLAB file", "is cut off or damaged", "copy it again")
            yield kind, _Bytes(self.source, self.data[begin : begin + size], self.order)
            at = at + 8 if small else begin + (size if kind == _COMPRESSED else -(-size // 8) * 8)

    def numbers(self, kind: int) -> np.ndarray:
        if kind not in _NUMBERS:
            self.source.fail("MATLAB file", f"has data of the type {kind} for numbers", "save it again with -v7")
        dtype = np.dtype(f"{self.order}{_NUMBERS[kind]}")
        if len(self.data) % dtype.itemsize:
            self.source.fail("MATLAB file", "is cut off within a number", "copy it again")
        return np.frombuffer(self.data, dtype).astype(dtype.newbyteorder("="))


def mat5_variables(source: Source) -> dict[str, np.ndarray | coo_array | None]:
    """Matrices of numbers by name, those of structs of one element as `struct.field`; None for other variables."""
    content = memoryview(source.content)
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:128]))
    if order is None:
        source.fail("MATLAB file", "is cut off or has no byte order", "copy it again")
    found: dict[str, np.ndarray | coo_array | None] = {}
    left = 2**62 if source.large else MOST_BYTES + MOST_RATIO * len(content)
    for kind, element in _Bytes(source, content[128:], order).elements():
        if kind == _COMPRESSED:
            unpack = zlib.decompressobj()
            data = unpack.decompress(element.data, left)
            if not unpack.eof and len(data) >= left:
                what = f"unpacks to more than {MOST_BYTES >> 20} MiB and {MOST_RATIO} times its packed size"
                source.fail("MATLAB file", what, LARGE)
            if not unpack.eof:
                source.fail("MATLAB file", "is cut off", "copy it again")
            left -= len(data)
            kind, element = next(_Bytes(source, memoryview(data), order).elements(), (0, element))
        if kind == _MATRIX:
            _gather(element, "", found, 0)
    return found


def _gather(matrix: _Bytes, name: str, found: dict[str, np.ndarray | coo_array | None], depth: int) -> None:
    """Takes the matrix, or the fields of the struct, that an element holds."""
    parts = list(matrix.elements())
    if len(parts) < 3 or len(parts[0][1].data) < 8:
        if parts:
            matrix.source.fail("MATLAB file", "has a variable without a head", "save it again with -v7")
        return
    flags = int(parts[0][1].numbers(6)[0])
    shape = tuple(int(side) for side in parts[1][1].numbers(parts[1][0]))
    name = name or bytes(parts[2][1].data).decode("ascii", "replace")
    kind, body = flags & 0xFF, parts[3:]
    if kind == _STRUCT and shape == (1, 1) and depth < _DEEPEST and len(body) >= 2:
        for field, (_, value) in zip(_field_names(body), body[2:], strict=False):
            _gather(value, f"{name}.{field}", found, depth + 1)
    elif kind == _SPARSE and len(shape) == 2:
        found[name] = _sparse(matrix, body, shape, flags)
    elif kind in _DENSE and len(shape) == 2 and body:
        found[name] = _dense(matrix, body, shape, flags)
    else:
        found[name] = None


def _field_names(body: list[tuple[int, _Bytes]]) -> list[str]:
    width = int(body[0][1].numbers(body[0][0])[0]) if len(body[0][1].data) else 0
    text = bytes(body[1][1].data)
    if not 0 < width <= 256:
        return []
    return [text[at : at + width].split(b"\0")[0].decode("ascii", "replace") for at in range(0, len(text), width)]


def _values(matrix: _Bytes, body: list[tuple[int, _Bytes]], flags: int, count: int) -> np.ndarray:
    """Real or complex numbers, logical ones as truth."""
    parts = [element.numbers(kind) for kind, element in body[: 2 if flags & 0x0800 else 1]]
    if not parts or any(len(part) < count for part in parts) or (flags & 0x0800 and len(parts) < 2):
        matrix.source.fail("MATLAB file", "has fewer numbers than it says", "copy it again")
    values = parts[0][:count] if len(parts) == 1 else parts[0][:count] + 1j * parts[1][:count]
    return values != 0 if flags & 0x0200 else values


def _dense(matrix: _Bytes, body: list[tuple[int, _Bytes]], shape: tuple[int, ...], flags: int) -> np.ndarray:
    if min(shape) < 0:
        matrix.source.fail("MATLAB file", "has a negative size", "copy it again")
    return _values(matrix, body, flags, shape[0] * shape[1]).reshape(shape[::-1]).T


def _sparse(matrix: _Bytes, body: list[tuple[int, _Bytes]], shape: tuple[int, ...], flags: int) -> coo_array:
    if len(body) < 2:
        matrix.source.fail("MATLAB file", "has a sparse matrix without indices", "copy it again")
    rows, offsets = (element.numbers(kind).astype(np.int64) for kind, element in body[:2])
    if len(offsets) != shape[1] + 1 or offsets[0] != 0 or np.any(np.diff(offsets) < 0) or offsets[-1] > len(rows):
        matrix.source.fail("MATLAB file", "has offsets of columns that do not fit", "copy it again")
    count = int(offsets[-1])
    rows = rows[:count]
    if count and (rows.min() < 0 or rows.max() >= shape[0]):
        matrix.source.fail("MATLAB file", f"has row indices outside {shape[0]} rows", "copy it again")
    values = _values(matrix, body[2:], flags, count) if count else np.empty(0)
    return coo_array(csc_array((values, rows, offsets), shape=shape))
