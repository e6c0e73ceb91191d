"""compressed-tensors `marlin-24`: 2:4 weights of 4 or 8 bits in the order of a GPU kernel, put back in place.

Frantar et al., MARLIN, arXiv:2408.11743, section 4 (Sparse-Marlin); format: compressed-tensors 0.10,
`compressors/sparse_quantized_compressors/marlin_24.py`, `utils/permutations_24.py`; the order of the metadata is
CUTLASS's `reorder_meta` (github.com/NVIDIA/cutlass, `tools/util/include/cutlass/util/host_reorder.h`).
"""

import numpy as np

from workloads.readers.checkpoints.packed.bits import unpack_stream
from workloads.readers.checkpoints.packed.grids import Grid, dequantised
from workloads.readers.checkpoints.packed.scheme import ArrayGroup, Scheme, Unpacked, by_suffixes

_TILE = 16
_ORDERS = {4: [0, 2, 4, 6, 1, 3, 5, 7], 8: [0, 2, 1, 3]}
"""Of neighbours in a word, by bits."""


def _unpacked(group: ArrayGroup) -> Unpacked:
    (tiles, words), scales, meta = (group.shape(role) for role in ("weight_packed", "scale", "meta"))
    out, size = scales[-1], tiles * 2 * _TILE
    fits = len(scales) == 2 and out % 64 == 0 and size % scales[0] == 0 and words * 2 in (4 * out, 8 * out)
    group.require(fits, f"weight_packed has the shape {[tiles, words]} and scale_packed {list(scales)}")
    group.require(int(np.prod(meta)) == out * size // 16, f"meta has the shape {list(meta)}, for {[out, size]} weights")
    grid, bits = Grid(scales[::-1], (1, size // scales[0])), words * 2 // out

    def read() -> np.ndarray:
        codes = _kept_codes(group.read("weight_packed"), bits, out)
        columns = _kept_columns(group.read("meta").ravel(), out, size)
        dense = np.zeros((out, size), np.int16)
        np.put_along_axis(dense, columns, codes.astype(np.int16) - (1 << (bits - 1)), axis=1)
        scale = _scales(group.floats("scale")) if grid.blocks[1] < size // 2 else group.floats("scale")
        scale = np.ascontiguousarray(scale.T)
        return dequantised((out, size), lambda start, stop: dense[start:stop], (grid, scale))

    return Unpacked(group.name, (out, size), f"int{bits} {grid.words((out, size))}", read)


def _kept_codes(words: np.ndarray, bits: int, out: int) -> np.ndarray:
    """The half of the codes that is kept, [out, in / 2]."""
    tiles = words.shape[0]
    mixed = unpack_stream(words, bits, out * _TILE).reshape(-1, 1024)
    plain = np.empty_like(mixed)
    plain[:, _permutation(bits)] = mixed
    tiled = plain.reshape(tiles, out // _TILE, _TILE, _TILE)
    return tiled.transpose(1, 3, 0, 2).reshape(out, tiles * _TILE)


def _permutation(bits: int) -> np.ndarray:
    """Where the 1024 codes of four tiles come from, in the order in which the threads of a warp take them."""
    thread, step, half, row = np.ogrid[:32, :4, :2, :4]
    rows = 2 * (thread % 4) + row % 2 + 8 * (row // 2)
    column = thread // 4
    places = 16 * rows + 256 * (column // 2) + 8 * (column % 2) + 4 * half + step
    order = _ORDERS[bits]
    return places.reshape(-1, len(order))[:, order].ravel()


def _kept_columns(meta: np.ndarray, out: int, size: int) -> np.ndarray:
    """Columns of the kept weights, [out, in / 2]: two bits each, eight to a word of 16."""
    words = meta.view(np.uint16)[_meta_places(out, size // 16)]
    within = (words[..., None] >> (2 * np.arange(8)).astype(np.uint16)) & np.uint16(3)
    first = np.arange(size // 2) // 2 * 4
    return within.reshape(out, -1).astype(np.int64) + first


def _meta_places(out: int, words: int) -> np.ndarray:
    """Where the metadata words of [out, words] lie: 64 rows interleaved, 2 x 2 blocks swapped, columns in pairs."""
    row, column = np.arange(out)[:, None], np.arange(words)[None, :]
    moved = row // 64 * 64 + row % 2 * 2 + row % 8 // 4 + row % 32 % 4 // 2 * 32 + row % 64 // 8 * 4
    swap = (moved % 2 == 0) & (column % 2 == 1)
    back = (moved % 2 == 1) & (column % 2 == 0)
    moved, column = moved + swap - back.astype(int), column - swap + back.astype(int)
    return column // 2 * out * 2 + moved * 2 + column % 2


def _scales(stored: np.ndarray) -> np.ndarray:
    """[groups, out]: every 8 neighbours are interleaved, where a group is less than the kept half of a row."""
    plain = np.empty_like(stored).reshape(-1, 8)
    plain[:, [0, 4, 1, 5, 2, 6, 3, 7]] = stored.reshape(-1, 8)
    return plain.reshape(stored.shape)


SCHEME = Scheme(
    "compressed-tensors marlin-24",
    by_suffixes(
        "compressed-tensors marlin-24",
        "weight_packed",
        {"scale": "scale_packed", "meta": "meta"},
        needs=("scale", "meta"),
        fits=lambda group: group.dtype("meta") == "I16" and len(group.shape("weight_packed")) == 2,
    ),
    _unpacked,
)
