"""Safetensors: a header of JSON, then the arrays' bytes (format section of github.com/huggingface/safetensors).

The first 8 bytes are the header's length, little-endian; it maps names to `dtype`, `shape` and `data_offsets` within
what follows, which must be covered without overlap or gap. Arrays are read when asked for.
"""

import json
import math
import struct
from functools import partial
from typing import Any

import numpy as np

from workloads.readers.checkpoints.arrays import STORED_TYPES
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays
from workloads.readers.formats import Sureness
from workloads.readers.source import Source

MOST_HEADER = 100_000_000
"""Bytes of a header; the format's own limit."""
MOST_AXES = 16

_BITS = {name: 8 * dtype.itemsize for name, dtype in STORED_TYPES.items()} | {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
"""Of one value."""
_AGAIN = "write or copy it again"


def stored(source: Source) -> StoredArrays:
    """The arrays that a file's header names. **Raises** `InputError`."""
    size = source.size
    header = _header(source, size)
    metadata = header.pop("__metadata__", {})
    begin = 8 + struct.unpack("<Q", source.head[:8])[0]
    spans = {name: _span(source, name, entry, size - begin) for name, entry in header.items()}
    at = 0
    for name, (start, end, _, _) in sorted(spans.items(), key=lambda item: item[1][:2]):
        if start != at:
            _refuse(source, f"{name} begins at byte {start} where the array before ends at {at}")
        at = end
    if begin + at != size:
        _refuse(source, f"holds {size - begin:,} bytes of data where its header has {at:,}")
    arrays = {
        name: StoredArray(name, shape, dtype, partial(_read, source, name, begin + start, end - start, shape, dtype))
        for name, (start, end, shape, dtype) in spans.items()
    }
    return StoredArrays(source, arrays, metadata if isinstance(metadata, dict) else {})


def recognise(source: Source) -> Sureness:
    """By the header's length and its first character, or by the suffix."""
    head = source.head
    if len(head) > 9 and head[8:9] == b"{" and 2 <= struct.unpack("<Q", head[:8])[0] <= MOST_HEADER:
        return Sureness.SIGNED
    return Sureness.NAMED if source.suffix == ".safetensors" else Sureness.NO


def _header(source: Source, size: int) -> dict[str, Any]:
    """The header's entries, its length checked against the file's."""
    if len(source.head) < 8:
        _refuse(source, f"has {len(source.head)} bytes")
    (length,) = struct.unpack("<Q", source.head[:8])
    if length > min(MOST_HEADER, size - 8):
        _refuse(source, f"its header would have {length:,} bytes of {size:,}")
    text = source.part(8, length)
    try:
        header = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        _refuse(source, f"its header is no JSON ({' '.join(str(error).split())[:100]})")
    if not isinstance(header, dict):
        _refuse(source, "its header is no table of names")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _span(source: Source, name: str, entry: Any, room: int) -> tuple[int, int, tuple[int, ...], str]:
    """First and last byte, shape and type of one array, all of them checked."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        _refuse(source, f"{name[:80]} has no dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
            _refuse(source, f"{name[:80]} has a shape or offsets that are no whole numbers")
    if not isinstance(dtype, str) or dtype not in _BITS:
        source.fail(
            f"{name}", f"has the type {str(dtype)[:20]}, which is not known here", "save it as bfloat16 or float32"
        )
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= room or len(shape) > MOST_AXES:
        _refuse(source, f"the bytes of {name[:80]} end beyond the file")
    if math.prod(shape) * _BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        _refuse(source, f"{name[:80]} of type {dtype} and shape {shape} has {offsets[1] - offsets[0]} bytes")
    return offsets[0], offsets[1], tuple(shape), dtype


def _refuse(source: Source, why: str):
    source.fail("file", f"is no whole safetensors file ({why})", _AGAIN)


def _read(source: Source, name: str, start: int, length: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype not in STORED_TYPES:
        source.fail(name, f"has the type {dtype}, whose values lie across bytes", "save it as bfloat16 or float32")
    if length == 0:
        return np.empty(shape, STORED_TYPES[dtype])
    raw = np.frombuffer(source.part(start, length), np.uint8)
    if dtype == "F4":
        raw = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)
    return raw.view(STORED_TYPES[dtype]).reshape(shape)
