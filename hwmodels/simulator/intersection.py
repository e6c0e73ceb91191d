"""Steps of the intersection units, by their place in `INTERSECTIONS`: all that tells them apart. Compiled.

The steps of many pairs of fibers together are those of each, added up: `steps_of_pairs` is linear in all that is
counted of them. The walks of units that are `walked` are counted by `jumps` for a pair of fibers, by `add_drops` for
many.
"""

import numpy as np

from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER, SKIP_AHEAD, TWO_FINGER
from hwmodels.simulator.concrete_design import MASK_BITS
from workloads.cache.machine_code import compiled

SEEN_LOG2 = 2
SEEN_AT_ONCE = 1 << SEEN_LOG2
"""Coordinates of each side that a skip-ahead unit sees: it drops as many at once, the blocks of `add_drops`."""
WALK_ENDS = 2
"""Cycles in which a skip-ahead unit begins and ends a pair of fibers."""


@compiled
def steps_of_pairs(unit, pairs, a_entries, b_entries, matches, jumps, words):
    """Steps of pairs of non-empty fibers with so many entries, matches and jumps altogether.

    `words` are those of the bitmask of one fiber. More pairs or entries never take less.
    """
    if unit == TWO_FINGER:
        return a_entries + b_entries - matches + pairs
    if unit == LEADER_FOLLOWER:
        return a_entries
    if unit == SKIP_AHEAD:
        return WALK_ENDS * pairs + jumps
    if unit == BITMASK_AND:
        return pairs * words + matches
    return 0


@compiled
def steps_of_all_pairs(unit, rows, row_entries, columns, column_entries, matches, words):
    """Steps of each of so many non-empty rows against each of so many columns, of a unit that is not `walked`."""
    return steps_of_pairs(unit, rows * columns, row_entries * columns, rows * column_entries, matches, 0, words)


@compiled
def steps_of_union(unit, entries, length):
    """Steps in which a unit finds the union, of so many positions, of two fibers of some length."""
    if unit == BITMASK_AND:
        return (length + MASK_BITS - 1) // MASK_BITS + entries
    if unit == LEADER_FOLLOWER:
        return length
    return entries + 1


@compiled
def walked(unit):
    """Whether the steps are those of a walk along both fibers, which must be counted."""
    return unit == SKIP_AHEAD


@compiled
def fullest_decides(unit):
    """Whether, but for matches, the fullest queue and the lane with most columns take longest, whichever they are.

    So it is where the steps are those of the rows or of the entries of A alone, and matches save none.
    """
    return unit in (LEADER_FOLLOWER, BITMASK_AND)


@compiled
def jumps(left, left_at, left_end, right, right_at, right_end):
    """Steps over two sorted lists of coordinates, `left[left_at:left_end]` and the like, until either is at its end.

    Equal heads are a match; else the side with the smaller head drops as many of its next coordinates as are below the
    other's head and seen at once (Hegde et al., MICRO 2019).
    """
    count = 0
    while left_at < left_end and right_at < right_end:
        x, y, seen = left[left_at], right[right_at], 0
        count += 1
        if x < y:
            while left_at < left_end and seen < SEEN_AT_ONCE and left[left_at] < y:
                left_at, seen = left_at + 1, seen + 1
        elif y < x:
            while right_at < right_end and seen < SEEN_AT_ONCE and right[right_at] < x:
                right_at, seen = right_at + 1, seen + 1
        else:
            left_at, right_at = left_at + 1, right_at + 1
    return count


@compiled
def running_counts(first, end, position, rank, room):
    """Elements of fibers below each position that one of them has, [positions + 1, fibers] in the memory of `room`.

    `rank` of each position: positions below it that a fiber has.
    """
    rank[:] = 0
    for f in range(first.size):
        for p in range(first[f], end[f]):
            rank[position[p] + 1] = 1
    below = 0
    for k in range(rank.size):
        below += rank[k]
        rank[k] = below
    counts = room[: (below + 1) * first.size].reshape(below + 1, first.size)
    counts[:] = 0
    for f in range(first.size):
        for p in range(first[f], end[f]):
            counts[rank[position[p]] + 1, f] = 1
    for k in range(1, below + 1):
        counts[k] += counts[k - 1]
    return counts


@compiled
def add_drops(met, dropping, depth, with_matches, room, sums):
    """Add to `sums` [groups of `met`, groups of `dropping`] the steps in which fibers drop what lies before each
    element of the fibers that they meet, each of these with each of those; and one a match, if asked for.

    `met`, `dropping`: (first and last + 1 element of each fiber, group of each, positions of the elements, below
    `depth`); those that are met lie group by group. `room`: memory. A fiber drops between two elements of the other
    what it has there, some at once: that is the difference of two of its running counts, which are kept for a block
    of fibers at each position that one of them has.
    """
    (met_first, met_end, met_group, met_position), (first, end, group, position) = met, dropping
    rank, low = np.empty(depth + 2, np.int64), 0
    while low < first.size:
        held, high = 0, low
        while high < first.size:
            held += end[high] - first[high]
            if high > low and (min(depth, held) + 2) * (high - low + 1) > room.size:
                break
            high += 1
        fibers = high - low
        counts = running_counts(first[low:high], end[low:high], position, rank, room)
        steps = np.zeros(fibers, np.int32)
        for g in range(met_first.size):
            before = 0
            for p in range(met_first[g], met_end[g]):
                low_at, high_at, beyond = rank[before], rank[met_position[p]], rank[met_position[p] + 1]
                before = met_position[p] + 1
                if high_at > low_at:
                    for f in range(fibers):
                        dropped = np.int32(counts[high_at, f] - counts[low_at, f])
                        steps[f] += np.int32(np.int32(dropped + SEEN_AT_ONCE - 1) >> SEEN_LOG2)
                if with_matches and beyond > high_at:
                    for f in range(fibers):
                        steps[f] += np.int32(counts[beyond, f] - counts[high_at, f])
            if g + 1 == met_first.size or met_group[g + 1] != met_group[g]:
                for f in range(fibers):
                    sums[met_group[g], group[low + f]] += steps[f]
                    steps[f] = 0
        low = high
