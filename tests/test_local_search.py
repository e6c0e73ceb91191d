"""Archives hold the best designs of one dataflow; a generation is shared out by what operators earn."""

import numpy as np
import pytest

from dse import Exhaustive, RandomSearch
from dse.strategies.archive import ParetoArchive, dataflow_archives
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.local_search import LocalSearch
from dse.strategies.random_search import sample
from experiments.compare_strategies import problem_of


@pytest.fixture(scope="module")
def problem():
    return problem_of("network", smoke=True)


@pytest.fixture
def run(problem):
    begun = SearchRun(problem, 600, 0, False, "test")
    sample(begun, 120)
    return begun


def test_an_archive_holds_what_uses_its_dataflow_in_every_kernel(problem):
    rows = problem.encoding.random(np.random.default_rng(0), 300)
    flows = [[m["dataflow"] for m in problem.design(row).mappings] for row in rows]
    for archive in dataflow_archives(problem.encoding):
        expected = [set(names) == {archive.dataflow} for names in flows]
        np.testing.assert_array_equal(archive.holds(rows), expected)
        assert any(expected)
        assert not all(expected)


def test_designs_drawn_together_share_a_dataflow(problem):
    rows = problem.encoding.random(np.random.default_rng(1), 200, together=True)
    assert np.any([archive.holds(rows) for archive in dataflow_archives(problem.encoding)], axis=0).all()


def test_archives_of_dataflows_are_the_best_of_theirs(run, problem):
    LocalSearch(run).improve(until=100)
    for archive in run.dataflow_archives:
        assert archive.holds(archive.rows).all()
        both = ParetoArchive(len(problem.encoding.genes))
        both.merge(archive.rows, archive.scores)
        assert len(both.rows) == len(archive.rows)  # none dominates another
        assert not both.merge(
            run.archive.rows[archive.holds(run.archive.rows)],
            run.archive.scores.take(np.flatnonzero(archive.holds(run.archive.rows))),
        )


def test_a_generation_spends_no_more_than_it_may(run):
    for until in (400, 250, 0):
        LocalSearch(run).improve(until=until)
        assert run.remaining == until
    assert run.spent == run.budget


def test_a_space_that_is_used_up_ends_the_search(problem):
    tiny = problem.changed(
        encoding=type(problem.encoding)(
            problem.encoding.space.fix(pe_rows=4, pe_cols=4, lanes=4, tile_n=16), problem.kernels
        )
    )
    whole = Exhaustive()(tiny, budget=int(tiny.encoding.size))
    found = RandomSearch()(tiny, budget=10 * int(tiny.encoding.size), seed=0)
    assert found.evaluations <= whole.evaluations
    np.testing.assert_allclose(found.objectives, whole.objectives, rtol=1e-6)
