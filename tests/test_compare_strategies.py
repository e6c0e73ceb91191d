"""Searches of other libraries on our problems: they see the same designs, and what they find is as good as it says;
what is missed at equal seconds is said."""

import numpy as np
import pytest

from dse import Box, Evolutionary, Exhaustive, hypervolume
from dse.strategies.tpe import Tpe
from experiments.common.strategies.bars import failed
from experiments.common.strategies.report import report
from experiments.common.strategies.runs import Compared, Run
from experiments.common.strategies.spaces import Reference, problem_of, with_fronts

BUDGET = 120
SEARCHES = {
    "nsga2": Evolutionary(population=20),
    "nsga2_mapped": Evolutionary(population=10, mapped=True),
    "tpe": Tpe(),
}
FRONT = np.array([[1.0, 10.0], [10.0, 1.0]])


@pytest.fixture(scope="module", params=["graph", "network"])
def problem(request):
    return problem_of(request.param, smoke=True)


@pytest.fixture(scope="module")
def true_front(problem):
    return Exhaustive()(problem, budget=int(problem.encoding.size)).objectives


@pytest.mark.parametrize("strategy", SEARCHES.values(), ids=SEARCHES)
def test_foreign_searches_find_part_of_the_true_front(problem, true_front, strategy):
    result = strategy(problem, budget=BUDGET, seed=1)
    box = Box.of(true_front)
    assert 0.9 * BUDGET <= result.evaluations - len(result.genomes) <= BUDGET
    assert 0.1 * hypervolume(true_front, box) < hypervolume(result.objectives, box) <= hypervolume(true_front, box)
    scores = problem.score(result.genomes)
    assert scores.feasible.all()
    np.testing.assert_array_equal(scores.objectives, result.objectives)


@pytest.mark.parametrize("mapped", [False, True])
def test_the_same_seed_gives_the_same_front(problem, mapped):
    first, second = (Evolutionary(population=20, mapped=mapped)(problem, budget=BUDGET, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.genomes, second.genomes)


@pytest.mark.parametrize("budget", [7, 30])
def test_budgets_below_a_generation_are_kept(problem, budget):
    result = Evolutionary(mapped=True)(problem, budget=budget, seed=0)
    assert result.evaluations - len(result.genomes) <= budget


def compared(known: str, fronts: dict[tuple[str, int, float], np.ndarray]) -> Compared:
    """Two seeds, alike, of each strategy, budget and number of seconds."""
    runs = [
        Run("here", strategy, budget, seed, budget, seconds, 2 * seconds, front)
        for (strategy, budget, seconds), front in fronts.items()
        for seed in (0, 1)
    ]
    objectives = FRONT if known != "union" else np.zeros((0, 2))
    reference = with_fronts(Reference(known, objectives, 1000.0, 1.0), [run.front for run in runs])
    return Compared(runs, reference, "cpu_seconds")


def test_a_rival_is_compared_at_equal_seconds():
    found = compared(
        "bounded", {("gradient", 10, 2.0): FRONT, ("nsga2", 10, 1.0): 2 * FRONT, ("nsga2", 20, 4.0): FRONT}
    )
    half = np.median(found.shares("nsga2", 10))
    assert found.seconds("gradient", 10) == 4.0
    assert found.shares("gradient", 10).tolist() == [1.0, 1.0]
    assert 0 < half < 1
    np.testing.assert_allclose(found.within("nsga2", 4.0), (1 + half) / 2)  # half way by the log of seconds
    assert failed("here", found) == []
    assert "gradient is ahead of nsga2 in 2, level in 0 of 2 runs" in report(
        {"here": found}, ("latency_s", "energy_pj")
    )


@pytest.mark.parametrize(
    ("known", "behind", "fails"),
    [("bounded", 1.0005, 0), ("bounded", 1.05, 1), ("union", 1.0005, 1), ("union", 1.0, 0), ("enumerated", 1.05, 2)],
)
def test_what_is_behind_at_equal_seconds_fails(known, behind, fails):
    found = compared(known, {("gradient", 10, 2.0): behind * FRONT, ("tpe", 10, 2.0): FRONT})
    assert len(failed("here", found)) == fails


def test_a_rival_that_takes_longer_counts_with_the_largest_budget_only():
    slow = {("gradient", 10, 1.0): 1.05 * FRONT, ("gradient", 20, 2.0): FRONT, ("nsga2", 10, 8.0): FRONT}
    assert failed("here", compared("bounded", slow)) == []
    slow[("gradient", 20, 2.0)] = 1.05 * FRONT
    assert len(failed("here", compared("bounded", slow))) == 1
