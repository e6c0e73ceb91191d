"""The models against the simulator on random designs of the lattice, and laws that every model keeps."""

import random
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import BATCH, DATAFLOWS_OF, batch_of, built, cost_of, design, evaluate_all, small_kernels
from scipy.sparse import csr_array

from hwmodels import FITS, RESOURCES, evaluate, price, scenario
from hwmodels.design.choices import DATAFLOWS
from hwmodels.simulator import simulate_kernel
from hwmodels.technology import make_technology
from workloads import SparseKernel, generators, measure
from workloads.kernels.convolution import sparse_convolution
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.sddmm import SddmmKernel

LAWS = [("dense_b", "gustavson"), ("dense_b", "outer_product"), ("sparse_b", "inner_product")]
"""Each law costs an evaluation, so each is tried where the formulas differ most."""
BARS = {
    "dense_b": (0.005, 0.03),
    "sparse_b": (0.02, 0.1),
    "sddmm": (0.01, 0.05),
    "elementwise": (0.01, 0.05),
    "convolution": (0.02, 0.1),
}
"""Median and 95th percentile of errors on the lattice. The sides of an unfolded matrix are no powers of two, so tiles
at its edges, which products of sparse matrices describe by their mean, weigh more; tiles of a few bursts weigh most."""
BUSY = 0.1
"""95th percentile of errors of any resource, for each cycle of the run."""
CASES = [*DATAFLOWS_OF, ("convolution", "gustavson")]
RUNS = slice(1, 3)
"""Of `FITS`: neither has a plan for what does not fit the two memories of a PE."""


@cache
def kernels_of(family: str) -> list:
    """Small kernels; of those that share statistics' shapes one has sides that are no powers of two. Results of
    element-wise kernels must fill some bursts."""
    if family in ("dense_b", "sparse_b"):
        return small_kernels()[family]
    skewed, even = generators.power_law_rows(28, 24, 4, 2.1, 0), generators.uniform(32, 32, 0.12, 1)
    if family == "sddmm":
        return [SddmmKernel("skewed", skewed, 20), SddmmKernel("even", even, 16)]
    if family == "elementwise":
        skewed, other = generators.power_law_rows(56, 48, 6, 2.1, 0), generators.uniform(56, 48, 0.2, 4)
        even = generators.uniform(64, 64, 0.12, 1)
        flipped = csr_array(generators.power_law_rows(64, 64, 8, 2.1, 5)[::-1])
        pairs = ((skewed, other), (even, flipped))
        return [ElementwiseKernel("pair", a, b, operation) for a, b in pairs for operation in ("multiply", "add")]
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(16, 6, 3, 3)) * (draw.random((16, 6, 3, 3)) < 0.4)
    maps = draw.normal(size=(1, 6, 9, 9)) * (draw.random((1, 6, 9, 9)) < 0.4)
    return [sparse_convolution(weights, maps, "conv", stride=stride, padding=1) for stride in (1, 2)]


@cache
def statistics_of(family: str) -> list:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        return [measure(kernel) for kernel in kernels_of(family)]


price_all = jax.vmap(price, in_axes=(-1, -1, -1, -1, None), out_axes=-1)
"""`price` of designs on the last axis."""


@cache
def compared(family: str, dataflow: str) -> list[tuple]:
    """(design, kernel, cost by the models, cost by the simulator) of random designs."""
    rng, tech, found = random.Random(f"{family} {dataflow}"), make_technology(scenario()), []
    for kernel, statistics in zip(kernels_of(family), statistics_of(family), strict=True):
        designs = [design(rng, dataflow, kernel.family) for _ in range(2 * BATCH)]
        costs = cost_of(designs, statistics, tech)
        for at, fields in enumerate(designs):
            model = jax.tree.map(lambda leaf, at=at: np.asarray(leaf)[..., at], costs)
            found.append((fields, kernel, model, simulate_kernel(*built(fields), kernel, tech).cost))
    return found


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_cycles_and_energy_are_the_simulators(family: str, dataflow: str):
    """And the busy cycles of every resource, of the designs that fit the PEs."""
    cases = [case for case in compared(family, dataflow) if np.all(case[3].fits[RUNS] <= 1)]
    assert len(cases) >= 2 * BATCH / 3
    median, high = BARS[family]
    figures = {"cycles": lambda cost: float(cost.cycles), "energy": lambda cost: float(cost.energy_pj.sum())}
    for what, of in figures.items():
        errors = np.abs([of(model) / of(truth) - 1 for _, _, model, truth in cases])
        found = np.median(errors), np.quantile(errors, 0.95)
        print(f"{family} {dataflow} {what}: {len(errors)} designs, median {found[0]:.2%}, 95th {found[1]:.2%}")
        assert found[0] <= median
        assert found[1] <= high, cases[int(np.argmax(errors))][0]
    busy = np.abs([(model.resource_cycles - truth.resource_cycles) / truth.cycles for _, _, model, truth in cases])
    apart = dict(zip(RESOURCES, np.quantile(busy, 0.95, axis=0), strict=True))
    print(f"{family} {dataflow} busy cycles, 95th: {apart}")
    assert max(apart.values()) <= BUSY


@pytest.mark.parametrize(("family", "dataflow"), CASES)
def test_fates_are_exact_and_the_same_designs_fit(family: str, dataflow: str):
    """Apart from needs within 10 % of capacity: the models take RLE's largest padding and tile as one tile's."""
    for fields, kernel, model, truth in compared(family, dataflow):
        np.testing.assert_allclose(float(model.computes.effectual), float(truth.computes.effectual), rtol=1e-4)
        clear = np.abs(truth.fits - 1) > 0.1
        assert np.array_equal((model.fits > 1 + 1e-5)[clear], (truth.fits > 1)[clear]), (fields, model.fits, truth.fits)
        total, positions = sum(jax.tree.leaves(model.computes)), np.prod([float(size) for size in kernel.shape])
        assert total >= positions * (1 - 1e-4)
        assert "rle" in (fields["a_format"], fields["b_format"]) or total <= positions * (1 + 1e-4)
    every = np.array([case[3].fits for case in compared(family, dataflow)])[:, : len(FITS) - 1]
    assert np.any(every > 1)
    assert np.any(np.all(every <= 1, axis=1))


def pair_costs(family, dataflow, measured, tech, change: dict, other: dict, seed: int):
    """Costs of the same designs with one set of fields and with another."""
    rng = random.Random(seed)
    designs = [design(rng, dataflow, family) for _ in range(BATCH)]
    statistics = measured[family][1]
    return [cost_of([fields | new for fields in designs], statistics, tech) for new in (change, other)]


def not_above(lesser, greater, tolerance: float = 1e-4):
    np.testing.assert_array_less(np.asarray(lesser), np.asarray(greater) * (1 + tolerance) + 1e-6)


@pytest.mark.parametrize(("family", "dataflow"), LAWS)
def test_laws_of_zeros(family: str, dataflow: str, measured, tech):
    """Skipping is never slower than gating, and gating takes the time of computing but never more energy.

    B does not skip here: against a B that skips alone, intersecting can be slower than looking its entries up.
    """
    coo = {
        "a_format": "coo",
        "b_zero": "compute",
        "pe_buffer_bytes": 4096,
        "accumulator_bytes": 2048,
    }
    skip, gate = pair_costs(family, dataflow, measured, tech, coo | {"a_zero": "skip"}, coo | {"a_zero": "gate"}, 1)
    gate, compute = pair_costs(
        family, dataflow, measured, tech, coo | {"a_zero": "gate"}, coo | {"a_zero": "compute"}, 1
    )
    not_above(skip.cycles, gate.cycles)
    not_above(skip.actions.macs + skip.actions.gated_macs, gate.actions.macs + gate.actions.gated_macs)
    np.testing.assert_allclose(gate.cycles, compute.cycles, rtol=1e-6)
    not_above(gate.energy_pj.sum(axis=0), compute.energy_pj.sum(axis=0))
    not_above(gate.computes.effectual, compute.computes.effectual)


@pytest.mark.parametrize(("family", "dataflow"), LAWS)
def test_another_technology_re_prices_the_same_actions(family: str, dataflow: str, measured, tech):
    rng = random.Random(4)
    hardware, mapping = batch_of([design(rng, dataflow, family) for _ in range(BATCH)])
    constants = dict(tech.constants)
    for name in (
        "adder_pj_per_bit",
        "sram_cell_um2",
        "wire_pj_per_bit_mm",
        "int_multiply_pj",
        "dram_lpddr4_pj_per_bit",
    ):
        if name in constants:
            constants[name] = constants[name] * 1.7
    other = type(tech)(tech.scenario, constants)
    here = evaluate_all(hardware, mapping, measured[family][0], tech)
    there = evaluate_all(hardware, mapping, measured[family][0], other)
    priced = price_all(here.actions, hardware, mapping, there.area_mm2, other.solved())
    np.testing.assert_allclose(priced, there.energy_pj, rtol=1e-5)
    assert not np.allclose(priced, here.energy_pj, rtol=1e-3)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_more_zeros_never_more_effectual_macs(dataflow: str, tech, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    full = generators.uniform(32, 32, 0.4, 0)
    thin = full.copy()
    thin.data[np.random.default_rng(0).random(thin.nnz) < 0.5] = 0
    thin.eliminate_zeros()
    rng = random.Random(6)
    designs = [design(rng, dataflow, "dense_b") for _ in range(BATCH)]
    less, more = (cost_of(designs, measure(SparseKernel("x", a, None, 16)), tech) for a in (thin, full))
    not_above(less.computes.effectual, more.computes.effectual)
    np.testing.assert_allclose(less.computes.effectual, thin.nnz * 16, rtol=1e-5)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_dense_limit(dataflow: str, tech, monkeypatch: pytest.MonkeyPatch):
    """A full matrix has no zero to skip: every position is effectual, and skipping takes the cycles of computing."""
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")
    statistics = measure(SparseKernel("x", generators.uniform(32, 32, 1.0, 0), None, 32))
    rng = random.Random(7)
    same = {"a_format": "bitmask", "intersection": "leader_follower", "schedule": "balanced"}
    designs = [design(rng, dataflow, "dense_b") | same for _ in range(BATCH)]
    skip, compute = (cost_of([d | {"a_zero": zero} for d in designs], statistics, tech) for zero in ("skip", "compute"))
    np.testing.assert_allclose(np.broadcast_to(skip.computes.effectual, BATCH), 32**3, rtol=1e-5)
    np.testing.assert_allclose(skip.resource_cycles[0], compute.resource_cycles[0], rtol=1e-4)


def test_kernels_of_one_family_share_one_trace(measured, tech):
    traces = []

    @jax.jit
    def many(hardware, mapping, statistics):
        traces.append(1)
        return jax.vmap(lambda h, m: evaluate(h, m, statistics, tech))(hardware, mapping)

    rng = random.Random(8)
    for member in (*measured["dense_b"], measured["dense_b"][0]):
        designs = batch_of([design(rng, "gustavson", "dense_b") for _ in range(BATCH)])
        found = many(*jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), designs), member)
        np.testing.assert_allclose(found.cycles, evaluate_all(*designs, member, tech).cycles, rtol=2e-4)
    assert len(traces) == 1
