"""Laws that every model keeps, and the simulator's costs, at the edge of every family, in all dataflows.

`python -m fuzz.random_designs COUNT SEED` holds any number of designs on all such kernels to the same laws.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import DATAFLOWS_OF, WIDTH, evaluate_all
from fuzz.designs import in_words, on_lattice, random_designs, row
from fuzz.hard_kernels import FAMILIES
from fuzz.model_laws import MORE, SCENARIO, broken_laws
from scipy.sparse import csr_array

from dse import default_space, make_problem
from hwmodels.cost import AREA_COMPONENTS, COST_LEAVES, ENERGY_COMPONENTS, FITS, RESOURCES, Cost
from hwmodels.design.choices import DATAFLOWS
from hwmodels.simulator import simulate_kernel
from workloads import DensityKernel, InputError, SparseKernel, measure
from workloads.densities import Uniform
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.sddmm import SddmmKernel

SIDE = 32
DESIGNS = WIDTH // (len(MORE) - len(SCENARIO) + 1)
"""That fit one call, beside the same with more of each resource of the hardware."""
SIMULATED = 4
CLOSE = 0.05
"""Relative: what queues leave unused of the last step of lanes on k, and bursts, are known by their mean."""


@pytest.fixture(scope="module")
def cases() -> dict[str, tuple]:
    """A kernel at the edge of each family, all of one size, with its statistics."""
    odd = np.arange(SIDE) % 2 == 1
    left, right = csr_array(np.ones((SIDE, SIDE)) * ~odd), csr_array(np.ones((SIDE, SIDE)) * odd[:, None])
    column = csr_array(np.ones((SIDE, SIDE)) * (np.arange(SIDE) == SIDE - 1))
    found = {
        "dense_b": SparseKernel("full column", column, None, SIDE),
        "sparse_b": SparseKernel("nothing meets", left, right, SIDE),
        "sddmm": SddmmKernel("full", csr_array(np.ones((SIDE, SIDE))), 16),
        "elementwise": ElementwiseKernel("nothing meets", left, csr_array(right.T), "multiply"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        return {family: (kernel, measure(kernel)) for family, kernel in found.items()}


def costs_of(designs, statistics, tech):
    """Costs of designs, everything on the first axis and in NumPy."""
    last = jax.tree.map(lambda leaf: jnp.moveaxis(jnp.asarray(leaf), 0, -1), designs)
    return jax.tree.map(lambda leaf: np.moveaxis(np.asarray(leaf), -1, 0), evaluate_all(*last, statistics, tech))


def costs_with_more(designs, statistics, tech, of_scenario):
    """Costs of designs, and latencies of the same with each of `MORE` of the hardware and `of_scenario`."""
    hardware, mapping = designs
    machines = [hardware] + [MORE[name](hardware, tech)[0] for name in MORE if name not in SCENARIO]
    every = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[(machine, mapping) for machine in machines])
    cost = costs_of(every, statistics, tech)
    parts = np.split(cost.latency_s, len(machines))
    faster = dict(zip([name for name in MORE if name not in SCENARIO], parts[1:], strict=True))
    for name in of_scenario:
        faster[name] = costs_of(every, statistics, MORE[name](hardware, tech)[1]).latency_s[: len(parts[0])]
    return jax.tree.map(lambda leaf: leaf[: len(parts[0])], cost), faster


@pytest.mark.parametrize(("family", "dataflow"), DATAFLOWS_OF)
def test_every_law_holds_and_the_cost_is_the_simulators(family, dataflow, cases, tech):
    """At the edge of each family, where models have divided by nothing; the simulator is met on the lattice."""
    rng = np.random.default_rng([FAMILIES.index(family), DATAFLOWS.index(dataflow)])
    kernel, statistics = cases[family]
    designs = random_designs(rng, DESIGNS, dataflow, family, kernel.shape, small=True)
    cost, faster = costs_with_more(designs, statistics, tech, SCENARIO if dataflow == "gustavson" else ())
    for law, mask in broken_laws(cost, faster, *designs, float(np.prod(kernel.shape)), tech).items():
        assert not mask.any(), f"{law}: {in_words(*row(designs, int(np.argmax(mask))))}"
    exact = [at for at in range(DESIGNS) if on_lattice(row(designs, at)) and np.all(cost.fits[at, 1:3] <= 1)]
    assert exact
    for at in exact[:SIMULATED]:
        truth = simulate_kernel(*row(designs, at), kernel, tech).cost
        np.testing.assert_allclose(cost.cycles[at], truth.cycles, rtol=CLOSE, err_msg=str(in_words(*row(designs, at))))
        np.testing.assert_allclose(cost.energy_pj[at].sum(), truth.energy_pj.sum(), rtol=CLOSE)


def test_sizes_near_2_to_the_31_are_measured_and_cost_something_finite(tech):
    kernel = DensityKernel("huge", 2**31 - 1, 2**31 - 1, 2**31 - 1, Uniform(1.0), Uniform(1.0))
    designs = random_designs(np.random.default_rng(0), WIDTH, "gustavson", "sparse_b", (64, 64, 64), small=True)
    cost = costs_of(designs, measure(kernel), tech)
    broken = [
        name
        for name, leaf in zip(COST_LEAVES, jax.tree.leaves(cost), strict=True)
        if not np.all(np.isfinite(leaf) & (leaf >= 0))
    ]
    assert broken == []
    with pytest.raises(InputError, match="too few for statistics in closed form"):
        measure(DensityKernel("thin", 2**31, 2**31, 1, Uniform(2.0**-62)))


def test_no_number_is_an_error_that_names_the_kernel(cases, tech):
    """Not an infeasible design: a search would report the others as if nothing were wrong."""
    kernel, statistics = cases["dense_b"]
    named = dataclasses.replace(kernel, name="layer 7")
    sizes = {"resource_cycles": len(RESOURCES), "bound_cycles": len(RESOURCES), "fits": len(FITS)}
    sizes |= {"energy_pj": len(ENERGY_COMPONENTS), "area_mm2": len(AREA_COMPONENTS)}
    nowhere = [jnp.full((sizes[name],) if name in sizes else (), jnp.nan) for name in COST_LEAVES]
    space = default_space().fix(dataflow="gustavson")
    problem = make_problem(
        [named], space, tech, statistics=[statistics], evaluate=lambda *_, numerics: Cost.of_leaves(nowhere)
    )
    with pytest.raises(InputError, match=r"layer 7: .*NaN"):
        problem.score(problem.encoding.random(np.random.default_rng(0), 2))
