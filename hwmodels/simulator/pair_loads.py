"""Loads of lanes in the inner product of two operands that skip, visit by visit. Compiled.

Rows of A are dealt to queues, columns of B to lanes; a lane walks each of its rows against each of its columns.
"""

import numpy as np

from hwmodels.simulator.intersection import (
    MASK_BITS,
    add_drops,
    fullest_decides,
    steps_of_all_pairs,
    steps_of_pairs,
    walked,
)
from hwmodels.simulator.schedules import deal
from hwmodels.simulator.sparse_loads import COMPUTE, DECODE, ROWS, STEPS, STORED, hold, most_held
from workloads.cache.machine_code import compiled

COUNTS_AT_ONCE = 1 << 18
"""Running counts of fibers that are kept at a time: 1 MB, so that they stay in the cache."""
SUMS_AT_ONCE = 1 << 18
"""Sums by lane and queue that are kept at a time: 2 MB, likewise."""


@compiled
def walk_pairs(plan, tiles, a, b, lanes, visits):
    """Loads of all visits, shape [visits, 5] by the names of `sparse_loads`.

    `a`, `b`, `lanes`: tuples of `sparse_operands`. One queue after another, all visits of a tile of A at once.
    """
    found = np.zeros((visits, 5), np.int64)
    most_rows, tallest = 1, 1
    for t in range(tiles.height.size):
        most_rows = max(most_rows, a.rows.fibers_of[t + 1] - a.rows.fibers_of[t])
        tallest = max(tallest, tiles.height[t])
    room = min(plan.queues, tallest)
    work, order, queue_of = np.ones(most_rows, np.int64), np.empty(most_rows, np.int64), np.empty(most_rows, np.int64)
    rows, loads, heap = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    stored, full, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room + 1, np.int64)
    matches, touched = np.zeros(lanes.columns.size, np.int64), np.empty(lanes.columns.size, np.int64)
    scratch = (matches, touched, *fullest_lanes(lanes))
    deepest = 0
    for t in range(tiles.width.size):
        deepest = max(deepest, tiles.width[t])
    counts = np.empty(max(COUNTS_AT_ONCE, deepest + 2) if walked(plan.unit) else 0, np.int32)
    for t in range(tiles.height.size):
        low, high, w = a.rows.fibers_of[t], a.rows.fibers_of[t + 1], tiles.width[t]
        many, parts = high - low, min(plan.queues, tiles.height[t])
        if not plan.by_rows:
            for f in range(low, high):
                work[f - low] = a.row_nonzeros[f]
        numbers = a.rows.number[low:high]
        deal(numbers, work, many, tiles.height[t], parts, plan.schedule, False, queue_of, loads, rows, heap, order)
        hold(a.rows, low, high, queue_of, stored[:parts], full[:parts])
        ends[0] = 0
        for r in range(parts):
            ends[r + 1] = ends[r] + full[r]
        for f in range(many):
            r = queue_of[f]
            order[ends[r]] = f
            ends[r] += 1
        words = (w + plan.mask_bits - 1) // plan.mask_bits if plan.mask_bits > 0 else 0
        most = most_held(plan, stored[:parts], full[:parts], words)
        for v in range(tiles.first_visit[t], tiles.first_visit[t + 1]):
            found[v, DECODE], found[v, STORED], found[v, ROWS] = most[1], most[2], most[3]
        held = (stored[:parts], full[:parts], ends[:parts], order[:many])
        if walked(plan.unit):
            walk_tile(plan.unit, tiles, a, lanes, t, held, counts, found)
        else:
            count_tile(plan.unit, tiles, a, b, lanes, t, held, scratch, found)
    return found


@compiled
def fullest_lanes(lanes):
    """Tile of B of each lane, and the most columns and the most entries of a lane of each tile."""
    tile_of = np.repeat(np.arange(lanes.first.size - 1), np.diff(lanes.first))
    columns, entries = np.zeros(lanes.first.size - 1, np.int64), np.zeros(lanes.first.size - 1, np.int64)
    for lane in range(tile_of.size):
        columns[tile_of[lane]] = max(columns[tile_of[lane]], lanes.columns[lane])
        entries[tile_of[lane]] = max(entries[tile_of[lane]], lanes.entries[lane])
    return tile_of, columns, entries


@compiled
def count_tile(unit, tiles, a, b, lanes, t, held, scratch, found):
    """Add the steps of the lanes in all visits of a tile of A, of a unit whose steps follow from counts and matches.

    Without matches the fullest queue and lane may decide at once; else lanes are looked at where they may take longest.
    """
    (stored, full, ends, order), (matches, touched, tile_of, most_columns, most_entries) = held, scratch
    low, words, b_first = a.rows.fibers_of[t], (tiles.width[t] + MASK_BITS - 1) // MASK_BITS, tiles.b_first[t]
    shift, b_end = tiles.first_visit[t] - b_first, b_first + tiles.first_visit[t + 1] - tiles.first_visit[t]
    all_rows, all_entries, most_rows, most_held = full.sum(), stored.sum(), full.max(), stored.max()
    by_fullest = fullest_decides(unit)
    for bt in range(b_first, b_end):
        columns = lanes.columns[lanes.first[bt] : lanes.first[bt + 1]].sum()
        entries = lanes.entries[lanes.first[bt] : lanes.first[bt + 1]].sum()
        found[shift + bt, STEPS] = steps_of_all_pairs(unit, all_rows, all_entries, columns, entries, 0, words)
        if by_fullest:
            found[shift + bt, COMPUTE] = steps_of_all_pairs(
                unit, most_rows, most_held, most_columns[bt], most_entries[bt], 0, words
            )
    first = 0
    for r in range(full.size):
        used = 0
        for c in range(first, ends[r]):
            f = low + order[c]
            for p in range(a.rows.first[f], a.rows.first[f + 1]):
                k = tiles.top[t] + a.column[p]
                for part in range(b.of_row[k], b.of_row[k + 1]):
                    for q in range(b.first[part], b.end[part]):
                        lane = lanes.of_entry[q]
                        if matches[lane] == 0:
                            touched[used] = lane
                            used += 1
                        matches[lane] += 1
        if full[r] > 0 and not by_fullest:
            for bt in range(b_first, b_end):
                v = shift + bt
                most = steps_of_all_pairs(unit, full[r], stored[r], most_columns[bt], most_entries[bt], 0, words)
                if most <= found[v, COMPUTE]:
                    continue
                for lane in range(lanes.first[bt], lanes.first[bt + 1]):
                    columns, entries = lanes.columns[lane], lanes.entries[lane]
                    steps = steps_of_all_pairs(unit, full[r], stored[r], columns, entries, matches[lane], words)
                    found[v, COMPUTE] = max(found[v, COMPUTE], steps)
        for lane in touched[:used]:
            v = shift + tile_of[lane]
            found[v, STEPS] += steps_of_all_pairs(unit, 0, 0, 0, 0, matches[lane], words)
            columns, entries = lanes.columns[lane], lanes.entries[lane]
            steps = steps_of_all_pairs(unit, full[r], stored[r], columns, entries, matches[lane], words)
            found[v, COMPUTE] = max(found[v, COMPUTE], steps)
            matches[lane] = 0
        first = ends[r]


@compiled
def walk_tile(unit, tiles, a, lanes, t, held, room, found):
    """Add the steps of the lanes in all visits of a tile of A, of a unit that walks along both fibers."""
    (_, full, ends, order), low = held, a.rows.fibers_of[t]
    shift = tiles.first_visit[t] - tiles.b_first[t]
    queue = np.empty(order.size, np.int64)
    first = 0
    for r in range(full.size):
        queue[first : ends[r]] = r
        first = ends[r]
    rows = (a.rows.first[low + order], a.rows.first[low + order + 1], queue, a.column)
    v, v_end = tiles.first_visit[t], tiles.first_visit[t + 1]
    while v < v_end:  # as many visits at once as there is memory for
        begin, first_lane = v, lanes.first[v - shift]
        v += 1
        while v < v_end and (lanes.first[v - shift + 1] - first_lane) * full.size <= SUMS_AT_ONCE:
            v += 1
        dropped = np.zeros((lanes.first[v - shift] - first_lane, full.size), np.int64)
        add_drops(columns_of(lanes, begin - shift, v - shift), rows, tiles.width[t], True, room, dropped)
        for u in range(begin, v):
            bt = u - shift
            left = lanes.first[bt] - first_lane
            of_queues = np.zeros((full.size, lanes.first[bt + 1] - lanes.first[bt]), np.int64)
            add_drops(rows, columns_of(lanes, bt, bt + 1), tiles.width[t], False, room, of_queues)
            for r in range(full.size):
                for at in range(of_queues.shape[1]):
                    pairs = full[r] * lanes.columns[first_lane + left + at]
                    steps = steps_of_pairs(unit, pairs, 0, 0, 0, dropped[left + at, r] + of_queues[r, at], 0)
                    found[u, COMPUTE] = max(found[u, COMPUTE], steps)
                    found[u, STEPS] += steps


@compiled
def columns_of(lanes, begin, end):
    """The columns of some tiles of B lane by lane, as `add_drops` takes them; lanes from that of the first tile on."""
    low, high = lanes.fibers_of[begin], lanes.fibers_of[end]
    return lanes.start[low:high], lanes.end[low:high], lanes.lane[low:high] - lanes.first[begin], lanes.row
