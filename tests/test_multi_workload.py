"""One accelerator for several workloads: means, worst cases and regrets, against sums made by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from dse import RandomSearch, default_space, make_problem
from dse.problem.multi_workload import MultiProblem, alone, regret, restricted, workload_objectives
from workloads.errors import InputError

ONE_EACH = {"dataflow": "gustavson", "schedule": "row_blocks", "loop_order": "mkn", "a_format": ["csr", "bitmask"]}
GROUPS = {"both": [0, 2], "even": [1]}
OBJECTIVES = ("latency_s", "edp_js", "area_mm2")


@pytest.fixture(scope="module")
def problem(kernels, measured, tech):
    skewed, even = kernels["dense_b"]
    three = [skewed, even, dataclasses.replace(even, name="again", repeats=40.0)]
    first, second = measured["dense_b"]
    workload = SimpleNamespace(name="small", kernels=three)
    tables = [first, second, second]
    space = default_space().fix(**ONE_EACH)
    return make_problem(workload, space, tech, objectives=OBJECTIVES, statistics=tables)


@pytest.fixture(scope="module")
def rows(problem):
    rows = problem.encoding.random(np.random.default_rng(0), 32)
    return rows[problem.score(rows).feasible]


def test_geometric_mean_of_workloads(problem, rows):
    plain, mean = problem.score(rows), MultiProblem(problem, GROUPS).score(rows)
    each = workload_objectives(plain, GROUPS, problem.objectives)
    latency = np.stack([plain.latency_s[:, [0, 2]].sum(axis=1), plain.latency_s[:, 1]], axis=1)
    np.testing.assert_allclose(each[:, :, 0], latency)
    np.testing.assert_allclose(mean.objectives[:, 0], np.sqrt(latency.prod(axis=1)))
    np.testing.assert_allclose(mean.objectives[:, 2], plain.area_mm2)
    np.testing.assert_array_equal(mean.violation, plain.violation)
    product = mean.latency_s.sum(axis=1) * mean.energy_pj.sum(axis=1) * 1e-12
    np.testing.assert_allclose(mean.objectives[:, 1], product, err_msg="scaled kernels add up to the mean")


def test_mean_of_one_workload_is_the_plain_problem(problem, rows):
    plain, mean = problem.score(rows), MultiProblem(problem, {"all": [0, 1, 2]}).score(rows)
    for name in ("objectives", "latency_s", "energy_pj", "area_mm2"):
        np.testing.assert_allclose(getattr(mean, name), getattr(plain, name), rtol=1e-12)


def test_size_of_a_workload_does_not_change_what_is_best_in_the_mean(problem, rows):
    larger = MultiProblem(problem, GROUPS)
    larger.repeats = problem.repeats * [1.0, 1000.0, 1.0]
    ratio = larger.score(rows).objectives[:, 0] / MultiProblem(problem, GROUPS).score(rows).objectives[:, 0]
    np.testing.assert_allclose(ratio, np.sqrt(1000.0))


def test_worst_case_is_the_largest_ratio(problem, rows):
    reference = np.array([[1e-6, 2e-12, 1.0], [1e-7, 1e-12, 1.0]])
    worst = MultiProblem(problem, GROUPS, reference).score(rows).objectives
    each = workload_objectives(problem.score(rows), GROUPS, problem.objectives)
    np.testing.assert_allclose(worst, np.maximum(each[:, 0] / reference[0], each[:, 1] / reference[1]))
    with pytest.raises(InputError, match="reference"):
        MultiProblem(problem, GROUPS, reference[:1])


def test_groups_share_out_the_kernels(problem):
    for groups in ({"a": [0, 1]}, {"a": [0, 1], "b": [1, 2]}, {"a": [0, 1, 2], "b": []}, {}):
        with pytest.raises(InputError, match="each to one workload"):
            MultiProblem(problem, groups)


def test_alone_a_workload_costs_the_same_but_for_what_only_others_use(problem, rows):
    designs = [problem.design(row) for row in rows]
    own = alone(problem, GROUPS["both"])
    assert [kernel.name for kernel in own.kernels] == ["skewed", "again"]
    mine = own.score_designs([restricted(design, GROUPS["both"]) for design in designs])
    whole = problem.score_designs(designs)
    np.testing.assert_allclose(mine.latency_s, whole.latency_s[:, [0, 2]], rtol=1e-6)
    assert (mine.area_mm2 <= whole.area_mm2 * (1 + 1e-6)).all()
    assert (mine.energy_pj <= whole.energy_pj[:, [0, 2]] * (1 + 1e-6)).all()


def test_regret_is_zero_at_the_own_optimum_and_never_below_it():
    own, area = np.array([[4.0, 9.0], [2.0, 5.0], [3.0, 1.0]]), np.array([1.0, 2.0, 3.0])
    found = regret(own, area, own, area)
    np.testing.assert_allclose(found, np.log([[1.0, 1.0], [1.0, 1.0], [1.5, 1.0]]))
    larger = regret(np.array([[4.0, 5.0]]), np.array([2.5]), own, area)
    np.testing.assert_allclose(larger, np.log([[2.0, 1.0]]))
    assert np.isnan(regret(own[:1], np.array([0.5]), own, area)).all(), "nothing so small is known"


def test_a_search_for_the_mean_finds_its_front(problem):
    many = MultiProblem(problem, GROUPS)
    result = RandomSearch()(many, budget=150, seed=0)
    assert len(result.genomes) >= 3
    assert result.evaluations <= 150
    np.testing.assert_allclose(many.score(result.genomes).objectives, result.objectives, rtol=1e-6)
