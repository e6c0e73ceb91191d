"""What the most loaded queue holds of each tile of A, where every row's work is A's alone. Compiled.

The rows of every tile are really dealt by the firmware's schedule, and the loads of the queues are added up. More
queues than rows of a tile hold no more than as many queues as rows.
"""

import numpy as np

from hwmodels.simulator.schedules import deal
from workloads.cache.machine_code import compiled

STEPS, DECODE, STORED, ROWS, ALL_STEPS, WORK = range(6)
"""Columns of what `busiest_queues` returns."""


@compiled
def busiest_queues(tiles, fibers, row_work, height, width, queues, schedule, evenly, skips, at_once, mask_bits):
    """For each tile, shape [T, 6]: what the most loaded queue has of it.

    `tiles`: number of each tile among those with entries, -1 for none; `fibers`: rows (`tile_cutting.cut_rows`), and
    `row_work` of each; `at_once`: entries that a queue gives in a step; `mask_bits`: positions that a decoder takes a
    cycle, 0 without masks.
    Quantities: steps; cycles of the decoder; stored entries; rows that are queued; steps of all queues
    together; work that rows are dealt by.
    """
    found = np.zeros((tiles.size, 6), np.int64)
    tallest = 1
    for t in range(tiles.size):
        tallest = max(tallest, height[t])
    nothing = np.empty(0, np.int64)
    work, queue_of, order = np.zeros(tallest, np.int64), np.empty(tallest, np.int64), np.empty(tallest, np.int64)
    most = min(queues, tallest)
    rows, loads, heap = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    full, stored = np.empty(most, np.int64), np.empty(most, np.int64)
    for t in range(tiles.size):
        h, w, at = height[t], width[t], tiles[t]
        parts, low, high = min(queues, h), 0, 0
        if at >= 0:
            low, high = fibers.fibers_of[at], fibers.fibers_of[at + 1]
        for f in range(low, high):
            work[f - low] = row_work[f]
        numbers = fibers.number[low:high] if high > low else nothing
        deal(numbers, work, high - low, h, parts, schedule, evenly, queue_of, loads, rows, heap, order)
        full[:parts], stored[:parts] = 0, 0
        for f in range(low, high):
            stored[queue_of[f - low]] += fibers.first[f + 1] - fibers.first[f]
            full[queue_of[f - low]] += 1
        words = (w + mask_bits - 1) // mask_bits if mask_bits > 0 else 0
        for r in range(parts):
            queued = full[r] if skips else rows[r]
            steps = ((stored[r] if skips else rows[r] * w) + at_once - 1) // at_once
            found[t, WORK] = max(found[t, WORK], loads[r])
            found[t, STORED] = max(found[t, STORED], stored[r])
            found[t, ROWS] = max(found[t, ROWS], queued)
            found[t, STEPS] = max(found[t, STEPS], steps)
            found[t, ALL_STEPS] += steps
            if skips:
                found[t, DECODE] = max(found[t, DECODE], steps + full[r] * words)
    return found
