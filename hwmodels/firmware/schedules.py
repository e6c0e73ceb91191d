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
def assign_into(work, size, parts, schedule, part_of, loads, counts, heap):
    """Part of each of the first `size` items, into `part_of`; the load of each part into `loads`.

    `loads`, `counts` and `heap` are scratch of at least `parts` elements.
    """
    for part in range(parts):
        loads[part] = 0
    if schedule == 0:
        for item in range(size):
            part_of[item] = item * parts // size
            loads[part_of[item]] += work[item]
        return
    if schedule == 1:
        for item in range(size):
            part_of[item] = item % parts
            loads[part_of[item]] += work[item]
        return
    first_load = 0
    for item in range(size):  # what cyclic dealing would give
        loads[item % parts] += work[item]
    for part in range(parts):
        first_load = max(first_load, loads[part])
    for part in range(parts):
        loads[part] = 0
        counts[part] = 0
        heap[part] = part
    busy = 0
    for item in range(size):
        if work[item] > 0:
            busy += 1
    order = np.empty(busy, np.int64)
    busy = 0
    for item in range(size):
        if work[item] > 0:
            order[busy] = item
            busy += 1
    if busy > 1:
        keys = np.empty(busy, np.int64)
        for at in range(busy):
            keys[at] = -work[order[at]]
        order = order[np.argsort(keys, kind="mergesort")]
    for at in range(busy):
        item = order[at]
        part = heap[0]
        part_of[item] = part
        loads[part] += work[item]
        counts[part] += 1
        settle(loads, counts, heap, parts)
    most = 0
    for part in range(parts):
        most = max(most, loads[part])
    if first_load < most:
        for part in range(parts):
            loads[part] = 0
        for item in range(size):
            part_of[item] = item % parts
            loads[item % parts] += work[item]
        return
    if busy == size:
        return
    for item in range(size):
        if work[item] == 0:
            part = heap[0]
            part_of[item] = part
            counts[part] += 1
            settle(loads, counts, heap, parts)


@njit(cache=True, nogil=True)
def assign(work, parts, schedule):
    """Part of each item, shape [items]; `schedule` is a position in `SCHEDULES`, `work` whole numbers."""
    part_of = np.empty(work.size, np.int64)
    scratch = np.empty((3, parts), np.int64)
    assign_into(work, work.size, parts, schedule, part_of, scratch[0], scratch[1], scratch[2])
    return part_of
