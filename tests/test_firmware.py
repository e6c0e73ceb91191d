"""Schedules: every non-zero in exactly one queue, the same hands as the reference deals, balanced never worst."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.schedule import deal
from scipy.sparse import csr_array

from hwmodels.design.choices import SCHEDULES
from hwmodels.simulator.queues import row_work, work_queues
from hwmodels.simulator.schedules import BALANCED, CYCLIC, ROW_BLOCKS, assign
from workloads import InputError

WORK = st.lists(st.integers(0, 9), min_size=1, max_size=40).map(lambda work: np.array(work, np.int64))
PARTS = st.integers(1, 9)


def loads(work: np.ndarray, parts: int, schedule: int) -> np.ndarray:
    return np.bincount(assign(work, parts, schedule), work, parts)


def test_positions_are_those_of_the_names():
    assert (SCHEDULES[ROW_BLOCKS], SCHEDULES[CYCLIC], SCHEDULES[BALANCED]) == ("row_blocks", "cyclic", "balanced")


@settings(max_examples=300, deadline=None)
@given(WORK, PARTS)
def test_hands_are_those_of_the_reference(work: np.ndarray, parts: int):
    for at, schedule in enumerate(SCHEDULES):
        part_of = assign(work, parts, at)
        hands = deal(work.tolist(), parts, schedule)
        assert [sorted(hand) for hand in hands] == [np.flatnonzero(part_of == part).tolist() for part in range(parts)]


@settings(max_examples=300, deadline=None)
@given(WORK, PARTS)
def test_balanced_is_never_worse_than_cyclic_and_near_the_best(work: np.ndarray, parts: int):
    """Longest processing time first is within 4/3 - 1/(3 P) of the best (Graham 1969)."""
    most = loads(work, parts, BALANCED).max()
    assert most <= loads(work, parts, CYCLIC).max()
    assert most <= loads(work, parts, ROW_BLOCKS).max() * (4 / 3 - 1 / (3 * parts)) + 1e-9


def test_cyclic_dealing_is_taken_where_it_is_better():
    """Longest first deals 3 3 2 2 2 to two parts as 7 and 5; in this order, cyclic dealing gives 6 and 6."""
    work = np.array([2, 3, 2, 3, 2], np.int64)
    assert loads(work, 2, BALANCED).tolist() == [6, 6]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31), PARTS, st.sampled_from(SCHEDULES), st.booleans())
def test_every_nonzero_is_in_one_queue(m: int, k: int, seed: int, parts: int, schedule: str, sparse_b: bool):
    rng = np.random.default_rng(seed)
    tile = csr_array(rng.uniform(1, 2, (m, k)) * (rng.random((m, k)) < 0.3))
    work = row_work(tile, rng.integers(0, 5, k) if sparse_b else None)
    queues = work_queues(tile, parts, schedule, work)
    assert len(queues) == parts
    assert sorted(np.concatenate([queue.rows for queue in queues]).tolist()) == list(range(m))
    rebuilt = np.zeros((m, k))
    for queue in queues:
        np.add.at(rebuilt, (queue.row, queue.column), queue.value)
        assert set(queue.row.tolist()) <= set(queue.rows.tolist())
    np.testing.assert_array_equal(rebuilt, tile.toarray())
    assert sum(len(queue.row) for queue in queues) == tile.nnz
    assert sum(queue.work for queue in queues) == work.sum()


def test_what_cannot_be_scheduled_is_refused():
    with pytest.raises(InputError, match=r"schedule 'random' is unknown; choose one of: row_blocks, cyclic, balanced"):
        work_queues(csr_array(np.eye(3)), 2, "random")
    with pytest.raises(InputError, match="pe_rows is 0"):
        work_queues(csr_array(np.eye(3)), 0, "cyclic")
