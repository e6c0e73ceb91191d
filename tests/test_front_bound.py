"""An upper bound is the true front where one kernel is alone, and nothing gets beyond it where there are several."""

import numpy as np
import pytest

from dse import Box, Exhaustive, Gradient, MultiProblem, TooManyMachines, certify, hypervolume, upper_bound
from dse.problem.objectives import find_constraints, find_objectives
from experiments.compare_strategies import problem_of
from workloads.errors import InputError


@pytest.fixture(scope="module")
def two_kernels():
    return problem_of("network", smoke=True)


def in_order(objectives):
    return objectives[np.lexsort(objectives.T)]


def true_front(problem):
    return Exhaustive()(problem, budget=int(problem.encoding.size)).objectives


@pytest.fixture(scope="module")
def true(two_kernels):
    return true_front(two_kernels)


def test_one_kernel_is_bounded_by_its_true_front():
    problem = problem_of("graph", smoke=True)
    bound = upper_bound(problem)
    np.testing.assert_allclose(in_order(bound.objectives), in_order(true_front(problem)), rtol=1e-6)
    assert bound.designs == problem.encoding.size


def test_no_design_of_two_kernels_gets_beyond_the_bound(two_kernels, true):
    bound = upper_bound(two_kernels)
    for design in true:
        assert (bound.objectives <= design * (1 + 1e-6)).all(axis=1).any()
    box = Box.of(true)
    assert 1.0 - 1e-6 <= hypervolume(bound.objectives, box) / hypervolume(true, box) < 1.01
    assert bound.evaluations < two_kernels.encoding.size / 4  # sums, not products
    found = Gradient()(two_kernels, budget=200).objectives
    assert hypervolume(found, box) <= hypervolume(bound.objectives, box) * (1 + 1e-6)


def test_limits_bound_too(two_kernels, true):
    """The true front under a limit is what of the whole one is within it: it limits an objective."""
    limit = float(np.median(true[:, 2]))
    limited = two_kernels.changed(constraints=find_constraints({"area_mm2": limit}))
    bound = upper_bound(limited)
    assert len(bound.objectives)
    assert bound.objectives[:, 2].max() <= limit * (1 + 1e-5)
    within = true[true[:, 2] <= limit]
    assert 0 < len(within) < len(true)
    for design in within:
        assert (bound.objectives <= design * (1 + 1e-6)).all(axis=1).any()


def test_what_cannot_be_bounded_is_said(two_kernels):
    power = two_kernels.changed(objectives=find_objectives(("latency_s", "power_w")))
    several = MultiProblem(two_kernels, {"one": [0], "other": [1]})
    for problem in (power, several):
        with pytest.raises(InputError, match="grow with latency, energy and area"):
            upper_bound(problem)
    with pytest.raises(TooManyMachines, match="fix parameters"):
        upper_bound(two_kernels, most=10)
    own_model = two_kernels.changed(evaluate=lambda *parts, **numerics: None)
    with pytest.raises(InputError, match="your own model"):
        upper_bound(own_model)
    with pytest.raises(InputError, match="feasible"):
        certify(two_kernels, two_kernels.score(np.zeros((0, len(two_kernels.encoding.genes)), np.int32)), seconds=1.0)


def test_boxes_bound_the_true_front_ever_closer(two_kernels, true):
    """A front of a few designs is not dropped where better ones are; the gap falls to what kernels alone leave open."""
    rows = two_kernels.encoding.random(np.random.default_rng(0), 200)
    certificate = certify(two_kernels, two_kernels.score(rows), seconds=600.0, every=0.0)
    for design in true:
        assert (certificate.objectives <= design * (1 + 1e-6)).all(axis=1).any()
    gaps = [standing.gap for standing in certificate.history]
    assert (np.diff(gaps) <= 1e-9).all()
    assert certificate.proven
    box = Box.of(certificate.known)
    actual = 1.0 - hypervolume(certificate.known, box) / hypervolume(true, box)
    assert actual <= certificate.gap <= actual + 0.02
