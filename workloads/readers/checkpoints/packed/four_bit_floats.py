"""FP4 E2M1 (and FP6 E2M3) with a scale to every 16 (NVFP4) or 32 (MXFP4) of them, two to a byte, the low one first.

OCP Microscaling Formats (MX) Specification v1.0, 2023; NVFP4: NVIDIA, Introducing NVFP4, 2025. Names by
compressed-tensors (`weight_packed`; its global scale divides), ModelOpt (`weight`, `weight_scale_2` multiplies), Quark
and DeepSeek-V4 (`weight` with exponents as scales) and GPT-OSS (`_blocks`, `_scales`, github.com/openai/gpt-oss).
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_stream
from workloads.readers.checkpoints.packed.floats import FP8, fp4_of, fp6_of, from_exponents
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes

_EXPONENTS = ("U8", "F8_E8M0")


def _is_fp4(group: ArrayGroup) -> bool:
    """Bytes beside FP8 scales to every 16 values, or exponents to every 32."""
    codes = "weight_packed" if "weight_packed" in group else "weight"
    if group.dtype(codes) not in ("U8", "I8", "F4") or not group.shape("scale"):
        return False
    if group.dtype("scale") in FP8:
        return codes == "weight_packed" or _size(group, codes) == 16 * group.shape("scale")[-1]
    return group.dtype("scale") in _EXPONENTS and _size(group, codes) == 32 * group.shape("scale")[-1]


def _size(group: ArrayGroup, codes: str) -> int:
    """Values of a row."""
    last = group.shape(codes)[-1:] or (0,)
    return last[0] * (1 if group.dtype(codes) == "F4" else 2)


def _unpacked(group: ArrayGroup) -> Unpacked:
    codes = "weight_packed" if "weight_packed" in group else "weight"
    shape = (*group.shape(codes)[:-1], _size(group, codes))
    exponents, entries = group.dtype("scale") in _EXPONENTS, group.shape("scale")
    block = 32 if exponents else 16
    fits = len(shape) >= 2 and entries[:-1] == shape[:-1] and entries[-1] * block == shape[-1]
    group.require(fits, f"its scales have the shape {list(entries)}, where {list(shape)} has {block} values to a scale")
    for role in ("divisor", "factor"):
        single = role not in group or int(np.prod(group.shape(role))) in (1, shape[0] if len(shape) > 2 else 1)
        group.require(single, f"its global scale has the shape {list(group.shape(role)) if role in group else []}")
    grid = Grid(entries, (1,) * (len(shape) - 1) + (block,))

    def read() -> np.ndarray:
        packed = group.read(codes)
        scale = from_exponents(group.read("scale")) if exponents else group.floats("scale")
        divisor = _over_all(group, "divisor", scale.ndim)
        group.require(bool((divisor > 0).all()), "its global scale is not above 0")
        scale = scale * _over_all(group, "factor", scale.ndim) / divisor

        def values(start: int, stop: int) -> np.ndarray:
            part = packed[start:stop]
            return part.astype(np.float32) if group.dtype(codes) == "F4" else fp4_of(part.view(np.uint8))

        return dequantised(shape, values, (grid, scale.astype(np.float32)))

    return Unpacked(group.name, shape, f"{'mxfp4' if exponents else 'nvfp4'} in groups of {block}", read)


def _over_all(group: ArrayGroup, role: str, axes: int) -> np.ndarray:
    """A scale of the whole weight, or of each expert, to be broadcast; 1 where there is none."""
    return group.floats(role).reshape((-1,) + (1,) * (axes - 1)) if role in group else np.ones((1,) * axes, np.float32)


def _is_fp6(group: ArrayGroup) -> bool:
    """Bytes, three to four values, beside exponents to every 32."""
    bytes_of, scales = group.shape("weight_packed"), group.shape("scale")
    right = group.dtype("weight_packed") == "U8" and group.dtype("scale") in _EXPONENTS
    return right and len(bytes_of) == len(scales) >= 2 and bytes_of[-1] == scales[-1] * 24


def _fp6_unpacked(group: ArrayGroup) -> Unpacked:
    entries = group.shape("scale")
    shape, grid = (*entries[:-1], entries[-1] * 32), Grid(entries, (1,) * (len(entries) - 1) + (32,))
    group.require(group.shape("weight_packed")[:-1] == shape[:-1], f"its scales have the shape {list(entries)}")

    def read() -> np.ndarray:
        packed, scale = group.read("weight_packed"), (grid, from_exponents(group.read("scale")))
        return dequantised(shape, lambda a, b: fp6_of(unpack_stream(packed[a:b], 6, shape[-1])), scale)

    return Unpacked(group.name, shape, "mxfp6 in groups of 32", read)


def _experts_unpacked(group: ArrayGroup) -> Unpacked:
    """[experts, out, groups, 16] bytes -> [experts, in, out], as the same model has them unquantised."""
    blocks, scales = group.shape("blocks"), group.shape("scales")
    fits = len(blocks) >= 3 and blocks[-1] == 16 and scales == blocks[:-1]
    group.require(fits, f"its blocks have the shape {list(blocks)} and its scales {list(scales)}")
    stored = (*blocks[:-2], blocks[-2] * 32)
    grid = Grid(scales, (1,) * (len(stored) - 1) + (32,))

    def read() -> np.ndarray:
        packed = group.read("blocks").reshape(*blocks[:-2], -1)
        scale = (grid, from_exponents(group.read("scales")))
        return np.swapaxes(dequantised(stored, lambda start, stop: fp4_of(packed[start:stop]), scale), -1, -2)

    return Unpacked(group.name, (*stored[:-2], stored[-1], stored[-2]), "mxfp4 in groups of 32", read)


def _is_int4(group: ArrayGroup) -> bool:
    """Bytes [out / 2, in] beside floating-point scales of all outputs."""
    if group.dtype("weight") != "U8" or group.dtype("scale") not in ("F32", "F16", "BF16"):
        return False
    rows, scales = group.shape("weight")[:-1], group.shape("scale")
    return len(rows) in (1, 2) and len(scales) == len(rows) + 1 and scales[-2] == rows[-1] * 2


def _int4_unpacked(group: ArrayGroup) -> Unpacked:
    """Signed 4-bit codes, two outputs to a byte, the even one low."""
    *rest, half, size = group.shape("weight")
    shape, entries = (*rest, half * 2, size), group.shape("scale")
    even = entries[-1] > 0 and size % entries[-1] == 0
    group.require(entries[:-2] == tuple(rest) and even, f"its scales have the shape {list(entries)}")
    group.require("second" not in group or group.dtype("second") == "F32", "it is packed for AWQ with FP8", DEQUANTISE)
    grid = Grid(entries, (1,) * (len(shape) - 1) + (size // entries[-1],))

    def read() -> np.ndarray:
        packed = group.read("weight")
        codes = np.stack([packed << 4, packed & 0xF0], axis=-2).view(np.int8).reshape(shape)
        return dequantised(shape, lambda start, stop: codes[start:stop] >> 4, (grid, group.floats("scale")))

    return Unpacked(group.name, shape, f"int4 {grid.words(shape)}", read)


COMPRESSED_TENSORS = Scheme(
    "compressed-tensors FP4",
    by_suffixes(
        "compressed-tensors FP4",
        "weight_packed",
        {"scale": "weight_scale", "divisor": "weight_global_scale"},
        needs=("scale",),
        fits=_is_fp4,
    ),
    _unpacked,
)
FP6 = Scheme(
    "compressed-tensors FP6",
    by_suffixes("compressed-tensors FP6", "weight_packed", {"scale": "weight_scale"}, needs=("scale",), fits=_is_fp6),
    _fp6_unpacked,
)
MODELOPT = Scheme(
    "ModelOpt NVFP4",
    by_suffixes(
        "ModelOpt NVFP4",
        "weight",
        {"scale": "weight_scale", "factor": "weight_scale_2"},
        needs=("scale",),
        fits=_is_fp4,
    ),
    _unpacked,
)
DEEPSEEK = Scheme(
    "MXFP4", by_suffixes("MXFP4", "weight", {"scale": "scale"}, needs=("scale",), fits=_is_fp4), _unpacked
)
MODELOPT_INT4 = Scheme(
    "ModelOpt int4",
    by_suffixes(
        "ModelOpt int4",
        "weight",
        {"scale": "weight_scale", "second": "weight_scale_2"},
        needs=("scale",),
        fits=_is_int4,
    ),
    _int4_unpacked,
)
GPT_OSS = Scheme(
    "MXFP4 of GPT-OSS",
    by_suffixes(
        "MXFP4 of GPT-OSS",
        "_blocks",
        {"scales": "_scales"},
        needs=("scales",),
        fits=lambda group: group.dtype("blocks") == group.dtype("scales") == "U8",
        result="",
    ),
    _experts_unpacked,
)
