"""SDDMM, element-wise kernels and convolution: stacks, gradients, and what tiles of unfolded maps fetch."""

import random
from functools import partial

import jax
import numpy as np
import pytest
from conftest import batch_of, built, design
from test_models import kernels_of, statistics_of

from hwmodels import Exact, Smooth, evaluate
from hwmodels.simulator import simulate_kernel
from workloads import stack_statistics


@pytest.mark.parametrize("family", ["sddmm", "elementwise"])
def test_kernels_of_a_family_stack(family: str, tech):
    """A kernel's row of a stack gives its own cost, tables padded or not."""
    stacked = stack_statistics(statistics_of(family))
    rng = random.Random(3)
    designs = batch_of([design(rng, "inner_product", family) for _ in range(4)])

    @jax.jit
    def cycles(statistics):
        one = partial(evaluate, kernel=statistics, technology=tech)
        return jax.vmap(lambda *both: one(*both), in_axes=-1)(*designs).cycles

    for at, alone in enumerate(statistics_of(family)[:2]):
        row = jax.tree.map(lambda leaf, at=at: leaf[at], stacked)
        np.testing.assert_allclose(cycles(row), cycles(alone), rtol=1e-5)


@pytest.mark.parametrize("family", ["sddmm", "elementwise"])
def test_smooth_costs_have_finite_gradients(family: str, tech):
    """By every number of the design, and at a temperature near zero the exact costs."""
    fields = design(random.Random(4), "inner_product", family) | {"a_format": "coo", "a_zero": "skip"}
    design_point = built(fields | {"tile_m": 12, "pe_rows": 3})
    statistics = statistics_of(family)[0]

    def log_cost(design):
        cost = evaluate(*design, statistics, tech, numerics=Smooth(0.05))
        return jax.numpy.log(cost.latency_s) + jax.numpy.log(cost.total_energy_pj)

    value, slopes = jax.jit(jax.value_and_grad(log_cost))(design_point)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))
    assert float(slopes[0].value_bits) > 0
    exact, sharp = (
        jax.jit(lambda design, numerics=numerics: evaluate(*design, statistics, tech, numerics=numerics).cycles)(
            design_point
        )
        for numerics in (Exact(), Smooth(1 / 512))
    )
    np.testing.assert_allclose(sharp, exact, rtol=0.01)


def test_an_activation_is_fetched_once_for_a_tile(tech):
    """With one tile, B's traffic is that of the map; with tiles one row deep, that of the unfolded matrix."""
    kernel = kernels_of("convolution")[0]
    activations = 1 + np.max(kernel.unfolding.source(*kernel.b.nonzero()))
    distinct = len(np.unique(kernel.unfolding.source(*kernel.b.nonzero())))
    assert distinct < activations
    fields = design(random.Random(0), "gustavson", "sparse_b") | {"a_format": "csr", "b_format": "bitmask"}
    fields |= {"a_zero": "skip", "b_zero": "skip", "loop_order": "mkn", "tile_m": 16, "tile_n": 128}
    fields |= {"residency": "b", "lanes_on": "n"}
    rows, burst = np.diff(kernel.b.indptr), float(tech.dram_burst_bits())
    whole = (8 * kernel.b.nnz + kernel.k * kernel.n) * distinct / kernel.b.nnz
    for tile_k, tiles in ((64, np.array([whole])), (1, 8 * rows[rows > 0] + kernel.n)):
        found = simulate_kernel(*built(fields | {"tile_k": tile_k}), kernel, tech).cost.traffic.dram_b_bytes * 8
        np.testing.assert_allclose(float(found), np.sum(np.ceil(tiles / burst) * burst + 64), rtol=1e-9)
