"""What tiles and fibers of two sparse operands (SpMSpM) do to each other at every lattice point, counted.

Everything that is a sum over k of a property of A's columns times a property of B's rows is exact. Distinct outputs and
skip-ahead steps are counted on a sample of rows and of pairs above a stated size (`workloads.statistics.fiber_pairs`).
"""

import numpy as np
from scipy.sparse import csr_array

from workloads.statistics.fiber_pairs import distinct_outputs, skip_ahead_steps
from workloads.statistics.lattice import levels
from workloads.statistics.row_conflicts import count_rows
from workloads.statistics.row_segments import Segments, segments, tiles_by_height
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES, bucket_amounts, class_shares

DEPTH_QUANTITIES = ("a_once", "b_once", "pairs", "a_elements", "b_elements", "skip_ahead", "distinct")
"""At each width of the k tiles: non-zeros of A and of B in tiles that are visited; pairs of non-empty fibers, A's and
B's elements in them, their skip-ahead steps, distinct outputs."""


def count_pair(a: csr_array, b: csr_array, seed: int = 0) -> dict[str, np.ndarray]:
    """Counts of a pair, as float64 (not logs).

    **Arguments**: patterns `a` [M, K] and `b` [K, N], sorted. **Returns**, by class of A's tiles (those of
    `count_operand`): `visits` [Lm, Lk, Ln, 8]; `met` [Lm, Lk, 8]: non-zeros of B's tiles over these visits;
    `met_squares` [Lm, Lk, Ln, 8]: sum of their squares. Then `columns` [Lm, Lk, Ln]: columns of B's tiles over all
    visits; `a_visits` [Lk, Ln]: non-zeros of A's tiles over all visits; `block_products` [Lm]: products of the row
    block that has most; `depth` [Lk, 7] (`DEPTH_QUANTITIES`) and its estimated errors, `depth_errors`, 0 where exact;
    what rows of B take, `row_words`, `conflicts`, `b_conflicts` and `b_most_words` (`row_conflicts.count_rows`);
    `totals` [2]: products, non-zeros of Z.
    """
    k_count = a.shape[1]
    a_columns, b_columns = csr_array(a.T), csr_array(b.T)
    a_columns.sort_indices()
    b_columns.sort_indices()
    per_column, per_row = np.diff(a_columns.indptr).astype(np.int64), np.diff(b.indptr).astype(np.int64)
    products = per_column * per_row
    lm, lk, ln = levels(a.shape[0]), levels(k_count), levels(b.shape[1])

    visits, met_squares = np.zeros((lm, lk, ln, CLASSES)), np.zeros((lm, lk, ln, CLASSES))
    met, columns, a_visits = np.zeros((lm, lk, CLASSES)), np.zeros((lm, lk, ln)), np.zeros((lk, ln))
    depth = np.zeros((lk, len(DEPTH_QUANTITIES)))

    def meet(level: int) -> None:
        blocks = ((k_count - 1) >> level) + 1
        a_cut, b_cut = segments(a, level), segments(b_columns, level)
        (a_rows, a_nnz), (b_cols, b_nnz) = (_rows_and_nonzeros(cut, blocks) for cut in (a_cut, b_cut))
        b_tiles, b_widths, b_squares = (np.zeros((ln, blocks)) for _ in range(3))
        for wide, (block, tile, count) in enumerate(tiles_by_height(b_cut, ln)):
            b_tiles[wide] = np.bincount(tile, minlength=blocks)
            width = np.minimum(b.shape[1] - (block.astype(np.int64) << wide), 1 << wide)
            b_widths[wide] = np.bincount(tile, width, blocks)
            b_squares[wide] = np.bincount(tile, count.astype(float) ** 2, blocks)
        for high, (_, tile, count) in enumerate(tiles_by_height(a_cut, lm)):
            classed = _tiles_per_block(tile, count, blocks)
            visits[high, level] = b_tiles @ classed
            met_squares[high, level] = b_squares @ classed
            met[high, level] = b_nnz @ classed
            columns[high, level] = b_widths @ classed.sum(axis=1)
        a_visits[level] = b_tiles @ a_nnz
        in_pairs = (a_nnz @ (b_nnz > 0), b_nnz @ (a_nnz > 0), a_rows @ b_cols, a_nnz @ b_cols, a_rows @ b_nnz)
        depth[level, : len(in_pairs)] = in_pairs

    in_threads(meet, lk)
    rng = np.random.default_rng(seed)
    errors = np.zeros_like(depth)
    depth[:, 5], errors[:, 5] = skip_ahead_steps(a, b_columns, lk, rng)
    depth[:, 6], errors[:, 6] = distinct_outputs(a, b, lk, rng)

    rows_products = csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape) @ per_row.astype(float)
    block_products = [np.add.reduceat(rows_products, np.arange(0, a.shape[0], 1 << level)).max() for level in range(lm)]

    return {
        "visits": visits,
        "met": met,
        "met_squares": met_squares,
        "columns": columns,
        "a_visits": a_visits,
        "depth": depth,
        "depth_errors": errors,
        "block_products": np.array(block_products),
        **count_rows(b, per_column),
        "totals": np.array([products.sum(), depth[-1, 6]], float),
    }


def _rows_and_nonzeros(cut: Segments, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Non-empty rows and non-zeros of each column block."""
    tile, count = cut[1], cut[2]
    return np.bincount(tile, minlength=blocks).astype(float), np.bincount(tile, count, blocks)


def _tiles_per_block(tile: np.ndarray, count: np.ndarray, blocks: int) -> np.ndarray:
    """Tiles of each class in each column block, [blocks, CLASSES], of tiles of one shape."""
    buckets, amount = bucket_amounts(count)
    used = np.flatnonzero(amount)
    held = csr_array((np.ones(tile.size), (tile, np.searchsorted(used, buckets))), shape=(blocks, used.size))
    return held @ class_shares(amount[used], CLASSES)
