"""Joint statistics of two sparse operands (SpMSpM): what a tile of A and a tile of B do to each other.

Everything that is a sum over k of a property of A's columns times a property of B's rows is exact. Distinct outputs and
skip-ahead jumps are counted on a sample of rows and of pairs above a stated size (`workloads.fibers`).
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from workloads.fibers import distinct_outputs, jumps
from workloads.lattice import levels
from workloads.loads import PARTITION_LEVELS
from workloads.segments import segments, tile_counts
from workloads.tables import CLASSES, threads

WIDTH_LEVELS = 13
"""Array widths 1, 2, 4, ..., 2048, and one that takes any fiber in one step."""
JOINT_QUANTITIES = ("visits", "a_each", "a_once", "b_each", "b_once", "a_tiles_once", "b_tiles_once")
"""Visits; non-zeros of A and of B fetched at each visit and once; tiles of A and of B that take part."""


def pair_tables(a: csr_array, b: csr_array, seed: int = 0) -> dict[str, np.ndarray]:
    """Measure a pair on the lattice; counts as float64.

    **Arguments**: patterns `a` [M, K] and `b` [K, N], sorted. **Returns** `joint` [Lm, Lk, Ln, 7]
    (`JOINT_QUANTITIES`), `row_steps` [Ln, 13]: sum over entries of A of the steps that their row of B takes on each
    width, `a_passes` [Lm, P, 8] and `b_passes` [Ln, 13, 8], with `k_classes` [8]: passes per column of A and row of B
    for classes of k by product, `fibers` [Lk, 5]: pairs of non-empty fibers, A's and B's elements in them, jumps,
    distinct outputs, `fiber_errors` [Lk, 5]: estimated errors of these, 0 where exact, `totals` [3]: products,
    non-zeros of Z, effectual entries of A.
    """
    k_count = a.shape[1]
    a_columns, b_columns = csr_array(a.T), csr_array(b.T)
    a_columns.sort_indices()
    b_columns.sort_indices()
    per_column, per_row = np.diff(a_columns.indptr).astype(np.int64), np.diff(b.indptr).astype(np.int64)
    products = per_column * per_row
    classes = _classes_of(products)
    lm, lk, ln = levels(a.shape[0]), levels(k_count), levels(b.shape[1])

    joint = np.zeros((lm, lk, ln, len(JOINT_QUANTITIES)))
    fibers = np.zeros((lk, 5))

    def meet(level: int) -> None:
        a_tiles, a_rows, a_nnz = _tiles_per_column_block(a, level, lm)
        b_tiles, b_cols, b_nnz = _tiles_per_column_block(b_columns, level, ln)
        a_some, b_some = (a_nnz > 0).astype(float), (b_nnz > 0).astype(float)
        joint[:, level, :, 0] = a_tiles @ b_tiles.T
        joint[:, level, :, 1] = (a_nnz @ b_tiles.T)[None, :]
        joint[:, level, :, 2] = a_nnz @ b_some
        joint[:, level, :, 3] = (a_tiles @ b_nnz)[:, None]
        joint[:, level, :, 4] = a_some @ b_nnz
        joint[:, level, :, 5] = (a_tiles @ b_some)[:, None]
        joint[:, level, :, 6] = (b_tiles @ a_some)[None, :]
        fibers[level, 0] = a_rows @ b_cols
        fibers[level, 1] = a_nnz @ b_cols
        fibers[level, 2] = a_rows @ b_nnz

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(meet, range(lk)))
    rng = np.random.default_rng(seed)
    errors = np.zeros_like(fibers)
    fibers[:, 3], errors[:, 3] = jumps(a, b_columns, lk, rng)
    fibers[:, 4], errors[:, 4] = distinct_outputs(a, b, lk, rng)

    partitions, widths = 1 << np.arange(PARTITION_LEVELS), 1 << np.arange(WIDTH_LEVELS)
    widths[-1] = 1 << 40
    a_passes = np.stack([_passes(*segments(a_columns, i)[0:3:2], classes, per_row, partitions)[0] for i in range(lm)])
    of_b = [_passes(*segments(b, level)[0:3:2], classes, per_column, widths) for level in range(ln)]
    b_passes, row_steps = (np.stack(tables) for tables in zip(*of_b, strict=True))
    k_classes = np.bincount(classes[products > 0], minlength=CLASSES).astype(float)
    totals = np.array([products.sum(), fibers[-1, 4], per_column[per_row > 0].sum()], float)
    return {
        "joint": joint,
        "row_steps": row_steps,
        "a_passes": a_passes,
        "b_passes": b_passes,
        "k_classes": np.maximum(k_classes, 1.0),
        "fibers": fibers,
        "fiber_errors": errors,
        "totals": totals,
    }


def _classes_of(products: np.ndarray) -> np.ndarray:
    """Class of each k, by equal share of the products, lightest first; -1 where there is none."""
    order = np.argsort(products, kind="stable")
    share = np.cumsum(products[order]) - products[order] / 2
    classes = np.empty(products.size, np.int64)
    classes[order] = np.minimum((share * CLASSES / max(products.sum(), 1)).astype(np.int64), CLASSES - 1)
    return np.where(products > 0, classes, -1)


@njit(cache=True, nogil=True)
def _passes(fiber, count, classes, weight, widths):
    """Steps over all segments when each is dealt `widths` at a time, for those of each class of k, and by weight of k.

    Returns ([widths, CLASSES], [widths]).
    """
    by_class = np.zeros((widths.size, CLASSES))
    weighted = np.zeros(widths.size)
    for s in range(fiber.size):
        k = fiber[s]
        for level in range(widths.size):
            steps = (count[s] + widths[level] - 1) // widths[level] if count[s] > 1 else 1
            weighted[level] += steps * weight[k]
            if classes[k] >= 0:
                by_class[level, classes[k]] += steps
    return by_class, weighted


def _tiles_per_column_block(
    pattern: csr_array, level: int, height_levels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each column block of width 2**level: non-empty tiles at each height [heights, blocks], rows, non-zeros."""
    row, tile, count, _, _ = segments(pattern, level)
    blocks = ((pattern.shape[1] - 1) >> level) + 1
    rows = np.bincount(tile, minlength=blocks).astype(float)
    nonzeros = np.bincount(tile, weights=count, minlength=blocks)
    return tile_counts(row, tile, height_levels, blocks), rows, nonzeros
