"""compressed-tensors `sparse-bitmask` and `sparse-24-bitmask`: values one after the other, their places as bits.

Format: github.com/vllm-project/compressed-tensors 0.10, `compressors/sparse_compressors`: `compressed` (flat, or
[rows, columns / 2]), `bitmask` [rows, ceil(columns / 8)] with the lowest bit first, `shape`. The values may be codes
that have a scale beside them.
"""

from collections.abc import Callable, Iterator

import numpy as np

from workloads.readers.checkpoints.packed.floats import WORDS
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.stored import StoredArrays


def _unpacked(group: ArrayGroup) -> Unpacked:
    shape, masks = tuple(group.integers("shape")), group.shape("bitmask")
    fits = len(shape) == 2 and min(shape) > 0 and masks == (shape[0], -(-shape[1] // 8))
    group.require(fits, f"shape says {list(shape)}, where bitmask has {list(masks)} bytes")
    many = int(np.prod(group.shape("compressed"), dtype=object))
    group.require(many <= shape[0] * shape[1], f"{many} values are more than {list(shape)} places")

    def read() -> np.ndarray:
        places = np.unpackbits(group.read("bitmask").view(np.uint8), axis=1, bitorder="little")[:, : shape[1]].view(
            bool
        )
        values = group.read("compressed").ravel()
        count = int(np.count_nonzero(places))
        group.require(count == len(values), f"its bitmask marks {count} places, where there are {len(values)} values")
        weights = np.zeros(shape, values.dtype)
        weights[places] = values
        return weights

    dtype = group.dtype("compressed")
    return Unpacked(group.name, shape, WORDS.get(dtype, dtype), read, dtype)


def _scheme(before: str) -> Scheme:
    find = by_suffixes(
        "compressed-tensors bitmask",
        f"{before}bitmask",
        {"compressed": f"{before}compressed", "shape": f"{before}shape", "row_offsets": f"{before}row_offsets"},
        needs=("compressed", "shape"),
        required=True,
    )
    return Scheme("compressed-tensors bitmask", _as_bitmask(find), _unpacked)


def _as_bitmask(find: Callable[[StoredArrays], Iterator[ArrayGroup]]) -> Callable[[StoredArrays], Iterator[ArrayGroup]]:
    """The bitmask's role is called so, whatever stands before it."""

    def found(stored: StoredArrays) -> Iterator[ArrayGroup]:
        for group in find(stored):
            parts = {("bitmask" if role.endswith("bitmask") else role): one for role, one in group.parts.items()}
            yield ArrayGroup(stored, group.scheme, group.name, parts)

    return found


SCHEMES = (_scheme("weight."), _scheme(""))
"""Versions name the parts after the module or after its weight."""
