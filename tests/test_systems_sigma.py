"""SIGMA: folds by hand, published peak and footprint, and laws."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.sigma import Sigma
from workloads import SparseKernel
from workloads.generators import uniform

CHIP = Sigma()


def test_published_peak_power_and_area():
    """16.4 TFLOPS at most, of which the paper reaches 10.8 in 22.33 W and 65.10 mm2."""
    dense = CHIP.cost(uniform_work(1024.0, 1024.0, 1024.0))
    tflops = 2 * 1024**3 / float(dense.latency_s) * 1e-12
    assert 10.8 < tflops < 2 * CHIP.peak * CHIP.clock_ghz * 1e-3
    assert float(dense.energy_pj.sum() / dense.latency_s) * 1e-12 == pytest.approx(22.33)
    assert dense.area_mm2.sum() == pytest.approx(65.10)


def test_folds_by_hand():
    """Five weights, one of which meets only zeros: load four, stream three vectors, add in seven levels."""
    a = csr_array(np.array([[1.0, 1, 0], [0, 1, 1], [0, 1, 0]]))
    b = csr_array(np.array([[1.0, 0, 1], [1, 1, 0], [0, 0, 0]]))
    cost = CHIP.cost(work_of(SparseKernel("small", a, b, 3)))
    assert cost.cycles == 4 / 128 + 3 + 7


def test_stationary_zeros_are_free_and_streamed_ones_are_not():
    full = CHIP.cost(uniform_work(512.0, 2048.0, 512.0)).cycles
    assert CHIP.cost(uniform_work(512.0, 2048.0, 512.0, 0.25)).cycles == pytest.approx(full / 4, rel=0.01)
    both = CHIP.cost(uniform_work(512.0, 2048.0, 512.0, 0.25, 0.25)).cycles
    assert both == pytest.approx(full / 4, rel=0.01)


def test_expectation_is_that_of_patterns():
    kernel = SparseKernel("uniform", uniform(1000, 800, 0.02, seed=1), uniform(800, 60, 0.05, seed=2), 60)
    expected = CHIP.cost(uniform_work(1000.0, 800.0, 60.0, 0.02, 0.05))
    assert CHIP.cost(work_of(kernel)).cycles == pytest.approx(expected.cycles, rel=0.02)
