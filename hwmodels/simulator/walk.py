"""One visit after another of two sparse operands: products, distinct outputs, and the loads of PE rows and lanes.

Compiled. Every non-zero of A in a tile is met with the row of B that it selects, whatever the dataflow: the set of
MACs is the same in all of them, and only what each PE gets of them differs.
"""

import numpy as np
from numba import njit

from hwmodels.firmware.schedules import deal
from hwmodels.simulator.rows import walk_full_columns

COMPUTE, INTERSECT, STEPS, EFFECTUAL, MET, OUTPUTS, FRESH, SHARE_BITS, TOUCHED_ROWS, TOUCHED_ENTRIES = range(10)
"""Columns of what `walk` returns. `MET`: pairs of stored entries, padding included; `TOUCHED_ROWS` of B, and the
entries stored in them."""
WALKED = 10


@njit(cache=True, nogil=True)
def row_steps(fibers, column, columns, passes, width):
    """Steps of each row of B's tiles dealt `width` entries at a time, in each pass over so many columns of its tile."""
    steps = np.zeros(fibers.number.size, np.int64)
    for t in range(columns.size):
        most = (columns[t] + passes - 1) // passes
        for f in range(fibers.fibers_of[t], fibers.fibers_of[t + 1]):
            in_pass, current = 0, -1
            for p in range(fibers.first[f], fibers.first[f + 1]):
                which = column[fibers.order[p]] // most
                if which != current:
                    steps[f] += (in_pass + width - 1) // width
                    in_pass, current = 0, which
                in_pass += 1
            steps[f] += (in_pass + width - 1) // width
    return steps


@njit(cache=True, nogil=True)
def deal_columns(fibers, columns, lanes, schedule):
    """Deal the columns of each of B's tiles to lanes by their non-zeros.

    Returns (lane of each non-empty column, numbered among the lanes that have one; lanes used by each tile; non-zeros
    of its most loaded lane).
    """
    lane_of = np.zeros(fibers.number.size, np.int64)
    used, most = np.zeros(columns.size, np.int64), np.zeros(columns.size, np.int64)
    widest = 1
    for t in range(columns.size):
        widest = max(widest, columns[t])
    work, part_of = np.zeros(widest, np.int64), np.empty(widest, np.int64)
    scratch = np.empty((3, lanes), np.int64)
    renamed = np.full(lanes, -1, np.int64)
    for t in range(columns.size):
        low, high = fibers.fibers_of[t], fibers.fibers_of[t + 1]
        for f in range(low, high):
            work[f - low] = fibers.first[f + 1] - fibers.first[f]
        numbers, many = fibers.number[low:high], high - low
        deal(numbers, work, many, columns[t], lanes, schedule, part_of, scratch[0], scratch[1], scratch[2])
        for f in range(low, high):
            part = part_of[f - low]
            if renamed[part] < 0:
                renamed[part] = used[t]
                used[t] += 1
            lane_of[f] = renamed[part]
        for f in range(low, high):
            renamed[part_of[f - low]] = -1
        for lane in range(lanes):
            most[t] = max(most[t], scratch[0, lane])
    return lane_of, used, most


@njit(cache=True, nogil=True)
def jump_over_columns(row, first, end, b, low, high, w, lane_of, lane_steps):
    """Steps of the skip-ahead unit for the row `row[first:end]` of A and every column of a tile of B, added to lanes.

    The lagging side jumps to the other's coordinate or beyond it (Hegde et al., MICRO 2019), so a walk takes one step
    for each match and one for each time that the merged fibers change sides without a match. Either ends or begins at
    an element of B: the row's neighbours before and behind it, alike in a row of B (`low` to `high`), are compared with
    the element's neighbours above and below it in its column.
    """
    p = first
    for f in range(low, high):
        k = b.rows.number[f]
        while p < end and row[p] < k:
            p += 1
        before = row[p - 1] if p > first else -1
        behind = row[p] if p < end else w
        if behind == k:
            before, behind = w, w  # a match: one step
        for q in range(b.rows.first[f], b.rows.first[f + 1]):
            lane_steps[lane_of[q]] += (before > b.above[q]) + (behind < b.below[q])


@njit(cache=True, nogil=True)
def place_of(columns, low, high, wanted):
    """First place in the sorted `columns[low:high]` whose column is not below `wanted`."""
    while low < high:
        middle = (low + high) >> 1
        if columns[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def walk(plan, visits, a, b, lanes, z):
    """Quantities of each visit, shape [visits, 10] by the names above; adds the products to the values of `z`.

    The arguments are tuples of `sparse_b`: what the machine does, where each visit is, the two operands, the columns of
    B dealt to lanes, and Z in CSR with its pattern known.
    """
    found = np.zeros((visits.a.size, 10), np.int64)
    rows_of, value = a.rows, a.value
    tall, wide = plan.tile_m, plan.tile_n
    b_first, b_entries = np.zeros(plan.tile_k, np.int64), np.zeros(plan.tile_k, np.int64)
    b_nonzeros, b_steps = np.zeros(plan.tile_k, np.int64), np.zeros(plan.tile_k, np.int64)
    lane_of = np.zeros(wide, np.int64)
    work, hand_of = np.zeros(tall, np.int64), np.zeros(tall, np.int64)
    idle = np.zeros(tall, np.bool_)
    rows, full_rows = np.zeros(plan.pe_rows, np.int64), np.zeros(plan.pe_rows, np.int64)
    loads, heap = np.zeros(plan.pe_rows, np.int64), np.zeros(plan.pe_rows, np.int64)
    stored, cycles = np.zeros(plan.pe_rows, np.int64), np.zeros(plan.pe_rows, np.int64)
    head, after = np.full(plan.pe_rows, -1, np.int64), np.zeros(tall, np.int64)
    sums, marks, touched = np.zeros(wide), np.zeros(wide, np.uint8), np.empty(wide + 1, np.int32)
    most_lanes = 1
    if plan.both_inner:
        for t in range(lanes.used.size):
            most_lanes = max(most_lanes, lanes.used[t])
    lane_macs, lane_steps = np.zeros(most_lanes, np.int64), np.zeros(most_lanes, np.int64)
    lane_columns, lane_nonzeros = np.zeros(most_lanes, np.int64), np.zeros(most_lanes, np.int64)
    z_first, z_last = np.zeros(tall, np.int64), np.zeros(tall, np.int64)
    z_tile = np.full(tall, -1, np.int64)
    loaded = -1
    for v in range(visits.a.size):
        at, bt = visits.a[v], visits.b[v]
        h, w, columns = visits.height[v], visits.depth[v], visits.columns[v]
        top, place = visits.m[v] * plan.nominal_m, visits.z[v]
        # The rows of B's tile, so that an entry of A finds the one that it selects.
        if bt != loaded:
            if loaded >= 0:
                for f in range(b.rows.fibers_of[loaded], b.rows.fibers_of[loaded + 1]):
                    k = b.rows.number[f]
                    b_entries[k], b_nonzeros[k], b_steps[k] = 0, 0, 0
            if bt >= 0:
                for f in range(b.rows.fibers_of[bt], b.rows.fibers_of[bt + 1]):
                    k = b.rows.number[f]
                    b_first[k] = b.rows.first[f]
                    b_entries[k] = b.rows.first[f + 1] - b.rows.first[f]
                    b_nonzeros[k] = b.row_nonzeros[f]
                    b_steps[k] = b.row_steps[f]
                if plan.both_inner:
                    for lane in range(lanes.used[bt]):
                        lane_columns[lane], lane_nonzeros[lane] = 0, 0
                    for f in range(b.columns.fibers_of[bt], b.columns.fibers_of[bt + 1]):
                        lane = lanes.lane_of[f]
                        lane_of[b.columns.number[f]] = lane
                        lane_columns[lane] += 1
                        lane_nonzeros[lane] += b.columns.first[f + 1] - b.columns.first[f]
            loaded = bt
        low, high = 0, 0
        if at >= 0:
            low, high = rows_of.fibers_of[at], rows_of.fibers_of[at + 1]
        # Firmware: the work of each row, and the hand that it is dealt to.
        effectual, met = 0, 0
        for f in range(low, high):
            products = 0
            for p in range(rows_of.first[f], rows_of.first[f + 1]):
                k = a.column[p]
                met += b_entries[k]
                if value[p] != 0.0:
                    products += b_nonzeros[k]
            effectual += products
            work[f - low] = 1 if plan.by_rows else products
            idle[f - low] = products == 0
        numbers, many = rows_of.number[low:high], high - low
        deal(numbers, work, many, h, plan.pe_rows, plan.schedule, hand_of, loads, rows, heap)
        for r in range(plan.pe_rows):
            full_rows[r], stored[r], cycles[r], head[r] = 0, 0, 0, -1
        for f in range(high - 1, low - 1, -1):
            r = hand_of[f - low]
            full_rows[r] += 1
            stored[r] += rows_of.first[f + 1] - rows_of.first[f]
            after[f - low] = head[r]
            head[r] = f
            if plan.dataflow == 1 and plan.b_skips:
                for p in range(rows_of.first[f], rows_of.first[f + 1]):
                    cycles[r] += b_steps[a.column[p]]
        # Products, row by row of each hand.
        outputs, fresh = 0, 0
        compute, intersect, all_steps = 0, 0, 0
        words = (w + 63) // 64
        for r in range(plan.pe_rows):
            if head[r] < 0:
                continue
            used = 0
            if plan.both_inner and bt >= 0:
                used = lanes.used[bt]
                for lane in range(used):
                    lane_macs[lane], lane_steps[lane] = 0, 0
            f = head[r]
            while f >= 0:
                if idle[f - low] and used == 0:
                    f = after[f - low]
                    continue
                distinct = 0
                for p in range(rows_of.first[f], rows_of.first[f + 1]):
                    k, x = a.column[p], value[p]
                    start, end = b_first[k], b_first[k] + b_entries[k]
                    if used > 0:
                        for q in range(start, end):
                            lane_macs[lane_of[b.column[q]]] += 1
                    if x == 0.0:
                        continue
                    for q in range(start, end):
                        j, y = b.column[q], b.value[q]
                        sums[j] += x * y
                        touched[distinct] = j
                        if plan.b_padded and y == 0.0:
                            continue
                        distinct += 1 - marks[j]
                        marks[j] = 1
                outputs += distinct
                if distinct > 0:
                    i, left = rows_of.number[f], visits.n[v] * plan.nominal_n
                    if z_tile[i] != place:
                        start, end = z.start[top + i], z.start[top + i + 1]
                        z_tile[i] = place
                        z_first[i] = place_of(z.column, start, end, left)
                        z_last[i] = place_of(z.column, z_first[i], end, left + columns)
                    first, last = z_first[i], z_last[i]
                    if last - first <= 8 * distinct:
                        for q in range(first, last):
                            j = z.column[q] - left
                            if marks[j] == 1:
                                z.value[q] += sums[j]
                                fresh += 1 - z.seen[q]
                                z.seen[q] = 1
                    else:
                        for c in range(distinct):
                            q = place_of(z.column, first, last, left + touched[c])
                            z.value[q] += sums[touched[c]]
                            fresh += 1 - z.seen[q]
                            z.seen[q] = 1
                    for c in range(distinct):
                        sums[touched[c]], marks[touched[c]] = 0.0, 0
                if used > 0 and plan.unit == 2:
                    jump_over_columns(
                        a.column,
                        rows_of.first[f],
                        rows_of.first[f + 1],
                        b,
                        b.rows.fibers_of[bt],
                        b.rows.fibers_of[bt + 1],
                        w,
                        lanes.of_entry,
                        lane_steps,
                    )
                f = after[f - low]
            for lane in range(used):
                if plan.unit == 0:
                    steps = stored[r] * lane_columns[lane] + full_rows[r] * (lane_nonzeros[lane] + lane_columns[lane])
                    steps -= lane_macs[lane]
                elif plan.unit == 1:
                    steps = stored[r] * lane_columns[lane]
                elif plan.unit == 2:
                    steps = lane_steps[lane]
                else:
                    steps = full_rows[r] * lane_columns[lane] * words + lane_macs[lane]
                compute = max(compute, lane_macs[lane])
                intersect = max(intersect, steps)
                all_steps += steps
        # What the most loaded PE row takes. Where A does not skip, each of its rows has all positions.
        b_row_steps = (columns + plan.passes - 1) // plan.passes
        b_row_steps = plan.passes * ((b_row_steps + plan.width - 1) // plan.width)
        b_tile_steps = b_row_steps * w
        most_rows = (h + plan.pe_rows - 1) // plan.pe_rows
        if plan.b_skips:
            b_tile_steps = b.tile_steps[bt] if bt >= 0 else 0
        lane_most = (columns + plan.width - 1) // plan.width
        for r in range(plan.pe_rows):
            if plan.dataflow == 2:
                break
            if plan.a_skips:
                decode = stored[r] * plan.passes
                if plan.bitmask:
                    decode += full_rows[r] * words * plan.passes
                intersect = max(intersect, decode)
                if plan.dataflow == 1:
                    compute = max(compute, cycles[r] if plan.b_skips else stored[r] * b_row_steps)
                elif not plan.b_skips:
                    compute = max(compute, stored[r] * lane_most)
                    steps = walk_full_columns(plan.unit, stored[r], full_rows[r], w)
                    intersect = max(intersect, steps * lane_most)
                    all_steps += steps * columns
        if not plan.a_skips:
            if plan.dataflow != 0:
                compute = most_rows * b_tile_steps
            elif plan.b_skips:
                compute = most_rows * (lanes.most[bt] if bt >= 0 else 0)
            else:
                compute = most_rows * w * lane_most
        elif plan.dataflow == 2 and at >= 0:
            for f in range(a.columns.fibers_of[at], a.columns.fibers_of[at + 1]):
                dealt = (a.columns.first[f + 1] - a.columns.first[f] + plan.pe_rows - 1) // plan.pe_rows
                compute += dealt * (b_steps[a.columns.number[f]] if plan.b_skips else b_row_steps)
        found[v, 0], found[v, 1], found[v, 2] = compute, intersect, all_steps
        found[v, 3], found[v, 4], found[v, 5], found[v, 6] = effectual, met, outputs, fresh
        if plan.counts_rows:
            row_bits, fixed = visits.share_row_bits[v], visits.share_fixed_bits[v]
            for r in range(plan.pe_rows):
                if rows[r] > 0:
                    found[v, 7] = max(found[v, 7], plan.share_entry_bits * stored[r] + row_bits * rows[r] + fixed)
        if plan.selects and at >= 0:
            found[v, 8] = a.columns.fibers_of[at + 1] - a.columns.fibers_of[at]
            for f in range(a.columns.fibers_of[at], a.columns.fibers_of[at + 1]):
                found[v, 9] += b_entries[a.columns.number[f]]
    return found
