"""Two sparse matrices merged tile by tile, fiber by fiber: their intersection or their union. Compiled."""

import numpy as np

from hwmodels.simulator.intersection import jumps, steps_of_pairs, steps_of_union, walked
from hwmodels.simulator.schedules import deal
from workloads.cache.machine_code import compiled

OPERATIONS, STEPS, A_DECODE, B_DECODE, ALL_STEPS, RESULTS, MET = range(7)
"""Columns of what `merge` returns: of the most loaded lane, and of all; `MET`: positions with an entry of both."""


@compiled
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
    most = min(plan.lanes, extent)
    rows, loads, heap = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    per_lane = np.empty((4, most), np.int64)
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
            jumped = a_entries
            if walked(plan.unit) and plan.a_skips and plan.b_skips and not plan.union:
                jumped = jumps(a.position, p, p_end, b.position, q, q_end)
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
            steps, words = 0, (length + 63) // 64
            if plan.union and plan.a_skips and plan.b_skips:
                steps = steps_of_union(plan.unit, operations, length)
            elif plan.a_skips and plan.b_skips and a_full > 0 and b_full > 0:
                steps = steps_of_pairs(plan.unit, 1, a_full, b_full, both, jumped, words)
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
        parts = min(plan.lanes, visits.fibers[v])
        deal(
            number[:many], work, many, visits.fibers[v], parts, plan.schedule, False, hand_of, loads, rows, heap, order
        )
        per_lane[:, :parts] = 0
        for c in range(many):
            for quantity in range(4):
                per_lane[quantity, hand_of[c]] += per_fiber[quantity, c]
        for lane in range(parts):
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
