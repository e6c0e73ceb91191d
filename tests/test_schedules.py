"""Schedules: the same hands as the reference deals, every item and its work in one of them, balanced never worst."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.schedule import deal as deal_reference

from hwmodels.design.choices import BALANCED, CYCLIC, ROW_BLOCKS, SCHEDULES
from hwmodels.simulator.schedules import deal
from workloads.statistics.load_balance import PARTITION_LEVELS, balanced_loads
from workloads.statistics.longest_first import deal_longest_first, most_work_first
from workloads.statistics.row_assignment import place_in_order

WORK = st.lists(st.integers(0, 9), min_size=1, max_size=40).map(lambda work: np.array(work, np.int64))
PARTS = st.integers(1, 9)


def dealt(work: np.ndarray, parts: int, schedule: int, evenly=False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part of each item; load and number of items of each part."""
    part_of, order = np.empty(work.size, np.int64), np.empty(work.size, np.int64)
    loads, counts, heap = (np.empty(parts, np.int64) for _ in range(3))
    items = np.arange(work.size)
    deal(items, work, work.size, work.size, parts, schedule, evenly, part_of, loads, counts, heap, order)
    return part_of, loads, counts


def most(work: np.ndarray, parts: int, schedule: int) -> int:
    return int(dealt(work, parts, schedule)[1].max())


@settings(max_examples=300, deadline=None)
@given(WORK, PARTS)
def test_hands_are_those_of_the_reference(work: np.ndarray, parts: int):
    for at, schedule in enumerate(SCHEDULES):
        part_of, loads, counts = dealt(work, parts, at)
        hands = deal_reference(work.tolist(), parts, schedule)
        assert [sorted(hand) for hand in hands] == [np.flatnonzero(part_of == part).tolist() for part in range(parts)]
        assert loads.tolist() == np.bincount(part_of, work, parts).tolist()
        assert counts.tolist() == np.bincount(part_of, minlength=parts).tolist()


@settings(max_examples=300, deadline=None)
@given(WORK, PARTS)
def test_balanced_is_never_worse_than_cyclic_and_near_the_best(work: np.ndarray, parts: int):
    """Longest processing time first is within 4/3 - 1/(3 P) of the best (Graham 1969)."""
    balanced = most(work, parts, BALANCED)
    assert balanced <= most(work, parts, CYCLIC)
    assert balanced <= most(work, parts, ROW_BLOCKS) * (4 / 3 - 1 / (3 * parts)) + 1e-9


@settings(max_examples=300, deadline=None)
@given(WORK, PARTS)
def test_no_part_gets_more_items_than_others_must(work: np.ndarray, parts: int):
    """The hands of the reference, where the sums of all items of a part are stored."""
    part_of, loads, counts = dealt(work, parts, BALANCED, evenly=True)
    hands = deal_reference(work.tolist(), parts, "balanced", range(work.size))
    assert [sorted(hand) for hand in hands] == [np.flatnonzero(part_of == part).tolist() for part in range(parts)]
    assert loads.tolist() == np.bincount(part_of, work, parts).tolist()
    assert counts.max() == -(-work.size // parts)


def test_rows_are_not_dealt_by_a_schedule_that_is_forgotten():
    """By the simulator, and by what counts the tables."""
    with pytest.raises(ValueError, match="not dealt by this schedule"):
        dealt(np.arange(5), 2, len(SCHEDULES))
    with pytest.raises(ValueError, match="not dealt by this schedule"):
        place_in_order(len(SCHEDULES), np.arange(5), 5, 5, 2, np.empty(5, np.int64))


def test_cyclic_dealing_is_taken_where_it_is_better():
    """Longest first deals 3 3 2 2 2 to two parts as 7 and 5; in this order, cyclic dealing gives 6 and 6."""
    work = np.array([2, 3, 2, 3, 2], np.int64)
    assert dealt(work, 2, BALANCED)[1].tolist() == [6, 6]


@settings(max_examples=300, deadline=None)
@given(WORK, st.integers(0, 5))
def test_tables_of_loads_deal_the_same(work: np.ndarray, level: int):
    """The statistics' largest load, that of dealing without names, and that of the dealing with them."""
    items, loads = np.ascontiguousarray(work[work > 0]), np.empty(PARTITION_LEVELS, np.int64)
    if items.size == 0:
        return
    balanced_loads(items, items.size, np.empty_like(items), np.empty(1 << PARTITION_LEVELS, np.int64), loads)
    order, part_of = np.empty_like(items), np.empty_like(items)
    held, counts, heap = (np.empty(1 << level, np.int64) for _ in range(3))
    busy = most_work_first(items, items.size, order)
    deal_longest_first(items, order, busy, 1 << level, part_of, held, counts, heap)
    assert loads[level] == held.max()
