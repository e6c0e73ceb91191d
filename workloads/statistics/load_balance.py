"""How evenly the rows of one tile can be dealt: load of the most loaded of 1, 2, 4, ... partitions, by schedule.

A tile is given by its non-empty rows: `local` (place in the tile, increasing) and `items` (load of each). Loads are
found for as many numbers of partitions as there is room for.
"""

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.longest_first import fullest_part

PARTITION_LEVELS = 15
"""Partition counts 1, 2, 4, ..., 16,384."""

FEW = 16
"""Rows up to which a tile is dealt or sorted by comparing them pairwise."""


@compiled
def _sort_descending(items, size, largest, ordered):
    """Sort into `ordered`, largest first: by insertion where items are few, by counting where they are small."""
    if size <= FEW:
        for i in range(size):
            hole = i
            while hole > 0 and ordered[hole - 1] < items[i]:
                ordered[hole] = ordered[hole - 1]
                hole -= 1
            ordered[hole] = items[i]
        return
    if largest < 4 * size:
        places = np.zeros(largest + 2, np.int64)
        for i in range(size):
            places[items[i]] += 1
        before = 0
        for value in range(largest, -1, -1):
            count = places[value]
            places[value] = before
            before += count
        for i in range(size):
            ordered[places[items[i]]] = items[i]
            places[items[i]] += 1
        return
    for i in range(size):
        ordered[i] = -items[i]
    ordered[:size].sort()
    for i in range(size):
        ordered[i] = -ordered[i]


@compiled
def balanced_loads(items, size, ordered, heap, loads):
    """Longest processing time first; `ordered` and `heap` are room to work in, as long as the items and as the most
    partitions."""
    total, first, second, ones, all_equal = np.int64(0), np.int64(0), np.int64(0), 0, True
    for i in range(size):
        x = items[i]
        total += x
        if x > first:
            second = first
            first = x
        elif x > second:
            second = x
        if x == 1:
            ones += 1
        if x != items[0]:
            all_equal = False
    is_sorted = False
    for level in range(loads.size):
        partitions = 1 << level
        if size <= partitions:
            loads[level] = first
        elif partitions == 1:
            loads[level] = total
        elif all_equal:
            loads[level] = first * ((size + partitions - 1) >> level)
        elif total + second * partitions <= first * partitions:
            loads[level] = first  # all others fit below the largest
        elif ones >= (partitions - 1) * first:
            loads[level] = max((total + partitions - 1) >> level, first)  # ones fill every dent
        else:
            if not is_sorted:
                _sort_descending(items, size, first, ordered)
                is_sorted = True
            loads[level] = fullest_part(ordered, size, total, partitions, heap, True)


@compiled
def block_loads(local, items, size, height, height_level, bins, row_bins, loads, row_loads):
    """Most load and most rows of contiguous row blocks: row i of a tile goes to partition i * P // height.

    `bins` and `row_bins` are room to work in, as long as the most partitions. The blocks of P partitions are pairs of
    those of 2 P, also where P does not divide the height.
    """
    top = min(loads.size - 1, height_level)
    whole = height == 1 << height_level
    if size <= FEW or size * top < 1 << top:
        for level in range(top + 1):
            most, most_rows = np.int64(0), np.int64(0)
            current, current_rows = np.int64(0), np.int64(0)
            part = np.int64(-1)
            for i in range(size):
                p = (local[i] << level) >> height_level if whole else (local[i] << level) // height
                if p != part:
                    current, current_rows, part = np.int64(0), np.int64(0), p
                current += items[i]
                current_rows += 1
                most = max(most, current)
                most_rows = max(most_rows, current_rows)
            loads[level] = most
            row_loads[level] = most_rows
            if most_rows == 1:
                top = level
                break
    else:
        bins[: 1 << top] = 0
        row_bins[: 1 << top] = 0
        for i in range(size):
            p = (local[i] << top) >> height_level if whole else (local[i] << top) // height
            bins[p] += items[i]
            row_bins[p] += 1
        _fold(bins, row_bins, top, True, loads, row_loads)
    for level in range(top + 1, loads.size):
        loads[level] = loads[top]
        row_loads[level] = row_loads[top]


@compiled
def cyclic_loads(local, items, size, height_level, bins, row_bins, loads, row_loads):
    """Most load and most rows when row i of a tile goes to partition i mod P; room to work in as in `block_loads`."""
    top = min(loads.size - 1, height_level)
    if size <= FEW:
        for level in range(top + 1):
            mask = (1 << level) - 1
            most, most_rows = np.int64(0), np.int64(0)
            for i in range(size):
                p = local[i] & mask
                current, current_rows = items[i], np.int64(1)
                for j in range(i):
                    if local[j] & mask == p:
                        current += items[j]
                        current_rows += 1
                most = max(most, current)
                most_rows = max(most_rows, current_rows)
            loads[level] = most
            row_loads[level] = most_rows
            if most_rows == 1:
                top = level
                break
    elif size * top < 1 << top:
        for level in range(top + 1):
            mask = (1 << level) - 1
            most, most_rows = np.int64(0), np.int64(0)
            for i in range(size):
                bins[local[i] & mask] = 0
                row_bins[local[i] & mask] = 0
            for i in range(size):
                p = local[i] & mask
                bins[p] += items[i]
                row_bins[p] += 1
                most = max(most, bins[p])
                most_rows = max(most_rows, row_bins[p])
            loads[level] = most
            row_loads[level] = most_rows
            if most_rows == 1:
                top = level
                break
    else:
        bins[: 1 << top] = 0
        row_bins[: 1 << top] = 0
        for i in range(size):
            p = local[i] & ((1 << top) - 1)
            bins[p] += items[i]
            row_bins[p] += 1
        _fold(bins, row_bins, top, False, loads, row_loads)
    for level in range(top + 1, loads.size):
        loads[level] = loads[top]
        row_loads[level] = row_loads[top]


@compiled
def _fold(bins, row_bins, top, neighbours, loads, row_loads):
    """Fullest of 2**top bins, then of half as many, down to one: neighbours join, or those half the bins apart."""
    for level in range(top, -1, -1):
        most, most_rows = np.int64(0), np.int64(0)
        for p in range(1 << level):
            most = max(most, bins[p])
            most_rows = max(most_rows, row_bins[p])
        loads[level] = most
        row_loads[level] = most_rows
        half = 1 << level >> 1
        if neighbours:
            for p in range(half):
                bins[p] = bins[2 * p] + bins[2 * p + 1]
                row_bins[p] = row_bins[2 * p] + row_bins[2 * p + 1]
        else:
            for p in range(half):
                bins[p] += bins[p + half]
                row_bins[p] += row_bins[p + half]
