"""Codes of 8 bits, whole numbers or FP8, with scales beside them under one of many names.

compressed-tensors `int-quantized`, `float-quantized`, MXFP8 (`weight_scale`, `weight_zero_point`); DeepSeek-V3
(arXiv:2412.19437, section 3.3: `weight_scale_inv` to every 128 x 128, multiplied despite its name); ModelOpt and
FBGEMM FP8; optimum-quanto qint8 and qfloat8 (`_data`, `_scale`); LLM.int8 of bitsandbytes (arXiv:2208.07339: `SCB`,
the largest of a row, which is code 127); scaled FP8 of ComfyUI (`scale_weight`).
"""

from functools import partial

import numpy as np

from workloads.readers.checkpoints.packed.floats import FLOATS, FP8, WORDS, as_float32, from_exponents
from workloads.readers.checkpoints.packed.grids import dequantised, grid_over
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import bits_in_config, number, quantisation

_CODES = ("I8", *FP8)


def _is_scaled(codes: str, group: ArrayGroup) -> bool:
    exponents = group.dtype("scale") == "U8" and group.dtype(codes) in FP8
    scaled = group.dtype("scale") in FLOATS or exponents
    return group.dtype(codes) in _CODES and len(group.shape(codes)) >= 2 and scaled


def unpack_scaled(codes: str, factor: float, group: ArrayGroup) -> Unpacked:
    """(code - zero) * scale * factor."""
    shape, dtype = group.shape(codes), group.dtype(codes)
    grid = grid_over(group, "scale", shape, _said_blocks(group))
    over = grid_over(group, "zero", shape, _said_blocks(group)) if "zero" in group else None

    def read() -> np.ndarray:
        packed = group.read(codes)
        exponents = group.dtype("scale") in ("U8", "F8_E8M0")
        scale = from_exponents(group.read("scale")) if exponents else group.floats("scale")
        zero = (over, group.floats("zero")) if over is not None else None
        scale = np.asarray(scale * np.float32(factor), np.float32)
        return dequantised(shape, lambda start, stop: as_float32(packed[start:stop], dtype), (grid, scale), zero)

    narrow = bits_in_config(group.stored.config) if dtype == "I8" else set()
    width = f"int{min(narrow)}" if len(narrow) == 1 and 0 < min(narrow) < 8 else WORDS[dtype]
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


def _scheme(name: str, codes: str, scale: str, zero: str = "-", result: str = "weight") -> Scheme:
    role = codes.strip("._:")
    find = by_suffixes(
        name, codes, {"scale": scale, "zero": zero}, needs=("scale",), fits=partial(_is_scaled, role), result=result
    )
    return Scheme(name, find, partial(unpack_scaled, role, 1.0))


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
    _scheme("scaled 8-bit codes", "weight", "weight_scale", "weight_zero_point"),
    _scheme("block-scaled FP8", "weight", "weight_scale_inv"),
    _scheme("scaled FP8", "weight", "scale_weight"),
    _scheme("block-scaled FP8", "weight", "scale"),
    _scheme("scaled experts", "_proj", "_proj_scale", result="_proj"),
    _scheme("scaled experts", "_proj", "_proj_scale_inv", result="_proj"),
    _scheme("scaled experts", "_proj", "_proj_weight_scale", result="_proj"),
    _scheme("optimum-quanto", "._data", "._scale", result=""),
)
