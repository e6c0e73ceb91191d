"""Laws that every model keeps, and the simulator's costs, on the kernels at the edges: all families and dataflows.

`python tests/fuzz/random_designs.py COUNT SEED` holds any number of designs on all such kernels to the same laws.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import WIDTH, evaluate_all
from fuzz.designs import in_words, on_lattice, random_designs, row
from fuzz.hard_kernels import FAMILIES, hard_kernels, huge_kernels
from fuzz.model_laws import MORE, SCENARIO, broken_laws

from dse import default_space, make_problem
from hwmodels import evaluate
from hwmodels.analytical.accounting import PIPELINE_STAGES
from hwmodels.design.choices import DATAFLOWS
from hwmodels.simulator import simulate_kernel
from workloads import DensityKernel, InputError, SparseKernel, measure
from workloads.densities import Uniform
from workloads.statistics.measurement import with_shared_shapes

CASES = [(family, dataflow) for family in FAMILIES for dataflow in DATAFLOWS]
HARDEST = {
    "dense_b": ("full column, n 64", "random 0"),
    "sparse_b": ("empty product", "row by full", "random 0"),
    "sddmm": ("last entry", "random 0"),
    "elementwise": ("last entry and its mirror, multiply", "random 0, add"),
}
DESIGNS = WIDTH // (len(MORE) - len(SCENARIO) + 1)
"""That fit one call, beside the same with more of each resource of the hardware."""
SIMULATED = 3


@pytest.fixture(scope="module")
def cases() -> dict[str, list]:
    """Kernels and statistics of each family."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        for family, names in HARDEST.items():
            kernels = [kernel for kernel in hard_kernels(family, seed=0, count=1) if kernel.name in names]
            assert len(kernels) == len(names)
            found[family] = list(zip(kernels, with_shared_shapes([measure(one) for one in kernels]), strict=True))
    return found


def costs_of(designs, statistics, tech):
    """Costs of designs, everything on the first axis and in NumPy."""
    last = jax.tree.map(lambda leaf: jnp.moveaxis(jnp.asarray(leaf), 0, -1), designs)
    return jax.tree.map(lambda leaf: np.moveaxis(np.asarray(leaf), -1, 0), evaluate_all(*last, statistics, tech))


def costs_with_more(designs, statistics, tech):
    """Costs of designs, and latencies of the same with each of `MORE`."""
    hardware, mapping = designs
    machines = [hardware] + [MORE[name](hardware, tech)[0] for name in MORE if name not in SCENARIO]
    every = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[(machine, mapping) for machine in machines])
    cost = costs_of(every, statistics, tech)
    parts = np.split(cost.latency_s, len(machines))
    faster = dict(zip([name for name in MORE if name not in SCENARIO], parts[1:], strict=True))
    for name in SCENARIO:
        faster[name] = costs_of(every, statistics, MORE[name](hardware, tech)[1]).latency_s[: len(parts[0])]
    return jax.tree.map(lambda leaf: leaf[: len(parts[0])], cost), faster


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_every_law_holds_and_hard_kernels_cost_what_they_do_in_the_simulator(family, dataflow, cases, tech):
    rng = np.random.default_rng([FAMILIES.index(family), DATAFLOWS.index(dataflow)])
    fill = float(tech.dram_latency_ns() * tech.scenario.clock_ghz) + PIPELINE_STAGES
    for kernel, statistics in cases[family]:
        designs = random_designs(rng, DESIGNS, dataflow, family, kernel.shape, small=True)
        cost, faster = costs_with_more(designs, statistics, tech)
        positions = float(np.prod([float(size) for size in kernel.shape]))
        for law, mask in broken_laws(cost, faster, *designs, positions, fill).items():
            assert not mask.any(), f"{law}: {kernel.name}, {in_words(*row(designs, int(np.argmax(mask))))}"
        exact = [at for at in range(DESIGNS) if on_lattice(row(designs, at)) and np.all(cost.fits[at, 1:3] <= 1)]
        for at in exact[:SIMULATED] if kernel.name == HARDEST[family][0] else ():
            truth = simulate_kernel(*row(designs, at), kernel, tech).cost
            np.testing.assert_allclose(cost.cycles[at], truth.cycles, rtol=1e-3, err_msg=kernel.name)
            np.testing.assert_allclose(cost.energy_pj[at].sum(), truth.energy_pj.sum(), rtol=1e-3, err_msg=kernel.name)


def test_sizes_near_2_to_the_31_are_measured_and_cost_something_finite(tech):
    kernel = next(one for one in huge_kernels("sparse_b") if one.name == "all sizes, full")
    hardware, mapping = row(
        random_designs(np.random.default_rng(0), 1, "gustavson", "sparse_b", (64, 64, 64), small=True), 0
    )
    cost = evaluate(hardware, mapping, measure(kernel), tech)
    assert all(np.all(np.isfinite(leaf) & (leaf >= 0)) for leaf in jax.tree.leaves(cost))
    with pytest.raises(InputError, match="too few for statistics in closed form"):
        measure(DensityKernel("thin", 2**31, 2**31, 1, Uniform(2.0**-62)))


def test_no_number_is_an_error_that_names_the_kernel(cases, tech):
    """Not an infeasible design: a search would report the others as if nothing were wrong."""
    kernel, statistics = cases["dense_b"][1]
    named = dataclasses.replace(kernel, name="layer 7") if isinstance(kernel, SparseKernel) else kernel
    broken = dataclasses.replace(statistics, m=jnp.float32(np.nan))
    problem = make_problem([named], default_space().fix(dataflow="gustavson"), tech, statistics=[broken])
    with pytest.raises(InputError, match=r"layer 7: .*NaN"):
        problem.score(problem.encoding.random(np.random.default_rng(0), 2))
