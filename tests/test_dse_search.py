"""Searches: fronts, budgets, seeds, and agreement with brute force, on a small machine made up for these tests."""

import dataclasses
import itertools
from types import SimpleNamespace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from dse import (
    Box,
    Evolutionary,
    Exhaustive,
    Gradient,
    RandomSearch,
    default_space,
    elasticities,
    hypervolume,
    knee,
    make_problem,
    nondominated,
)
from dse.problem.costed_design import total_cost
from hwmodels.cost import ENERGY_COMPONENTS, FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from workloads.errors import InputError

STRATEGIES = [Gradient(), RandomSearch(), Evolutionary(population=16)]


class Table(eqx.Module):
    m: Float[Array, ""]
    k: Float[Array, ""]
    n: Float[Array, ""]


class Pricing(eqx.Module):
    pj: Float[Array, ""]


def fake_evaluate(hardware, mapping, kernel, technology, *, numerics):
    """Work over parallelism, traffic that falls with tile sizes, area that grows with everything."""
    pes = hardware.pe_rows * hardware.pe_cols * hardware.lanes
    work = kernel.m * kernel.k * kernel.n * (1.0 - 0.9 * mapping.a_zero[2])
    steps = numerics.ceil(work / pes) * {"inner_product": 1.5, "gustavson": 1.0, "outer_product": 1.2}[mapping.dataflow]
    traffic = work * (1 / mapping.tile_m + 1 / mapping.tile_n) * (1 + mapping.loop_order[1])
    latency = numerics.max_of(steps, traffic / 16) * 1e-9
    area = 0.01 * pes + hardware.glb_bytes * 1e-6 + jnp.sum(hardware.a_formats) * 0.1 + jnp.sum(hardware.dataflows)
    energy = technology.pj * (work + 10 * traffic) + latency * 1e9 * area
    need = (mapping.tile_m * mapping.tile_k + mapping.tile_n * mapping.tile_k) / hardware.glb_bytes
    zero = jnp.zeros(())
    return Cost(
        latency_s=latency,
        cycles=latency * 1e9,
        resource_cycles=jnp.zeros(len(RESOURCES)),
        bound_cycles=jnp.zeros(len(RESOURCES)),
        energy_pj=jnp.zeros(len(ENERGY_COMPONENTS)).at[0].set(energy),
        area_mm2=jnp.zeros(9).at[0].set(area),
        utilization=zero + 0.5,
        computes=Computes(work, zero, zero, zero),
        traffic=Traffic(*[zero] * len(dataclasses.fields(Traffic))),
        actions=ActionCounts(*[zero] * len(dataclasses.fields(ActionCounts))),
        fits=jnp.zeros(len(FITS)).at[0].set(need),
    )


def fake_problem(kernels=1, objectives=("latency_s", "energy_pj", "area_mm2"), constraints=None, **fixes):
    names = [
        SimpleNamespace(name=f"k{i}", family="dense_b", m=128, k=64 * (i + 1), n=32, repeats=1.0 + i)
        for i in range(kernels)
    ]
    fixed = dict(
        glb_banks=16, index_bus_bits=64, value_bus_bits=256, pe_buffer_bytes=1024, accumulator_bytes=256, residency="b",
        columns_on="n", lanes_on="n",
        glb_bytes=[65536, 131072], loop_order=["mkn", "mnk"], a_format=["csr", "csc"], schedule="row_blocks",
        intersection="leader_follower", a_zero=["gate", "skip"], tile_k=[16, 64],
    )  # fmt: skip
    tables = [Table(*(jnp.float32(size) for size in (k.m, k.k, k.n))) for k in names]
    return make_problem(
        SimpleNamespace(name="made-up", kernels=names),
        default_space().fix(**(fixed | fixes)),
        Pricing(jnp.float32(0.5)),
        objectives=objectives,
        constraints=constraints,
        statistics=tables,
        evaluate=fake_evaluate,
    )


TINY = dict(pe_rows=[1, 4], pe_cols=[2, 8], lanes=1, tile_m=[16, 64], tile_n=[4, 32])


def test_exhaustive_equals_brute_force():
    problem = fake_problem(**TINY)
    result = Exhaustive(chunk=64)(problem, budget=10_000)
    encoding = problem.encoding
    columns = np.flatnonzero(encoding.radix > 1)
    rows = np.zeros((int(np.prod(encoding.radix[columns])), len(encoding.genes)), np.int32)
    rows[:, columns] = list(itertools.product(*(range(int(encoding.radix[c])) for c in columns)))
    designs = []
    for row in rows:
        try:
            designs.append(encoding.design(row).checked(problem.families))
        except InputError:
            continue
    scores = problem.score_designs(designs)
    good = scores.objectives[scores.feasible]
    front = good[nondominated(good)]
    np.testing.assert_allclose(result.objectives, front[np.lexsort(front.T[::-1])], rtol=1e-6)
    assert result.evaluations == len({str(d) for d in designs})


def test_exhaustive_refuses_what_it_cannot_finish():
    with pytest.raises(InputError, match="the budget is 100"):
        Exhaustive()(fake_problem(), budget=100)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("kernels", [1, 3])
def test_strategies_keep_their_promises(strategy, kernels):
    problem = fake_problem(kernels)
    result = strategy(problem, budget=400, seed=3)
    assert 0 < result.evaluations <= 400
    assert nondominated(result.objectives).all()
    assert (np.diff(result.objectives[:, 0]) >= 0).all()
    np.testing.assert_allclose(problem.score(result.genomes).objectives, result.objectives, rtol=1e-6)
    assert problem.score(result.genomes).feasible.all()
    again = problem.score_designs(problem.designs(result.genomes)).objectives
    np.testing.assert_allclose(again, result.objectives, rtol=1e-6)
    twin = strategy(fake_problem(kernels), budget=400, seed=3)
    np.testing.assert_array_equal(twin.genomes, result.genomes)
    box = Box.of(result.objectives)
    volumes = [hypervolume(front, box) for _, front in result.trace]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(volumes))


def test_gradient_finds_the_front_of_a_small_space():
    problem = fake_problem(lanes=[1, 4], pe_cols=[1, 4, 16, 64])
    exact = Exhaustive()(problem, budget=10**6)
    box = Box.of(exact.objectives)
    found = Gradient()(problem, budget=exact.evaluations // 20)
    assert hypervolume(found.objectives, box) >= 0.99 * hypervolume(exact.objectives, box)


def test_totals_are_sums_over_kernels_and_repeats():
    problem = fake_problem(3)
    row = problem.encoding.random(np.random.default_rng(0), 1)
    costs, total = problem.detail(problem.design(row[0]))
    score = problem.score(row)
    assert float(total.latency_s) == pytest.approx(
        sum((i + 1) * float(c.latency_s) for i, c in enumerate(costs)), rel=1e-5
    )
    assert float(total.latency_s) == pytest.approx(score.objectives[0, 0], rel=1e-5)
    assert float(total.total_energy_pj) == pytest.approx(score.objectives[0, 1], rel=1e-5)
    assert float(total.core_area_mm2) == pytest.approx(score.objectives[0, 2], rel=1e-5)
    assert float(total.utilization) == pytest.approx(0.5, rel=1e-5)
    idle = [eqx.tree_at(lambda c: (c.utilization, c.computes.effectual), c, (np.float32(0),) * 2) for c in costs]
    assert total_cost(idle, np.ones(3)).utilization == 0.0, "where nothing is effectual"


def test_constraints_hold_and_impossible_ones_are_told():
    problem = fake_problem(constraints={"area_mm2": 2.0})
    result = problem.require_feasible(RandomSearch()(problem, budget=300))
    assert (result.objectives[:, 2] <= 2.0 * (1 + 1e-4)).all()
    problem = fake_problem(constraints={"area_mm2": 0.5})
    result = Gradient()(problem, budget=200)
    assert len(result.genomes) == 0
    with pytest.raises(InputError, match=r"No design meets area_mm2 <= 0.5 mm2: the smallest found is"):
        problem.require_feasible(result)
    problem = fake_problem(glb_bytes=16, tile_k=64)
    with pytest.raises(InputError, match="glb need"):
        problem.require_feasible(RandomSearch()(problem, budget=50))


@pytest.mark.parametrize(
    ("objectives", "constraints", "part"),
    [((), {}, "at least one"), (("speed",), {}, "unknown"), (("area_mm2", "area_mm2"), {}, "twice"),
     (("area_mm2",), {"cost": 1.0}, "unknown"), (("area_mm2",), {"area_mm2": -1.0}, "positive")],
)  # fmt: skip
def test_bad_objectives_are_told(objectives, constraints, part):
    with pytest.raises(InputError, match=part):
        fake_problem(objectives=objectives, constraints=constraints)


def test_elasticities_are_finite_differences_of_the_smooth_model():
    problem = fake_problem(2, objectives=("energy_pj", "edp_js"))
    design = problem.design(problem.encoding.random(np.random.default_rng(5), 1)[0])
    table = elasticities(problem, design)
    larger = float(round(design.hardware["glb_bytes"] * 1.01))
    wider = type(design)({**design.hardware, "glb_bytes": larger}, design.mappings, design.kernels)
    values = problem.score_designs([design, wider]).objectives
    slopes = np.log(values[1] / values[0]) / np.log(larger / design.hardware["glb_bytes"])
    assert table["glb_bytes"]["energy_pj"] == pytest.approx(slopes[0], rel=0.02, abs=1e-4)
    assert table["glb_bytes"]["edp_js"] == pytest.approx(slopes[1], rel=0.02, abs=1e-4)
    assert set(table) >= {"pe_rows", "k0.tile_m", "k1.tile_n"}


def test_hypervolume_grows_with_the_front_and_is_one_corner_at_a_time():
    rng = np.random.default_rng(0)
    points = 10 ** rng.random((60, 3))
    box = Box.of(points)
    volumes = [hypervolume(points[:count], box) for count in range(1, 61)]
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(volumes))
    assert hypervolume(points[nondominated(points)], box) == pytest.approx(volumes[-1])
    square = Box(np.zeros(2), np.ones(2))
    assert hypervolume(np.array([[10**0.5, 10**0.25]]), square) == pytest.approx(0.5 * 0.75)
    assert hypervolume(np.zeros((0, 2)), square) == 0.0
    assert hypervolume(np.array([[0.01, 0.01]]), square) == 1.0


def test_nondominated_and_knee():
    points = np.array([[1.0, 9.0], [2.0, 2.0], [9.0, 1.0], [9.0, 9.0], [2.0, 2.0]])
    assert nondominated(points).sum() == 3
    assert knee(points[:3]) == 1
