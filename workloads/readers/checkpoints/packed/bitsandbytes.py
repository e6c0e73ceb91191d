"""bitsandbytes NF4 and FP4: codes of 4 bits, two to a byte, the high four bits first, with a scale to every block.

Dettmers et al., QLoRA, arXiv:2305.14314; format: github.com/bitsandbytes-foundation/bitsandbytes `functional.py`,
`QuantState.as_dict`. The scales may be codes of 8 bits themselves (double quantisation).
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked
from workloads.readers.checkpoints.stored import StoredArrays

_NAME = "bitsandbytes 4-bit"
_STATE = ".quant_state.bitsandbytes__"
_PARTS = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
_AT_ONCE = 1 << 20


def _find(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for name in [one for one in stored.arrays if _STATE in one]:
        weight = name.partition(_STATE)[0]
        parts = {part: stored.arrays[f"{weight}.{part}"] for part in _PARTS if f"{weight}.{part}" in stored.arrays}
        group = ArrayGroup(stored, _NAME, weight, {"state": stored.arrays[name], **parts})
        for part in ("", ".absmax", ".quant_map"):
            group.require(
                weight + part in stored.arrays, f"{weight}{part} is missing", "give the folder with all its shards"
            )
        yield ArrayGroup(stored, _NAME, weight, {**group.parts, "weight": stored.arrays[weight]})


def _unpacked(group: ArrayGroup) -> Unpacked:
    try:
        state: Any = json.loads(group.text("state"))
        shape, block = tuple(int(one) for one in state["shape"]), int(state["blocksize"])
        kind, nested = str(state["quant_type"]), int(state.get("nested_blocksize", 0))
        offset = float(state.get("nested_offset", 0.0))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        group.refuse("its quant_state is no description of shape, blocksize and quant_type")
    count = int(np.prod(shape, dtype=object))
    width = 1 if group.dtype("weight") in ("U8", "I8") else 2 if group.dtype("weight") in ("BF16", "F16") else 4
    stored = int(np.prod(group.shape("weight"), dtype=object)) * width
    fits = min(shape, default=0) > 0 and block > 0 and stored == -(-count // 2)
    group.require(fits, f"{stored} bytes are not the codes of {list(shape)}")
    scales = -(-count // block)
    group.require(
        group.shape("absmax") == (scales,), f"absmax has the shape {list(group.shape('absmax'))}, not [{scales}]"
    )
    group.require(group.shape("quant_map") == (16,), "quant_map has other than 16 values")
    double = "nested_absmax" in group
    if double:
        right = nested > 0 and "nested_quant_map" in group
        right = right and group.shape("nested_absmax") == (-(-scales // nested),)
        group.require(right and group.dtype("absmax") == "U8", "the scales of its scales do not fit them")
        group.require(group.shape("nested_quant_map") == (256,), "nested_quant_map has other than 256 values")

    def read() -> np.ndarray:
        largest = group.floats("absmax")
        if double:
            second = np.repeat(group.floats("nested_absmax"), nested)[:scales]
            largest = group.floats("nested_quant_map")[group.read("absmax")] * second + np.float32(offset)
        return _values(group.bytes("weight").ravel(), group.floats("quant_map"), largest, block, count).reshape(shape)

    return Unpacked(group.name, shape, f"{kind} in groups of {block}", read)


def _values(pairs: np.ndarray, table: np.ndarray, largest: np.ndarray, block: int, count: int) -> np.ndarray:
    """Table entries of the codes times the largest of their block, float32 [count]."""
    both = np.stack([table[np.arange(256) >> 4], table[np.arange(256) & 15]], axis=1)
    weights = np.empty((len(pairs), 2), np.float32)
    for start in range(0, len(pairs), _AT_ONCE):
        np.take(both, pairs[start : start + _AT_ONCE], axis=0, out=weights[start : start + _AT_ONCE])
    weights = weights.reshape(-1)[:count]
    whole = count // block
    weights[: whole * block].reshape(whole, block)[...] *= largest[:whole, None]
    weights[whole * block :] *= largest[whole:]
    return weights


SCHEME = Scheme(_NAME, _find, _unpacked)
