"""Loads of PE rows and lanes where two sparse operands meet, visit by visit. Compiled.

An entry of A meets the parts of the row of B that it selects, one in each visit of its tile; what does not meet costs
nothing. Visits are numbered as `visits.Numbering` says; the arguments are tuples of `sparse_operands`.
"""

import numpy as np

from hwmodels.design.choices import BALANCED
from hwmodels.simulator.intersection import fullest_decides, jumps_of_hands, steps_of_all_pairs, walked
from hwmodels.simulator.schedules import deal
from workloads.cache.machine_code import compiled

SLICE_STEPS, TOUCHED_ENTRIES, MET = range(3)
"""Columns of what `meet` returns."""
COMPUTE, INTERSECT, STEPS, HELD_BITS = range(4)
"""Columns of what `walk_rows` and `walk_pairs` return: cycles of the most loaded PE and of the busiest decoder or
intersection units, steps of all units, most bits of A that a PE row holds."""
JUMPS_AT_ONCE = 1 << 18
"""Sums by lane and PE row that are kept at a time: 2 MB, so that they stay in the cache."""


@compiled
def row_steps(fibers, column, columns, passes, width):
    """Steps of each row of B's tiles dealt `width` entries at a time, in each pass over so many columns of its tile."""
    steps = np.zeros(fibers.number.size, np.int64)
    for t in range(columns.size):
        most = (columns[t] + passes - 1) // passes
        for f in range(fibers.fibers_of[t], fibers.fibers_of[t + 1]):
            if passes == 1:
                steps[f] = (fibers.first[f + 1] - fibers.first[f] + width - 1) // width
                continue
            in_pass, edge = 0, 0
            for p in range(fibers.first[f], fibers.first[f + 1]):
                if column[p] >= edge:
                    steps[f] += (in_pass + width - 1) // width
                    in_pass, edge = 0, (column[p] // most + 1) * most
                in_pass += 1
            steps[f] += (in_pass + width - 1) // width
    return steps


@compiled
def deal_columns(fibers, columns, lanes, schedule):
    """Deal the columns of each of B's tiles to lanes by their non-zeros.

    Only lanes that have a column are numbered, those of all tiles in turn. Returns (lane of each non-empty column;
    first [T + 1] lane of each tile; columns and entries of each lane; entries of each tile's most loaded lane).
    """
    lane_of = np.zeros(fibers.number.size, np.int64)
    first, most = np.zeros(columns.size + 1, np.int64), np.zeros(columns.size, np.int64)
    held, entries = np.zeros(fibers.number.size, np.int64), np.zeros(fibers.number.size, np.int64)
    widest = 1
    for t in range(columns.size):
        widest = max(widest, fibers.fibers_of[t + 1] - fibers.fibers_of[t])
    work, part_of, order = np.zeros(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    loads, counts, heap = np.empty(lanes, np.int64), np.empty(lanes, np.int64), np.empty(lanes, np.int64)
    renamed = np.full(lanes, -1, np.int64)
    for t in range(columns.size):
        low, high = fibers.fibers_of[t], fibers.fibers_of[t + 1]
        for f in range(low, high):
            work[f - low] = fibers.first[f + 1] - fibers.first[f]
        many = high - low
        deal(fibers.number[low:high], work, many, columns[t], lanes, schedule, part_of, loads, counts, heap, order)
        used = first[t]
        for f in range(low, high):
            part = part_of[f - low]
            if renamed[part] < 0:
                renamed[part] = used
                used += 1
            lane = renamed[part]
            lane_of[f] = lane
            held[lane] += 1
            entries[lane] += work[f - low]
            most[t] = max(most[t], entries[lane])
        for f in range(low, high):
            renamed[part_of[f - low]] = -1
        first[t + 1] = used
    return lane_of, first, held[: first[-1]].copy(), entries[: first[-1]].copy(), most


@compiled
def meet(pe_rows, extent, a, tiles, b, visits):
    """What the columns of A's tiles meet of B, shape [visits, 3], by the names above.

    `extent`: width of A's tiles. Steps of slices of R entries of a column against slices of the row of B; entries of
    the rows that a tile touches; pairs of entries.
    """
    found = np.zeros((visits, 3), np.int64)
    size = np.zeros(extent, np.int64)
    for t in range(tiles.top.size):
        base = tiles.first_visit[t]
        for p in range(a.start[t], a.start[t + 1]):
            size[a.column[p]] += 1
        for p in range(a.start[t], a.start[t + 1]):
            k = a.column[p]
            if size[k] == 0:
                continue
            had, size[k] = size[k], 0
            sliced, row = (had + pe_rows - 1) // pe_rows, tiles.top[t] + k
            for f in range(b.of_row[row], b.of_row[row + 1]):
                v, entries = base + b.rank[f], b.end[f] - b.first[f]
                found[v, SLICE_STEPS] += sliced * b.steps[f]
                found[v, TOUCHED_ENTRIES] += entries
                found[v, MET] += had * entries
    return found


@compiled
def hold(rows, low, high, hand_of, stored, full):
    """Entries and non-empty rows that each PE row holds of a tile."""
    stored[:], full[:] = 0, 0
    for f in range(low, high):
        stored[hand_of[f - low]] += rows.first[f + 1] - rows.first[f]
        full[hand_of[f - low]] += 1


@compiled
def decode_and_share(plan, rows, stored, full, w, row_bits, fixed_bits):
    """Cycles of the busiest decoder, and the most bits of A that a PE row holds."""
    words = (w + 63) // 64 if plan.bitmask else 0
    cycles, bits = 0, 0
    for r in range(plan.pe_rows):
        if rows[r] > 0:
            cycles = max(cycles, (stored[r] + full[r] * words) * plan.passes)
            bits = max(bits, plan.share_entry_bits * stored[r] + row_bits * rows[r] + fixed_bits)
    return cycles, bits


@compiled
def walk_rows(plan, tiles, a, b, visits):
    """Gustavson of two operands that skip, shape [visits, 4] by the names above.

    An entry of A takes the steps of the part of B's row that it meets. By `balanced`, a row's work is the steps of its
    entries, but at least the column passes for each; where no entry takes longer, all visits have the same hands.
    """
    found = np.zeros((visits, 4), np.int64)
    most_rows, most_visits = 1, 1
    for t in range(tiles.height.size):
        most_rows = max(most_rows, a.rows.fibers_of[t + 1] - a.rows.fibers_of[t])
        most_visits = max(most_visits, tiles.first_visit[t + 1] - tiles.first_visit[t])
    parts = plan.pe_rows
    work, order = np.zeros(most_rows, np.int64), np.empty(most_rows, np.int64)
    hand_of, usual = np.empty(most_rows, np.int64), np.empty(most_rows, np.int64)
    rows, loads, heap = np.empty(parts, np.int64), np.empty(parts, np.int64), np.empty(parts, np.int64)
    stored, full, cycles = np.empty(parts, np.int64), np.empty(parts, np.int64), np.empty(parts, np.int64)
    steps, longer = np.zeros(most_visits, np.int64), np.zeros(most_visits, np.int64)
    touched, met = np.empty(most_visits, np.int64), np.zeros(most_visits + 1, np.int64)
    room = 64
    listed, sorted_ = np.empty((room, 4), np.int64), np.empty((room, 3), np.int64)
    for t in range(tiles.height.size):
        base, top = tiles.first_visit[t], tiles.top[t]
        count = tiles.first_visit[t + 1] - base
        low, high = a.rows.fibers_of[t], a.rows.fibers_of[t + 1]
        # What each row meets in each visit, row by row, then visit by visit.
        meetings = 0
        met[: count + 1] = 0
        for f in range(low, high):
            used = 0
            for p in range(a.rows.first[f], a.rows.first[f + 1]):
                k = top + a.column[p]
                for part in range(b.of_row[k], b.of_row[k + 1]):
                    u = b.rank[part]
                    if steps[u] == 0:
                        touched[used] = u
                        used += 1
                    steps[u] += b.steps[part]
                    longer[u] += max(b.steps[part] - plan.passes, 0)
            if meetings + used > room:
                room = 2 * (meetings + used)
                larger = np.empty((room, 4), np.int64)
                larger[:meetings] = listed[:meetings]
                listed, sorted_ = larger, np.empty((room, 3), np.int64)
            for c in range(used):
                u = touched[c]
                listed[meetings, 0], listed[meetings, 1] = u, f - low
                listed[meetings, 2], listed[meetings, 3] = steps[u], longer[u]
                steps[u], longer[u] = 0, 0
                met[u] += 1
                meetings += 1
        before = 0
        for u in range(count):
            met[u], before = before, before + met[u]
        for c in range(meetings):
            at = met[listed[c, 0]]
            met[listed[c, 0]] = at + 1
            sorted_[at, 0], sorted_[at, 1], sorted_[at, 2] = listed[c, 1], listed[c, 2], listed[c, 3]
        numbers, many, h, w = a.rows.number[low:high], high - low, tiles.height[t], tiles.width[t]
        row_bits, fixed_bits = tiles.share_row_bits[t], tiles.share_fixed_bits[t]
        for f in range(low, high):
            work[f - low] = (a.rows.first[f + 1] - a.rows.first[f]) * plan.passes
        deal(numbers, work, many, h, parts, plan.schedule, usual, loads, rows, heap, order)
        hold(a.rows, low, high, usual, stored, full)
        decode, share = decode_and_share(plan, rows, stored, full, w, row_bits, fixed_bits)
        first = 0
        for u in range(count):
            v, end, hands = base + u, met[u], usual
            found[v, INTERSECT], found[v, HELD_BITS] = decode, share
            if plan.schedule == BALANCED:
                late = 0
                for c in range(first, end):
                    late += sorted_[c, 2]
                    work[sorted_[c, 0]] += sorted_[c, 2]
                if late > 0:
                    hands = hand_of
                    deal(numbers, work, many, h, parts, plan.schedule, hands, loads, rows, heap, order)
                    hold(a.rows, low, high, hands, stored, full)
                    found[v, INTERSECT], found[v, HELD_BITS] = decode_and_share(
                        plan, rows, stored, full, w, row_bits, fixed_bits
                    )
                for c in range(first, end):
                    work[sorted_[c, 0]] -= sorted_[c, 2]
            cycles[:] = 0
            for c in range(first, end):
                r = hands[sorted_[c, 0]]
                cycles[r] += sorted_[c, 1]
                found[v, COMPUTE] = max(found[v, COMPUTE], cycles[r])
            first = end
    return found


@compiled
def walk_pairs(plan, tiles, a, b, lanes, visits):
    """The inner product of two operands that skip, shape [visits, 4] by the names above.

    Each PE row intersects its rows of A with the columns of each lane: one PE row after another, all visits of a tile
    of A at once.
    """
    found = np.zeros((visits, 4), np.int64)
    most_rows, parts = 1, plan.pe_rows
    for t in range(tiles.height.size):
        most_rows = max(most_rows, a.rows.fibers_of[t + 1] - a.rows.fibers_of[t])
    work, order, hand_of = np.ones(most_rows, np.int64), np.empty(most_rows, np.int64), np.empty(most_rows, np.int64)
    rows, loads, heap = np.empty(parts, np.int64), np.empty(parts, np.int64), np.empty(parts, np.int64)
    stored, full, queue = np.empty(parts, np.int64), np.empty(parts, np.int64), np.empty(parts + 1, np.int64)
    matches, touched = np.zeros(lanes.columns.size, np.int64), np.empty(lanes.columns.size, np.int64)
    tile_of = np.repeat(np.arange(lanes.first.size - 1), np.diff(lanes.first))
    most_columns, most_entries = np.zeros(lanes.first.size - 1, np.int64), np.zeros(lanes.first.size - 1, np.int64)
    for lane in range(tile_of.size):
        bt = tile_of[lane]
        most_columns[bt] = max(most_columns[bt], lanes.columns[lane])
        most_entries[bt] = max(most_entries[bt], lanes.entries[lane])
    walks, by_fullest = walked(plan.unit), fullest_decides(plan.unit)
    room, deepest, extent = 0, 0, 0
    if walks:
        room = min(JUMPS_AT_ONCE, lanes.columns.size * parts)
        for bt in range(lanes.first.size - 1):
            room = max(room, (lanes.first[bt + 1] - lanes.first[bt]) * parts)
        for t in range(tiles.height.size):
            extent = max(extent, tiles.width[t])
            deepest = max(deepest, a.columns.fibers_of[t + 1] - a.columns.fibers_of[t])
    jumps, tree = np.empty((room // parts, parts), np.int64), np.empty((deepest + 1, parts), np.int32)
    rank_of, before, waiting = np.empty(extent, np.int64), np.empty(extent, np.int64), np.empty((3, parts), np.int32)
    for t in range(tiles.height.size):
        low, high, w = a.rows.fibers_of[t], a.rows.fibers_of[t + 1], tiles.width[t]
        b_first, many, words = tiles.b_first[t], high - low, (w + 63) // 64
        count = tiles.first_visit[t + 1] - tiles.first_visit[t]
        shift = tiles.first_visit[t] - b_first
        if not plan.by_rows:
            for f in range(low, high):
                work[f - low] = a.row_nonzeros[f]
        numbers = a.rows.number[low:high]
        deal(numbers, work, many, tiles.height[t], parts, plan.schedule, hand_of, loads, rows, heap, order)
        hold(a.rows, low, high, hand_of, stored, full)
        decode, share = decode_and_share(
            plan, rows, stored, full, w, tiles.share_row_bits[t], tiles.share_fixed_bits[t]
        )
        queue[0] = 0
        for r in range(parts):
            queue[r + 1] = queue[r] + full[r]
        for f in range(many):
            r = hand_of[f]
            order[queue[r]] = f
            queue[r] += 1
        most_stored, most_full, all_stored, all_full = stored.max(), full.max(), stored.sum(), full.sum()
        for bt in range(b_first, b_first + count):
            v = shift + bt
            found[v, HELD_BITS] = share
            columns, entries = 0, 0
            for lane in range(lanes.first[bt], lanes.first[bt + 1]):
                columns += lanes.columns[lane]
                entries += lanes.entries[lane]
            found[v, STEPS] = steps_of_all_pairs(plan.unit, all_full, all_stored, columns, entries, 0, words)
            found[v, INTERSECT] = decode
            if by_fullest:
                steps = steps_of_all_pairs(
                    plan.unit, most_full, most_stored, most_columns[bt], most_entries[bt], 0, words
                )
                found[v, INTERSECT] = max(decode, steps)
        first = 0
        for r in range(parts):
            used = 0
            for c in range(first, queue[r]):
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
            if full[r] > 0 and not (by_fullest or walks):
                for bt in range(b_first, b_first + count):
                    v = shift + bt
                    most = steps_of_all_pairs(
                        plan.unit, full[r], stored[r], most_columns[bt], most_entries[bt], 0, words
                    )
                    if most <= found[v, INTERSECT]:
                        continue
                    for lane in range(lanes.first[bt], lanes.first[bt + 1]):
                        columns, entries = lanes.columns[lane], lanes.entries[lane]
                        steps = steps_of_all_pairs(
                            plan.unit, full[r], stored[r], columns, entries, matches[lane], words
                        )
                        found[v, INTERSECT] = max(found[v, INTERSECT], steps)
            for c in range(used):
                lane = touched[c]
                v = shift + tile_of[lane]
                found[v, COMPUTE] = max(found[v, COMPUTE], matches[lane])
                found[v, STEPS] += steps_of_all_pairs(plan.unit, 0, 0, 0, 0, matches[lane], words)
                columns, entries = lanes.columns[lane], lanes.entries[lane]
                steps = steps_of_all_pairs(plan.unit, full[r], stored[r], columns, entries, matches[lane], words)
                found[v, INTERSECT] = max(found[v, INTERSECT], steps)
                matches[lane] = 0
            first = queue[r]
        if walks:
            for g in range(a.columns.fibers_of[t], a.columns.fibers_of[t + 1]):
                rank_of[a.columns.number[g]] = g - a.columns.fibers_of[t]
            u = 0
            while u < count:  # as many visits at once as there is memory for
                lane, begin = lanes.first[b_first + u], u
                u += 1
                while u < count and lanes.first[b_first + u + 1] - lane <= len(jumps):
                    u += 1
                end = lanes.first[b_first + u]
                here, tile = (begin, u, lane), (t, tiles.top[t], w)
                mine = jumps[: end - lane]
                jumps_of_hands(a, b, lanes, tile, here, (hand_of, full), (rank_of, before, tree, waiting), mine)
                for at in range(end - lane):
                    v = shift + tile_of[lane + at]
                    found[v, INTERSECT] = max(found[v, INTERSECT], mine[at].max())
                    found[v, STEPS] += mine[at].sum()
    return found
