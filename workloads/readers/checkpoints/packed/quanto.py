"""optimum-quanto qint2 and qint4: codes packed over rows, the first rows in the lowest bits.

Format: github.com/huggingface/optimum-quanto, `tensor/packed.py`, `tensor/weights/qbits.py`, `tensor/grouped.py`. The
grouped shape [out * groups, group size] is stored, the weight's own is not: the bias tells how many outputs there are.
"""

from collections.abc import Iterator

import numpy as np

from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import DEQUANTISE, ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.stored import StoredArrays

_BLOCKS = (128, 96, 64, 32)
"""Group sizes that quanto chooses from."""
_suffixed = by_suffixes(
    "optimum-quanto",
    "._data._data",
    {"scale": "._scale", "shift": "._shift"},
    needs=("scale", "shift"),
    fits=lambda group: group.dtype("data._data") == "U8",
    result="",
    required=True,
)


def _find(stored: StoredArrays) -> Iterator[ArrayGroup]:
    for group in _suffixed(stored):
        bias = stored.arrays.get(group.name.removesuffix("weight") + "bias")
        outputs = bias.shape[0] if bias is not None and len(bias.shape) == 1 else 0
        yield ArrayGroup(stored, group.scheme, group.name, group.parts, {"outputs": outputs})


def _unpacked(group: ArrayGroup) -> Unpacked:
    packed, entries = group.shape("data._data"), group.shape("scale")
    fits = len(packed) == 2 and len(entries) == 2 and entries[1] == 1 and group.shape("shift") == entries
    group.require(fits, f"its scales have the shape {list(entries)} and its codes {list(packed)}", DEQUANTISE)
    rows, block = entries[0], packed[1]
    bits = {-(-rows // 2): 4, -(-rows // 4): 2}.get(packed[0])
    group.require(bits is not None and rows > 4, f"{packed[0]} rows of bytes are no {rows} rows of 4 or 2 bits")
    shape = _shape(group, rows, block)
    grid = Grid(entries, (1, block))

    def read() -> np.ndarray:
        words = group.read("data._data")
        mask, shifts = np.uint8((1 << int(bits or 4)) - 1), range(0, 8, int(bits or 4))
        codes = np.concatenate([(words >> np.uint8(shift)) & mask for shift in shifts])[:rows]
        scale, shift = (grid, group.floats("scale")), (grid, group.floats("shift"))

        def part(start: int, stop: int) -> np.ndarray:
            return codes[start:stop]

        if group.dtype("shift") in ("I8", "U8"):
            return dequantised((rows, block), part, scale, zero=shift).reshape(shape)
        offset = (grid, -shift[1])
        found = dequantised((rows, block), part, scale, offset=offset, rounded=group.dtype("scale"))
        return found.reshape(shape)

    return Unpacked(group.name, shape, f"int{bits} in groups of {block}", read)


def _shape(group: ArrayGroup, rows: int, block: int) -> tuple[int, int]:
    """[out, in] of a grouped shape."""
    outputs = group.settings.get("outputs") or (rows if block not in _BLOCKS else 0)
    told = outputs > 0 and rows % outputs == 0
    group.require(told, "the file does not tell how many outputs its groups belong to", DEQUANTISE)
    return outputs, rows // outputs * block


SCHEME = Scheme("optimum-quanto", _find, _unpacked)
