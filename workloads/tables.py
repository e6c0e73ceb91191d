"""Tables of one sparse operand over the statistics lattice: tiles, loads of partitions, passes over columns.

Tiles of each shape are grouped into `CLASSES` of equal share of the non-zeros, lightest first, so that a maximum over
resources can be taken per class instead of over the means.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import csr_array

from workloads.lattice import levels
from workloads.scan import (
    BASICS,
    PARTITION_LEVELS,
    into_classes,
    merge_heights,
    scan_columns,
    scan_rows,
    segments,
)

CLASSES = 8
TILE_QUANTITIES = ("tiles", "nonzeros", "rows", "padding", "work", "columns", "touched")
"""Per class: tiles, non-zeros, non-empty rows, RLE padding, work, non-empty columns, weight of those columns."""
POINT_QUANTITIES = (
    "peak_nonzeros",
    "peak_padding",
    "peak_work",
    "heights",
    "widths",
    "areas",
    "block_rows",
    "block_columns",
)
"""Per lattice point: largest tile; sums over the non-empty tiles; rows and columns in non-empty blocks."""


def threads() -> int:
    """Worker threads for the compiled passes: one per core."""
    return os.cpu_count() or 1


def operand_tables(
    pattern: csr_array, weight: np.ndarray | None = None, classes: int = CLASSES
) -> dict[str, np.ndarray]:
    """Measure a pattern on the lattice.

    **Arguments**: `pattern` [rows, columns], sorted indices, no explicit zeros; `weight` (int64, [columns]): work of an
    entry in each column, 1 by default. **Returns** float64 arrays, counts (not logs): `tiles` [Lm, Lk, classes, 7]
    (`TILE_QUANTITIES`), `loads` [Lm, Lk, P, classes, 3] and `row_loads` (most loaded partition by work and by non-empty
    rows; row blocks, cyclic, balanced), `passes` [Lm, Lk, P, classes], `point` [Lm, Lk, 8] (`POINT_QUANTITIES`).
    """
    rows, columns = pattern.shape
    height_levels, width_levels = levels(rows), levels(columns)
    weight = np.ones(columns, np.int64) if weight is None else weight.astype(np.int64)
    transposed = csr_array(pattern.T)
    transposed.sort_indices()
    tiles = np.zeros((height_levels, width_levels, classes, len(TILE_QUANTITIES)))
    loads = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes, 3))
    row_loads = np.zeros_like(loads)
    passes = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes))
    point = np.zeros((height_levels, width_levels, len(POINT_QUANTITIES)))

    def scan_width(width: int) -> None:
        cut = segments(*_csr(pattern), weight, width)
        for height in range(height_levels):
            if height:
                cut = merge_heights(*cut, height)
            sums, heights, peaks = scan_rows(*cut, height, rows)
            classed = into_classes(np.ascontiguousarray(sums[:, 1]), sums, classes)
            tiles[height, width, :, :BASICS] = classed[:, :BASICS]
            by_partition = classed[:, BASICS:].reshape(classes, 2, 3, PARTITION_LEVELS)
            loads[height, width] = by_partition[:, 0].transpose(2, 0, 1)
            row_loads[height, width] = by_partition[:, 1].transpose(2, 0, 1)
            point[height, width, :4] = (peaks[0], peaks[2], peaks[1], heights)

    def scan_height(height: int) -> None:
        cut = segments(*_csr(transposed), np.ones(rows, np.int64), height)
        for width in range(width_levels):
            if width:
                cut = merge_heights(*cut, width)
            sums, widths, areas = scan_columns(*cut[:3], weight, width, columns, height, rows)
            classed = into_classes(np.ascontiguousarray(sums[:, 0]), sums, classes)
            tiles[height, width, :, BASICS:] = classed[:, 1:3]
            passes[height, width] = classed[:, 3:].T
            point[height, width, 4:6] = (widths, areas)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(scan_width, range(width_levels)))
        list(pool.map(scan_height, range(height_levels)))
    point[:, :, 6] = _extent_of_blocks(np.diff(pattern.indptr) > 0, height_levels)[:, None]
    point[:, :, 7] = _extent_of_blocks(np.diff(transposed.indptr) > 0, width_levels)[None, :]
    return {"tiles": tiles, "loads": loads, "row_loads": row_loads, "passes": passes, "point": point}


def group_occupancy(pattern: csr_array, group: int) -> int:
    """Most non-zeros in any group of `group` neighbours along a row, groups aligned to the first column."""
    rows = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr))
    groups = rows * (pattern.shape[1] // group + 1) + pattern.indices // group
    edges = np.flatnonzero(np.diff(groups)) + 1
    return int(np.diff(np.concatenate([[0], edges, [groups.size]])).max())


def _csr(pattern: csr_array) -> tuple[np.ndarray, np.ndarray]:
    return pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32)


def _extent_of_blocks(occupied: np.ndarray, n_levels: int) -> np.ndarray:
    """Rows that lie in non-empty blocks of 1, 2, 4, ... rows."""
    extents = []
    for level in range(n_levels):
        starts = np.arange(0, occupied.size, 1 << level)
        sizes = np.diff(np.append(starts, occupied.size))
        extents.append(float(sizes[np.logical_or.reduceat(occupied, starts)].sum()))
    return np.array(extents)
