"""Cambricon-X and Cambricon-S: small patterns by hand, expectation against patterns, and the published ratio."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments.common.published import PublishedPoint, read_points
from experiments.common.published.cambricon_x_s import predict
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.cambricon_s import CambriconS
from hwmodels.systems.cambricon_x import CambriconX
from workloads import SparseKernel
from workloads.generators import uniform

X, S = CambriconX(), CambriconS()


def test_small_pattern_by_hand():
    """Two groups of outputs: the first waits for 17 weights, the second touches one line after a gap of 32."""
    a = np.zeros((17, 48))
    a[0, :17] = 1.0
    a[16, 32] = 1.0
    cost = X.cost(work_of(SparseKernel("small", csr_array(a), None, 3)))
    assert cost.resource_cycles[0] == 3 * (2 + 1)
    assert cost.traffic.dram_b_bytes == 3 * 16 * 3 * 2
    assert cost.traffic.dram_a_bytes == (18 + 2) * 2.5


def test_dense_runs_at_the_peak():
    cost = X.cost(uniform_work(256.0, 256.0, 64.0))
    assert cost.resource_cycles[0] == 256 * 256 * 64 / X.peak


@pytest.mark.parametrize("density", [0.3, 0.05, 0.002])
def test_expectation_is_that_of_patterns(density):
    work = work_of(SparseKernel("uniform", uniform(512, 1024, density, seed=1), None, 32))
    counted, expected = X.cost(work), X.cost(uniform_work(512.0, 1024.0, 32.0, density))
    assert counted.resource_cycles[0] == pytest.approx(expected.resource_cycles[0], rel=0.05)
    assert counted.traffic.dram_a_bytes == pytest.approx(expected.traffic.dram_a_bytes, rel=0.05)
    assert counted.traffic.dram_b_bytes == pytest.approx(expected.traffic.dram_b_bytes, rel=0.05)


def test_blocks_share_their_indices():
    """A pattern in blocks of 16 outputs costs what its positions cost; any other costs the union of 16 outputs."""
    blocks = uniform(8, 256, 0.3, seed=3)
    tall = csr_array(np.repeat(blocks.toarray() != 0, 16, axis=0).astype(float))
    b = uniform(256, 40, 0.5, seed=4)
    met = (blocks.toarray() != 0).astype(float) @ (b.toarray() != 0)
    cost = S.cost(work_of(SparseKernel("blocks", tall, b, 40)))
    assert cost.resource_cycles[0] == np.ceil(met / 16).sum()
    scattered = S.cost(work_of(SparseKernel("scattered", uniform(128, 256, 0.3, seed=5), b, 40)))
    assert scattered.resource_cycles[0] > 1.5 * cost.resource_cycles[0]


def test_cambricon_s_over_x():
    """1.71 times on average (MICRO 2018), here on AlexNet's pruned convolutions of Han et al., NeurIPS 2015."""
    layers = [(256, 1200, 729, 0.38, 0.88), (384, 2304, 169, 0.35, 0.52), (384, 1728, 169, 0.37, 0.37)]
    gains = [
        float(X.cost(uniform_work(*map(float, layer))).latency_s / S.cost(uniform_work(*map(float, layer))).latency_s)
        for layer in layers
    ]
    assert 1.2 < np.mean(gains) < 2.5


def test_predictor_on_the_synthetic_sweep():
    """Bound by fetching activations again, so the gain grows as the density; the sparsest end is off by up to 3.6."""
    points = [point for point in read_points(None, "cambricon_x_s") if "density" in point.params]
    ratios = {point.params["density"]: float(predict(point, points)) / point.value for point in points}
    denser = [abs(ratio - 1) for density, ratio in ratios.items() if density >= 0.02]
    assert len(denser) >= 15
    assert np.mean(denser) < 0.08
    assert max(max(ratio, 1 / ratio) for ratio in ratios.values()) < 4
    unknown = PublishedPoint("cambricon_x_s", "other_matrix", "SpMM speedup vs CPU", 1.0, "x")
    assert "sizes" in str(predict(unknown, points))
