"""Generators: the promised structure, the same bits for the same seed, clear refusals."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from workloads import generators as make
from workloads.errors import InputError

QUICK = settings(max_examples=25, deadline=None)


def canonical(matrix: csr_array) -> bool:
    return isinstance(matrix, csr_array) and matrix.has_canonical_format and bool(np.all(matrix.data))


@QUICK
@given(nx=st.integers(1, 9), ny=st.integers(1, 9))
def test_stencils_are_laplacians(nx: int, ny: int) -> None:
    def line(n: int) -> np.ndarray:
        return 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)

    flat = np.kron(line(nx), np.eye(ny)) + np.kron(np.eye(nx), line(ny))
    np.testing.assert_array_equal(make.stencil_2d(nx, ny).toarray(), flat)
    assert canonical(make.stencil_2d(nx, ny))


def test_rmat_is_a_heavy_tailed_graph() -> None:
    graph = make.rmat(12, 16, seed=1)
    degrees = np.diff(graph.indptr)
    assert graph.shape == (4096, 4096)
    assert canonical(graph)
    assert 0.5 * 16 * 4096 < graph.nnz < 16 * 4096
    assert degrees.max() > 10 * degrees.mean()
    assert set(graph.data) == {1.0}


def test_rmat_quadrants_have_their_probabilities() -> None:
    graph = make.rmat(16, 4, seed=2, renumber=False)
    half = graph.shape[0] // 2
    coo = graph.tocoo()
    top, left = coo.row < half, coo.col < half
    shares = np.array([np.mean(top & left), np.mean(top & ~left), np.mean(~top & left), np.mean(~top & ~left)])
    np.testing.assert_allclose(shares, [0.57, 0.19, 0.19, 0.05], atol=0.03)  # merged duplicates thin the dense corner


def test_rmat_is_fast() -> None:
    start = time.perf_counter()
    make.rmat(17, 10, seed=0)
    assert time.perf_counter() - start < 15 / 4  # an eighth of ten million edges, on a shared machine


@QUICK
@given(m=st.integers(1, 40), k=st.integers(1, 40), density=st.floats(0.01, 1), seed=st.integers(0, 9))
def test_uniform_has_the_exact_count(m: int, k: int, density: float, seed: int) -> None:
    matrix = make.uniform(m, k, density, seed)
    assert matrix.nnz == max(round(density * m * k), 1)
    assert matrix.shape == (m, k)
    assert canonical(matrix)


def test_uniform_is_uniform() -> None:
    counts = sum((make.uniform(4, 5, 0.3, seed) != 0).toarray().astype(int) for seed in range(800))
    np.testing.assert_allclose(counts / 800, 0.3, atol=0.08)


@QUICK
@given(m=st.integers(1, 20), k=st.integers(1, 40), group=st.integers(1, 8), data=st.data())
def test_n_of_m_fills_every_group(m: int, k: int, group: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, group))
    matrix = make.n_of_m(m, k, n, group, seed=0)
    assert canonical(matrix)
    pattern = matrix.toarray() != 0
    for start in range(0, k, group):
        held = pattern[:, start : start + group].sum(axis=1)
        if start + group <= k:
            assert np.all(held == n)
        else:
            assert np.all(held == min(n, k - start))


@QUICK
@given(m=st.integers(1, 30), half=st.integers(0, 40), density=st.floats(0.05, 1))
def test_banded_stays_in_its_band(m: int, half: int, density: float) -> None:
    matrix = make.banded(m, half, 0, density)
    coo = matrix.tocoo()
    assert canonical(matrix)
    assert np.all(np.abs(coo.row - coo.col) <= half)
    assert np.all(matrix.diagonal() != 0)
    if density == 1:
        assert matrix.nnz == sum(m - abs(d) for d in range(-min(half, m - 1), min(half, m - 1) + 1))


@QUICK
@given(m=st.integers(1, 50), k=st.integers(1, 50), exponent=st.floats(2.05, 4), seed=st.integers(0, 9))
def test_power_law_rows_have_distinct_columns(m: int, k: int, exponent: float, seed: int) -> None:
    matrix = make.power_law_rows(m, k, 1 + (k - 1) / 3, exponent, seed)
    assert canonical(matrix)
    assert np.all(np.diff(matrix.indptr) >= 1)


def test_power_law_rows_have_their_mean_and_tail() -> None:
    matrix = make.power_law_rows(20000, 20000, 8, 3.5, seed=0)
    lengths = np.diff(matrix.indptr)
    assert lengths.mean() == pytest.approx(8, rel=0.05)
    assert lengths.max() > 10 * lengths.mean()


def test_seeds() -> None:
    calls = [
        lambda seed: make.rmat(8, 4, seed),
        lambda seed: make.uniform(30, 30, 0.2, seed),
        lambda seed: make.n_of_m(30, 30, 2, 4, seed),
        lambda seed: make.banded(30, 5, seed, 0.5),
        lambda seed: make.power_law_rows(30, 30, 4, 2.5, seed),
    ]
    for call in calls:
        first, again, other = call(1), call(1), call(2)
        assert np.array_equal(first.toarray(), again.toarray())
        assert not np.array_equal(first.toarray(), other.toarray())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make.stencil_2d(0, 4), "nx is 0; give a whole number of at least 1"),
        (lambda: make.stencil_2d(1, -2), "ny is -2"),
        (lambda: make.rmat(0, 1, 0), "scale is 0"),
        (lambda: make.rmat(29, 1, 0), "at most 28"),
        (lambda: make.rmat(4, 0, 0), "edge_factor is 0"),
        (lambda: make.rmat(4, 1, 0, 0.9, 0.2, 0.2), "sum is at most 1"),
        (lambda: make.rmat(4, 1, 0, float("nan")), "sum is at most 1"),
        (lambda: make.uniform(4, 4, 0.0, 0), "density is 0.0"),
        (lambda: make.uniform(4, 4, float("nan"), 0), "density is nan"),
        (lambda: make.uniform(0, 4, 0.5, 0), "m is 0"),
        (lambda: make.n_of_m(4, 4, 5, 4, 0), "give n of at most 4"),
        (lambda: make.banded(4, -1, 0), "half_bandwidth is -1"),
        (lambda: make.power_law_rows(4, 4, 2, 2.0, 0), "exponent is 2.0"),
        (lambda: make.power_law_rows(4, 4, 9, 3.0, 0), "mean_nnz is 9"),
    ],
)
def test_bad_arguments(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
