"""Zero points beside codes of whole numbers, under any name: the weight is zero where the code is the zero point.

(code - zero point) * scale, Jacob et al., arXiv:1712.05877, equation 1. An array called a zero point that holds whole
numbers is one. Where it is called an offset or a least value, or holds fractions, it may as well be added after the
scale, with zeros elsewhere: then it is refused, unless all of it is zero.
"""

import re

import numpy as np

from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.packed.grids import Grid, grid_over
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup
from workloads.readers.checkpoints.packed.settings import bits_in_config
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays

_ZEROS = ("zero_point", "zero_points", "zeropoint", "zeropoints", "zero", "zeros", "zp", "zps", "qzeros")
_SHIFTS = ("offset", "offsets", "shift", "shifts", "min", "mins", "minimum", "weight_min", "lower")
_CODES = re.compile(r"[._:]?(q|quant|quantized|quantised|codes?|data|q?u?int(8|16|32)|[iu](8|16|32))$", re.I)
_MOST_OF_FOUR_BITS = 15


def zero_beside(stored: StoredArrays, codes: str) -> tuple[str, StoredArray] | None:
    """What codes of that name are to be shifted by: `zero` or `shift`, and its array; None without one."""
    module, leaf = re.match(r"(.*[./])?([^./]*)$", codes).groups(default="")  # type: ignore[union-attr]
    bare = _CODES.sub("", leaf)
    before = dict.fromkeys((f"{one}{mark}" for one in (leaf, bare, "weight") if one for mark in "_.:"), None)
    for role, words in (("zero", _ZEROS), ("shift", _SHIFTS)):
        for name in (f"{module}{stem}{word}" for stem in ("", *before) for word in words):
            found = stored.arrays.get(name)
            if found is not None and name != codes:
                return role, found
    return None


def shifted_by(group: ArrayGroup, codes: str, blocks: tuple[int, ...] = ()) -> tuple[Grid, str] | None:
    """The grid of a group's zero points over its codes, and their role; None without any. **Raises** `InputError`."""
    role = next((one for one in ("zero", "shift") if one in group), "")
    return (grid_over(group, role, group.shape(codes), blocks), role) if role else None


def zeros_of(group: ArrayGroup, role: str, codes: str) -> np.ndarray:
    """Zero points as numbers. **Raises** `InputError` where they may be something else."""
    zeros = group.floats(role)
    name = group.parts[role].name
    whole = role == "zero" and bool((zeros == np.rint(zeros)).all())
    what = f"{name} may be subtracted from the codes or added to the weights, which have other zeros"
    group.require(whole or not zeros.any(), what, DEQUANTISE)
    if group.dtype(codes) == "U8":
        single = zeros.size > 0 and bool(zeros.max() > _MOST_OF_FOUR_BITS)
        group.require(single, f"its bytes may hold a code each or several, as {name} has 15 at most", DEQUANTISE)
    return zeros


def width_of(group: ArrayGroup, codes: str) -> tuple[str, int]:
    """What codes are, as `int4`, by the configuration or their type, and the bits that it says, 0 for none."""
    dtype = group.dtype(codes)
    said = bits_in_config(group.stored.config) if dtype == "I8" else set()
    bits = min(said) if len(said) == 1 and 0 < min(said) < 8 else 0
    return (f"int{bits}" if bits else WORDS[dtype]), bits


def check_width(group: ArrayGroup, codes: np.ndarray, bits: int) -> None:
    """**Raises** `InputError` for codes that the bits said cannot hold: bytes that are packed, not one code each."""
    if bits and codes.size:
        least, most = int(codes.min()), int(codes.max())
        fits = -(1 << (bits - 1)) <= least and most < 1 << bits
        what = f"its codes go from {least} to {most} where {bits} bits are said: they are packed in an unknown way"
        group.require(fits, what, DEQUANTISE)
