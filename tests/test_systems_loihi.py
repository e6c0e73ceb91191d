"""Loihi: energy is events times energies, time is the fullest core, and what does not fit is refused."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments.common.published import PublishedPoint
from experiments.common.published.loihi import predict
from hwmodels.cost import ENERGY_COMPONENTS
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.loihi import Loihi
from workloads import SparseKernel
from workloads.errors import InputError
from workloads.generators import uniform

CHIP = Loihi()


def test_events_by_hand():
    """129 neurons, so two on most cores: three spikes in two timesteps visit 2 + 2 + 1 synapses."""
    a = np.zeros((129, 2))
    a[[0, 1], 0], a[128, 1] = 1.0, 1.0
    b = csr_array(np.array([[1.0, 1], [1, 0]]))
    cost = CHIP.cost(work_of(SparseKernel("small", csr_array(a), b, 2)))
    energy = dict(zip(ENERGY_COMPONENTS, cost.energy_pj, strict=True))
    assert energy["mac"] == pytest.approx(5 * 33.6)
    assert energy["accumulator"] == pytest.approx(129 * 2 * 72.8)
    assert cost.resource_cycles[0] == pytest.approx(3 * 16.0 + 4 * 4.7 + 2 * 2 * (9.7 + 0.75 * 35.1))
    assert cost.cycles - cost.resource_cycles[0] == pytest.approx(2 * 1800)


def test_silence_costs_updates_only():
    loud, quiet = (CHIP.cost(uniform_work(1024.0, 1024.0, 100.0, 0.1, rate)) for rate in (0.5, 0.001))
    assert quiet.energy_pj.sum() < 0.2 * loud.energy_pj.sum()
    assert quiet.latency_s < loud.latency_s
    assert quiet.energy_pj.sum() > 1024 * 100 * CHIP.update_pj


def test_expectation_is_that_of_patterns():
    kernel = SparseKernel("uniform", uniform(2048, 500, 0.1, seed=1), uniform(500, 50, 0.1, seed=2), 50)
    expected = CHIP.cost(uniform_work(2048.0, 500.0, 50.0, 0.1, 0.1))
    assert CHIP.cost(work_of(kernel)).latency_s == pytest.approx(expected.latency_s, rel=0.05)


@pytest.mark.parametrize(
    ("m", "k", "density", "what"), [(200_000, 10, 0.1, "rows"), (100_000, 10_000, 0.5, "non-zeros")]
)
def test_what_does_not_fit_is_refused(m, k, density, what):
    with pytest.raises(InputError, match=f"give A fewer {what}"):
        CHIP.cost(uniform_work(float(m), float(k), 1.0, density))


def test_predictor_needs_sizes():
    run = {"m": 128, "k": 64, "n": 10, "activation_density": 0.1, "weight_density": 0.5}
    energy = predict(PublishedPoint("loihi", "layer", "energy", 1.0, "nJ", run), [])
    assert energy == pytest.approx(CHIP.cost(uniform_work(128.0, 64.0, 10.0, 0.5, 0.1)).energy_pj.sum() * 1e-3)
    assert isinstance(predict(PublishedPoint("loihi", "gesture", "energy", 1.0, "nJ"), []), str)
