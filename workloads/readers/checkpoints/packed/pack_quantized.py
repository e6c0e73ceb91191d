"""compressed-tensors `pack-quantized`: whole numbers of 1 to 8 bits in words of 32 along the inputs.

Format: github.com/vllm-project/compressed-tensors, `compressors/pack_quantized` (0.20 packs without gaps, versions
before it 32 // bits numbers a word: the two differ for 3, 5, 6 and 7 bits only, and in how many words there are).
Codes and zero points are stored with half their range added; zero points are packed along the outputs.
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_padded, unpack_stream
from workloads.readers.checkpoints.packed.grids import Grid, dequantised, grid_over
from workloads.readers.checkpoints.packed.scheme import Group, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import bits_in_config

_PARTS = {
    "scale": "weight_scale", "zero": "weight_zero_point", "shape": "weight_shape", "g_idx": "weight_g_idx",
}  # fmt: skip


def _unpacked(group: Group) -> Unpacked:
    shape = tuple(group.integers("shape"))
    words = group.shape("weight_packed")
    fits = len(shape) == len(words) >= 2 and min(shape) > 0 and shape[:-1] == words[:-1]
    group.require(fits, f"weight_shape says {list(shape)}, which {list(words)} words cannot be")
    bits = _bits(group, shape[-1], words[-1])
    unpack = unpack_stream if words[-1] == -(-shape[-1] * bits // 32) else unpack_padded
    if "g_idx" in group and group.shape("g_idx") == (shape[-1],):
        entries = group.shape("scale")
        group.require(entries[:-1] == shape[:-1], f"weight_scale has the shape {list(entries)} for {list(shape)}")
        grid, words_of = Grid(entries, (1,) * len(shape)), f"in {entries[-1]} groups by g_idx"
    else:
        grid = grid_over(group, "scale", shape)
        words_of = grid.words(shape)
    if "zero" in group:
        _zero_unpacking(group, grid, bits)

    def read() -> np.ndarray:
        over, half, packed = _by_index(group, grid), 1 << (bits - 1), group.read("weight_packed")
        zero = (over, _zeros(group, grid, bits)) if "zero" in group else None

        def codes(start: int, stop: int) -> np.ndarray:
            return unpack(packed[start:stop], bits, shape[-1]).astype(np.int16) - half

        return dequantised(shape, codes, (over, group.floats("scale")), zero)

    return Unpacked(group.name, shape, f"int{bits} {words_of}", read)


def _bits(group: Group, size: int, words: int) -> int:
    """From the number of words; among several that fit, what the configuration says."""
    fit = [b for b in range(1, 9) if words in (-(-size * b // 32), -(-size // (32 // b)))]
    said = [b for b in fit if b in bits_in_config(group.stored.config)]
    found = said if said else fit
    group.require(bool(fit), f"{words} words of 32 bits hold no row of {size} weights of 1 to 8 bits")
    group.require(len(found) == 1, f"it may have {' or '.join(map(str, found))} bits", "add its config.json")
    return found[0]


def _zero_unpacking(group: Group, grid: Grid, bits: int) -> str:
    """How the zero points are stored: `packed` along the outputs, densely or `padded`, or `plain`."""
    *rest, rows, columns = grid.shape
    found, kind = group.shape("zero"), group.dtype("zero")
    if kind != "I32":
        group.require(int(np.prod(found)) == int(np.prod(grid.shape)), f"weight_zero_point has the shape {list(found)}")
        return "plain"
    if found == (*rest, -(-rows * bits // 32), columns):
        return "packed"
    padded = found == (*rest, -(-rows // (32 // bits)), columns)
    group.require(padded, f"weight_zero_point has the shape {list(found)} for scales of {list(grid.shape)}")
    return "padded"


def _zeros(group: Group, grid: Grid, bits: int) -> np.ndarray:
    how, found = _zero_unpacking(group, grid, bits), group.read("zero")
    if how == "plain":
        return found.astype(np.float32)
    unpack = unpack_stream if how == "packed" else unpack_padded
    codes = unpack(np.ascontiguousarray(np.swapaxes(found, -1, -2)), bits, grid.shape[-2])
    return np.swapaxes(codes, -1, -2).astype(np.float32) - (1 << (bits - 1))


def _by_index(group: Group, grid: Grid) -> Grid:
    """The grid with the groups of columns that g_idx says; -1 throughout stands for none."""
    if "g_idx" not in group:
        return grid
    columns = group.read("g_idx").astype(np.int64)
    if columns.size == 0 or (columns == -1).all():
        return grid
    right = columns.min() >= 0 and columns.max() < grid.shape[-1]
    group.require(bool(right), f"weight_g_idx names groups beyond the {grid.shape[-1]} of weight_scale")
    return Grid(grid.shape, grid.blocks, columns)


SCHEME = Scheme(
    "compressed-tensors pack-quantized",
    by_suffixes(
        "compressed-tensors pack-quantized",
        "weight_packed",
        _PARTS,
        needs=("scale", "shape"),
        fits=lambda group: group.dtype("weight_packed") == "I32",
    ),
    _unpacked,
)
