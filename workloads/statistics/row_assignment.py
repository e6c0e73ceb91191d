"""What the fullest of P partitions holds of each tile, in several measures at once, where one of them is dealt by.

`workloads.statistics.load_balance` finds the largest load of the measure that rows are dealt by. Here the rows of a
tile are really dealt, in blocks, cyclically and balanced, and all that goes with them is added up: what the two fibers
of a pair do to each other (element-wise kernels).
"""

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.longest_first import deal_balanced, most_work_first
from workloads.statistics.row_segments import Segments
from workloads.statistics.sampling import SEED, next_is_picked
from workloads.statistics.schedules import BALANCED, CYCLIC, ROW_BLOCKS, SCHEDULES
from workloads.statistics.tile_classes import BUCKETS, bucket_amounts, class_shares

ROWS_DEALT = 10_000
"""Rows of one tile shape that are dealt at most; of more, tiles of every occupancy are picked at random."""
LEAST_TILES = 6
"""Tiles of one occupancy that are dealt at least, if there are as many."""


def tile_starts(cut: Segments, height_level: int) -> np.ndarray:
    """Where each tile begins in a list of segments in the order of tiles of height 2**height_level; the end at last."""
    block, tile = cut[0] >> height_level, cut[1]
    return np.concatenate([[0], np.flatnonzero((np.diff(block) != 0) | (np.diff(tile) != 0)) + 1, [block.size]])


def loads_by_class(
    cut: Segments,
    starts: np.ndarray,
    amount: np.ndarray,
    height: tuple[int, int],
    work: np.ndarray,
    held: np.ndarray,
    partition_levels: int,
    classes: int,
    balance: bool = True,
) -> np.ndarray:
    """Most that a partition holds, summed over the tiles of each class: [partition_levels, classes, schedules, Q].

    **Arguments**: `cut` (row, tile column, number of the segment, ...) in the order of tiles that begin at `starts`;
    `amount` of each tile, by which they are classed (0: left out); `height`: level, and rows of the matrix; `work` that
    the rows are dealt by (at least 1) and the quantities `held` [segments, Q], by number of the segment. Without
    `balance` balanced is cyclic. Counts are exact up to `ROWS_DEALT` rows.
    """
    buckets, amounts = bucket_amounts(amount)
    used = np.flatnonzero(amounts > 0)
    strides = _strides(buckets, np.diff(starts), amount > 0)
    block = (cut[0][starts[:-1]] >> height[0]).astype(np.int64) << height[0]
    extent = np.minimum(1 << height[0], height[1] - block)
    place = np.full(BUCKETS, -1)
    place[used] = np.arange(used.size)
    sums, seen = _deal_tiles(
        cut[0],
        cut[2],
        starts,
        block,
        extent,
        place[buckets],
        strides,
        amount,
        work,
        held,
        partition_levels,
        used.size,
        balance,
    )
    scaled = sums * (amounts[used] / np.maximum(seen, 1.0))[:, None, None, None]
    shares = class_shares(amounts[used], classes)
    return np.tensordot(shares.T, scaled, axes=1).swapaxes(0, 1)


def _strides(buckets: np.ndarray, rows: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """One tile of how many is dealt, by place of the tile."""
    total = int(rows[counted].sum())
    if total <= ROWS_DEALT:
        return np.ones(buckets.size, np.int64)
    tiles = np.bincount(buckets[counted], minlength=BUCKETS)
    stride = np.minimum(-(-total // ROWS_DEALT), np.maximum(tiles // LEAST_TILES, 1))
    return stride[buckets]


@compiled
def _deal_tiles(row, number, starts, block, extent, place, strides, amount, work, held, levels, places, balance):
    """Loads of the tiles picked by their place (bucket), and the amount of these tiles."""
    quantities = held.shape[1]
    sums, single = np.zeros((places, levels, len(SCHEDULES), quantities)), np.zeros((places, quantities))
    seen = np.zeros(places)
    at_of, pick = np.zeros(places, np.int64), np.zeros(places, np.int64)
    longest = 1
    for t in range(starts.size - 1):
        longest = max(longest, starts[t + 1] - starts[t])
    widest = 1 << (levels - 1)
    local, load = np.empty(longest, np.int64), np.empty(longest, np.int64)
    part_of, order = np.empty(longest, np.int64), np.empty(longest, np.int64)
    loads, counts, heap = np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    bins = np.zeros((widest, quantities), np.int64)
    found = np.empty((levels, len(SCHEDULES), quantities), np.int64)
    most, rows_in = np.empty(quantities, np.int64), np.empty(widest, np.int64)
    crowded = np.empty(len(SCHEDULES), np.bool_)
    state = np.full(1, SEED, np.uint64)
    for t in range(starts.size - 1):
        b = place[t]
        if b < 0 or amount[t] <= 0:
            continue
        if not next_is_picked(b, strides[t], at_of, pick, state):
            continue
        seen[b] += amount[t]
        start, size, height = starts[t], starts[t + 1] - starts[t], extent[t]
        if size == 1:
            for q in range(quantities):
                single[b, q] += held[number[start], q]
            continue
        most[:] = 0
        for i in range(size):
            for q in range(quantities):
                most[q] = max(most[q], held[number[start + i], q])
        for i in range(size):
            local[i], load[i] = row[start + i] - block[t], work[number[start + i]]
        if balance:
            most_work_first(load, size, order)
        crowded[:] = True
        for level in range(levels):
            parts = 1 << level
            for schedule in range(len(SCHEDULES)):
                out = found[level, schedule]
                if schedule == BALANCED:
                    if not balance or parts == 1:
                        out[:] = found[level, CYCLIC]
                    elif parts >= size:
                        out[:] = most
                    elif deal_balanced(local, load, size, order, size, parts, part_of, loads, counts, heap):
                        _fullest(number, start, size, part_of, held, bins, rows_in, out)
                    else:
                        out[:] = found[level, CYCLIC]
                elif not crowded[schedule] or parts >= height:
                    out[:] = most
                    crowded[schedule] = False
                else:
                    place_in_order(schedule, local, size, height, parts, part_of)
                    # Finer partitions lie in these: where each row is alone it stays so.
                    crowded[schedule] = _fullest(number, start, size, part_of, held, bins, rows_in, out)
        for level in range(levels):
            for schedule in range(len(SCHEDULES)):
                for q in range(quantities):
                    sums[b, level, schedule, q] += found[level, schedule, q]
    for b in range(places):
        for level in range(levels):
            for schedule in range(len(SCHEDULES)):
                for q in range(quantities):
                    sums[b, level, schedule, q] += single[b, q]
    return sums, seen


@compiled
def place_in_order(schedule, local, size, height, parts, part_of):
    """Part of each row of a tile by its place."""
    if schedule == ROW_BLOCKS:
        for i in range(size):
            part_of[i] = local[i] * parts // height
    elif schedule == CYCLIC:
        for i in range(size):
            part_of[i] = local[i] % parts
    else:
        raise ValueError("rows are not dealt by this schedule")


@compiled
def _fullest(number, start, size, part_of, held, bins, rows_in, out):
    """Largest sum of each quantity over the partitions, into `out`; whether any partition has two rows."""
    out[:] = 0
    crowded = False
    for i in range(size):
        rows_in[part_of[i]] = 0
    for i in range(size):
        part, of = part_of[i], number[start + i]
        fresh = rows_in[part] == 0
        rows_in[part] += 1
        crowded |= not fresh
        for q in range(out.size):
            bins[part, q] = held[of, q] + (0 if fresh else bins[part, q])
            out[q] = max(out[q], bins[part, q])
    return crowded
