"""Deal items (rows of a tile, or columns) to parts (PE rows, or lanes): row blocks, cyclic, balanced. Compiled.

docs/machine.md, section 4, is the law. Only `balanced` looks at the work of an item: longest processing time first
(Graham, SIAM J. Appl. Math. 1969), or cyclic dealing where, rarely, that leaves less to the most loaded part. Items
without work go last.
"""

import numpy as np
from numba import njit

ROW_BLOCKS, CYCLIC, BALANCED = 0, 1, 2
"""Positions in `hwmodels.design.choices.SCHEDULES`."""
FEW = 24
"""Items that are sorted by insertion, which needs no memory."""


@njit(cache=True, nogil=True)
def lighter(load, count, part, other_load, other_count, other_part):
    """Whether a part comes before another: less load, then fewer items, then the lower number."""
    if load != other_load:
        return load < other_load
    if count != other_count:
        return count < other_count
    return part < other_part


@njit(cache=True, nogil=True)
def settle(loads, counts, heap, size, at):
    """Move a part of a heap of parts down to its place."""
    part = heap[at]
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
def insert(loads, counts, line, at):
    """Move a part forward in a line of parts, the lightest first, to its place."""
    part = line[at]
    while at > 0:
        other = line[at - 1]
        if not lighter(loads[part], counts[part], part, loads[other], counts[other], other):
            break
        line[at] = other
        at -= 1
    line[at] = part


@njit(cache=True, nogil=True)
def deal_equal(order, place, end, load, parts, part_of, loads, counts, heap):
    """Give each of the equal items `order[place:end]` to the lightest part, as from a heap.

    Parts that are less than one item heavier than the lightest each get one before any of them gets a second, in order;
    then those that are still heavier may join them.
    """
    for last in range(parts - 1, 0, -1):  # the heap becomes a line of parts, the heaviest first, and is turned
        heap[0], heap[last] = heap[last], heap[0]
        settle(loads, counts, heap, last, 0)
    line = heap[:parts][::-1].copy()
    served, turn = 0, 0
    while place < end:
        while served < parts and loads[line[served]] < min(loads[line[0]], loads[line[served]]) + load:
            insert(loads, counts, line, served)
            served += 1
        turn = min(served, end - place)
        for at in range(turn):
            part_of[order[place + at]] = line[at]
            loads[line[at]] += load
            counts[line[at]] += 1
        place += turn
    for at in range(parts):
        heap[at] = line[at + turn] if at + turn < served else line[at + turn - served] if at < served else line[at]
    for at in range(served, parts):
        insert(loads, counts, heap, at)


@njit(cache=True, nogil=True)
def most_work_first(work, many, order):
    """List in `order` the items with work, those with most first and equals in their order; returns how many."""
    busy, most = 0, 0
    for at in range(many):
        if work[at] > 0:
            order[busy] = at
            busy += 1
            most = max(most, work[at])
    if busy <= FEW:
        for place in range(1, busy):
            item, hole = order[place], place
            while hole > 0 and work[order[hole - 1]] < work[item]:
                order[hole] = order[hole - 1]
                hole -= 1
            order[hole] = item
    elif most <= 4 * busy:
        place_of = np.zeros(most + 1, np.int64)
        for at in range(many):
            place_of[work[at]] += 1
        before = 0
        for load in range(most, 0, -1):
            before, place_of[load] = before + place_of[load], before
        for at in range(many):
            if work[at] > 0:
                order[place_of[work[at]]] = at
                place_of[work[at]] += 1
    else:
        keys = np.empty(busy, np.int64)
        for place in range(busy):
            keys[place] = (most - work[order[place]]) * many + order[place]
        keys.sort()
        for place in range(busy):
            order[place] = keys[place] % many
    return busy


@njit(cache=True, nogil=True)
def deal_busy(work, order, busy, parts, part_of, loads, counts, heap):
    """Longest processing time first: `order` lists the items that have work, those with most first."""
    for place in range(min(busy, parts)):
        part_of[order[place]], loads[place], counts[place] = place, work[order[place]], 1
    if busy <= parts:
        return
    for at in range(parts // 2 - 1, -1, -1):
        settle(loads, counts, heap, parts, at)
    place = parts
    while place < busy:
        load, end = work[order[place]], place + 1
        while end < busy and work[order[end]] == load:
            end += 1
        if end - place >= 2 * parts:
            deal_equal(order, place, end, load, parts, part_of, loads, counts, heap)
        else:
            for at in range(place, end):
                part = heap[0]
                part_of[order[at]] = part
                loads[part] += load
                counts[part] += 1
                settle(loads, counts, heap, parts, 0)
        place = end


@njit(cache=True, nogil=True)
def name_idle(items, work, many, parts, part_of, counts):
    """Parts of the listed items without work, as `deal_idle` deals them."""
    level, part, step, busy_before = 0, -1, -1, 0
    for at in range(many):
        if work[at] > 0:
            busy_before += 1
            continue
        while step < items[at] - busy_before:
            part += 1
            if part == parts:
                level, part = level + 1, 0
            step += counts[part] <= level
        part_of[at] = part


@njit(cache=True, nogil=True)
def deal_idle(idle, parts, counts):
    """Count so many items without work in: each goes to the part with fewest items (ties: the lower number)."""
    total, most = idle, 0
    for part in range(parts):
        total, most = total + counts[part], max(most, counts[part])
    low, high = 0, most
    if total // parts >= most:
        low = high = total // parts
    while low < high:  # the highest level that all parts can be raised to
        level, needed = (low + high + 1) // 2, 0
        for part in range(parts):
            needed += max(level - counts[part], 0)
        if needed <= idle:
            low = level
        else:
            high = level - 1
    for part in range(parts):
        idle -= max(low - counts[part], 0)
        counts[part] = max(low, counts[part])
    for part in range(parts):
        if idle > 0 and counts[part] == low:
            counts[part] += 1
            idle -= 1


@njit(cache=True, nogil=True)
def is_best(loads, largest, parts):
    """Whether no dealing leaves less to the most loaded part: it has the largest item, or no more than its share."""
    total, most = 0, 0
    for part in range(parts):
        total, most = total + loads[part], max(most, loads[part])
    return most <= max(largest, (total + parts - 1) // parts)


@njit(cache=True, nogil=True)
def most_of_cyclic(items, work, many, parts, scratch):
    """Largest load by cyclic dealing."""
    most = 0
    for part in range(parts):
        scratch[part] = 0
    for at in range(many):
        part = items[at] % parts
        scratch[part] += work[at]
        most = max(most, scratch[part])
    return most


@njit(cache=True, nogil=True)
def deal_in_order(items, work, many, size, parts, schedule, part_of, loads, counts):
    """Row blocks (0) or cyclic dealing (1)."""
    whole, rest = size // parts, size % parts
    carried = 0
    for part in range(parts):
        loads[part], counts[part] = 0, whole
        if schedule == 0:  # the ceiling of (part + 1) size / parts, less that of part size / parts
            carried += rest
            if carried > 0:
                counts[part] += 1
                carried -= parts
        elif part < rest:
            counts[part] += 1
    for at in range(many):
        part_of[at] = items[at] * parts // size if schedule == 0 else items[at] % parts
        loads[part_of[at]] += work[at]


@njit(cache=True, nogil=True)
def deal(items, work, many, size, parts, schedule, part_of, loads, counts, heap, order):
    """Deal `size` items, of which only the first `many` of the sorted `items` have work, `work[at]` of `items[at]`.

    Writes the part of each listed item to `part_of`, and load and number of items of each part to `loads` and
    `counts`; these and `heap` have room for all parts, `order` for the listed items.
    """
    if schedule != 2:
        deal_in_order(items, work, many, size, parts, schedule, part_of, loads, counts)
        return
    busy = most_work_first(work, many, order)
    for part in range(parts):
        loads[part], counts[part], heap[part] = 0, 0, part
    deal_busy(work, order, busy, parts, part_of, loads, counts, heap)
    if busy > parts and not is_best(loads, work[order[0]], parts):
        most = loads[:parts].max()
        if most_of_cyclic(items, work, many, parts, heap) < most:
            deal_in_order(items, work, many, size, parts, 1, part_of, loads, counts)
            return
    if busy < many:
        name_idle(items, work, many, parts, part_of, counts)
    deal_idle(size - busy, parts, counts)


@njit(cache=True, nogil=True)
def assign(work, parts, schedule):
    """Part of each item, shape [items]; `schedule` is a position in `SCHEDULES`, `work` whole numbers."""
    part_of = np.empty(work.size, np.int64)
    loads, counts, heap = np.empty(parts, np.int64), np.empty(parts, np.int64), np.empty(parts, np.int64)
    items, order = np.arange(work.size), np.empty(work.size, np.int64)
    deal(items, work, work.size, work.size, parts, schedule, part_of, loads, counts, heap, order)
    return part_of
