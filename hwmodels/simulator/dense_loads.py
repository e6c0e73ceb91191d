"""What the most loaded PE row holds of each tile of A, where B is dense and so every row's work is A's alone. Compiled.

The rows of every tile are really dealt by the firmware's schedule, and the loads of the hands are added up.
"""

import numpy as np

from hwmodels.simulator.intersection import steps_of_full_columns
from hwmodels.simulator.schedules import deal
from workloads.cache.machine_code import compiled

ENTRIES, DECODE, SHARE_BITS, WALK, ALL_WALKED = range(5)
"""Columns of what `busiest_rows` returns."""
MASK_ENTRIES, MASK_DECODE, MASK_ROWS, LANE_STEPS = range(4)
"""Columns of what `busiest_mask_rows` returns."""


@compiled
def busiest_rows(tiles, fibers, nonzeros, height, width, bits, pe_rows, schedule, skips, by_rows, bitmask, unit):
    """For each tile, shape [T, 5]: what the most loaded PE row has of it.

    `tiles`: number of each tile among those with entries, -1 for none; `fibers`: rows (`tile_cutting.cut_rows`), and
    `nonzeros` of each; `bits` [3, T]: bits for each entry, each row, and fixed, of a share; `by_rows`: the work of a
    non-empty row is one.
    Quantities: entries that it works on; decoder steps; stored bits; steps of its intersection unit against one full
    column; such steps of all PE rows together.
    """
    found = np.zeros((tiles.size, 5), np.int64)
    tallest = 1
    for t in range(tiles.size):
        tallest = max(tallest, height[t])
    nothing = np.empty(0, np.int64)
    work, hand_of, order = np.zeros(tallest, np.int64), np.empty(tallest, np.int64), np.empty(tallest, np.int64)
    rows, loads, heap = np.empty(pe_rows, np.int64), np.empty(pe_rows, np.int64), np.empty(pe_rows, np.int64)
    full_rows, stored = np.empty(pe_rows, np.int64), np.empty(pe_rows, np.int64)
    for t in range(tiles.size):
        h, w, at = height[t], width[t], tiles[t]
        low, high = 0, 0
        if at >= 0:
            low, high = fibers.fibers_of[at], fibers.fibers_of[at + 1]
        for f in range(low, high):
            work[f - low] = 1 if by_rows else nonzeros[f]
        numbers = fibers.number[low:high] if high > low else nothing
        deal(numbers, work, high - low, h, pe_rows, schedule, hand_of, loads, rows, heap, order)
        for r in range(pe_rows):
            full_rows[r], stored[r] = 0, 0
        for f in range(low, high):
            r = hand_of[f - low]
            stored[r] += fibers.first[f + 1] - fibers.first[f]
            full_rows[r] += 1
        words = (w + 63) // 64
        most_stored, most_decoded, most_bits, most_rows, most_walked, walked = 0, 0, 0, 0, 0, 0
        for r in range(pe_rows):
            if rows[r] > 0:
                most_rows = max(most_rows, rows[r])
                most_bits = max(most_bits, bits[0, t] * stored[r] + bits[1, t] * rows[r])
                most_stored = max(most_stored, stored[r])
                most_decoded = max(most_decoded, stored[r] + (full_rows[r] * words if bitmask else 0))
                steps = steps_of_full_columns(unit, full_rows[r], stored[r], w)
                most_walked, walked = max(most_walked, steps), walked + steps
        found[t, SHARE_BITS] = most_bits + bits[2, t]
        if skips:
            found[t, ENTRIES], found[t, DECODE] = most_stored, most_decoded
            found[t, WALK], found[t, ALL_WALKED] = most_walked, walked
        else:
            found[t, ENTRIES] = most_rows * w
    return found


@compiled
def busiest_mask_rows(tiles, fibers, nonzeros, height, width, pe_rows, schedule, skips, bitmask, lanes):
    """For each tile of an SDDMM's mask, shape [T, 4]: what the most loaded PE row has of it.

    Entries; decoder steps; rows that it works on; steps in which these are dealt to `lanes` lanes, a row at a time.
    """
    found = np.zeros((tiles.size, 4), np.int64)
    tallest = 1
    for t in range(tiles.size):
        tallest = max(tallest, height[t])
    nothing = np.empty(0, np.int64)
    work, hand_of, order = np.zeros(tallest, np.int64), np.empty(tallest, np.int64), np.empty(tallest, np.int64)
    rows, loads, heap = np.empty(pe_rows, np.int64), np.empty(pe_rows, np.int64), np.empty(pe_rows, np.int64)
    held = np.empty((4, pe_rows), np.int64)
    for t in range(tiles.size):
        w, at = width[t], tiles[t]
        if not skips:
            most = (height[t] + pe_rows - 1) // pe_rows
            found[t, MASK_ENTRIES], found[t, MASK_ROWS] = most * w, most
            found[t, LANE_STEPS] = most * ((w + lanes - 1) // lanes)
            continue
        low, high = 0, 0
        if at >= 0:
            low, high = fibers.fibers_of[at], fibers.fibers_of[at + 1]
        for f in range(low, high):
            work[f - low] = nonzeros[f]
        numbers = fibers.number[low:high] if high > low else nothing
        deal(numbers, work, high - low, height[t], pe_rows, schedule, hand_of, loads, rows, heap, order)
        held[:] = 0
        for f in range(low, high):
            r, entries = hand_of[f - low], fibers.first[f + 1] - fibers.first[f]
            held[MASK_ENTRIES, r] += entries
            held[MASK_DECODE, r] += entries + ((w + 63) // 64 if bitmask else 0)
            held[MASK_ROWS, r] += 1
            held[LANE_STEPS, r] += (entries + lanes - 1) // lanes
        for r in range(pe_rows):
            for q in range(4):
                found[t, q] = max(found[t, q], held[q, r])
    return found
