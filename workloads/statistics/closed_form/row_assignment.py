"""Rows dealt to parts: means of the fullest part from joint laws, and from rows drawn at random."""

import math

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.longest_first import fullest_part


@compiled
def mean_of_most(joint, at, stepped, mean, parts):
    """Mean load of the fullest of `parts` given the tile's number of non-zeros, [n].

    **Arguments**: `joint` [n, thresholds]: P(so many non-zeros, no part above each of `at`); `stepped`: loads lie
    on thresholds, else they are integers between; `mean` [n]: load of the tile, a bound from both sides.
    """
    found = np.empty(mean.size)
    last = at.size - 1
    for n in range(mean.size):
        whole = joint[n, last]
        total, before = at[last] + (0.0 if stepped else 0.5), 0.0
        for c in range(at.size):
            below = max(before, min(joint[n, c] / whole, 1.0)) if whole > 1e-30 else 1.0
            if stepped:
                if c < last:
                    total -= below * (at[c + 1] - at[c])
            elif c == 0:
                total -= 0.5 * below
            else:
                total -= 0.5 * (below + before) * (at[c] - at[c - 1])
            before = below
        found[n] = min(max(total, mean[n] / parts), max(mean[n], 1e-300))
    return found


@compiled
def mean_of_balanced(longest, at, mean, parts):
    """Mean of the larger of the largest row (law as in `mean_of_most`) and the mean of the parts, rounded up, [n]."""
    found = np.empty(mean.size)
    last = at.size - 1
    for n in range(mean.size):
        even = math.ceil(round(mean[n]) / parts - 1e-9)
        whole, total, before = longest[n, last], 0.0, 0.0
        for c in range(at.size):
            below = max(before, min(longest[n, c] / whole, 1.0)) if whole > 1e-30 and c < last else 1.0
            total += (below - before) * max(at[c], even)
            before = below
        found[n] = total
    return found


@compiled
def dealt_rows(rows, deviation, held, height):
    """Mean of ceil(non-empty rows / P) for numbers of rows near normal, [n, P]."""
    dealt = np.empty((rows.size, PARTITION_LEVELS))
    for n in range(rows.size):
        most = min(held[n], height * 1.0)
        for level in range(PARTITION_LEVELS):
            parts = 1 << level
            if parts == 1 or deviation[n] > 3 * parts:
                dealt[n, level] = rows[n] / parts + (1.0 - 1.0 / parts) / 2
                continue
            step = math.floor(max(rows[n] - 6 * deviation[n], 0.0) / parts)
            total = step
            while step * parts < min(most, rows[n] + 6 * deviation[n] + 1):
                if step == 0:
                    total += 1.0 if held[n] > 0.5 else 0.0
                else:
                    total += 0.5 * math.erfc((step * parts + 0.5 - rows[n]) / deviation[n] / math.sqrt(2.0))
                step += 1
            dealt[n, level] = total
    return dealt


@compiled
def dealt_longest_first(rows, parts):
    """Load of the fullest part when rows each go to the emptiest part, largest first or if better cyclic.

    **Arguments**: `rows` [samples, rows]. **Returns** its mean over the samples, and that of the larger of the largest
    row and the mean of the parts, rounded up.
    """
    dealt = least = 0.0
    heap = np.empty(parts)
    for sample in range(rows.shape[0]):
        ordered = np.sort(rows[sample])[::-1]
        total, cyclic = ordered.sum(), np.zeros(parts)
        for i in range(ordered.size):
            cyclic[i % parts] += rows[sample, i]
        dealt += min(fullest_part(ordered, ordered.size, total, parts, heap, False), cyclic.max())
        least += max(ordered[0], math.ceil(total / parts - 1e-9))
    return dealt / rows.shape[0], least / rows.shape[0]
