"""Density models and patterns at their edges: nearly empty, full, one row, one full row among empty ones, 1 x n.

What must hold of tables however few or many non-zeros there are: finite, between nothing and the tile's area, sums
equal to the total at every tile shape, larger tiles hold no less; and that a design costs something finite on them.
"""

import math
import random

import jax
import numpy as np
import pytest
from conftest import batch_of, design
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hwmodels import evaluate
from hwmodels.design.choices import DATAFLOWS
from workloads import (
    NM,
    Banded,
    Dense,
    DensityKernel,
    InputError,
    PowerLawRows,
    SparseKernel,
    Uniform,
    measure,
    stack_statistics,
)
from workloads.densities import Density
from workloads.statistics.closed_form.operand_counts import expected_operand
from workloads.statistics.closed_form.row_conflicts import expected_rows
from workloads.statistics.closed_form.transposed import transpose_of
from workloads.statistics.operand_counts import TILE_QUANTITIES, count_operand
from workloads.statistics.row_conflicts import count_rows

SIDES = (1, 2, 3, 7, 16, 33, 64, 100)
SHARES = (1e-9, 1e-4, 0.005, 0.1, 0.5, 0.999999, 1.0)
RATIOS = ((1, 1), (2, 2), (2, 4), (1, 16), (16, 16))


@pytest.fixture(autouse=True, scope="module")
def _no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE_DSE_CACHE", "off")
        yield


@st.composite
def densities(draw) -> tuple[Density, int, int]:
    """Any family on any shape that it has; N:M also along the columns, as B has it."""
    rows, columns = draw(st.sampled_from(SIDES)), draw(st.sampled_from(SIDES))
    family, share = draw(st.sampled_from((Uniform, NM, Banded, PowerLawRows))), draw(st.sampled_from(SHARES))
    if family is NM:
        density = NM(*draw(st.sampled_from(RATIOS)))
        return (transpose_of(density), columns, rows) if draw(st.booleans()) else (density, rows, columns)
    if family is Banded:
        return Banded(draw(st.sampled_from((0, 1, 5, 10**6))), share), rows, rows
    if family is PowerLawRows:
        return PowerLawRows(max(share, 1 / columns), draw(st.sampled_from((2.0001, 2.5, 50.0)))), rows, columns
    return Uniform(share), rows, columns


@st.composite
def patterns(draw) -> csr_array:
    """Full, one entry, one full row or column, empty rows between others."""
    rows, columns = draw(st.sampled_from(SIDES)), draw(st.sampled_from(SIDES))
    kind = draw(st.sampled_from(("full", "one", "row", "column", "gaps")))
    found = np.zeros((rows, columns))
    down, across = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    found[
        {
            "full": np.s_[:, :],
            "one": np.s_[down, across],
            "row": np.s_[down],
            "column": np.s_[:, across],
            "gaps": np.s_[down::3, across::2],
        }[kind]
    ] = 1.0
    return csr_array(found)


def check_counts(counts: dict[str, np.ndarray], shape: tuple[int, int], nonzeros: float, rough: float) -> None:
    """Laws of the counts of an operand; `rough`: how far expected ones may be off, as a share."""
    assert all(np.isfinite(counts[name]).all() for name in ("tiles", "loads", "shares", "point"))
    assert all((counts[name] >= -1e-9).all() for name in ("tiles", "loads", "shares", "point"))
    of = dict(zip(TILE_QUANTITIES, np.moveaxis(counts["tiles"].sum(axis=2), -1, 0), strict=True))
    sizes = [np.minimum(1 << np.arange(length), side) for length, side in zip(of["tiles"].shape, shape, strict=True)]
    height, width = np.meshgrid(*sizes, indexing="ij")
    area, more = height * width, 1 + rough
    np.testing.assert_allclose(of["nonzeros"], nonzeros, rtol=max(rough, 1e-9))
    assert (of["nonzeros"] <= of["areas"] * more).all()
    assert (of["tiles"] <= nonzeros * more).all()
    assert (of["areas"] <= shape[0] * shape[1] * more).all()
    for along, extent in (("rows", "heights"), ("columns", "widths")):
        assert (of[along] <= of[extent] * more).all()
        assert (of[along] <= of["nonzeros"] * more).all()
    for axis in (0, 1):
        assert (np.diff(of["tiles"], axis=axis) <= 1e-9 + rough * of["tiles"].max()).all()
        assert (np.diff(of["areas"], axis=axis) >= -rough * of["areas"].max() - 1e-9).all()
    peak = counts["point"][..., 0]
    assert (peak <= area * more + 1e-9).all()
    assert (peak <= nonzeros * more + rough * shape[1]).all()
    assert (peak >= of["nonzeros"] / np.maximum(of["tiles"], 1.0) * (1 - 5 * rough) - 1e-9).all()
    assert (np.diff(peak, axis=0) >= -rough * peak.max()).all()
    assert (np.diff(peak, axis=1) >= -rough * peak.max()).all()
    loads = counts["loads"].sum(axis=3)[..., 1]  # non-zeros of the fullest of P parts, by schedule
    parts = 1 << np.arange(loads.shape[2])
    assert (loads <= of["nonzeros"][..., None, None] * more + 1e-9).all()
    assert (loads * parts[:, None] >= of["nonzeros"][..., None, None] / more).all()
    assert (loads[:, :, 1:] <= loads[:, :, :-1] * (1 + 3 * rough) + 1e-9).all()
    shares, mean = counts["shares"], loads / np.maximum(of["tiles"], 1.0)[..., None, None]
    assert (shares <= shares[:, :, :1] * more + 1e-9).all()
    assert (shares[..., 1] >= mean * (1 - 5 * rough) - 1e-9).all()
    assert (shares[:, :, 1:] <= shares[:, :, :-1] * (1 + 5 * rough) + 1e-9).all()
    np.testing.assert_allclose(
        shares[:, :, 0, :, 1], np.broadcast_to(peak[..., None], shares[:, :, 0, :, 1].shape), 5 * rough
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(densities())
@example((Uniform(1e-9), 4096, 1))
@example((Uniform(0.005), 4096, 33))
@example((Uniform(1e-9), 1 << 20, 1 << 20))
def test_expected_counts_keep_the_laws(case):
    density, rows, columns = case
    check_counts(expected_operand(density, rows, columns), (rows, columns), density.nonzeros(rows, columns), 0.02)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(patterns())
def test_counts_keep_the_laws(pattern):
    check_counts(count_operand(pattern), pattern.shape, pattern.nnz, 1e-12)


def check_conflicts(counts: dict[str, np.ndarray], entries: float, rough: float) -> None:
    """A piece of b entries takes between ceil(b / W) and b steps, b over one lane, and fewer over more."""
    words, steps = counts["row_words"], counts["conflicts"]
    assert (steps >= words * (1 - rough) - 1e-9).all()
    assert (steps <= words[:, :1] * (1 + rough) + 1e-9).all()
    np.testing.assert_allclose(steps[:, 0], words[:, 0], rtol=rough, atol=1e-9)
    np.testing.assert_allclose(steps[:, 0], entries, rtol=rough, atol=1e-9)
    for name in ("row_words", "conflicts", "b_conflicts", "b_most_words"):
        assert (counts[name][..., 1:] <= counts[name][..., :-1] * (1 + rough) + 1e-9).all()
    deeper = counts["b_most_words"]
    assert (deeper[1:] >= deeper[:-1] * (1 - rough) - 1e-9).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(densities())
def test_expected_conflicts_keep_the_laws(case):
    density, rows, columns = case
    if isinstance(density, Banded):  # its products with a sparse operand are not in closed form
        return
    entries = 3.0 * rows
    counts = expected_rows(density, entries, rows, columns)
    check_conflicts(counts, entries / rows * density.nonzeros(rows, columns), 0.03)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(patterns())
def test_conflicts_keep_the_laws(pattern):
    check_conflicts(count_rows(pattern, np.full(pattern.shape[0], 3)), 3 * pattern.nnz, 1e-12)


def edge_kernels(rows: int, columns: int, n: int) -> list[DensityKernel | SparseKernel]:
    """Both families on one shape: next to nothing, everything, and patterns with one full row."""
    found: list[DensityKernel | SparseKernel] = []
    for a in (Uniform(1e-9), Uniform(0.005), Dense(), NM(1, 16), NM(4, 4), PowerLawRows(max(0.01, 1 / columns), 2.5)):
        found += [DensityKernel(f"{a} x {b}", rows, columns, n, a, b) for b in (None, Uniform(1e-9), Dense(), NM(1, 4))]
    row = np.zeros((rows, columns))
    row[rows // 2] = 1.0
    one = np.zeros((columns, n))
    one[-1, 0] = 1.0
    found += [SparseKernel("one full row", csr_array(row), b, n) for b in (None, csr_array(one), csr_array(one + 1))]
    return found


def test_costs_are_finite(tech):
    """On every design: positive time and energy, no more effectual multiplies than there are positions."""
    rng = random.Random(5)
    whole = [kernel for shape in ((1, 64, 1), (64, 1, 8), (64, 64, 8)) for kernel in edge_kernels(*shape)]
    for family in ("dense_b", "sparse_b"):
        own = [kernel for kernel in whole if kernel.family == family]
        kernels = 2 * own
        stacked = stack_statistics(2 * [measure(kernel) for kernel in own])
        assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(stacked))
        positions = np.array([math.prod(kernel.shape) for kernel in kernels])
        for dataflow in DATAFLOWS:
            hardware, mapping = batch_of([design(rng, dataflow, family) for _ in kernels])
            every = jax.jit(jax.vmap(lambda h, m, k: evaluate(h, m, k, tech), in_axes=(-1, -1, 0)))
            costs = every(hardware, mapping, stacked)
            assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(costs))
            assert (np.asarray(costs.latency_s) > 0).all()
            assert (np.asarray(costs.total_energy_pj) > 0).all()
            assert (np.asarray(costs.computes.effectual) <= positions * 1.02).all()
            assert all((np.asarray(leaf) >= 0).all() for leaf in jax.tree.leaves(costs.traffic))


def test_a_sparse_layer_of_a_table_is_measured():
    """The layer `4096,4096,4096,0.005,0.005`: its halves with few non-zeros were dealt to no part at all."""
    statistics = measure(DensityKernel("layer", 4096, 4096, 4096, Uniform(0.005), Uniform(0.005)))
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(statistics))
    np.testing.assert_allclose(float(statistics.products), 4096**3 * 0.005**2, rtol=1e-3)


@pytest.mark.parametrize("make", [lambda: Uniform(0.0), lambda: SparseKernel("x", csr_array((4, 4)), None, 1)])
def test_nothing_at_all_is_refused(make):
    with pytest.raises(InputError, match=r"density is 0.0|has no non-zeros"):
        make()
