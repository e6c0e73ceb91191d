"""HQQ: codes of 1 to 8 bits, packed over rows of the grouped weight: the first rows in the highest bits.

Format: github.com/mobiusml/hqq, `core/quantize.py`, `core/bitpack.py`: (code - zero) * scale, grouped as
[group_size, all else] along axis 0 or [all else, group_size] along axis 1, then given the weight's shape.
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import as_words
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes

_PACKINGS = {"8bit_u8": (8, 1), "4bit_u8": (4, 2), "3bit_32": (3, 10), "2bit_u8": (2, 4), "1bit_u8": (1, 8)}
"""Bits of a code and codes of a word."""
_SETTINGS = (
    "nbits", "group_size", "shape", "axis", "packing", "unpack_view_dtype", "view_as_float", "quant_scale",
    "quant_zero", "compute_dtype", "offload_meta", "encoded_state_dict", "stores_quant_config", "channel_wise",
    "optimize", "round_zero",
)  # fmt: skip


def _unpacked(group: ArrayGroup) -> Unpacked:
    shape = tuple(group.integers("shape"))
    bits, each = _packing(group)
    group.require(len(shape) == 2 and min(shape) > 0, f"its shape is {list(shape)}")
    entries, axis = group.shape("scale"), group.integers("axis") if "axis" in group else []
    count, scales = shape[0] * shape[1], int(np.prod(entries, dtype=object))
    if axis not in ([0], [1]):
        group.require(len(entries) == 2 and 1 in entries, "it says no axis", "add its config.json")
        axis = [0 if entries[0] == 1 and scales > 1 else 1]
    group.require(scales > 0 and count % scales == 0, f"{scales} scales fit no {count} weights")
    grouped = (count // scales, scales) if axis == [0] else (scales, count // scales)
    grouped = shape if scales == 1 else grouped
    along = (1, scales) if axis == [0] else (scales, 1)
    fits = entries in (along, ()) or scales == 1
    group.require(fits, f"its scales have the shape {list(entries)}, not {list(along)}")
    zeros = int(np.prod(group.shape("zero"), dtype=object))
    group.require(zeros in (1, scales), f"it has {zeros} zero points and {scales} scales")
    packed_rows = -(-grouped[0] // each)
    size = int(np.prod(group.shape("W_q"), dtype=object)) * _width(group)
    right = size == packed_rows * grouped[1] * (4 if bits == 3 else 1)
    group.require(right, f"W_q of {size} bytes is not {list(grouped)} codes of {bits} bits")

    def read() -> np.ndarray:
        octets = group.bytes("W_q").ravel()
        words = octets.view("<u4") if bits == 3 else octets
        codes = _codes(as_words(words) if bits == 3 else words, bits, each, (packed_rows, grouped[1]))[: grouped[0]]
        weights = codes.astype(np.float32)
        weights -= group.floats("zero").reshape(along if zeros > 1 else ())
        weights *= group.floats("scale").reshape(along if scales > 1 else ())
        return weights.reshape(shape)

    return Unpacked(group.name, shape, f"int{bits} in groups of {count // scales}", read)


def _packing(group: ArrayGroup) -> tuple[int, int]:
    """Bits of a code and codes of a word, as the file says them."""
    nested = any(role in group and any(group.integers(role)) for role in ("quant_scale", "quant_zero"))
    group.require(not nested, "its scales or zero points are quantised too", DEQUANTISE)
    if "packing" in group:
        name = group.text("packing").strip("\0 ")
        group.require(name in _PACKINGS, f"its packing is {name[:20]!r}", DEQUANTISE)
        return _PACKINGS[name]
    group.require("nbits" in group, "it does not say its bits", "add nbits")
    (bits,) = [float(one) for one in group.read("nbits").ravel()[:1]] or [0.0]
    found = [one for one in _PACKINGS.values() if one[0] == (2 if 1 < bits < 2 else bits)]
    group.require(bool(found), f"it says {bits:g} bits", DEQUANTISE)
    return found[0]


def _width(group: ArrayGroup) -> int:
    """Bytes of a word: codes may be stored under a floating-point type (`view_as_float`)."""
    widths = {"U8": 1, "I8": 1, "F16": 2, "BF16": 2, "F32": 4, "I32": 4, "U32": 4}
    group.require(group.dtype("W_q") in widths, f"W_q has the type {group.dtype('W_q')}", DEQUANTISE)
    return widths[group.dtype("W_q")]


def _codes(words: np.ndarray, bits: int, each: int, shape: tuple[int, int]) -> np.ndarray:
    """[rows, columns] words -> [each * rows, columns] uint8."""
    words = words.reshape(shape)
    found = np.empty((each, *shape), np.uint8)
    for at in range(each):
        shift = words.dtype.type(bits * (each - 1 - at))
        found[at] = (words >> shift) & words.dtype.type((1 << bits) - 1)
    return found.reshape(each * shape[0], shape[1])


SCHEME = Scheme(
    "HQQ",
    by_suffixes(
        "HQQ",
        "W_q",
        {"scale": "scale", "zero": "zero", **{name: name for name in _SETTINGS}},
        needs=("scale", "zero", "shape"),
        required=True,
    ),
    _unpacked,
)
