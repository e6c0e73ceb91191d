"""Pairs of fibers of two sparse operands: distinct outputs and skip-ahead steps, at every width of the k tiles.

Both are counted exactly up to a stated size and sampled above it, so that the rare large fibers of power-law graphs,
which make up most of the sums, are not left to chance.
"""

import numpy as np
from scipy.sparse import csr_array

from workloads.cache.machine_code import compiled
from workloads.statistics.row_segments import csr_arrays

PRODUCT_LIMIT = 32_000_000
"""Products up to which distinct outputs are counted exactly; above, rows are sampled until they have about as many."""
STRATA = 64
"""Groups of rows, by number of products, of equal share of the products; each is sampled alike."""
LEAST_ROWS = 16
"""Rows that are sampled of a group at least."""
PAIR_LIMIT = 40_000
"""Pairs of a row of A and a column of B up to which steps are counted exactly; above, as many are drawn."""
TAGS = 4
"""Coordinates that a skip-ahead unit sees of each side at once."""
PAIR_STEPS = 2
"""Steps of a skip-ahead unit that a pair of non-empty fibers takes beside those of its walk."""


def distinct_outputs(a: csr_array, b: csr_array, lk: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Distinct (row, column) outputs summed over the k tiles of each width, [lk], and its estimated errors.

    A sampled group of rows is scaled by its products, which are known exactly. Errors are half the difference between
    two halves of the sample.
    """
    work = np.zeros(a.shape[0])
    np.add.at(work, np.repeat(np.arange(a.shape[0]), np.diff(a.indptr)), np.diff(b.indptr)[a.indices])
    rows = np.flatnonzero(work > 0)
    rows = rows[np.argsort(work[rows], kind="stable")]
    products = float(work.sum())
    before = np.cumsum(work[rows]) - work[rows]
    stratum = np.minimum((before * STRATA / max(products, 1.0)).astype(np.int64), STRATA - 1)
    chosen, group = [], []
    for number in range(STRATA):
        members = rows[stratum == number]
        if products > PRODUCT_LIMIT and members.size:
            wanted = PRODUCT_LIMIT / STRATA / work[members].mean()
            count = min(max(int(wanted), LEAST_ROWS), members.size)
            members = rng.permutation(members)[:count] if count < members.size else members
        chosen.append(members)
        group.append(2 * number + np.arange(members.size) % 2)
    picked, group = np.concatenate(chosen).astype(np.int64), np.concatenate(group)
    counts = _count_distinct(*csr_arrays(a), *csr_arrays(b), picked, group, 2 * STRATA, b.shape[1], lk)
    seen = np.bincount(group, weights=work[picked], minlength=2 * STRATA).reshape(STRATA, 2)
    counts = counts.reshape(STRATA, 2, lk)
    total = np.bincount(stratum, weights=work[rows], minlength=STRATA)
    found = (counts.sum(1) * (total / np.maximum(seen.sum(1), 1.0))[:, None]).sum(0)
    halves = counts / np.maximum(seen, 1.0)[..., None] * total[:, None, None]
    sampled = seen.sum(1) < total
    return found, np.abs(((halves[:, 0] - halves[:, 1]) / 2)[sampled].sum(0))


@compiled
def _count_distinct(a_ptr, a_index, b_ptr, b_index, rows, group, groups, columns, levels_k):
    """Per group of rows; two contributions to one output fall into one k tile where their k differ in low bits only."""
    apart = np.zeros((groups, levels_k + 1))  # by the highest bit in which a contribution differs from the last one
    stamp = np.full(columns, -1, np.int64)
    last = np.zeros(columns, np.int64)
    for n in range(rows.size):
        i = rows[n]
        for p in range(a_ptr[i], a_ptr[i + 1]):
            k = a_index[p]
            for q in range(b_ptr[k], b_ptr[k + 1]):
                j = b_index[q]
                bits = levels_k
                if stamp[j] == i:
                    difference = k ^ last[j]
                    bits = 0
                    while difference:
                        difference >>= 1
                        bits += 1
                stamp[j] = i
                last[j] = k
                apart[group[n], bits] += 1
    counts = np.zeros((groups, levels_k))
    for level in range(levels_k):
        counts[:, level] = apart[:, level + 1 :].sum(axis=1)
    return counts


def skip_ahead_steps(
    a: csr_array, b_columns: csr_array, lk: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Skip-ahead steps of all pairs of a row of A and a column of B, for each width of the k tiles, and their errors.

    Fibers are drawn in proportion to the root of their length: a walk has at most twice as many steps as its shorter
    fiber has elements and a quarter of those of the longer, so that no single pair can weigh much.
    """
    sides = []
    for pattern in (a, b_columns):
        length = np.diff(pattern.indptr)
        fibers = np.flatnonzero(length)
        chance = np.sqrt(length[fibers])
        sides.append((fibers.astype(np.int64), chance / chance.sum()))
    (rows, row_chance), (columns, column_chance) = sides
    if rows.size * columns.size <= PAIR_LIMIT:
        left, right = np.repeat(rows, columns.size), np.tile(columns, rows.size)
        counts = _count_steps(*csr_arrays(a), *csr_arrays(b_columns), left, right, np.ones(left.size), lk)
        return counts.sum(0), np.zeros(lk)
    i, j = rng.choice(rows.size, PAIR_LIMIT, p=row_chance), rng.choice(columns.size, PAIR_LIMIT, p=column_chance)
    weights = 1.0 / (row_chance[i] * column_chance[j] * PAIR_LIMIT)
    counts = _count_steps(*csr_arrays(a), *csr_arrays(b_columns), rows[i], columns[j], weights, lk)
    return counts.sum(0), np.abs(counts[0] - counts[1])


@compiled
def _count_steps(a_ptr, a_index, b_ptr, b_index, left, right, weights, levels_k):
    """For every other pair: [2, levels_k]."""
    counts = np.zeros((2, levels_k))
    for n in range(left.size):
        for level in range(levels_k):
            p, p_end = a_ptr[left[n]], a_ptr[left[n] + 1]
            q, q_end = b_ptr[right[n]], b_ptr[right[n] + 1]
            while p < p_end and q < q_end:
                tile_x, tile_y = a_index[p] >> level, b_index[q] >> level
                if tile_x < tile_y:
                    p = _end_of_tile(a_index, p, p_end, level)
                elif tile_y < tile_x:
                    q = _end_of_tile(b_index, q, q_end, level)
                else:
                    p_last, q_last = _end_of_tile(a_index, p, p_end, level), _end_of_tile(b_index, q, q_end, level)
                    counts[n % 2, level] += weights[n] * pair_steps(a_index, p, p_last, b_index, q, q_last)
                    p, q = p_last, q_last
    return counts


@compiled
def _end_of_tile(index, at, end, level):
    """First of the entries from `at` on that lies in another tile."""
    tile = index[at] >> level
    while at < end and index[at] >> level == tile:
        at += 1
    return at


@compiled
def pair_steps(left, p, p_end, right, q, q_end):
    """Skip-ahead steps of two non-empty fibers (docs/machine.md, section 5).

    A step is a match, or else drops as many of the next `TAGS` coordinates of the side that lags as lie before the
    other's head. Source: Hegde et al., MICRO 2019.
    """
    steps = PAIR_STEPS
    while p < p_end and q < q_end:
        x, y = left[p], right[q]
        steps += 1
        if x == y:
            p, q = p + 1, q + 1
        elif x < y:
            seen = min(p + TAGS, p_end)
            while p < seen and left[p] < y:
                p += 1
        else:
            seen = min(q + TAGS, q_end)
            while q < seen and right[q] < x:
                q += 1
    return steps
