"""GGUF of llama.cpp and ggml (github.com/ggml-org/ggml, docs/gguf.md): metadata, then arrays in blocks of one type.

Sizes lie in the file with the fastest axis first: [in, out] there is [out, in] here. Blocks of quantised types are
turned into numbers by the package `gguf`, an extra; numbers of 16, 32 and 64 bits are read without it.
"""

import io
import math
import struct
from functools import partial
from typing import IO, Any

import numpy as np

from workloads.readers.checkpoints.arrays import STORED_TYPES
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.formats import Sureness
from workloads.readers.source import Source

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Types of metadata that are one number, as `struct` has them."""
_STRING, _ARRAY = 8, 9
_PLAIN = {0: "F32", 1: "F16", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 30: "BF16"}
"""Types of arrays whose values stand alone."""
_BLOCKS = {
    2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 29: ("IQ1_M", 256, 56), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip
"""Quantised types: name, values and bytes of a block (ggml-common.h)."""
_MOST = 1_000_000
"""Arrays, entries of metadata, or texts in one of these that a file may have."""
_AGAIN = "download or copy it again"


def recognise(source: Source) -> Sureness:
    """By its magic."""
    return Sureness.SIGNED if source.head[:4] == b"GGUF" else Sureness.NO


def stored(source: Source) -> StoredArrays:
    """The arrays that a file's header names. **Raises** `InputError`."""
    try:
        with io.BytesIO(source.content) if source.compressed else source.open() as stream:
            cursor = _Cursor(source, stream)
            count, entries = _counts(source, cursor)
            metadata = dict(_entry(cursor) for _ in range(entries))
            infos = [_info(cursor) for _ in range(count)]
            end = cursor.at
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        source.fail("GGUF header", "is truncated or damaged", _AGAIN, error)
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment <= 0:
        source.fail("GGUF header", f"has the alignment {alignment}", _AGAIN)
    begin = -(-end // alignment) * alignment
    arrays = {}
    for name, shape, kind, offset in infos:
        dtype, length = _type(source, name, shape, kind)
        if begin + offset + length > cursor.size or name in arrays:
            source.fail(name, "lies beyond the end of the file or comes twice", _AGAIN)
        read = partial(_read, source, cursor.order, begin + offset, length, shape, kind)
        arrays[name] = StoredArray(name, shape, dtype, read)
    return StoredArrays(source, arrays, metadata)


class _Cursor:
    """A place in a file's header."""

    def __init__(self, source: Source, stream: IO[bytes]) -> None:
        self.source, self.stream, self.order, self.size = source, stream, "<", source.size
        stream.seek(4)

    @property
    def at(self) -> int:
        return self.stream.tell()

    def number(self, code: str) -> Any:
        (found,) = struct.unpack(self.order + code, self.stream.read(struct.calcsize("<" + code)))
        return found

    def _check(self, length: int) -> None:
        if self.at + length > self.size:
            raise IndexError("beyond the end")

    def skip(self, length: int) -> None:
        self._check(length)
        self.stream.seek(length, io.SEEK_CUR)

    def text(self) -> str:
        length = self.number("Q")
        self._check(length)
        return self.stream.read(length).decode("utf-8", "replace")


def _counts(source: Source, cursor: _Cursor) -> tuple[int, int]:
    """Arrays and entries of metadata; the version tells the order of bytes."""
    version = cursor.number("I")
    if version & 0xFFFF == 0:
        cursor.order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in (2, 3):
        source.fail("GGUF file", f"has the version {version}", "convert it again with a llama.cpp of today")
    counts = cursor.number("Q"), cursor.number("Q")
    if max(counts) > _MOST:
        source.fail("GGUF header", f"would have {max(counts):,} entries", _AGAIN)
    return counts


def _entry(cursor: _Cursor) -> tuple[str, Any]:
    """One key and its value; of lists only their length is kept."""
    key, kind = cursor.text(), cursor.number("I")
    if kind == _STRING:
        return key, cursor.text()
    if kind != _ARRAY:
        return key, cursor.number(_code(cursor, kind))
    inner, length = cursor.number("I"), cursor.number("Q")
    if inner == _STRING:
        if length > _MOST or length * 8 > cursor.size:
            raise IndexError("beyond the end")
        for _ in range(length):
            cursor.skip(cursor.number("Q"))
    else:
        cursor.skip(length * struct.calcsize("<" + _code(cursor, inner)))
    return key, length


def _code(cursor: _Cursor, kind: int) -> str:
    if kind not in _NUMBERS:
        cursor.source.fail("GGUF header", f"holds a value of the unknown type {kind}", _AGAIN)
    return _NUMBERS[kind]


def _info(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape in NumPy's order, type and place of one array."""
    name, axes = cursor.text(), cursor.number("I")
    if not 0 <= axes <= 4:
        raise IndexError("too many axes")
    shape = tuple(cursor.number("Q") for _ in range(axes))[::-1]
    if math.prod(shape) > 2**48:
        raise IndexError("too large")
    return name, shape, cursor.number("I"), cursor.number("Q")


def _type(source: Source, name: str, shape: tuple[int, ...], kind: int) -> tuple[str, int]:
    """The type's word, which tells what it was before it was turned into numbers, and its bytes."""
    if kind in _PLAIN:
        return _PLAIN[kind], math.prod(shape) * STORED_TYPES[_PLAIN[kind]].itemsize
    if kind not in _BLOCKS:
        fix = "dequantise it to F16 with llama-quantize, or give the safetensors"
        source.fail(name, f"has the GGUF block type {kind}, which is not known here", fix)
    word, values, size = _BLOCKS[kind]
    if not shape or shape[-1] % values:
        source.fail(name, f"has rows of {shape[-1:]} values, no whole blocks of {word}", _AGAIN)
    return word, math.prod(shape) // values * size


def _read(source: Source, order: str, start: int, length: int, shape: tuple[int, ...], kind: int) -> np.ndarray:
    raw = np.frombuffer(source.part(start, length), np.uint8)
    if kind in _PLAIN:
        dtype = STORED_TYPES[_PLAIN[kind]]
        if order == ">":
            raw = raw.reshape(-1, dtype.itemsize)[:, ::-1].reshape(-1)
        return raw.view(dtype).reshape(shape)
    word, values, size = _BLOCKS[kind]
    if order == ">":
        source.fail(
            "GGUF file", f"holds {word} in big-endian order", "convert it to little-endian, or give the safetensors"
        )
    try:
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize
    except ImportError as error:
        fix = "run `pip install 'sparse-dse[gguf]'`"
        source.fail(f"GGUF type {word}", "needs the package gguf", fix, error)
    try:
        blocks = raw.reshape(-1, shape[-1] // values * size)
        return dequantize(blocks, GGMLQuantizationType(kind)).reshape(shape)
    except (NotImplementedError, ValueError) as error:
        fix = "dequantise it to F16 with llama-quantize, or give the safetensors"
        source.fail(f"GGUF type {word}", "is not unpacked by the installed package gguf", fix, error)
