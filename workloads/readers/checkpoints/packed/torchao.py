"""torchao's tensor subclasses in safetensors: what they are stands in the file's metadata.

Format: github.com/pytorch/ao, `prototype/safetensors` (`fc._weight_qdata` beside a `fc.weight` of the metadata; the
first version wrote `fc.weight:qdata`); `quantization/quantize_/workflows`. Int4Tensor: signed codes, the even input
low, code * scale + zero_point with scales [groups, out].
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_stream
from workloads.readers.checkpoints.packed.floats import FP8
from workloads.readers.checkpoints.packed.four_bit_floats import MODELOPT
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scaled import unpack_scaled
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked
from workloads.readers.checkpoints.stored import StoredArrays

_NAME = "torchao"
_PARTS = {"scale": "scale", "zero": "zero_point", "factor": "per_tensor_scale", "spare": "act_pre_scale"}


def _find(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in [one for one in stored.arrays if one.endswith(("qdata", ":qdata"))]:
        stem, weight = _weight_of(name)
        if weight and name in stored.arrays:
            parts = {role: stored.arrays[stem + part] for role, part in _PARTS.items() if stem + part in stored.arrays}
            yield ArrayGroup(stored, _NAME, weight, {"weight": stored.arrays[name], **parts}, _settings(stored, weight))


def _weight_of(name: str) -> tuple[str, str]:
    """`fc._weight_qdata` -> `fc._weight_`, `fc.weight`; `fc.weight:qdata` -> `fc.weight:`, `fc.weight`."""
    stem = name.removesuffix("qdata")
    if stem.endswith(":"):
        return stem, stem[:-1]
    module, dot, parameter = stem.rpartition(".")
    inner = parameter.removeprefix("_").removesuffix("_")
    return (stem, f"{module}{dot}{inner}") if inner and parameter == f"_{inner}_" else ("", "")


def _settings(stored: StoredArrays, weight: str) -> dict[str, Any]:
    try:
        found = json.loads(stored.metadata.get(weight, "{}"))
        data = found.get("_data")
        return {**(data if isinstance(data, dict) else {}), "_type": str(found.get("_type", ""))}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _unpacked(group: ArrayGroup) -> Unpacked:
    kind, dtype = group.settings.get("_type", ""), group.dtype("weight")
    group.require("scale" in group, "its scale is missing", "give the folder with all its shards, or write it again")
    if kind in ("Float8Tensor", "Int8Tensor", "IntxUnpackedToInt8Tensor", "") and dtype in ("I8", *FP8):
        return unpack_scaled("weight", 1.0, group)
    if kind == "Int4Tensor" and dtype in ("U8", "I8"):
        return _unpacked_int4(group)
    if kind == "NVFP4Tensor" and dtype == "U8" and group.settings.get("is_swizzled_scales") is False:
        return MODELOPT.unpack(group)
    what = f"its tensor {kind or dtype} is laid out for a kernel" if kind else "the metadata does not say its type"
    group.refuse(what, DEQUANTISE)


def _unpacked_int4(group: ArrayGroup) -> Unpacked:
    group.require("zero" in group, "its zero_point is missing")
    *rest, half = group.shape("weight")
    shape, entries = (*rest, half * 2), group.shape("scale")
    groups = entries[-2] if len(entries) == len(shape) > 1 else 0
    turned = (*rest[:-1], groups, *rest[-1:])
    fits = groups > 0 and entries == turned and shape[-1] % groups == 0
    group.require(fits and group.shape("zero") == entries, f"its scales have the shape {list(entries)}")
    grid = Grid((*rest, groups), (1,) * len(rest) + (shape[-1] // groups,))

    def entry(role: str) -> tuple[Grid, np.ndarray]:
        return grid, np.ascontiguousarray(np.swapaxes(group.floats(role), -1, -2))

    def read() -> np.ndarray:
        packed = group.read("weight").view(np.uint8)
        codes = partial(_signed, packed, shape[-1])
        return dequantised(shape, codes, entry("scale"), offset=entry("zero"), rounded=group.dtype("scale"))

    return Unpacked(group.name, shape, f"int4 {grid.words(shape)}", read)


def _signed(packed: np.ndarray, size: int, start: int, stop: int) -> np.ndarray:
    """4-bit codes of some rows in two's complement."""
    codes = unpack_stream(packed[start:stop], 4, size)
    return (codes ^ np.uint8(8)).astype(np.int8) - np.int8(8)


SCHEME = Scheme(_NAME, _find, _unpacked)
