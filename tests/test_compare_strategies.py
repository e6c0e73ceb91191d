"""Searches of other libraries on our problems: they see the same designs, and what they find is as good as it says;
what is missed at equal seconds is said."""

import numpy as np
import pytest

from dse import Box, Evolutionary, Exhaustive, hypervolume
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.tpe import Tpe
from experiments.common.strategies.bars import failed
from experiments.common.strategies.comparison import report_of
from experiments.common.strategies.runs import Compared, Run
from experiments.common.strategies.spaces import Reference, problem_of, with_fronts

SEARCHES = {
    "nsga2": (Evolutionary(population=20), 120),
    "nsga2_mapped": (Evolutionary(population=10, mapped=True), 600),
    "tpe": (Tpe(), 120),
}
"""With budgets; a machine takes a few evaluations."""
FRONT = np.array([[1.0, 10.0], [10.0, 1.0]])


@pytest.fixture(scope="module", params=["graph", "network"])
def problem(request):
    return problem_of(request.param, smoke=True)


@pytest.fixture(scope="module")
def true_front(problem):
    return Exhaustive()(problem, budget=int(problem.encoding.size)).objectives


@pytest.mark.parametrize(("strategy", "budget"), SEARCHES.values(), ids=SEARCHES)
def test_foreign_searches_find_part_of_the_true_front(problem, true_front, strategy, budget):
    result = strategy(problem, budget=budget, seed=1)
    box = Box.of(true_front)
    whole = hypervolume(true_front, box)
    assert 0.1 * whole < hypervolume(result.objectives, box) <= (1 + 1e-6) * whole
    scores = problem.score(result.genomes)
    assert scores.feasible.all()
    np.testing.assert_allclose(scores.objectives, result.objectives, rtol=1e-6)


@pytest.mark.parametrize("mapped", [False, True])
def test_the_same_seed_gives_the_same_front(problem, mapped):
    first, second = (Evolutionary(population=20, mapped=mapped)(problem, budget=300, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.genomes, second.genomes)


@pytest.mark.parametrize("budget", [7, 30, 120])
@pytest.mark.parametrize("name", SEARCHES)
def test_budgets_are_spent_and_kept(problem, name, budget):
    strategy, _ = SEARCHES[name]
    run = SearchRun(problem, budget, 0, False, name)
    strategy.search(run)
    assert budget - 6 <= run.spent <= budget  # what is left is not enough for one more machine


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
        "bounded", {("gradient", 10, 2.0): FRONT, ("nsga2", 10, 1.0): 1.1 * FRONT, ("nsga2", 20, 4.0): FRONT}
    )
    half = np.median(found.shares("nsga2", 10))
    assert found.seconds("gradient", 10) == 4.0
    assert found.shares("gradient", 10).tolist() == [1.0, 1.0]
    assert 0 < half < 1
    np.testing.assert_allclose(found.within("nsga2", 4.0), (1 + half) / 2)  # half way by the log of seconds
    assert failed("here", found) == []
    assert "gradient is ahead of nsga2 in 2, level in 0 of 2 runs" in report_of(
        "here", found, ("latency_s", "energy_pj")
    )


@pytest.mark.parametrize(
    ("known", "behind", "fails"),
    [("bounded", 1.0001, 0), ("bounded", 1.05, 1), ("union", 1.0001, 1), ("union", 1.0, 0), ("enumerated", 1.05, 2)],
)
def test_what_is_behind_at_equal_seconds_fails(known, behind, fails):
    found = compared(known, {("gradient", 10, 2.0): behind * FRONT, ("tpe", 10, 2.0): FRONT})
    assert len(failed("here", found)) == fails


def test_a_rival_that_takes_longer_counts_with_the_largest_budget_only():
    slow = {("gradient", 10, 1.0): 1.05 * FRONT, ("gradient", 20, 2.0): FRONT, ("nsga2", 10, 8.0): FRONT}
    assert failed("here", compared("bounded", slow)) == []
    slow[("gradient", 20, 2.0)] = 1.05 * FRONT
    assert len(failed("here", compared("bounded", slow))) == 1
