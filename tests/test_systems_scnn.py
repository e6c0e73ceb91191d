"""SCNN: the published density sweep, the cycles of a small layer by hand, and expectation against patterns."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments.common.published import read_points
from experiments.common.published.networks import GOOGLENET
from experiments.common.published.scnn import BARS, predict
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.estimates.load_imbalance import expected_maximum, groups_of, largest_groups
from hwmodels.systems.scnn import Dcnn, Scnn
from workloads import SparseKernel
from workloads.generators import uniform

SPARSE, DENSE = Scnn(), Dcnn()


LAYERS = [layer.shape for layer in GOOGLENET.values()]


def speedup(density: float) -> float:
    cycles = sum(SPARSE.layer(layer, density, density).cycles for layer in LAYERS)
    return sum(DENSE.cycles(layer) for layer in LAYERS) / cycles


def test_density_sweep_has_the_published_shape():
    """Slower than dense when dense (0.79), even near 0.85, about 24 times as fast at 0.1 (Parashar et al., VI-A)."""
    assert speedup(1.0) == pytest.approx(0.79, rel=0.1)
    assert speedup(0.85) == pytest.approx(1.0, rel=0.15)
    assert speedup(0.1) == pytest.approx(24, rel=0.15)


def test_fully_connected_layers_use_a_quarter_of_the_peak():
    layer = uniform_work(4096.0, 4096.0, 1.0)
    cost = SPARSE.cost(layer)
    assert layer.multiplies / SPARSE.peak / cost.resource_cycles[0] == pytest.approx(0.25)


def test_small_pattern_by_hand():
    """Five filters of two channels at 64 positions, one on each PE; all filters are one group."""
    a = csr_array(np.array([[1.0, 1], [1, 0], [1, 0], [1, 0], [1, 1]]))
    b = np.zeros((2, 64))
    b[0, 0], b[1, 3] = 1.0, 1.0
    cost = SPARSE.cost(work_of(SparseKernel("small", a, csr_array(b), 64)))
    assert cost.resource_cycles[0] == 2
    assert cost.computes.effectual == 5 + 2


@pytest.mark.parametrize(("m", "k", "n", "weights", "active"), [(256, 512, 196, 0.3, 0.4), (512, 256, 16, 0.5, 0.5)])
def test_expectation_is_that_of_patterns(m, k, n, weights, active):
    kernel = SparseKernel("uniform", uniform(m, k, weights, seed=1), uniform(k, n, active, seed=2), n)
    counted, expected = SPARSE.cost(work_of(kernel)), SPARSE.cost(uniform_work(*map(float, (m, k, n)), weights, active))
    assert counted.resource_cycles[0] == pytest.approx(expected.resource_cycles[0], rel=0.05)
    assert counted.energy_pj.sum() == pytest.approx(expected.energy_pj.sum(), rel=0.02)


def test_energy_crosses_the_dense_baseline():
    """1.33 times its energy when dense, 0.06 at a density of 0.1 (Parashar et al., VI-A)."""

    def share(density: float) -> float:
        used = [
            sum(
                SPARSE.energy_pj(
                    SPARSE.layer(layer, density, density), layer.filters * layer.taps * density * 20
                ).values()
            )
            for layer in LAYERS
        ]
        return sum(used) / sum(DENSE.energy_pj(layer) for layer in LAYERS)

    assert share(1.0) == pytest.approx(1.33, rel=0.1)
    assert share(0.1) == pytest.approx(0.06, rel=0.25)


def test_expectations_of_groups_against_draws():
    draws = np.random.default_rng(0).binomial(50, 0.3, size=(20000, 16))
    steps = -(-draws // 4)
    mean, variance = groups_of(50, 0.3, 4)
    assert mean == pytest.approx(steps.mean(), rel=0.01)
    assert variance == pytest.approx(steps.var(), rel=0.03)
    assert largest_groups(50, 0.3, 4, 16) == pytest.approx(steps.max(axis=1).mean(), rel=0.01)
    normal = np.random.default_rng(1).normal(size=(20000, 64)).max(axis=1).mean()
    assert expected_maximum(64) == pytest.approx(normal, abs=0.02)
    assert expected_maximum(1) == 0.0


def test_predictor_on_the_published_speed_ups():
    points = read_points(None, "scnn")
    speedups = [point for point in points if BARS["speed-ups"].covers(point)]
    errors = [abs(a / p.value - 1) for p in speedups if not isinstance(a := predict(p, points), str)]
    assert len(errors) >= 8
    assert np.mean(errors) < 0.1
    assert "densities of GoogLeNet" in str(predict(speedups[1], points))
