"""Eyeriss v2 and Eyeriss: cycles of the published layers, a PE by hand, and laws."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from experiments.common.published import PublishedPoint, read_facts, read_points
from experiments.common.published.eyeriss_v2 import BARS, predict
from experiments.common.published.networks import ALEXNET, MOBILENET
from hwmodels.systems import uniform_work, work_of
from hwmodels.systems.convolution import Convolution
from hwmodels.systems.eyeriss_v1 import EyerissV1
from hwmodels.systems.eyeriss_v2 import EyerissV2
from workloads import SparseKernel
from workloads.errors import InputError
from workloads.generators import uniform

CHIP = EyerissV2()

SPARSELOOP_FIG12 = [  # channels, filters, side, activation density, weight density, cycles of one PE with one MAC
    (64, 64, 32, 0.7281, 0.5203, 1702140),
    (64, 128, 16, 0.8641, 0.8184, 1499682),
    (128, 256, 8, 0.8329, 0.6443, 1144158),
    (256, 256, 8, 0.6077, 0.5499, 1457458),
    (256, 512, 4, 0.6772, 0.6495, 948572),
    (512, 512, 4, 0.5829, 0.2999, 775316),
]
"""Pruned MobileNet 0.5-128 in the artifact of Wu et al., "Sparseloop", MICRO 2022."""


def test_pe_cycles_of_published_layers():
    layers = [
        (Convolution(c, m, p, p).work(weights, active), cycles) for c, m, p, active, weights, cycles in SPARSELOOP_FIG12
    ]
    errors = [abs(CHIP.pe_cycles(work) / cycles - 1) for work, cycles in layers]
    assert np.mean(errors) <= 0.05
    assert max(errors) <= 0.07


def test_alexnet_throughput():
    """277 inferences a second of pruned AlexNet (1470.6 / 5.3), with densities of Han et al., NeurIPS 2015."""
    layers = [(layer.shape, layer.weight_density, layer.activation_density) for layer in ALEXNET.values()]
    assert sum(layer.multiplies for layer, _, _ in layers) == pytest.approx(724.4e6, rel=1e-4)
    cycles = sum(CHIP.layer_cycles(*layer) for layer in layers)
    assert sum(layer.shape.multiplies for layer in MOBILENET.values()) == pytest.approx(49.2e6, rel=2e-3)
    assert CHIP.clock_ghz * 1e9 / cycles == pytest.approx(277, rel=0.2)


def test_tiles_of_a_small_pattern_by_hand():
    """Three filters, two columns, one tile: column 0 has three weights, so two cycles for each of its activations."""
    a = csr_array(np.array([[1.0, 0], [1, 0], [1, 1]]))
    b = csr_array(np.array([[1.0, 1, 0, 1], [1, 0, 0, 0]]))
    kernel = SparseKernel("small", a, b, 4)
    assert CHIP.cost(work_of(kernel)).resource_cycles[0] == (3 * 2 + 1 * 1) / 4


@pytest.mark.parametrize(("m", "k", "n", "weights", "active"), [(256, 512, 196, 0.3, 0.4), (1024, 512, 64, 0.6, 1.0)])
def test_expectation_is_that_of_patterns(m, k, n, weights, active):
    b = None if active == 1 else uniform(k, n, active, seed=2)
    counted = CHIP.cost(work_of(SparseKernel("uniform", uniform(m, k, weights, seed=1), b, n)))
    expected = CHIP.cost(uniform_work(*map(float, (m, k, n)), weights, active))
    assert counted.resource_cycles[0] == pytest.approx(expected.resource_cycles[0], rel=0.05)


def test_zeros_never_cost_cycles_and_dense_fills_the_array():
    layer = Convolution(256, 384, 13, 13, 3, 3)
    cycles = [CHIP.layer_cycles(layer, density, density) for density in (1.0, 0.7, 0.4, 0.2, 0.1)]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] == pytest.approx(layer.multiplies / CHIP.peak)


@pytest.mark.parametrize(
    ("layer", "pes", "milliseconds"),
    [  # Chen et al., JSSC 2017: batch 4, processing latency
        (Convolution(96, 256, 27, 27, 5, 5, groups=2, images=4), 135, 39.2),
        (Convolution(256, 384, 13, 13, 3, 3, images=4), 156, 21.8),
        (Convolution(384, 256, 13, 13, 3, 3, groups=2, images=4), 156, 10.0),
    ],
)
def test_eyeriss_processing_latency(layer, pes, milliseconds):
    chip = EyerissV1()
    assert chip.active_pes(layer) == pes
    assert chip.processing_cycles(layer) / chip.clock_ghz * 1e-6 == pytest.approx(milliseconds, rel=0.16)
    gated = chip.cost(uniform_work(64.0, 64.0, 28.0, 1.0, 0.25))
    assert gated.computes.gated == 3 * gated.computes.effectual


def test_groups_must_divide():
    with pytest.raises(InputError, match="divides both"):
        Convolution(3, 96, 55, 55, groups=2)


def test_predictor_meets_its_bars_and_gives_reasons_for_the_rest():
    points = read_points(None, "eyeriss_v2")
    answers = [(point, predict(point, points)) for point in points]
    assert all(answer if isinstance(answer, str) else answer > 0 for _, answer in answers)
    pe = BARS["PE cycles"]
    pairs = np.array([(p.value, a) for p, a in answers if pe.covers(p) and not isinstance(a, str)])
    assert len(pairs) == 8
    assert pe.broken(pairs[:, 0], pairs[:, 1]) == []


def test_predictor_takes_layers_that_are_not_in_the_file():
    shape = {"C": 32, "M": 64, "P": 16, "Q": 16, "R": 3, "S": 3, "iact_density": 0.5, "weight_density": 0.25}
    new = PublishedPoint("eyeriss_v2", "L99", "baseline cycles", 1.0, "cycles", shape)
    assert predict(new, []) == pytest.approx(32 * 64 * 256 * 9 / 8)
    bare = PublishedPoint("eyeriss_v2", "L99", "baseline cycles", 1.0, "cycles")
    assert "densities" in str(predict(bare, []))


def test_logic_area_by_the_technology():
    """2,695 thousand gates (Chen et al.), from scratchpads and MACs at 45 nm and their share of a PE."""
    (gates,) = read_facts(None, "eyeriss_v2", ["gates_logic"])
    assert predict(gates, []) == pytest.approx(2695, rel=0.1)
