"""Codes of 8 bits, whole numbers or FP8, with scales beside them under one of many names.

compressed-tensors `int-quantized`, `float-quantized`, MXFP8 (`weight_scale`, `weight_zero_point`); DeepSeek-V3
(arXiv:2412.19437, section 3.3: `weight_scale_inv` to every 128 x 128, multiplied despite its name); ModelOpt and
FBGEMM FP8; optimum-quanto qint8 and qfloat8 (`_data`, `_scale`); LLM.int8 of bitsandbytes (arXiv:2208.07339: `SCB`,
the largest of a row, which is code 127); scaled FP8 of ComfyUI (`scale_weight`).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from workloads.readers.checkpoints.packed.floats import FLOATS, FP8, as_float32, from_exponents
from workloads.readers.checkpoints.packed.grids import Grid, dequantised, grid_over
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes, told
from workloads.readers.checkpoints.packed.settings import number, quantisation
from workloads.readers.checkpoints.packed.zero_points import check_width, shifted_by, width_of, zero_beside, zeros_of
from workloads.readers.checkpoints.stored import StoredArrays

_CODES = ("I8", *FP8)


def _is_scaled(codes: str, group: ArrayGroup) -> bool:
    exponents = group.dtype("scale") == "U8" and group.dtype(codes) in FP8
    scaled = group.dtype("scale") in FLOATS or exponents
    single = group.dtype(codes) in _CODES or (group.dtype(codes) == "U8" and "zero" in group)
    return single and len(group.shape(codes)) >= 2 and scaled


def unpack_scaled(codes: str, factor: float, group: ArrayGroup) -> Unpacked:
    """(code - zero) * scale * factor."""
    shape, dtype = group.shape(codes), group.dtype(codes)
    grid = grid_over(group, "scale", shape, _said_blocks(group))
    over = shifted_by(group, codes, _said_blocks(group))
    width, bits = width_of(group, codes)

    def read() -> np.ndarray:
        packed = group.read(codes)
        check_width(group, packed, bits)
        exponents = group.dtype("scale") in ("U8", "F8_E8M0")
        scale = from_exponents(group.read("scale")) if exponents else group.floats("scale")
        zero = (over[0], zeros_of(group, over[1], codes)) if over is not None else None
        scale = np.asarray(scale * np.float32(factor), np.float32)
        return dequantised(shape, lambda start, stop: as_float32(packed[start:stop], dtype), (grid, scale), zero)

    return Unpacked(group.name, shape, f"{width} {grid.words(shape)}", read)


def _said_blocks(group: ArrayGroup) -> tuple[int, ...]:
    block = quantisation(group.stored.config).get("weight_block_size")
    if isinstance(block, list) and len(block) == 2 and all(isinstance(one, int) for one in block):
        return tuple(block)
    size = number(group.stored.config, "group_size")
    return (1, size) if size is not None and size > 0 else ()


def _unpacked_int8(group: ArrayGroup) -> Unpacked:
    rows = "format" not in group or group.integers("format") == [0]
    group.require(rows, "its rows are in the order of a kernel (col32, Turing or Ampere)", DEQUANTISE)
    return unpack_scaled("weight", 1 / 127, group)


def _scheme(name: str, codes: str, scale: str, result: str = "weight") -> Scheme:
    role = codes.strip("._:")
    named = by_suffixes(name, codes, {"scale": scale}, needs=("scale",), result=result)

    def find(stored: StoredArrays) -> Iterator[ArrayGroup]:
        for group in named(stored):
            shift = zero_beside(stored, group.parts[role].name)
            whole = group if shift is None else replace(group, parts={**group.parts, shift[0]: shift[1]})
            with told(whole):
                its_own = _is_scaled(role, whole)
            if its_own:
                yield whole

    return Scheme(name, find, partial(unpack_scaled, role, 1.0))


def _find_unscaled(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name, array in list(stored.arrays.items()):
        codes = array.dtype in ("I8", "U8") and len(array.shape) >= 2 and name in stored.arrays
        shift = zero_beside(stored, name) if codes else None
        if shift is not None:
            yield ArrayGroup(stored, "codes with zero points", name, {"codes": array, shift[0]: shift[1]})


def _unscaled(group: ArrayGroup) -> Unpacked:
    """code - zero: without its scale a weight has the same zeros."""
    shape = group.shape("codes")
    over = shifted_by(group, "codes", _said_blocks(group))
    assert over is not None
    width, bits = width_of(group, "codes")

    def read() -> np.ndarray:
        packed = group.read("codes")
        check_width(group, packed, bits)
        one = (Grid((1,) * len(shape), shape), np.ones(1, np.float32))
        zero = (over[0], zeros_of(group, over[1], "codes"))
        return dequantised(shape, lambda start, stop: packed[start:stop], one, zero)

    return Unpacked(group.name, shape, width, read)


LLM_INT8 = Scheme(
    "LLM.int8 of bitsandbytes",
    by_suffixes(
        "LLM.int8 of bitsandbytes",
        "weight",
        {"scale": "SCB", "format": "weight_format"},
        needs=("scale",),
        fits=lambda group: group.dtype("weight") == "I8",
    ),
    _unpacked_int8,
)
SCHEMES = (
    _scheme("scaled 8-bit codes", "weight", "weight_scale"),
    _scheme("block-scaled FP8", "weight", "weight_scale_inv"),
    _scheme("scaled FP8", "weight", "scale_weight"),
    _scheme("scaled 8-bit codes", "weight", "scale"),
    _scheme("scaled experts", "_proj", "_proj_scale", result="_proj"),
    _scheme("scaled experts", "_proj", "_proj_scale_inv", result="_proj"),
    _scheme("scaled experts", "_proj", "_proj_weight_scale", result="_proj"),
    _scheme("optimum-quanto", "._data", "._scale", result=""),
    Scheme("codes with zero points", _find_unscaled, _unscaled),
)
