"""Deal items (rows of a tile, or columns) to parts (PE rows, or lanes): row blocks, cyclic, balanced. Compiled.

docs/machine.md, section 4, is the law. Only `balanced` looks at the work of an item: longest processing time first
(Graham, SIAM J. Appl. Math. 1969), or cyclic dealing where, rarely, that leaves less to the most loaded part.
"""

import numpy as np
from numba import njit

ROW_BLOCKS, CYCLIC, BALANCED = 0, 1, 2
"""Positions in `hwmodels.choices.SCHEDULES`."""


@njit(cache=True, nogil=True)
def lighter(load, count, part, other_load, other_count, other_part):
    """Whether a part comes before another: less load, then fewer items, then the lower number."""
    if load != other_load:
        return load < other_load
    if count != other_count:
        return count < other_count
    return part < other_part


@njit(cache=True, nogil=True)
def settle(loads, counts, heap, size):
    """Move the root of a heap of parts down to its place."""
    part, at = heap[0], 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size:
            a, b = heap[child + 1], heap[child]
            if lighter(loads[a], counts[a], a, loads[b], counts[b], b):
                child += 1
        other = heap[child]
        if not lighter(loads[other], counts[other], other, loads[part], counts[part], part):
            break
        heap[at] = other
        at = child
    heap[at] = part


@njit(cache=True, nogil=True)
def deal_busy(work, many, parts, part_of, loads, counts, heap):
    """Longest processing time first for the listed items that have work; returns how many they are."""
    keys = np.empty(many, np.int64)
    busy, most = 0, 0
    for at in range(many):
        most = max(most, work[at])
    for at in range(many):
        if work[at] > 0:
            keys[busy] = (most - work[at]) * many + at
            busy += 1
    ordered = np.sort(keys[:busy])
    for place in range(busy):
        at = ordered[place] % many
        part = heap[0]
        part_of[at] = part
        loads[part] += work[at]
        counts[part] += 1
        settle(loads, counts, heap, parts)
    return busy


@njit(cache=True, nogil=True)
def deal_idle(items, work, many, idle, parts, part_of, loads, counts, heap):
    """Deal `idle` items without work, of which those listed have a place in `items`, after all that have work.

    They go in turn to the least loaded parts: first to those with fewer items, then, once these are level, around.
    """
    least, level = loads[heap[0]], 0
    for part in range(parts):
        if loads[part] == least:
            level = max(level, counts[part])
    steps, idlers = 0, 0
    for part in range(parts):
        if loads[part] == least:
            steps += level - counts[part]
            idlers += 1
    steps = min(steps, idle)
    first = np.empty(steps, np.int64)
    for step in range(steps):
        first[step] = heap[0]
        counts[heap[0]] += 1
        settle(loads, counts, heap, parts)
    around = np.empty(idlers, np.int64)
    idlers = 0
    for part in range(parts):
        if loads[part] == least:
            around[idlers] = part
            idlers += 1
    rest = idle - steps
    for turn in range(idlers):
        counts[around[turn]] += (rest - turn + idlers - 1) // idlers
    busy_before = 0
    for at in range(many):
        if work[at] > 0:
            busy_before += 1
        else:
            step = items[at] - busy_before
            part_of[at] = first[step] if step < steps else around[(step - steps) % idlers]


@njit(cache=True, nogil=True)
def deal(items, work, many, size, parts, schedule, part_of, loads, counts, heap):
    """Deal `size` items, of which only the first `many` of the sorted `items` have work, `work[at]` of `items[at]`.

    Writes the part of each listed item to `part_of`, and load and number of items of each part to `loads` and
    `counts`; these and `heap` have room for all parts.
    """
    for part in range(parts):
        loads[part] = 0
        if schedule == 0:
            counts[part] = ((part + 1) * size + parts - 1) // parts - (part * size + parts - 1) // parts
        else:
            counts[part] = (size - part + parts - 1) // parts if part < size else 0
    for at in range(many):
        part_of[at] = items[at] * parts // size if schedule == 0 else items[at] % parts
        loads[part_of[at]] += work[at]
    if schedule != 2:
        return
    cyclic = 0
    for part in range(parts):
        cyclic = max(cyclic, loads[part])
    for part in range(parts):
        loads[part], counts[part], heap[part] = 0, 0, part
    busy = deal_busy(work, many, parts, part_of, loads, counts, heap)
    most = 0
    for part in range(parts):
        most = max(most, loads[part])
    if most <= cyclic:
        deal_idle(items, work, many, size - busy, parts, part_of, loads, counts, heap)
        return
    for part in range(parts):
        loads[part] = 0
        counts[part] = (size - part + parts - 1) // parts if part < size else 0
    for at in range(many):
        part_of[at] = items[at] % parts
        loads[part_of[at]] += work[at]


@njit(cache=True, nogil=True)
def assign(work, parts, schedule):
    """Part of each item, shape [items]; `schedule` is a position in `SCHEDULES`, `work` whole numbers."""
    part_of = np.empty(work.size, np.int64)
    scratch = np.empty((3, parts), np.int64)
    items = np.arange(work.size)
    deal(items, work, work.size, work.size, parts, schedule, part_of, scratch[0], scratch[1], scratch[2])
    return part_of
