"""compressed-tensors `pack-quantized`: whole numbers of 1 to 8 bits in words of 32 along the inputs.

Format: github.com/vllm-project/compressed-tensors, `compressors/pack_quantized` (0.20 packs without gaps, versions
before it 32 // bits numbers a word: the two differ for 3, 5, 6 and 7 bits only, and in how many words there are).
Codes and zero points are stored with half their range added; zero points are packed along the outputs.
"""

from collections.abc import Callable

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_padded, unpack_stream
from workloads.readers.checkpoints.packed.grids import Grid, dequantised, grid_over
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes
from workloads.readers.checkpoints.packed.settings import bits_in_config

_PARTS = {
    "scale": "weight_scale", "zero": "weight_zero_point", "shape": "weight_shape", "g_idx": "weight_g_idx",
}  # fmt: skip


def _unpacked(group: ArrayGroup) -> Unpacked:
    shape = tuple(group.integers("shape"))
    words = group.shape("weight_packed")
    fits = len(shape) == len(words) >= 2 and min(shape) > 0 and shape[:-1] == words[:-1]
    group.require(fits, f"weight_shape says {list(shape)}, which {list(words)} words cannot be")
    bits = _bits(group, shape[-1], words[-1])
    untold = bits == 8 and 8 not in bits_in_config(group.stored.config)
    unpack = _unpacking(group, bits, shape[-1], words[-1])
    if "g_idx" in group and group.shape("g_idx") != (0,):
        indexed = group.shape("g_idx")
        group.require(indexed == (shape[-1],), f"weight_g_idx has the shape {list(indexed)} for {list(shape)}")
        entries = group.shape("scale")
        group.require(entries[:-1] == shape[:-1], f"weight_scale has the shape {list(entries)} for {list(shape)}")
        grid, words_of = Grid(entries, (1,) * len(shape)), f"in {entries[-1]} groups by g_idx"
    else:
        grid = grid_over(group, "scale", shape)
        words_of = grid.words(shape)
    if "zero" in group:
        _check_zeros(group, grid, bits, unpack is unpack_stream)

    def read() -> np.ndarray:
        over, half, packed = _by_index(group, grid), 1 << (bits - 1), group.read("weight_packed")
        zero = (over, _zeros(group, grid, bits, unpack)) if "zero" in group else None

        def codes(start: int, stop: int) -> np.ndarray:
            found = unpack(packed[start:stop], bits, shape[-1])
            narrow = untold and start == 0 and bool((found < half).all())
            group.require(not narrow, "it may have 7 or 8 bits", "add its config.json")
            return found.astype(np.int16) - half

        return dequantised(shape, codes, (over, group.floats("scale")), zero)

    return Unpacked(group.name, shape, f"int{bits} {words_of}", read)


def _bits(group: ArrayGroup, size: int, words: int) -> int:
    """From the number of words; among several that fit, what the configuration says."""
    fit = [b for b in range(1, 9) if words in (-(-size * b // 32), -(-size // (32 // b)))]
    told = bits_in_config(group.stored.config)
    found = [b for b in fit if b in told] if told else [8] if fit == [7, 8] else fit
    width = f"{' or '.join(str(b) for b in sorted(told)) or '1 to 8'} bits"
    group.require(bool(found), f"{words} words of 32 bits hold no row of {size} weights of {width}")
    group.require(len(found) == 1, f"it may have {' or '.join(map(str, found))} bits", "add its config.json")
    return found[0]


def _unpacking(group: ArrayGroup, bits: int, size: int, words: int) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """How rows of a size lie in so many words: without gaps, or as many numbers to a word as fit whole."""
    dense, padded = words == -(-size * bits // 32), words == -(-size // (32 // bits))
    same = 32 % bits == 0 or size <= 32 // bits
    group.require(not (dense and padded) or same, f"{words} words may hold {size} weights with gaps or without")
    return unpack_stream if dense else unpack_padded


def _check_zeros(group: ArrayGroup, grid: Grid, bits: int, dense: bool) -> None:
    """Zero points are as many as scales, or packed along the outputs as the codes are along the inputs."""
    *rest, rows, columns = grid.shape
    found = group.shape("zero")
    words = -(-rows * bits // 32) if dense else -(-rows // (32 // bits))
    packed = found == (*rest, words, columns) and group.dtype("zero") == "I32"
    plain = int(np.prod(found)) == int(np.prod(grid.shape)) and group.dtype("zero") != "I32"
    group.require(packed or plain, f"weight_zero_point has the shape {list(found)} for scales of {list(grid.shape)}")


def _zeros(
    group: ArrayGroup, grid: Grid, bits: int, unpack: Callable[[np.ndarray, int, int], np.ndarray]
) -> np.ndarray:
    if group.dtype("zero") != "I32":
        return group.floats("zero")
    turned = np.ascontiguousarray(np.swapaxes(group.read("zero"), -1, -2))
    codes = unpack(turned, bits, grid.shape[-2])
    return np.swapaxes(codes, -1, -2).astype(np.float32) - (1 << (bits - 1))


def _by_index(group: ArrayGroup, grid: Grid) -> Grid:
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
