"""Two sparse matrices merged tile by tile, fiber by fiber: their intersection or their union. Compiled."""

import numpy as np
from numba import njit

from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER, SKIP_AHEAD, TWO_FINGER
from hwmodels.simulator.schedules import deal

OPERATIONS, STEPS, A_DECODE, B_DECODE, ALL_STEPS, RESULTS, MET = range(7)
"""Columns of what `merge` returns: of the most loaded lane, and of all; `MET`: positions with an entry of both."""


@njit(cache=True, nogil=True)
def jumps(left, left_at, left_end, right, right_at, right_end):
    """Jumps over two sorted lists of coordinates, `left[left_at:left_end]` and the like.

    The side that lags jumps to the other's coordinate or beyond it; landing on it is a match. Fibers that stand on the
    same coordinate match in one step. The walk ends when either fiber does (Hegde et al., MICRO 2019).
    """
    count = 0
    while left_at < left_end and right_at < right_end:
        x, y = left[left_at], right[right_at]
        count += 1
        if x < y:
            while left_at < left_end and left[left_at] < y:
                left_at += 1
        elif y < x:
            while right_at < right_end and right[right_at] < x:
                right_at += 1
        if left_at < left_end and right_at < right_end and left[left_at] == right[right_at]:
            left_at += 1
            right_at += 1
    return count


@njit(cache=True, nogil=True)
def jumps_of_hands(a, b, lanes, tile, part_range, hands, scratch, found):
    """`jumps` of every row of a tile of A over every column of the tiles of B that it meets, by lane and PE row.

    A walk takes one step for each match, and one for each time that the merged fibers change sides. So an element of B
    counts one if the row has an element between it and the one above in its column, and one if between it and the one
    below; where it is a match, one in all. Rows of B are taken from the last to the first. As many rows of A have an
    element in an interval as there are entries in it, less pairs of neighbours in it; these are kept in a tree of sums
    over A's columns (Fenwick, Software: Practice and Experience 1994).

    `a`, `b`, `lanes`: tuples of `sparse_operands`; `tile`: (number of A's tile, row of B that it meets first, its
    width); only visits in `part_range`, of which the first lane is the third number; `hands`: PE row of each row, rows
    of each PE row; `scratch`: memory. `found` has the shape [lanes, PE rows].
    """
    (t, top, w), (first_visit, end_visit, first_lane), (hand_of, full) = tile, part_range, hands
    rank_of, columns_before, tree, waiting = scratch
    parts, column, left, first_row = full.size, a.column, a.columns.fibers_of[t], a.rows.fibers_of[t]
    size = a.columns.fibers_of[t + 1] - left
    tree[: size + 1] = 0
    waiting[:], found[:] = 0, 0
    begun, not_done, between = waiting[0], waiting[1], waiting[2]
    begun[:] = full
    c = size - 1
    for k in range(w - 1, -1, -1):
        matched = c >= 0 and a.columns.number[left + c] == k
        columns_before[k] = c if matched else c + 1
        here = range(a.columns.first[left + c], a.columns.first[left + c + 1]) if matched else range(0)
        for e in here:
            i = a.row_of[a.columns.order[e]]
            begun[hand_of[i - first_row]] -= a.columns.order[e] == a.rows.first[i]
        for part in range(b.of_row[top + k], b.of_row[top + k + 1]):
            if b.rank[part] < first_visit or b.rank[part] >= end_visit:
                continue
            for q in range(b.first[part], b.end[part]):
                sums = found[lanes.of_entry[q] - first_lane]
                if b.above[q] < 0 and b.below[q] >= w:
                    for r in range(parts):
                        sums[r] += begun[r] + not_done[r]
                elif b.above[q] < 0:
                    for r in range(parts):
                        sums[r] += begun[r]
                elif b.below[q] >= w:
                    for r in range(parts):
                        sums[r] += not_done[r]
                if b.below[q] < w and columns_before[b.below[q]] > columns_before[k] + matched:
                    # for this element and the one below
                    between[:] = 0
                    i = columns_before[b.below[q]]
                    while i > 0:
                        node = tree[i]
                        for r in range(parts):
                            between[r] += node[r]
                        i -= i & -i
                    for r in range(parts):
                        sums[r] += 2 * between[r]
                for e in here:
                    p = a.columns.order[e]
                    i = a.row_of[p]
                    ahead = p > a.rows.first[i] and column[p - 1] > b.above[q]
                    behind = p + 1 < a.rows.first[i + 1] and column[p + 1] < b.below[q]
                    sums[hand_of[i - first_row]] += 1 - ahead - behind
        for e in here:
            p = a.columns.order[e]
            i = a.row_of[p]
            r = hand_of[i - first_row]
            add_to_tree(tree, c, r, size, 1)
            if p + 1 < a.rows.first[i + 1]:
                add_to_tree(tree, rank_of[column[p + 1]], r, size, -1)
            else:
                not_done[r] += 1
        c -= matched


@njit(cache=True, nogil=True)
def add_to_tree(tree, place, part, size, count):
    """Add to one part of a Fenwick tree of `size` places, each with a number for each part."""
    i = place + 1
    while i <= size:
        tree[i, part] += count
        i += i & -i


@njit(cache=True, nogil=True)
def union_steps(unit, entries, length):
    """Steps in which a unit finds the union of two fibers that holds so many positions."""
    if unit == BITMASK_AND:
        return (length + 63) // 64 + entries
    return entries + 1


@njit(cache=True, nogil=True)
def pair_steps(unit, a_entries, b_entries, matches, length):
    """Steps in which a unit other than skip-ahead intersects two fibers that are not empty."""
    if unit == TWO_FINGER:
        return a_entries + b_entries - matches + 1
    if unit == LEADER_FOLLOWER:
        return a_entries
    return (length + 63) // 64 + matches


@njit(cache=True, nogil=True)
def merge(plan, visits, a, b):
    """Merge the tiles `visits.a[v]` and `visits.b[v]` (-1: no entries) of each visit.

    Returns (quantities [V, 7] by the names above; number of the visit, fiber, position and value of each result).
    """
    found = np.zeros((visits.a.size, 7), np.int64)
    room = a.value.size + b.value.size if plan.union else min(a.value.size, b.value.size)
    of_visit, fiber_of = np.empty(room, np.int64), np.empty(room, np.int64)
    position_of, value_of = np.empty(room, np.int64), np.empty(room)
    results = 0
    extent = 1
    for v in range(visits.a.size):
        extent = max(extent, visits.fibers[v])
    number, work, hand_of = np.empty(extent, np.int64), np.empty(extent, np.int64), np.empty(extent, np.int64)
    order = np.empty(extent, np.int64)
    per_fiber = np.empty((4, extent), np.int64)
    rows, loads, heap = np.empty(plan.lanes, np.int64), np.empty(plan.lanes, np.int64), np.empty(plan.lanes, np.int64)
    per_lane = np.empty((4, plan.lanes), np.int64)
    for v in range(visits.a.size):
        at, bt, length = visits.a[v], visits.b[v], visits.length[v]
        f, f_end, g, g_end = 0, 0, 0, 0
        if at >= 0:
            f, f_end = a.fibers_of[at], a.fibers_of[at + 1]
        if bt >= 0:
            g, g_end = b.fibers_of[bt], b.fibers_of[bt + 1]
        many, before = 0, results
        while f < f_end or g < g_end:
            fiber = a.number[f] if f < f_end else visits.fibers[v]
            if g < g_end:
                fiber = min(fiber, b.number[g])
            p, p_end, q, q_end = 0, 0, 0, 0
            if f < f_end and a.number[f] == fiber:
                p, p_end = a.first[f], a.first[f + 1]
                f += 1
            if g < g_end and b.number[g] == fiber:
                q, q_end = b.first[g], b.first[g + 1]
                g += 1
            a_entries, b_entries = p_end - p, q_end - q
            if plan.unit == SKIP_AHEAD and plan.a_skips and not plan.union:
                skips = jumps(a.position, p, p_end, b.position, q, q_end) if plan.b_skips else a_entries
            else:
                skips = 0
            matches, nonzeros = 0, 0
            while p < p_end or q < q_end:
                x = a.position[p] if p < p_end else length
                y = b.position[q] if q < q_end else length
                left, right = 0.0, 0.0
                if x <= y:
                    left = a.value[p]
                    p += 1
                if y <= x:
                    right = b.value[q]
                    q += 1
                if x == y:
                    matches += 1
                nonzeros += (left != 0.0) + (right != 0.0)
                if (left != 0.0 and right != 0.0) or (plan.union and (left != 0.0 or right != 0.0)):
                    of_visit[results], fiber_of[results], position_of[results] = v, fiber, min(x, y)
                    value_of[results] = left + right if plan.union else left * right
                    results += 1
            found[v, MET] += matches
            number[many], work[many] = fiber, nonzeros
            a_full = a_entries if plan.a_skips else length
            b_full = b_entries if plan.b_skips else length
            both = matches if plan.a_skips and plan.b_skips else min(a_full, b_full)
            operations = a_full + b_full - both if plan.union else both
            steps = 0
            if plan.union and plan.a_skips and plan.b_skips:
                steps = union_steps(plan.unit, operations, length)
            elif not plan.union and plan.a_skips and a_full > 0 and b_full > 0:
                steps = skips if plan.unit == SKIP_AHEAD else pair_steps(plan.unit, a_full, b_full, both, length)
            words = (length + 63) // 64
            per_fiber[OPERATIONS, many], per_fiber[STEPS, many] = operations, steps
            per_fiber[A_DECODE, many] = (
                a_entries + (words if plan.a_bitmask and a_entries > 0 else 0) if plan.a_skips else 0
            )
            per_fiber[B_DECODE, many] = (
                b_entries + (words if plan.b_bitmask and b_entries > 0 else 0) if plan.b_skips else 0
            )
            found[v, ALL_STEPS] += steps
            many += 1
        found[v, RESULTS] = results - before
        deal(number[:many], work, many, visits.fibers[v], plan.lanes, plan.schedule, hand_of, loads, rows, heap, order)
        per_lane[:] = 0
        for c in range(many):
            for quantity in range(4):
                per_lane[quantity, hand_of[c]] += per_fiber[quantity, c]
        for lane in range(plan.lanes):
            for quantity in range(4):
                found[v, quantity] = max(found[v, quantity], per_lane[quantity, lane])
        if (plan.union and not (plan.a_skips and plan.b_skips)) or not (plan.a_skips or plan.b_skips):
            found[v, OPERATIONS] = (visits.fibers[v] + plan.lanes - 1) // plan.lanes * length  # every fiber, in full
    return (
        found,
        of_visit[:results].copy(),
        fiber_of[:results].copy(),
        position_of[:results].copy(),
        value_of[:results].copy(),
    )
