"""Expected load of the fullest of parts of a tile whose non-zeros lie on unlike numbers of cells.

Given the non-zeros of a tile, those on some of its cells are hypergeometric; parts count as independent of each other.
"""

import math

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.schedules import CYCLIC, IN_ORDER, ROW_BLOCKS, SCHEDULES

STEPS = 40
"""Loads at which the chance that no part holds more is taken."""
FEW_CELLS = 64
"""Cells up to which the law is followed exactly; above, it counts as normal."""


@compiled
def none_on(cells, held, total):
    """P(no non-zero on `cells` of `total` cells, `held` of which are non-zeros)."""
    if held <= 0.0:
        return 1.0
    if cells > FEW_CELLS:
        base = 1.0 - held / max(total - (cells - 1.0) / 2.0, held)
        return base**cells if base > 0.0 else 0.0
    chance = 1.0
    for t in range(int(cells)):
        chance *= max(1.0 - held / max(total - t, 1.0), 0.0)
    return chance


@compiled
def _at_most(at, cells, held, total):
    """P(at most so many non-zeros on the cells)."""
    if at >= min(cells, held):
        return 1.0
    mean = held * cells / total
    variance = mean * (1.0 - held / total) * (total - cells) / max(total - 1.0, 1.0)
    chance = none_on(cells, held, total) if cells <= FEW_CELLS else 0.0
    if chance <= 0.0:
        if variance < 1e-9:
            return 1.0 if mean <= at + 0.5 else 0.0
        return 0.5 * math.erfc((mean - at - 0.5) / math.sqrt(2.0 * variance))
    found = chance
    for x in range(int(at)):
        chance *= (cells - x) * max(held - x, 0.0) / ((x + 1.0) * max(total - cells - held + x + 1.0, 1e-9))
        found += chance
    return min(found, 1.0)


@compiled
def fullest_by_cells(cells, sure, held, total):
    """Mean load of the fullest part; parts hold `sure` non-zeros, and of `held` others those on `cells` of `total`."""
    low = high = 0.0
    for p in range(cells.size):
        mean = held * cells[p] / max(total, 1e-300)
        deviation = math.sqrt(mean * (1.0 - held / max(total, 1e-300)) if held < total else 0.0)
        low = max(low, sure[p] + mean - 5.0 * deviation - 1.0)
        high = max(high, sure[p] + min(mean + 6.0 * deviation + 3.0, cells[p], held))
    # The parts are not independent in that the fullest holds at least the mean.
    least = math.ceil((sure.sum() + held) / cells.size - 1e-9)
    low, high = max(math.floor(max(low, 0.0)), least - 1.0), math.ceil(high - 1e-9)
    step = max(1.0, math.ceil((high - low) / STEPS))
    most, at, impossible = low, low, 0.0
    while at < high:
        none_above = 1.0
        for p in range(cells.size):
            if sure[p] + cells[p] > at and none_above > 0.0:
                room = at + (step - 1.0) / 2 - sure[p]
                none_above *= _at_most(room, cells[p], held, total) if room >= 0.0 else 0.0
        if at < least:
            impossible, none_above = min(none_above, 0.999), 0.0
        else:
            none_above = max(none_above - impossible, 0.0) / (1.0 - impossible)
        most += min(step, high - at) * (1.0 - none_above)
        at += step
    return most


@compiled
def _most_rows(some, rows):
    """Mean of the largest number of non-empty rows, of parts with so many rows and each such a mean share of them."""
    high = rows.max()
    low = 0.0
    for p in range(rows.size):
        low = max(low, rows[p] * some[p] - 5.0 * math.sqrt(rows[p] * some[p] * (1.0 - some[p])) - 1.0)
    low = math.floor(max(low, 0.0))
    step = max(1.0, math.ceil((high - low) / STEPS))
    found, at, impossible = low, low, 0.0
    while at < high:
        none_above = 1.0
        for p in range(rows.size):
            if rows[p] > at and none_above > 0.0:
                none_above *= _binomial_at_most(at + (step - 1.0) / 2, rows[p], some[p])
        if at < 1.0 and (some * rows).sum() > 0.5:
            impossible, none_above = min(none_above, 0.999), 0.0
        else:
            none_above = max(none_above - impossible, 0.0) / (1.0 - impossible)
        found += min(step, high - at) * (1.0 - none_above)
        at += step
    return found


@compiled
def _binomial_at_most(at, trials, share):
    if at >= trials:
        return 1.0
    if share >= 1.0 - 1e-9:
        return 0.0
    if trials > FEW_CELLS:
        deviation = math.sqrt(trials * share * (1.0 - share)) + 1e-9
        return 0.5 * math.erfc((trials * share - at - 0.5) / deviation / math.sqrt(2.0))
    chance = (1.0 - share) ** trials
    found = chance
    for x in range(int(at)):
        chance *= (trials - x) * share / ((x + 1.0) * (1.0 - share))
        found += chance
    return min(found, 1.0)


@compiled
def fullest_parts(cells, diagonal, weight, place, height, held):
    """Fullest of 1, 2, 4, ... parts by non-empty rows and by non-zeros, dealt `IN_ORDER`; NaN by other schedules.

    Lines of `cells` cells, one of them sure to be a non-zero where `diagonal` is 1, each stand for `weight` rows;
    `held`: numbers of other non-zeros. **Returns** [held, 2, schedules, P], the longest row [held], P(row not empty)
    [held, L].
    """
    lines = cells.size
    found, longest = np.full((held.size, 2, len(SCHEDULES), PARTITION_LEVELS), np.nan), np.zeros(held.size)
    some = np.ones((held.size, lines))
    free = (cells - diagonal) * 1.0
    total = (free * weight).sum()
    for n in range(held.size):
        longest[n] = fullest_by_cells(free, diagonal, held[n], total)
        for i in range(lines):
            if diagonal[i] < 0.5:
                some[n, i] = 1.0 - none_on(cells[i] * 1.0, held[n], total)
    last = place[lines - 1] - place[0] + 1
    for way in IN_ORDER:
        for level in range(PARTITION_LEVELS):
            parts = 1 << level
            part = np.empty(lines, np.int64)
            number = 0
            slot = np.full(parts, -1, np.int64)
            for i in range(lines):
                p = min(place[i] * parts // height, parts - 1) if way == ROW_BLOCKS else place[i] % parts
                if slot[p] < 0:
                    slot[p] = number
                    number += 1
                part[i] = slot[p]
            on, sure, rows = np.zeros(number), np.zeros(number), np.zeros(number)
            for i in range(lines):
                on[part[i]] += free[i] * weight[i]
                sure[part[i]] += diagonal[i] * weight[i]
                rows[part[i]] += weight[i]
            for n in range(held.size):
                filled = np.zeros(number)
                for i in range(lines):
                    filled[part[i]] += some[n, i] * weight[i]
                if level == 0:
                    found[n, 0, way, 0], found[n, 1, way, 0] = filled[0], sure[0] + held[n]
                else:
                    most = fullest_by_cells(on, sure, held[n], total)
                    found[n, 1, way, level] = most
                    found[n, 0, way, level] = min(_most_rows(filled / rows, rows), most)
            if (way == ROW_BLOCKS and parts >= height) or (way == CYCLIC and parts >= last):
                for after in range(level + 1, PARTITION_LEVELS):
                    found[:, :, way, after] = found[:, :, way, level]
                break
    return found, longest, some


@compiled
def widest_parts(cells, diagonal, weight, place, height, share):
    """Of the parts dealt `IN_ORDER`, those that are expected to hold most: [2, schedules, P, 4], rows and non-zeros.

    Lines as for `fullest_parts`. Each holds what is sure, the mean and variance of what else it has where every other
    cell is a non-zero with the chance `share`, and the number of parts that hold as much.
    """
    found = np.zeros((2, len(SCHEDULES), PARTITION_LEVELS, 4))
    lines = cells.size
    held = np.zeros((2, lines, 3))
    for way in IN_ORDER:
        for level in range(PARTITION_LEVELS):
            parts = min(1 << level, height)
            slot, number = np.full(parts, -1, np.int64), 0
            room = math.ceil(height / parts)
            for i in range(lines):
                p = place[i] * parts // height if way == ROW_BLOCKS else place[i] % parts
                if slot[p] < 0:
                    slot[p], number = number, number + 1
                    held[:, slot[p]] = 0.0
                rows = min(weight[i], room)
                free, some = cells[i] - diagonal[i], 1.0 - (1.0 - share) ** cells[i]
                sure, maybe = diagonal[i] * rows, (1.0 - diagonal[i]) * rows
                held[0, slot[p]] += np.array([sure, maybe * some, maybe * some * (1.0 - some)])
                held[1, slot[p]] += np.array([sure, free * share * rows, free * share * (1.0 - share) * rows])
            for kind in range(2):
                most, ties = -1.0, 0
                for p in range(number):
                    whole = held[kind, p, 0] + held[kind, p, 1]
                    if whole > most + 1e-6:
                        most, ties = whole, 0
                        found[kind, way, level, :3] = held[kind, p]
                    if whole > most - 1e-6:
                        ties += 1
                found[kind, way, level, 3] = ties
            if parts == height:
                for after in range(level + 1, PARTITION_LEVELS):
                    found[:, way, after] = found[:, way, level]
                break
    return found
