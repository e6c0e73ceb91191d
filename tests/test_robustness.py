"""Draws of constants, pricing under them, and what is concluded: laws, and agreement with evaluating anew."""

import dataclasses
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from dse import default_space, make_problem
from dse.analysis.robustness import (
    STATED,
    CountedDesigns,
    beaten_shares,
    draw_factors,
    front_shares,
    rank_correlations,
    uncertainty,
    winning_shares,
)
from hwmodels.cost import RESOURCES, core_area_mm2
from hwmodels.technology import Technology, constants_table, make_technology, scenario
from workloads.errors import InputError

TABLE = constants_table()
NAMES = [constant.name for constant in TABLE]
EACH = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
"""Exponents of latency, energy and area."""
ONE_EACH = {"dataflow": "gustavson", "schedule": "row_blocks", "loop_order": "mkn"}


@pytest.fixture(scope="module")
def tech():
    """One channel of DRAM, which binds for some designs."""
    return make_technology(scenario(dram_channels=1))


@pytest.fixture(scope="module")
def problem(kernels, measured, tech):
    renamed = [dataclasses.replace(kernel, repeats=1.0 + at) for at, kernel in enumerate(kernels["dense_b"])]
    workload = SimpleNamespace(name="small", kernels=renamed)
    return make_problem(workload, default_space().fix(**ONE_EACH), tech, statistics=measured["dense_b"])


@pytest.fixture(scope="module")
def designs(problem):
    rows = problem.encoding.random(np.random.default_rng(0), 60)
    fitting = problem.score(rows).feasible
    return [problem.design(row) for row in rows[fitting][:8]]


@pytest.fixture(scope="module")
def priced(problem, designs):
    return CountedDesigns(problem, designs)


def test_every_constant_has_an_uncertainty_and_every_stated_one_exists():
    known = uncertainty(TABLE)
    held = [name for name, factor in known.items() if factor <= 1]
    assert held == [constant.name for constant in TABLE if constant.name.endswith("_burst_bits")]
    assert set(STATED) <= set(known)
    assert uncertainty([TABLE[0]._replace(confidence="user")]) == {TABLE[0].name: 1.0}


def test_draws_have_the_stated_ranges_and_return_with_their_seed():
    factors = draw_factors(TABLE, 4000, seed=1)
    np.testing.assert_array_equal(factors, draw_factors(TABLE, 4000, seed=1))
    assert not np.array_equal(factors, draw_factors(TABLE, 4000, seed=2))
    ranges = np.log(list(uncertainty(TABLE).values()))
    within = (np.abs(np.log(factors)) <= ranges)[:, ranges > 0]
    np.testing.assert_allclose(within.mean(axis=0), 0.95, atol=0.02)
    assert (factors[:, ranges == 0] == 1.0).all()
    np.testing.assert_allclose(np.median(factors, axis=0), 1.0, atol=0.05)


def test_drawn_voltages_keep_their_order():
    values = dict(zip(NAMES, (draw_factors(TABLE, 4000, scale=1.5) * [c.value for c in TABLE]).T, strict=True))
    assert (values["threshold_ratio"] < values["supply_floor_ratio"]).all()
    assert (values["supply_floor_ratio"] < 1).all()
    assert (values["supply_ceiling_ratio"] > 1).all()
    assert values["alpha_power"].min() >= 1
    for count, scale in ((0, 1.0), (10, -1.0), (10, float("nan")), (10, 9.0)):
        with pytest.raises(InputError, match="give at least 1 draw"):
            draw_factors(TABLE, count, scale=scale)


def test_default_prices_are_those_of_the_evaluation(problem, designs, priced):
    found = priced.under(NAMES, np.ones((1, len(NAMES))))
    scores = problem.score_designs(designs)
    assert found.sound.all()
    expected = scores.latency_s.sum(axis=1), scores.energy_pj.sum(axis=1), scores.area_mm2
    for exponents, values in zip(EACH, expected, strict=True):
        np.testing.assert_allclose(found.values(exponents)[0], values, rtol=1e-5)
    totals = [costed.total for costed in problem.costed(designs)]
    np.testing.assert_allclose(found.bound_cycles[0], [total.bound_cycles for total in totals], rtol=1e-4, atol=1e-3)


def test_no_uncertainty_gives_no_spread(priced):
    found = priced.under(NAMES, draw_factors(TABLE, 5, scale=0.0))
    for values in (found.latency_s, found.energy_pj, found.area_mm2):
        assert np.ptp(values, axis=0).max() == 0


def test_pricing_equals_evaluating_anew(tech, problem, designs, priced):
    """To float32 but for the interpolation between bandwidths, which can only overestimate cycles, and by little."""
    factors = draw_factors(TABLE, 3, seed=3)
    found = priced.under(NAMES, factors)
    for draw, row in enumerate(factors):
        constants = {name: jnp.float32(tech.constants[name] * factor) for name, factor in zip(NAMES, row, strict=True)}
        drawn = problem.changed(technology=Technology(tech.scenario, constants))
        scores = drawn.score_designs(designs)
        np.testing.assert_allclose(core_area_mm2(found.area_mm2[draw]), scores.area_mm2, rtol=2e-5)
        ratio = found.latency_s[draw] / scores.latency_s.sum(axis=1)
        assert ratio.min() > 1 - 1e-5
        assert ratio.max() < 1.005
        np.testing.assert_allclose(found.energy_pj[draw].sum(axis=1), scores.energy_pj.sum(axis=1), rtol=2e-3)
        np.testing.assert_array_equal(found.sound[draw], scores.feasible)


def test_only_dram_changes_latency(priced):
    slower = np.ones((len(NAMES), len(NAMES))) + 0.1 * np.eye(len(NAMES))
    found = priced.under(NAMES, slower)
    assert found.bound_cycles[:, :, RESOURCES.index("dram")].max() > 0
    base = priced.under(NAMES, np.ones((1, len(NAMES)))).latency_s
    changed = {name for name, row in zip(NAMES, found.latency_s, strict=True) if not np.allclose(row, base, rtol=1e-6)}
    assert changed == {"dram_lpddr4_gbps", "dram_latency_ns"}
    with pytest.raises(InputError, match="bandwidth"):
        priced.under(["dram_lpddr4_gbps"], np.array([[9.0]]))


def test_what_misses_its_clock_wins_nothing(priced):
    found = priced.under(["clock_45nm_ghz"], np.array([[1.0], [0.5]]))
    assert found.sound.tolist() == [[True] * len(found.sound[0]), [False] * len(found.sound[0])]
    values = np.stack([found.values(exponents) for exponents in EACH], axis=2)
    assert front_shares(values).max() == 0.5
    assert winning_shares(values[:, :, 0]).sum() == 0.5


def test_shares_of_a_table_worked_out_by_hand():
    values = np.array([[1.0, 2.0, np.inf], [1.0, 0.5, 3.0], [2.0, 2.5, 1.0], [np.inf, np.inf, np.inf]])
    assert beaten_shares(values)[0].tolist() == [0.0, 0.5, 0.5]
    assert winning_shares(values).tolist() == [0.25, 0.25, 0.25]
    points = np.stack([values, values[:, ::-1]], axis=2)
    assert front_shares(points).tolist() == [0.25, 0.5, 0.25]


def test_rank_correlation_finds_what_matters():
    factors = draw_factors(TABLE, 2000, seed=4)
    found = rank_correlations(factors, factors[:, 3] ** 2 / factors[:, 5])
    strongest = np.argsort(-np.abs(found))[:2]
    assert set(strongest) <= {3, 5}
    assert found[3] > 0 > found[5]
    assert np.abs(np.delete(found, [3, 5])).max() < 0.1
    assert not rank_correlations(factors, np.ones(2000)).any()
