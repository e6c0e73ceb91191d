"""Deal items (rows of a tile, or columns) to parts (queues, or lanes): row blocks, cyclic, balanced. Compiled.

docs/machine.md, section 5, is the law. Only `balanced` looks at the work of an item: it deals longest first, or
cyclically where, rarely, that leaves less to the most loaded part (`workloads.statistics.longest_first`). Items without
work go last.
"""

from hwmodels.design.choices import BALANCED, CYCLIC, ROW_BLOCKS
from workloads.cache.machine_code import compiled
from workloads.statistics.longest_first import deal_balanced, deal_within, most_work_first
from workloads.statistics.schedules import IN_ORDER


@compiled
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


@compiled
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


@compiled
def deal_in_order(items, work, many, size, parts, schedule, part_of, loads, counts):
    """Row blocks or cyclic dealing."""
    if schedule not in IN_ORDER:
        raise ValueError("rows are not dealt by this schedule")
    whole, rest = size // parts, size % parts
    carried = 0
    for part in range(parts):
        loads[part], counts[part] = 0, whole
        if schedule == ROW_BLOCKS:  # the ceiling of (part + 1) size / parts, less that of part size / parts
            carried += rest
            if carried > 0:
                counts[part] += 1
                carried -= parts
        elif part < rest:
            counts[part] += 1
    for at in range(many):
        part_of[at] = items[at] * parts // size if schedule == ROW_BLOCKS else items[at] % parts
        loads[part_of[at]] += work[at]


@compiled
def deal(items, work, many, size, parts, schedule, evenly, part_of, loads, counts, heap, order):
    """Deal `size` items, of which only the first `many` of the sorted `items` have work, `work[at]` of `items[at]`.

    `evenly`: by `balanced` no part gets more of the listed items than others must, and the others are not dealt.

    Writes the part of each listed item to `part_of`, and load and number of items of each part to `loads` and
    `counts`; these and `heap` have room for all parts, `order` for the listed items.
    """
    if schedule != BALANCED:
        deal_in_order(items, work, many, size, parts, schedule, part_of, loads, counts)
        return
    busy = most_work_first(work, many, order)
    if evenly:
        for at in range(many):
            if work[at] == 0:
                order[busy] = at
                busy += 1
        deal_within(work, order, many, parts, -(-many // parts), part_of, loads, counts, heap)
        return
    if not deal_balanced(items, work, many, order, busy, parts, part_of, loads, counts, heap):
        deal_in_order(items, work, many, size, parts, CYCLIC, part_of, loads, counts)
        return
    if busy < many:
        name_idle(items, work, many, parts, part_of, counts)
    deal_idle(size - busy, parts, counts)
