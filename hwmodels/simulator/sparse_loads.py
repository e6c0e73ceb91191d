"""Loads of queues and lanes where two sparse operands meet, visit by visit. Compiled.

An entry of A meets the parts of the row of B that it selects, one in each visit of its tile; what does not meet costs
nothing. Visits are numbered as `visits.Numbering` says; the arguments are tuples of `sparse_operands`. More queues than
rows of a tile hold no more than as many queues as rows.
"""

import numpy as np

from hwmodels.design.choices import BALANCED
from hwmodels.simulator.schedules import deal
from workloads.cache.machine_code import compiled

COMPUTE, DECODE, STORED, ROWS, STEPS = range(5)
"""Columns of what `walk_rows` and `pair_loads.walk_pairs` return: steps of the most loaded PE or lane; cycles of the
busiest decoder; most stored entries and most non-empty rows of a queue; steps of all intersection units."""


@compiled
def conflicts_of(fibers, column, width):
    """Steps of each row of B's tiles, whose entry j belongs to the owner j mod `width`: the most of any owner."""
    steps = np.zeros(fibers.number.size, np.int64)
    owned = np.zeros(width, np.int64)
    for f in range(fibers.number.size):
        for p in range(fibers.first[f], fibers.first[f + 1]):
            owner = column[p] % width
            owned[owner] += 1
            steps[f] = max(steps[f], owned[owner])
        for p in range(fibers.first[f], fibers.first[f + 1]):
            owned[column[p] % width] = 0
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
        many, parts = high - low, min(lanes, columns[t])
        deal(
            fibers.number[low:high], work, many, columns[t], parts, schedule, False, part_of, loads, counts, heap, order
        )
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
def meet(extent, a, tiles, b, figures, visits):
    """What the columns of A's tiles meet of B, of `figures` [parts of B's rows, Q] of what is counted.

    `extent`: width of A's tiles. Returns two arrays [visits, Q]: sums over the parts that a tile touches, and over the
    entries of A that meet them.
    """
    touched = np.zeros((visits, figures.shape[1]), np.int64)
    met = np.zeros((visits, figures.shape[1]), np.int64)
    size = np.zeros(extent, np.int64)
    for t in range(tiles.top.size):
        base = tiles.first_visit[t]
        for p in range(a.start[t], a.start[t + 1]):
            size[a.column[p]] += 1
        for p in range(a.start[t], a.start[t + 1]):
            k = a.column[p]
            if size[k] == 0:
                continue
            had, size[k], row = size[k], 0, tiles.top[t] + k
            for f in range(b.of_row[row], b.of_row[row + 1]):
                v = base + b.rank[f]
                for q in range(figures.shape[1]):
                    touched[v, q] += figures[f, q]
                    met[v, q] += had * figures[f, q]
    return touched, met


@compiled
def hold(rows, low, high, queue_of, stored, full):
    """Entries and non-empty rows that each queue holds of a tile."""
    stored[:], full[:] = 0, 0
    for f in range(low, high):
        stored[queue_of[f - low]] += rows.first[f + 1] - rows.first[f]
        full[queue_of[f - low]] += 1


@compiled
def most_held(plan, stored, full, words):
    """(least steps, cycles of the decoder, stored entries, non-empty rows) of the queues that have most of each."""
    least, decode, entries, rows = 0, 0, 0, 0
    for r in range(stored.size):
        least = max(least, plan.least * stored[r])
        decode = max(decode, stored[r] + full[r] * words)
        entries, rows = max(entries, stored[r]), max(rows, full[r])
    return least, decode, entries, rows


@compiled
def meetings_of(low, high, top, visits, least, a, b):
    """What the rows `low` to `high` of a tile of A, which meets B from row `top` on, meet in each of its visits.

    Returns (end of each visit's rows, [rows that meet, 3]): number of the row in its tile, steps beyond the least,
    entries that meet.
    """
    longer, entries = np.zeros(visits, np.int64), np.zeros(visits, np.int64)
    touched, met = np.empty(visits, np.int64), np.zeros(visits, np.int64)
    room, meetings = 4 * (high - low) + 4, 0
    listed = np.empty((room, 4), np.int64)
    for f in range(low, high):
        used = 0
        for p in range(a.rows.first[f], a.rows.first[f + 1]):
            k = top + a.column[p]
            for part in range(b.of_row[k], b.of_row[k + 1]):
                u = b.rank[part]
                if entries[u] == 0:
                    touched[used] = u
                    used += 1
                entries[u] += 1
                longer[u] += b.steps[part] - least
        if meetings + used > room:
            room = 2 * (meetings + used)
            larger = np.empty((room, 4), np.int64)
            larger[:meetings] = listed[:meetings]
            listed = larger
        for c in range(used):
            u = touched[c]
            listed[meetings, 0], listed[meetings, 1] = u, f - low
            listed[meetings, 2], listed[meetings, 3] = longer[u], entries[u]
            longer[u], entries[u] = 0, 0
            met[u] += 1
            meetings += 1
    before = 0
    for u in range(visits):
        met[u], before = before, before + met[u]
    by_visit = np.empty((meetings, 3), np.int64)
    for c in range(meetings):
        at = met[listed[c, 0]]
        met[listed[c, 0]] = at + 1
        by_visit[at] = listed[c, 1:]
    return met, by_visit


@compiled
def add_up(met, queues, stored, least, longer, sent, found):
    """Steps and sent entries of the most loaded queue in a visit; `longer` and `sent` are zeros for all queues."""
    for c in range(len(met)):
        r = queues[met[c, 0]]
        longer[r] += met[c, 1]
        sent[r] += met[c, 2]
        found[COMPUTE] = max(found[COMPUTE], least * stored[r] + longer[r])
        found[DECODE] = max(found[DECODE], sent[r])
    for c in range(len(met)):
        longer[queues[met[c, 0]]], sent[queues[met[c, 0]]] = 0, 0


@compiled
def walk_rows(plan, tiles, a, b, visits):
    """Gustavson or the outer product of two operands that skip, shape [visits, 5] by the names above.

    An entry of A takes the steps of the part of B's row that it meets, and `plan.least` where it meets none: 1, or 0
    where columns of A that meet none are not sent, and so not decoded. By `balanced`, a row's work is the steps of its
    entries; where none takes longer than the least, all visits have the same queues.
    """
    found = np.zeros((visits, 5), np.int64)
    most_rows, tallest = 1, 1
    for t in range(tiles.height.size):
        most_rows = max(most_rows, a.rows.fibers_of[t + 1] - a.rows.fibers_of[t])
        tallest = max(tallest, tiles.height[t])
    room = min(plan.queues, tallest)
    work, order = np.zeros(most_rows, np.int64), np.empty(most_rows, np.int64)
    queue_of, usual = np.empty(most_rows, np.int64), np.empty(most_rows, np.int64)
    rows, loads, heap = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    usually, now, full = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    longer, sent = np.zeros(room, np.int64), np.zeros(room, np.int64)
    for t in range(tiles.height.size):
        base, h = tiles.first_visit[t], tiles.height[t]
        low, high, parts = a.rows.fibers_of[t], a.rows.fibers_of[t + 1], min(plan.queues, h)
        words = (tiles.width[t] + plan.mask_bits - 1) // plan.mask_bits if plan.mask_bits > 0 else 0
        ends, met = meetings_of(low, high, tiles.top[t], tiles.first_visit[t + 1] - base, plan.least, a, b)
        numbers, many = a.rows.number[low:high], high - low
        for f in range(low, high):
            work[f - low] = (a.rows.first[f + 1] - a.rows.first[f]) * plan.least
        deal(numbers, work, many, h, parts, plan.schedule, plan.evenly, usual, loads, rows, heap, order)
        hold(a.rows, low, high, usual, usually[:parts], full[:parts])
        most_usually = most_held(plan, usually[:parts], full[:parts], words)
        first = 0
        for u in range(ends.size):
            v, queues, stored, most = base + u, usual, usually, most_usually
            late = 0
            if plan.schedule == BALANCED:
                for c in range(first, ends[u]):
                    late += met[c, 1]
                    work[met[c, 0]] += met[c, 1]
                if late > 0:
                    queues, stored = queue_of, now
                    deal(numbers, work, many, h, parts, plan.schedule, plan.evenly, queues, loads, rows, heap, order)
                    hold(a.rows, low, high, queues, stored[:parts], full[:parts])
                    most = most_held(plan, stored[:parts], full[:parts], words)
                for c in range(first, ends[u]):
                    work[met[c, 0]] -= met[c, 1]
            found[v, COMPUTE], found[v, STORED], found[v, ROWS] = most[0], most[2], most[3]
            add_up(met[first : ends[u]], queues, stored, plan.least, longer, sent, found[v])
            if plan.least > 0:
                found[v, DECODE] = most[1]
            first = ends[u]
    return found
