"""Searches of other libraries on our problems: they see the same designs, and what they find is as good as it says."""

import numpy as np
import pytest

from dse import Box, Evolutionary, Exhaustive, hypervolume
from dse.strategies.tpe import Tpe
from experiments.compare_strategies import problem_of

BUDGET = 120


@pytest.fixture(scope="module")
def problem():
    return problem_of("graph", smoke=True)


@pytest.fixture(scope="module")
def true_front(problem):
    return Exhaustive()(problem, budget=int(problem.encoding.size)).objectives


@pytest.mark.parametrize("strategy", [Evolutionary(population=20), Tpe()], ids=["nsga2", "tpe"])
def test_foreign_searches_find_part_of_the_true_front(problem, true_front, strategy):
    result = strategy(problem, budget=BUDGET, seed=1)
    box = Box.of(true_front)
    assert 0 < result.evaluations <= BUDGET
    assert 0.1 * hypervolume(true_front, box) < hypervolume(result.objectives, box) <= hypervolume(true_front, box)
    scores = problem.score(result.genomes)
    assert scores.feasible.all()
    np.testing.assert_array_equal(scores.objectives, result.objectives)


def test_the_same_seed_gives_the_same_front(problem):
    first, second = (Evolutionary(population=20)(problem, budget=BUDGET, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.genomes, second.genomes)
