"""SDDMM, element-wise kernels and convolution: the models against the simulator on random small matrices, and laws."""

import random
from functools import cache

import jax
import numpy as np
import pytest
from conftest import cost_of, design
from scipy.sparse import csr_array

from hwmodels import Smooth, evaluate, make_hardware, make_mapping
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.legality import legal_formats, legal_zero_modes
from hwmodels.simulator import simulate_kernel
from workloads import generators, measure, stack_statistics
from workloads.kernels.convolution import sparse_convolution
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.sddmm import SddmmKernel

FAMILIES = ("sddmm", "elementwise", "convolution")
BARS = {"sddmm": (0.01, 0.05), "elementwise": (0.01, 0.05), "convolution": (0.02, 0.1)}
"""Median and 95th percentile: those of DESIGN, section 9, on the lattice. The sides of an unfolded matrix are no powers
of two, so tiles at its edges, which products of sparse matrices describe by their mean, weigh more."""
DRAWS = 8


@cache
def kernels(family: str) -> list:
    skewed, even = generators.power_law_rows(28, 24, 4, 2.1, 0), generators.uniform(32, 32, 0.12, 1)
    if family == "sddmm":
        return [SddmmKernel("skewed", skewed, 20), SddmmKernel("even", even, 16)]
    if family == "elementwise":
        other = generators.uniform(28, 24, 0.2, 4)
        flipped = csr_array(generators.power_law_rows(32, 32, 6, 2.1, 5)[::-1])
        pairs = ((skewed, other), (even, flipped))
        return [ElementwiseKernel("pair", a, b, operation) for a, b in pairs for operation in ("multiply", "add")]
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(16, 6, 3, 3)) * (draw.random((16, 6, 3, 3)) < 0.4)
    maps = draw.normal(size=(1, 6, 9, 9)) * (draw.random((1, 6, 9, 9)) < 0.4)
    return [sparse_convolution(weights, maps, "conv", stride=stride, padding=1) for stride in (1, 2)]


@pytest.fixture(scope="module")
def statistics() -> dict[str, list]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        return {family: [measure(kernel) for kernel in kernels(family)] for family in FAMILIES}


def any_design(rng: random.Random, dataflow: str, family: str) -> dict:
    legal = "sparse_b" if family == "convolution" else family
    fields = design(rng, dataflow, "sparse_b") | {"pe_buffer_bytes": 2 ** rng.randint(8, 11)}
    for operand in "ab":
        stored = rng.choice(legal_formats(dataflow, operand, legal))
        modes = legal_zero_modes(stored, operand, legal)
        zero = "skip" if "skip" in modes and rng.random() < 0.6 else rng.choice(modes)
        fields |= {f"{operand}_format": stored, f"{operand}_zero": zero}
    return fields


@pytest.fixture(scope="module")
def compared(statistics, tech) -> dict[str, list[dict]]:
    """Cases of each family: modelled and simulated cost of designs that fit the PEs."""
    found: dict[str, list[dict]] = {family: [] for family in FAMILIES}
    rng = random.Random(12)
    for family in FAMILIES:
        for dataflow in ["gustavson"] if family == "convolution" else DATAFLOWS:
            for kernel, tables in zip(kernels(family), statistics[family], strict=True):
                designs = [any_design(rng, dataflow, family) for _ in range(DRAWS)]
                costs = cost_of(designs, tables, tech)
                for at, fields in enumerate(designs):
                    mapping = make_mapping(**fields)
                    numbers = {name: value for name, value in fields.items() if not isinstance(value, str)}
                    hardware = make_hardware(fields["intersection"], [mapping], **numbers)
                    truth = simulate_kernel(hardware, mapping, kernel, tech).cost
                    model = jax.tree.map(lambda leaf, at=at: np.asarray(leaf)[..., at], costs)
                    found[family].append({"fields": fields, "model": model, "truth": truth, "kernel": kernel})
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_cycles_and_energy_are_the_simulators(family: str, compared):
    cases = [case for case in compared[family] if np.all(case["truth"].fits[1:3] <= 1)]
    assert len(cases) >= (12 if family == "convolution" else 35)
    for what, of in (("cycles", lambda cost: float(cost.cycles)), ("energy", lambda cost: float(cost.energy_pj.sum()))):
        errors = np.abs([of(case["model"]) / of(case["truth"]) - 1 for case in cases])
        median, high = np.median(errors), np.quantile(errors, 0.95)
        print(f"{family} {what}: {len(cases)} designs, median {median:.2%}, 95th {high:.2%}, worst {errors.max():.2%}")
        assert median <= BARS[family][0]
        assert high <= BARS[family][1]


@pytest.mark.parametrize("family", FAMILIES)
def test_effectual_operations_are_exact_and_the_same_designs_fit(family: str, compared):
    for case in compared[family]:
        model, truth = case["model"], case["truth"]
        np.testing.assert_allclose(float(model.computes.effectual), float(truth.computes.effectual), rtol=1e-4)
        clear = np.abs(truth.fits - 1) > 0.1
        assert np.array_equal((model.fits > 1 + 1e-5)[clear], (truth.fits > 1)[clear]), case["fields"]
        plain = "rle" not in (case["fields"]["a_format"], case["fields"]["b_format"])
        total = sum(float(leaf) for leaf in jax.tree.leaves(model.computes))
        positions = np.prod([float(size) for size in case["kernel"].shape])
        assert total >= positions * (1 - 1e-4)
        assert not plain or total <= positions * (1 + 1e-4)


@pytest.mark.parametrize("family", FAMILIES[:2])
def test_kernels_of_a_family_stack(family: str, statistics, tech):
    """A kernel's row of a stack gives its own cost, tables padded or not."""
    stacked = stack_statistics(statistics[family])
    rng = random.Random(3)
    designs = [any_design(rng, "gustavson", family) for _ in range(4)]
    for at, alone in enumerate(statistics[family][:2]):
        row = jax.tree.map(lambda leaf, at=at: leaf[at], stacked)
        np.testing.assert_allclose(cost_of(designs, row, tech).cycles, cost_of(designs, alone, tech).cycles, rtol=1e-5)


@pytest.mark.parametrize(("family", "dataflow"), [("sddmm", "gustavson"), ("elementwise", "outer_product")])
def test_smooth_costs_have_finite_gradients(family: str, dataflow: str, statistics, tech):
    """By every number of the design, and at a temperature of zero the exact costs."""
    rng = random.Random(4)
    fields = any_design(rng, dataflow, family) | {"a_format": "coo", "a_zero": "skip", "tile_m": 12, "pe_rows": 3}
    mapping = make_mapping(**fields)
    numbers = {name: value for name, value in fields.items() if not isinstance(value, str)}
    hardware = make_hardware(fields["intersection"], [mapping], **numbers)

    def log_cost(design):
        cost = evaluate(*design, statistics[family][0], tech, numerics=Smooth(0.05))
        return jax.numpy.log(cost.latency_s) + jax.numpy.log(cost.total_energy_pj)

    value, slopes = jax.value_and_grad(log_cost)((hardware, mapping))
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))
    assert float(slopes[0].value_bits) > 0
    exact, sharp = (
        evaluate(hardware, mapping, statistics[family][0], tech, **options).cycles
        for options in ({}, {"numerics": Smooth(1 / 512)})
    )
    np.testing.assert_allclose(sharp, exact, rtol=0.01)


def test_an_activation_is_fetched_once_for_a_tile(tech):
    """With one tile, B's traffic is that of the map; with tiles one row deep, that of the unfolded matrix."""
    kernel = kernels("convolution")[0]
    activations = 1 + np.max(kernel.unfolding.source(*kernel.b.nonzero()))
    distinct = len(np.unique(kernel.unfolding.source(*kernel.b.nonzero())))
    assert distinct < activations
    fields = design(random.Random(0), "gustavson", "sparse_b") | {"a_format": "csr", "b_format": "bitmask"}
    fields |= {"a_zero": "skip", "b_zero": "skip", "loop_order": "mkn", "tile_m": 16, "tile_n": 128}
    numbers = {name: value for name, value in fields.items() if not isinstance(value, str)}
    for tile_k, share in ((64, distinct / kernel.b.nnz), (1, 1.0)):
        mapping = make_mapping(**fields | {"tile_k": tile_k})
        hardware = make_hardware("two_finger", [mapping], **numbers | {"tile_k": tile_k})
        found = simulate_kernel(hardware, mapping, kernel, tech).cost.traffic.dram_b_bytes * 8
        tiles = -(-kernel.k // tile_k) if tile_k > 1 else np.count_nonzero(np.diff(kernel.b.indptr))
        stored = kernel.b.nnz * 8 + (kernel.k if tile_k > 1 else tiles) * kernel.n
        np.testing.assert_allclose(float(found), stored * share + 64 * tiles, rtol=1e-9)
