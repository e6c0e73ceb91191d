"""Joint statistics of two sparse operands (SpMSpM): what a tile of A and a tile of B do to each other.

Everything that is a sum over k of a property of A's columns times a property of B's rows is exact. Distinct outputs and
skip-ahead jumps are counted on a sample of rows and of pairs above a stated size.
"""

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from workloads.lattice import levels
from workloads.scan import PARTITION_LEVELS, merge_heights, segments
from workloads.tables import CLASSES, _csr

WIDTH_LEVELS = 13
"""Array widths 1, 2, 4, ..., 2048, and one that takes any fiber in one step."""
PRODUCT_LIMIT = 4_000_000
"""Products up to which distinct outputs are counted exactly; above, rows are sampled."""
PAIR_LIMIT = 40_000
"""Pairs of a row of A and a column of B up to which skip-ahead jumps are counted exactly."""
JOINT_QUANTITIES = ("visits", "a_each", "a_once", "b_each", "b_once", "a_tiles_once", "b_tiles_once")
"""Visits; non-zeros of A and of B fetched at each visit and once; tiles of A and of B that take part."""


def pair_tables(a: csr_array, b: csr_array, seed: int = 0) -> dict[str, np.ndarray]:
    """Measure a pair on the lattice; counts as float64.

    **Arguments**: patterns `a` [M, K] and `b` [K, N], sorted. **Returns** `joint` [Lm, Lk, Ln, 7]
    (`JOINT_QUANTITIES`), `row_steps` [Ln, 13]: sum over entries of A of the steps that their row of B takes on each
    width, `a_passes` [Lm, P, 8] and `b_passes` [Ln, 13, 8], with `k_classes` [8]: passes per column of A and row of B
    for classes of k by product, `fibers` [Lk, 5]: pairs of non-empty fibers, A's and B's elements in them, jumps,
    distinct outputs, `totals` [3]: products, non-zeros of Z, effectual entries of A.
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
    for level in range(lk):
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
    rng = np.random.default_rng(seed)
    fibers[:, 3] = _jumps(a, b_columns, lk, rng)
    distinct, z_nonzeros = _distinct_outputs(a, b, lk, float(products.sum()), rng)
    fibers[:, 4] = distinct

    a_passes = np.stack(
        [
            _passes(*segments(*_csr(a_columns), np.ones(a.shape[0], np.int64), level)[0:3:2], classes, PARTITION_LEVELS)
            for level in range(lm)
        ]
    )
    row_steps, b_passes = np.zeros((ln, WIDTH_LEVELS)), np.zeros((ln, WIDTH_LEVELS, CLASSES))
    for level in range(ln):
        row, _, count, _, _ = segments(*_csr(b), np.ones(b.shape[1], np.int64), level)
        for width in range(WIDTH_LEVELS):
            steps = -(-count.astype(np.int64) // (1 << width if width < WIDTH_LEVELS - 1 else 1 << 40))
            row_steps[level, width] = float((steps * per_column[row]).sum())
        b_passes[level] = _passes(row, count, classes, WIDTH_LEVELS, last_takes_all=True)
    k_classes = np.bincount(classes[products > 0], minlength=CLASSES).astype(float)
    totals = np.array([products.sum(), z_nonzeros, per_column[per_row > 0].sum()], float)
    return {
        "joint": joint,
        "row_steps": row_steps,
        "a_passes": a_passes,
        "b_passes": b_passes,
        "k_classes": np.maximum(k_classes, 1.0),
        "fibers": fibers,
        "totals": totals,
    }


def _classes_of(products: np.ndarray) -> np.ndarray:
    """Class of each k, by equal share of the products, lightest first; -1 where there is none."""
    order = np.argsort(products, kind="stable")
    share = np.cumsum(products[order]) - products[order] / 2
    classes = np.empty(products.size, np.int64)
    classes[order] = np.minimum((share * CLASSES / max(products.sum(), 1)).astype(np.int64), CLASSES - 1)
    return np.where(products > 0, classes, -1)


def _passes(
    fiber: np.ndarray, count: np.ndarray, classes: np.ndarray, n_widths: int, last_takes_all: bool = False
) -> np.ndarray:
    """Passes over all segments when each is dealt 1, 2, 4, ... at a time, by class of its k: [n_widths, CLASSES]."""
    kept = classes[fiber] >= 0
    keys, count = classes[fiber][kept], count[kept].astype(np.int64)
    rows = []
    for level in range(n_widths):
        width = 1 << 40 if last_takes_all and level == n_widths - 1 else 1 << level
        rows.append(np.bincount(keys, weights=-(-count // width), minlength=CLASSES))
    return np.stack(rows)


def _tiles_per_column_block(
    pattern: csr_array, level: int, height_levels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each column block of width 2**level: non-empty tiles at each height [heights, blocks], rows, non-zeros."""
    ones = np.ones(pattern.shape[1], np.int64)
    cut = segments(*_csr(pattern), ones, level)
    blocks = ((pattern.shape[1] - 1) >> level) + 1
    rows = np.bincount(cut[1], minlength=blocks).astype(float)
    nonzeros = np.bincount(cut[1], weights=cut[2], minlength=blocks)
    tiles = np.zeros((height_levels, blocks))
    for height in range(height_levels):
        if height:
            cut = merge_heights(*cut, height)
        block, column = cut[0] >> height, cut[1]
        new = np.ones(block.size, bool)
        new[1:] = (np.diff(block) != 0) | (np.diff(column) != 0)
        tiles[height] = np.bincount(column[new], minlength=blocks)
    return tiles, rows, nonzeros


def _distinct_outputs(a: csr_array, b: csr_array, lk: int, products: float, rng) -> tuple[np.ndarray, float]:
    """Distinct (row, column) outputs summed over the k tiles of each width, and non-zeros of Z."""
    work = np.zeros(a.shape[0])
    np.add.at(work, np.repeat(np.arange(a.shape[0]), np.diff(a.indptr)), np.diff(b.indptr)[a.indices])
    chosen = np.flatnonzero(work > 0)
    if products > PRODUCT_LIMIT:
        order = rng.permutation(chosen)
        enough = int(np.searchsorted(np.cumsum(work[order]), PRODUCT_LIMIT)) + 1
        chosen = np.sort(order[: max(enough, min(64, order.size))])
    counts = _count_distinct(*_csr(a), *_csr(b), chosen.astype(np.int64), b.shape[1], lk)
    scale = products / max(work[chosen].sum(), 1.0)
    return counts * scale, float(counts[-1] * scale)


@njit(cache=True, nogil=True)
def _count_distinct(a_ptr, a_index, b_ptr, b_index, rows, columns, levels_k):
    counts = np.zeros(levels_k)
    stamp = np.full(columns, -1, np.int64)
    mark = np.int64(0)
    for level in range(levels_k):
        for i in rows:
            last = -1
            for p in range(a_ptr[i], a_ptr[i + 1]):
                k = a_index[p]
                if k >> level != last:
                    last = k >> level
                    mark += 1
                for q in range(b_ptr[k], b_ptr[k + 1]):
                    j = b_index[q]
                    if stamp[j] != mark:
                        stamp[j] = mark
                        counts[level] += 1
    return counts


def _jumps(a: csr_array, b_columns: csr_array, lk: int, rng) -> np.ndarray:
    """Skip-ahead jumps of all pairs of a row of A and a column of B, for each width of the k tiles."""
    rows, columns = np.flatnonzero(np.diff(a.indptr)), np.flatnonzero(np.diff(b_columns.indptr))
    pairs = rows.size * columns.size
    if pairs <= PAIR_LIMIT:
        left, right = np.repeat(rows, columns.size), np.tile(columns, rows.size)
    else:
        left, right = rng.choice(rows, PAIR_LIMIT), rng.choice(columns, PAIR_LIMIT)
    counts = _count_jumps(*_csr(a), *_csr(b_columns), left.astype(np.int64), right.astype(np.int64), lk)
    return counts * (pairs / max(left.size, 1))


@njit(cache=True, nogil=True)
def _count_jumps(a_ptr, a_index, b_ptr, b_index, left, right, levels_k):
    counts = np.zeros(levels_k)
    for n in range(left.size):
        for level in range(levels_k):
            p, p_end = a_ptr[left[n]], a_ptr[left[n] + 1]
            q, q_end = b_ptr[right[n]], b_ptr[right[n] + 1]
            while p < p_end and q < q_end:
                x, y = a_index[p], b_index[q]
                tile_x, tile_y = x >> level, y >> level
                if tile_x < tile_y:
                    p += 1
                    while p < p_end and a_index[p] >> level < tile_y:
                        p += 1
                elif tile_y < tile_x:
                    q += 1
                    while q < q_end and b_index[q] >> level < tile_x:
                        q += 1
                else:
                    target = max(x, y)
                    while p < p_end and a_index[p] < target:
                        p += 1
                    while q < q_end and b_index[q] < target:
                        q += 1
                    counts[level] += 1
                    if p < p_end and q < q_end and a_index[p] == b_index[q]:
                        p += 1
                        q += 1
    return counts
