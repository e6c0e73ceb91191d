"""Onyx: the published sweep over sparsity, its crossover and its gains, and tiles of a pattern against the formula."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from experiments.common.published.onyx_kernels import ONYX_KERNELS, bcsstm26_cycles
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.onyx import Onyx
from workloads import SparseKernel

MACHINE = Onyx()


@pytest.mark.parametrize(("zeros", "milliseconds"), [(80, 6.49), (90, 3.52), (95, 1.64), (98, 0.453), (99, 0.176)])
def test_sweep_of_ieee_micro_2025(zeros, milliseconds):
    density = 1 - zeros / 100
    cycles = MACHINE.sparse_cycles(uniform_work(512.0, 512.0, 512.0, density, density))
    assert 1e-6 * cycles / MACHINE.rtl_clock_ghz == pytest.approx(milliseconds, rel=0.1)


def test_dense_mode_wins_below_89_percent_zeros():
    for zeros, bottleneck in ((0.87, "glb"), (0.91, "compute")):
        assert MACHINE.cost(uniform_work(512.0, 512.0, 512.0, 1 - zeros, 1 - zeros)).bottleneck == bottleneck


def test_cycles_of_a_pattern_are_the_sum_over_its_pairs_of_tiles():
    rng = np.random.default_rng(5)
    a, b = (csr_array(random_array(shape, density=0.03, rng=rng)) for shape in ((70, 95), (95, 50)))
    one = replace(MACHINE, lanes=1)
    expected = 0.0
    for i, k, j in np.ndindex(3, 4, 2):
        left = a[30 * i : 30 * i + 30, 30 * k : 30 * k + 30].toarray() != 0
        right = b[30 * k : 30 * k + 30, 30 * j : 30 * j + 30].toarray() != 0
        if left.any() and right.any():
            rows, columns = left[left.any(1)], right[:, right.any(0)]
            unions = (rows[:, :, None] | columns[None]).sum(1)
            expected += unions.sum() + unions.size + one.hops * one.hop_cycles
    # empty tiles skip their pairs, so products only meet in pairs that are counted
    assert one.sparse_cycles(work_of(SparseKernel("random", a, b, 50))) == pytest.approx(expected)


def test_expectation_is_that_of_random_patterns():
    rng = np.random.default_rng(6)
    a, b = (csr_array(random_array((300, 300), density=0.02, rng=rng)) for _ in range(2))
    work = work_of(SparseKernel("random", a, b, 300))
    assert MACHINE.sparse_cycles(replace(work, kernel=None)) == pytest.approx(MACHINE.sparse_cycles(work), rel=0.03)


def test_products_of_a_diagonal_take_the_cycles_of_ieee_micro_2025():
    assert bcsstm26_cycles() == pytest.approx(175e3, rel=0.05)  # Fig. 9, SpMSpM, CGRA cycles after optimisation


GAINS = {
    "ElemAdd3": 4.4,
    "SpMSpM": 4.7,
    "ElemMult": 8.5,
    "InnerProd": 15.0,
    "TTV": 123.1,
    "TTM": 144.1,
    "SpMSpV": 243.0,
    "MTTKRP": 564.6,
}


@pytest.mark.parametrize("kernel", GAINS)
def test_gains_over_a_cpu_of_vlsi_2024(kernel):
    assert 0.5 <= ONYX_KERNELS[kernel].edp_gain / GAINS[kernel] <= 2.0
