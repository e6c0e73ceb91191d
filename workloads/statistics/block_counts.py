"""Blocks of neighbours that hold a non-zero, in tiles of every power-of-two shape.

Blocks start at a tile's edge, so that in tiles whose sides are powers of two they lie on one grid; those of smaller
tiles are the tiles themselves.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from workloads.statistics.row_segments import segments, tiles_by_height

BLOCK_LEVEL = 2
"""log2 of the side of a block (docs/machine.md, section 2)."""
BLOCK = 1 << BLOCK_LEVEL

Cells = dict[tuple[int, int], csr_array]


def occupied_cells(pattern: csr_array) -> Cells:
    """Patterns of the occupied cells of a sorted pattern, by log2 of their height and width, up to a block's."""
    rows, columns = pattern.shape
    found = {}
    for width in range(BLOCK_LEVEL + 1):
        for height, (down, across, _) in enumerate(tiles_by_height(segments(pattern, width), BLOCK_LEVEL + 1)):
            shape = ((rows - 1) >> height) + 1, ((columns - 1) >> width) + 1
            pointers = np.concatenate([[0], np.cumsum(np.bincount(down, minlength=shape[0]))])
            found[height, width] = csr_array((np.ones(across.size, bool), across.copy(), pointers), shape=shape)
    return found


def blocks_of_tiles(cells: Cells, width_level: int, height_levels: int) -> Iterator[np.ndarray]:
    """Blocks of each non-empty tile 2**width_level wide, of height 1, 2, 4, ..., in the order of
    `row_segments.heights`; each array is overwritten two steps later."""
    width, tiles = min(width_level, BLOCK_LEVEL), iter(())
    for height in range(height_levels):
        if height <= BLOCK_LEVEL:
            tiles = tiles_by_height(segments(cells[height, width], width_level - width), height_levels - height)
        yield next(tiles)[2]
