"""Spread of row lengths and collisions from totals: exact moments, known limits, and counts of a random pattern."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.estimates.spmspm_pattern import Collisions, RowLengths, collisions, unevenness
from workloads import SparseKernel


@pytest.mark.parametrize("spread", [0.0, 0.2, 3.0])
def test_pushing_rows_to_the_left_keeps_the_rows_and_about_the_non_zeros(spread):
    lengths = RowLengths(50_000.0, 12.0, spread)
    counts = lengths.counts()
    assert np.all(np.diff(counts) <= 0)
    assert counts[0] <= lengths.rows
    assert counts.sum() == pytest.approx(lengths.rows * lengths.mean, rel=0.02)


def test_rows_hit_by_random_columns_are_poissons_and_fewer_where_rows_are_uneven():
    even, uneven = RowLengths(1e3, 10.0, 0.0), RowLengths(1e3, 10.0, 2.0)
    assert even.hit(0.1) == pytest.approx(1 - np.exp(-1.0))
    assert uneven.hit(0.1) < even.hit(0.1)
    assert uneven.hit(1e-6) == pytest.approx(1e-5, rel=1e-3)


def test_unevenness_of_a_symmetric_matrix_is_its_rows():
    rng = np.random.default_rng(0)
    half = csr_array(random_array((400, 400), density=0.01, rng=rng))
    half = half + csr_array((np.ones(60), (np.zeros(60, int), np.arange(60))), shape=half.shape)
    square = csr_array(half + half.T)
    work = work_of(SparseKernel("square", square, square, 400))
    lengths = np.diff(work.kernel.a.indptr) if work.kernel else np.zeros(1)
    assert unevenness(work) == pytest.approx(np.var(lengths) / np.mean(lengths) ** 2)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.999])
def test_all_products_make_the_published_outputs(share):
    both = Collisions(1e6, 1e6 * share)
    assert both.distinct(1e6) == pytest.approx(1e6 * share)
    assert both.distinct(1.0) == pytest.approx(1.0, rel=1e-4)
    assert both.draws == pytest.approx(1e6 / both.support)


def test_products_of_a_uniform_product_collide_on_all_outputs():
    work = uniform_work(200.0, 400.0, 300.0, 0.05, 0.05)
    assert collisions(work).support == pytest.approx(200 * 300, rel=0.01)
