"""Two sparse matrices of one shape laid over each other: what their fibers and tiles hold together, at lattice points.

A fiber is a row of a tile; `joint_segments` merges the rows of both. `operations` are the positions that an
element-wise kernel works on: those with an entry of both (multiply) or of either (add). Run-length encoding stores
padding, explicit zeros that are worked on like non-zeros, so what it adds is counted too: where A has it, where B, and
where both.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from workloads.cache.machine_code import compiled
from workloads.statistics.block_counts import blocks_of_tiles, occupied_cells
from workloads.statistics.fiber_pairs import pair_steps
from workloads.statistics.lattice import levels
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.row_assignment import loads_by_class, tile_starts
from workloads.statistics.row_segments import RLE_RUN, csr_arrays, heights
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES, bucket_amounts, class_shares

PADDINGS = ("a", "b", "ab")
"""Which operands are padded."""
STEPS = ("two_finger", "leader_follower", "skip_ahead")
"""Units whose steps are counted; those of a bitmask unit follow from pairs and operations."""
EXTRAS = tuple(f"{name}+{padding}" for name in ("operations", *STEPS) for padding in PADDINGS)
OF_VISITS = ("a_nonzeros", "b_nonzeros", "operations", "a_padding", "b_padding", *EXTRAS)
EXTENTS = ("tiles", "heights", "widths", "areas")
BLOCKS = ("a_blocks", "b_blocks")
VISIT_QUANTITIES = (*EXTENTS, *(f"{operand}_{name}" for operand in "ab" for name in EXTENTS), *BLOCKS, *OF_VISITS)
"""Per class of visits: number and extents of the places visited, of the tiles that A and B have there, blocks of these
(`block_counts`), and sums."""
VISIT_CLASSES = 2 * CLASSES
"""Classes of places with a tile of both operands; then, if they are added, of those with a tile of one."""
DEALT = ("operations", *STEPS, "pairs", "a", "a_fibers", "b", "b_fibers")
"""What the fullest partition holds of a visit; `pairs`: fibers that both have (multiply) or either (add)."""
DEALT_ALONE = ("a_alone", "a_fibers_alone", "b_alone", "b_fibers_alone")
"""The same of all tiles of A, and of all of B, whatever the other has there."""


class Overlay(NamedTuple):
    """Counts at every lattice point."""

    visits: np.ndarray
    """[lm, ln, `VISIT_QUANTITIES`, `VISIT_CLASSES`]."""
    block_rows: np.ndarray
    """Rows in row blocks that are visited, [lm, ln]."""
    most_results: np.ndarray
    """Most results that a place can have, going by its non-zeros, [lm, ln]."""
    loads: np.ndarray
    """Fullest partitions, [lm, ln, p, `DEALT`, schedules, `VISIT_CLASSES`]."""
    loads_alone: np.ndarray
    """[lm, ln, p, `DEALT_ALONE`, schedules, classes]."""


def count_overlay(a: csr_array, b: csr_array, union: bool) -> Overlay:
    """Measure two sorted patterns of one shape without explicit zeros; `union`: add, else multiply."""
    rows, columns = a.shape
    lm, ln = levels(rows), levels(columns)
    fineness = min(lm, PARTITION_LEVELS)
    cells = [occupied_cells(operand) for operand in (a, b)]
    visits = np.zeros((lm, ln, len(VISIT_QUANTITIES), VISIT_CLASSES))
    block_rows, most = np.zeros((lm, ln)), np.zeros((lm, ln))
    loads = np.zeros((lm, ln, fineness, len(DEALT), len(SCHEDULES), VISIT_CLASSES))
    alone = np.zeros((lm, ln, fineness, len(DEALT_ALONE), len(SCHEDULES), CLASSES))

    def scan_width(width: int) -> None:
        row, tile, found = joint_segments(a, b, width, union)
        fibers = _fibers(found, union, np.minimum(columns - (tile.astype(np.int64) << width), 1 << width))
        sums = np.concatenate([found[:, :2], fibers[:, :1], found[:, 3:5], _extras(found, union)], axis=1)
        work = found[:, 0] + found[:, 1]
        blocks_of = zip(*(blocks_of_tiles(of, width, lm) for of in cells), strict=True)
        for height, (cut, of_tiles) in enumerate(zip(heights(_listed(row, tile), lm), blocks_of, strict=True)):
            starts = tile_starts(cut, height)
            held = _sums(cut[2], starts, found)
            blocks = np.zeros_like(held)
            for operand in (0, 1):
                blocks[held[:, operand] > 0, operand] = of_tiles[operand]
            top, left = (cut[0][starts[:-1]] >> height) << height, cut[1][starts[:-1]] << width
            extents = np.minimum(1 << height, rows - top), np.minimum(1 << width, columns - left)

            places = cut, starts, (height, rows), work
            amounts = _amounts(held, union)
            dealt = [_loads(amount, fibers, True, places, fineness) for amount in amounts]
            loads[height, width] = np.concatenate(dealt, axis=-1)
            parts = [_loads(held[:, at], fibers[:, 5 + 2 * at : 7 + 2 * at], False, places, fineness) for at in (0, 1)]
            alone[height, width] = np.concatenate(parts, axis=1)
            classed = [_into_classes(amount, cut[2], starts, held, *extents, blocks, sums) for amount in amounts]
            visits[height, width] = np.concatenate(classed).T
            tops = np.unique(top[sum(amounts) > 0])
            block_rows[height, width] = np.minimum(1 << height, rows - tops).sum()
            most[height, width] = (held.sum(axis=1) if union else held.min(axis=1)).max()

    in_threads(scan_width, ln)
    return Overlay(visits, block_rows, most, loads, alone)


def _listed(row: np.ndarray, tile: np.ndarray) -> tuple[np.ndarray, ...]:
    """A segment list whose counts are the numbers of the segments."""
    return row, tile, np.arange(row.size, dtype=np.int32), np.empty(0, np.int32), np.empty(0, np.int64)


def _amounts(held: np.ndarray, union: bool) -> list[np.ndarray]:
    """Non-zeros of each place, 0 where it is not of the kind: with tiles of both, and with that of one if it counts."""
    total, both = held.sum(axis=1), (held > 0).all(axis=1)
    return [np.where(both, total, 0), np.where(both | (not union), 0, total)]


def _loads(amount: np.ndarray, held: np.ndarray, balance: bool, of_tiles: tuple, fineness: int) -> np.ndarray:
    """Fullest partitions of the tiles that have an amount, [p, quantities, schedules, classes]; rows as dealt by
    `row_assignment.loads_by_class`, of whose arguments `of_tiles` are cut, starts, height and work."""
    cut, starts, height, work = of_tiles
    if not amount.any():
        return np.zeros((fineness, held.shape[1], len(SCHEDULES), CLASSES))
    amount, held = np.ascontiguousarray(amount), np.ascontiguousarray(held)
    found = loads_by_class(cut, starts, amount, height, work, held, fineness, CLASSES, balance)
    return np.moveaxis(found, (1, 3), (3, 1))


@compiled
def _sums(number, starts, found):
    """Non-zeros of A and of B in each place, [T, 2]."""
    held = np.zeros((starts.size - 1, 2), np.int64)
    for t in range(starts.size - 1):
        for s in range(starts[t], starts[t + 1]):
            held[t, 0] += found[number[s], 0]
            held[t, 1] += found[number[s], 1]
    return held


def _into_classes(amount, number, starts, held, high, wide, blocks, sums) -> np.ndarray:
    """`VISIT_QUANTITIES` over the places of each class of equal amount, [classes, q]."""
    buckets, amounts = bucket_amounts(amount)
    used = np.flatnonzero(amounts)
    if used.size == 0:
        return np.zeros((CLASSES, len(VISIT_QUANTITIES)))
    place = np.full(amounts.size, -1)
    place[used] = np.arange(used.size)
    return class_shares(amounts[used], CLASSES).T @ _into_buckets(
        place[buckets], used.size, number, starts, held, high, wide, blocks, sums
    )


@compiled
def _into_buckets(place, places, number, starts, held, high, wide, blocks, sums):
    """`VISIT_QUANTITIES` of the places in each bucket."""
    of_segments = sums.shape[1]
    found = np.zeros((places, 14 + of_segments))
    for t in range(starts.size - 1):
        if place[t] < 0:
            continue
        into = found[place[t]]
        for which in range(3):
            if which == 0 or held[t, which - 1] > 0:
                into[4 * which] += 1
                into[4 * which + 1] += high[t]
                into[4 * which + 2] += wide[t]
                into[4 * which + 3] += float(high[t]) * wide[t]
        into[12] += blocks[t, 0]
        into[13] += blocks[t, 1]
        for s in range(starts[t], starts[t + 1]):
            for q in range(of_segments):
                into[14 + q] += sums[number[s], q]
    return found


def _fibers(found: np.ndarray, union: bool, length: np.ndarray) -> np.ndarray:
    """`DEALT` of each segment, of so many positions."""
    a, b, matches = found[:, 0], found[:, 1], found[:, 2]
    if union:
        operations = a + b - matches
        steps = [operations + 1, length, operations + 1]
        pairs = np.ones_like(a)
    else:
        operations = matches
        pairs = ((a > 0) & (b > 0)).astype(np.int64)
        steps = [pairs * (a + b - matches + 1), pairs * a, found[:, 8]]
    return np.stack([operations, *steps, pairs, a, (a > 0) * 1, b, (b > 0) * 1], axis=1).astype(np.int64)


def _extras(found: np.ndarray, union: bool) -> np.ndarray:
    """`EXTRAS` of each segment: what padding of A, of B and of both adds."""
    a, b = found[:, 0], found[:, 1]
    a_padding, b_padding, a_on_b, b_on_a, on_both = found[:, 3:8].T
    met = np.stack([a_on_b, b_on_a, a_on_b + b_on_a + on_both], axis=1)
    added = np.stack([a_padding, b_padding, a_padding + b_padding], axis=1)
    if union:
        more = added - met
        return np.concatenate([more, more, np.zeros_like(more), more], axis=1)
    pairs = ((a > 0) & (b > 0))[:, None]
    led = np.stack([a_padding, np.zeros_like(a), a_padding], axis=1)
    skipped = found[:, 9:12] - found[:, 8:9]
    return np.concatenate([met, pairs * (added - met), pairs * led, skipped], axis=1)


def joint_segments(a: csr_array, b: csr_array, level: int, union: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the rows of two sorted patterns into segments of width 2**level that at least one has entries in.

    **Returns** row, tile column, and int64 figures [n, 12] of each: non-zeros of A, of B, positions of both; padding of
    A, of B; padding of A at a non-zero of B, of B at one of A, of both at one position; skip-ahead steps of the fibers
    as they are, with A padded, with B padded, with both padded (not counted for a union).
    """
    return _joint(*csr_arrays(a), *csr_arrays(b), level, not union)


@compiled
def _joint(a_ptr, a_index, b_ptr, b_index, level, with_steps):
    most = a_index.size + b_index.size
    row, tile, found = np.empty(most, np.int32), np.empty(most, np.int32), np.zeros((most, 12), np.int64)
    room = 4 + (2 << level)
    a_at, a_all = np.empty(room, np.int64), np.empty(room, np.int64)
    b_at, b_all = np.empty(room, np.int64), np.empty(room, np.int64)
    n = 0
    for i in range(a_ptr.size - 1):
        p, p_end, q, q_end = a_ptr[i], a_ptr[i + 1], b_ptr[i], b_ptr[i + 1]
        while p < p_end or q < q_end:
            t = np.int64(1) << 40
            if p < p_end:
                t = np.int64(a_index[p]) >> level
            if q < q_end:
                t = min(t, np.int64(b_index[q]) >> level)
            first, end = t << level, (t + 1) << level
            p, many_a, all_a = _padded(a_index, p, p_end, first, end, a_at, a_all)
            q, many_b, all_b = _padded(b_index, q, q_end, first, end, b_at, b_all)
            row[n], tile[n] = i, t
            of = found[n]
            of[0], of[1], of[3], of[4] = many_a, many_b, all_a - many_a, all_b - many_b
            of[2] = _common(a_at, many_a, b_at, many_b)
            padded_a = _common(a_all, all_a, b_at, many_b) if all_a > many_a else of[2]
            padded_b = _common(a_at, many_a, b_all, all_b) if all_b > many_b else of[2]
            padded = padded_a + padded_b - of[2]
            if all_a > many_a and all_b > many_b:
                padded = _common(a_all, all_a, b_all, all_b)
            of[5], of[6] = padded_a - of[2], padded_b - of[2]
            of[7] = padded - padded_a - padded_b + of[2]
            if with_steps and many_a > 0 and many_b > 0:
                of[8] = pair_steps(a_at, 0, many_a, b_at, 0, many_b)
                of[9] = pair_steps(a_all, 0, all_a, b_at, 0, many_b) if all_a > many_a else of[8]
                of[10] = pair_steps(a_at, 0, many_a, b_all, 0, all_b) if all_b > many_b else of[8]
                of[11] = of[9] if all_b == many_b else of[10]
                if all_a > many_a and all_b > many_b:
                    of[11] = pair_steps(a_all, 0, all_a, b_all, 0, all_b)
            n += 1
    return row[:n].copy(), tile[:n].copy(), found[:n].copy()


@compiled
def _padded(index, p, p_end, first, end, plain, padded):
    """Entries of a row from `p` on that lie before `end`: positions as they are, and with padding after each run.

    Returns (next entry, number without padding, number with).
    """
    many, every, before = 0, 0, first - 1
    while p < p_end and index[p] < end:
        x = np.int64(index[p])
        while x - before > RLE_RUN:
            before += RLE_RUN
            padded[every] = before
            every += 1
        plain[many], padded[every] = x, x
        many, every, before, p = many + 1, every + 1, x, p + 1
    return p, many, every


@compiled
def _common(left, left_end, right, right_end):
    """Positions in both of two sorted lists."""
    p, q, count = 0, 0, 0
    while p < left_end and q < right_end:
        x, y = left[p], right[q]
        count += x == y
        p += x <= y
        q += y <= x
    return count
