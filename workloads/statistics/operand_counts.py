"""What one sparse operand holds at every lattice point, counted: tiles, and loads and shares of partitions."""

import numpy as np
from scipy.sparse import csr_array

from workloads.statistics.block_counts import blocks_of_tiles, occupied_cells
from workloads.statistics.lattice import levels
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.row_segments import heights, segments
from workloads.statistics.sampling import Sampling
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES, into_classes
from workloads.statistics.tile_counts import BASICS, scan_columns, scan_rows

SAMPLING = Sampling()
TILE_QUANTITIES = (
    "tiles",
    "nonzeros",
    "rows",
    "padding",
    "work",
    "heights",
    "blocks",
    "columns",
    "touched",
    "widths",
    "areas",
)
"""Per class, summed over its non-empty tiles: their number, non-zeros, non-empty rows, RLE padding, work, extent along
the rows, blocks (`block_counts`); non-empty columns, weight of those columns, extent along the columns, area."""
POINT_QUANTITIES = ("peak_nonzeros", "peak_padding", "peak_blocks", "block_rows", "block_columns")
"""Per lattice point: largest tile; rows and columns in non-empty blocks of rows and of columns."""
GROUPS = (1, 2, 4, 8)
"""Neighbours along a row whose fullest group is counted: what a fixed-structured format must provide for."""


def count_operand(
    pattern: csr_array,
    weight: np.ndarray | None = None,
    classes: int = CLASSES,
    sampling: Sampling = SAMPLING,
) -> dict[str, np.ndarray]:
    """Counts of a pattern, as float64 (not logs).

    **Arguments**: `pattern` [rows, columns], sorted indices, no explicit zeros; `weight` (int64, [columns]): work of an
    entry in each column. **Returns** `tiles` [Lm, Lk, classes, 11] (`TILE_QUANTITIES`), `loads` [Lm, Lk, P, classes,
    schedules, kinds] (most loaded partition by non-empty rows, by non-zeros and, with weights, by work), `shares`
    [Lm, Lk, P, schedules, 2]: the most rows and the most non-zeros that a partition has in any tile (of a sample, in
    any tile that is dealt, single rows and whole tiles counting all), `point` [Lm, Lk, 5] (`POINT_QUANTITIES`);
    `load_errors`, of the shape of `loads`: estimated error of each entry, half the difference between the estimates
    from two halves of the sample, 0 where nothing was sampled.
    """
    rows, columns = pattern.shape
    height_levels, width_levels = levels(rows), levels(columns)
    kinds = 2 if weight is None else 3
    transposed = csr_array(pattern.T)
    transposed.sort_indices()
    tiles = np.zeros((height_levels, width_levels, classes, len(TILE_QUANTITIES)))
    loads = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes, len(SCHEDULES), kinds))
    load_errors = np.zeros_like(loads)
    shares = np.zeros((height_levels, width_levels, PARTITION_LEVELS, len(SCHEDULES), 2))
    point = np.zeros((height_levels, width_levels, len(POINT_QUANTITIES)))
    cells = occupied_cells(pattern)
    sample_tiles = float(classes * sampling.tiles) if pattern.nnz > sampling.above else np.inf

    def by_partition(classed: np.ndarray) -> np.ndarray:
        return classed[:, BASICS:].reshape(classes, kinds, len(SCHEDULES), PARTITION_LEVELS).transpose(3, 0, 2, 1)

    def scan_width(width: int) -> None:
        cuts = heights(segments(pattern, width, weight, padding=True), height_levels)
        blocks_of = blocks_of_tiles(cells, width, height_levels)
        for height, (cut, blocks) in enumerate(zip(cuts, blocks_of, strict=True)):
            sums, errors, most, peaks = scan_rows(cut, height, rows, sample_tiles, blocks)
            amount = np.ascontiguousarray(sums[:, 1])
            classed = into_classes(amount, sums, classes)
            tiles[height, width, :, :BASICS] = classed[:, :BASICS]
            loads[height, width] = by_partition(classed)
            load_errors[height, width] = np.abs(by_partition(into_classes(amount, errors, classes)))
            shares[height, width] = most.T
            point[height, width, : len(peaks)] = peaks

    def scan_height(height: int) -> None:
        touched = np.empty(0, np.int64) if weight is None else weight
        for width, cut in enumerate(heights(segments(transposed, height), width_levels)):
            sums = scan_columns(cut, touched, width, columns, height, rows)
            classed = into_classes(np.ascontiguousarray(sums[:, 0]), sums, classes)
            tiles[height, width, :, BASICS:] = classed[:, 1:]

    in_threads(scan_width, width_levels)
    in_threads(scan_height, height_levels)
    point[:, :, 3] = _extent_of_blocks(np.diff(pattern.indptr) > 0, height_levels)[:, None]
    point[:, :, 4] = _extent_of_blocks(np.diff(transposed.indptr) > 0, width_levels)[None, :]
    return {"tiles": tiles, "loads": loads, "load_errors": load_errors, "shares": shares, "point": point}


def group_occupancies(pattern: csr_array) -> np.ndarray:
    """Fullest aligned group of each of `GROUPS` neighbours along a row, [4, 1]."""
    return np.array([[group_occupancy(pattern, group)] for group in GROUPS], float)


def group_occupancy(pattern: csr_array, group: int) -> int:
    """Most non-zeros in any group of `group` neighbours along a row, groups aligned to the first column."""
    rows = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr))
    groups = rows * (pattern.shape[1] // group + 1) + pattern.indices // group
    edges = np.flatnonzero(np.diff(groups)) + 1
    return int(np.diff(np.concatenate([[0], edges, [groups.size]])).max())


def _extent_of_blocks(occupied: np.ndarray, n_levels: int) -> np.ndarray:
    """Rows that lie in non-empty blocks of 1, 2, 4, ... rows."""
    extents = []
    for level in range(n_levels):
        starts = np.arange(0, occupied.size, 1 << level)
        sizes = np.diff(np.append(starts, occupied.size))
        extents.append(float(sizes[np.logical_or.reduceat(occupied, starts)].sum()))
    return np.array(extents)
