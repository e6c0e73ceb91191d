"""Items dealt to parts, those with most work first, each to the part that has least. Compiled.

Longest processing time first: Graham, SIAM J. Appl. Math. 17(2), 1969. `deal_longest_first` says who gets which item;
of parts that have equally little it takes that with fewer items, then the lower number (docs/machine.md, section 5);
`deal_within` limits the items of a part, `deal_balanced` prefers cyclic dealing where, rarely, that leaves less to the
fullest part. `fullest_part` knows only what parts hold, of any numbers, and stops when the fullest can no longer
change: the tables of loads are filled by it, up to 37 times as fast where few of 20,000 items outweigh the others.
"""

import numpy as np

from workloads.cache.machine_code import compiled

FEW = 24
"""Items that are sorted by insertion, which needs no memory."""


@compiled
def sift_down(heap, size, at, value):
    """Put `value` at or below place `at` of a min-heap."""
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@compiled
def fullest_part(ordered, size, total, parts, heap, whole):
    """Most that a part has of so many items, `ordered` from the largest, that sum up to `total`.

    `whole`: all items are whole numbers; `heap` is room for all parts.
    """
    if size <= parts:
        return ordered[0]
    for part in range(parts):
        heap[part] = ordered[parts - 1 - part]
    most = ordered[0]
    for at in range(parts, size):
        load = ordered[at]
        if total + load * parts <= most * parts:
            return most  # the least loaded is at most the mean: nothing that is left exceeds the fullest
        if whole and load <= 1:
            return max(most, (total + parts - 1) // parts)  # ones fill every dent
        load += heap[0]
        most = max(most, load)
        sift_down(heap, parts, 0, load)
    return most


@compiled
def lighter(load, count, part, other_load, other_count, other_part):
    """Whether a part comes before another: less load, then fewer items, then the lower number."""
    if load != other_load:
        return load < other_load
    if count != other_count:
        return count < other_count
    return part < other_part


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
def deal_longest_first(work, order, busy, parts, part_of, loads, counts, heap):
    """Give each of the items that `order` lists, those with most work first, to the lightest part.

    Writes the part of each item to `part_of`, and load and number of items of each part to `loads` and `counts`.
    """
    for part in range(parts):
        loads[part], counts[part], heap[part] = 0, 0, part
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


@compiled
def deal_within(work, order, many, parts, most, part_of, loads, counts, heap):
    """As `deal_longest_first`, but no part gets more than `most` items."""
    for part in range(parts):
        loads[part], counts[part], heap[part] = 0, 0, part
    open_parts = parts
    for place in range(many):
        item, part = order[place], heap[0]
        part_of[item] = part
        loads[part] += work[item]
        counts[part] += 1
        if counts[part] == most:
            open_parts -= 1
            heap[0] = heap[open_parts]
        settle(loads, counts, heap, open_parts, 0)


@compiled
def is_best(loads, largest, parts):
    """Whether no dealing leaves less to the most loaded part: it has the largest item, or no more than its share."""
    total, most = 0, 0
    for part in range(parts):
        total, most = total + loads[part], max(most, loads[part])
    return most <= max(largest, (total + parts - 1) // parts)


@compiled
def fullest_cyclic(items, work, many, parts, scratch):
    """Most that a part has if item `items[at]` goes to part `items[at]` mod P; `scratch` is room for all parts."""
    most = 0
    for part in range(parts):
        scratch[part] = 0
    for at in range(many):
        part = items[at] % parts
        scratch[part] += work[at]
        most = max(most, scratch[part])
    return most


@compiled
def deal_balanced(items, work, many, order, busy, parts, part_of, loads, counts, heap):
    """As `deal_longest_first`; returns False where cyclic dealing leaves less to the fullest part, and is to be taken.

    `order` lists the `busy` of the `many` items that have work, `work[at]` of `items[at]`.
    """
    deal_longest_first(work, order, busy, parts, part_of, loads, counts, heap)
    if busy <= parts or is_best(loads, work[order[0]], parts):
        return True
    return fullest_cyclic(items, work, many, parts, heap) >= loads[:parts].max()
