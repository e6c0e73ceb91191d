"""Density models: tables in closed form beside sampled patterns, exact limits, kernels that cannot be held."""

import math
import time

import jax
import numpy as np
import pytest

from experiments.common.validation.against_samples import errors_of, tables_of
from workloads import (
    NM,
    Banded,
    Dense,
    DensityKernel,
    InputError,
    PowerLawRows,
    SparseKernel,
    Uniform,
    Workload,
    measure,
    stack_statistics,
)
from workloads.kernels.workload import require_pattern, with_patterns

SIDE, OTHER, SAMPLES = 64, 48, 8
DENSITIES = (Uniform(0.1), Uniform(0.02), NM(2, 4), NM(1, 8), Banded(5), Banded(4, 0.6), PowerLawRows(0.1, 3.5))


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("SPARSE_DSE_CACHE", "off")


@pytest.mark.parametrize("density", DENSITIES, ids=str)
def test_tables_are_those_of_sampled_patterns(density):
    """Nearly every entry whose sampling noise is low is within 2 %, and none is far off whatever its noise."""
    rows = SIDE if isinstance(density, Banded) else OTHER
    errors = errors_of(DensityKernel("kernel", rows, SIDE, 8, density), SAMPLES)
    judged = sum(error.judged for error in errors)
    assert judged > 1000
    assert sum(error.judged * error.beyond for error in errors) < 0.01 * judged
    assert max(error.worst for error in errors) < 0.12


@pytest.mark.parametrize(("a", "b"), [(Uniform(0.1), Uniform(0.2)), (NM(2, 4), Uniform(0.1))], ids=str)
def test_joint_tables_are_those_of_sampled_patterns(a, b):
    errors = errors_of(DensityKernel("pair", OTHER, SIDE, SIDE, a, b), SAMPLES)
    judged = sum(error.judged for error in errors)
    assert judged > 1000
    assert sum(error.judged * error.beyond for error in errors) < 0.01 * judged


@pytest.mark.parametrize(
    "kernel",
    [
        DensityKernel("dense", 24, 40, 8, Dense()),
        DensityKernel("2:2", 24, 40, 8, NM(2, 2)),
        DensityKernel("wide band", 24, 24, 8, Banded(23)),
        DensityKernel("dense x dense", 24, 40, 12, Dense(), Dense()),
    ],
    ids=lambda kernel: kernel.name,
)
def test_what_is_certain_is_exact(kernel):
    """A pattern with only one possibility is measured exactly, entry by entry, apart from float32."""
    model, measured = tables_of(measure(kernel)), tables_of(measure(kernel.sample(0)))
    assert model.keys() == measured.keys()
    for name in model:
        np.testing.assert_allclose(model[name], measured[name], rtol=2e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("density", DENSITIES, ids=str)
def test_nonzeros_are_those_of_samples(density):
    drawn = [density.sample(SIDE, SIDE, seed).nnz for seed in range(20)]
    assert abs(np.mean(drawn) - density.nonzeros(SIDE, SIDE)) < 4 * np.std(drawn) / math.sqrt(20) + 1e-6


@pytest.mark.parametrize("b", [None, Uniform(0.2)], ids=["dense_b", "sparse_b"])
def test_statistics_stack_with_measured_ones(b):
    """Same tree, shapes and types as of a pattern, so that one compiled model serves both."""
    kernel = DensityKernel("kernel", 20, 33, 9, Uniform(0.2), b)
    model, measured = measure(kernel), measure(kernel.sample(1))
    assert jax.tree.structure(model) == jax.tree.structure(measured)
    for one, other in zip(jax.tree.leaves(model), jax.tree.leaves(measured), strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
    stack_statistics([model, measured])


def test_a_kernel_of_a_trillion_positions_is_finite_and_quick():
    """One that nobody could hold: finite tables in well under a second."""
    kernel = DensityKernel("huge", 1 << 20, 1 << 20, 1, NM(2, 4))
    measure(DensityKernel("small", 64, 64, 1, NM(2, 4)))
    start = time.process_time()
    statistics = measure(kernel)
    assert time.process_time() - start < 2.0
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(statistics))
    assert float(statistics.a.nonzeros) == 2.0**39


def test_kernels_compare_by_content():
    kernel = DensityKernel("kernel", 8, 8, 4, Uniform(0.5), repeats=2)
    assert kernel.shape == (8, 8, 4)
    assert (kernel.kind, kernel.family) == ("spmm", "dense_b")
    assert kernel.content_hash() == DensityKernel("other", 8, 8, 4, Uniform(0.5)).content_hash()
    assert kernel.content_hash() != DensityKernel("kernel", 8, 8, 4, Uniform(0.25)).content_hash()
    sample = kernel.sample(3)
    assert isinstance(sample, SparseKernel)
    assert (sample.name, sample.shape, sample.repeats) == (kernel.name, kernel.shape, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(0.0), "density is 0.0"),
        (lambda: NM(5, 4), "5:4 is no pattern"),
        (lambda: Banded(-1), "half_width is -1"),
        (lambda: PowerLawRows(0.1, 2.0), "exponent is 2.0"),
        (lambda: DensityKernel("x", 4, 8, 1, Banded(2)), "not square"),
        (lambda: DensityKernel("x", 0, 8, 1, Dense()), "m is 0"),
        (lambda: DensityKernel("x", 8, 8, 1, PowerLawRows(0.01, 2.5)), "less than one non-zero a row"),
        (lambda: measure(DensityKernel("x", 8, 8, 8, Banded(1), Dense())), "not in closed form"),
        (
            lambda: require_pattern(DensityKernel("x", 8, 8, 1, Dense()), "the simulator"),
            "the simulator needs a pattern",
        ),
    ],
)
def test_mistakes_are_one_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_patterns_are_drawn_for_what_can_be_held():
    small, large = DensityKernel("small", 16, 32, 8, Uniform(0.25)), DensityKernel("large", 10**6, 10**6, 1, Dense())
    (drawn,) = with_patterns(Workload("w", (small,)), "a run").kernels
    assert drawn.a.nnz == 128
    assert drawn.shape == small.shape
    with pytest.raises(InputError, match="large: a run needs a pattern"):
        with_patterns(Workload("w", (large,)), "a run")
