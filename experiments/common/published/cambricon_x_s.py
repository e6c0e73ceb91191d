"""What the model of Cambricon-X says of the points published of it: those of a re-implementation by others."""

import statistics
from collections.abc import Sequence

from experiments.common.published.matrices import matrix_sizes
from experiments.common.published.networks import ALEXNET, VGG16, PublishedLayer, named_layer
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.cambricon_s import CambriconS
from hwmodels.systems.cambricon_x import CambriconX
from hwmodels.systems.work import uniform_work

BARS = {
    "synthetic": Bar(lambda point: "density" in point.params),
    "pruned layers": Bar(
        lambda point: point.workload != "" and "SpMM" not in point.metric and "density" not in point.params
    ),
    "SpMM": Bar(lambda point: "SpMM" in point.metric),
    "averages of the papers": Bar(lambda point: point.metric in FACTS),
}

CHIP = CambriconX(clock_ghz=2.0, value_bytes=4.0, node_nm=28.0)
"""As Srivastava et al. (Tensaurus, HPCA 2020) built it: 256 multipliers at 2 GHz, 128 GB/s; 32-bit values (a guess)."""

FACTS = ("X_speedup_vs_DianNao", "S_speedup_vs_X", "S_energy_vs_X")
AS_PUBLISHED, SUCCESSOR = CambriconX(), CambriconS()

CPU_GMACS = 0.58
"""Fitted: multiply-adds a nanosecond of SparseBLAS on one core of their Xeon E7-8867, the median over the points of
the synthetic sweep of speed-up times predicted time."""

MATRICES = {name: (size["rows"], size["nnz"]) for name, size in matrix_sizes().items()} | {
    "citeseer": (3300, 4700),
    "cora": (2700, 5300),
}
"""Rows and non-zeros; the last two from Tensaurus, Table 5, rounded."""

SIDE = 8192
"""Size of the synthetic matrices (a guess; it cancels as long as the product is bound by memory)."""


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Speed-up over one core of a CPU, or an average of the papers; else the reason why not."""
    if point.metric in FACTS:
        return _average(point.metric)
    if "speedup vs" not in point.metric.lower():
        return "no model of this metric"
    name = point.workload
    if "density" in point.params:
        return _speedup(SIDE, SIDE, SIDE, float(point.params["density"]))
    if name.lower().endswith("-avg"):
        layers = ALEXNET if name.lower().startswith("alex") else VGG16
        return statistics.fmean(_of_layer(layer) for layer in layers.values())
    if name == "geomean":
        known = [_of_matrix(other.workload) for other in points if other.workload in MATRICES]
        return statistics.geometric_mean(known) if known else "no matrix it is the mean of is given"
    if name in MATRICES:
        return _of_matrix(name)
    layer = named_layer(name)
    return "the sizes of this workload are not given" if layer is None else _of_layer(layer)


def _average(metric: str) -> float:
    """Mean over AlexNet and VGG-16 at the densities of Han et al.; the papers' networks are more and sparser.

    DianNao is taken as a dense machine with as many multipliers at the same clock.
    """
    gains = []
    for network in (ALEXNET, VGG16):
        works = [(x.shape.groups, x.shape.work(x.weight_density, x.activation_density)) for x in network.values()]
        x_s, s_s = (
            sum(groups * float(chip.cost(work).latency_s) for groups, work in works)
            for chip in (AS_PUBLISHED, SUCCESSOR)
        )
        dense_s = sum(x.shape.multiplies for x in network.values()) / AS_PUBLISHED.peak / AS_PUBLISHED.clock_ghz * 1e-9
        powers = AS_PUBLISHED.power_w / SUCCESSOR.power_w
        gains.append(dict(zip(FACTS, (dense_s / x_s, x_s / s_s, x_s / s_s * powers), strict=True))[metric])
    return statistics.fmean(gains)


def _of_layer(layer: PublishedLayer) -> float:
    shape = layer.shape
    return _speedup(shape.filters // shape.groups, shape.taps, shape.positions, layer.weight_density)


def _of_matrix(name: str) -> float:
    """A column count of 64 stands for one that is not published; it cancels."""
    rows, nonzeros = MATRICES[name]
    return _speedup(rows, rows, 64, nonzeros / rows**2)


def _speedup(m: int, k: int, n: int, density: float) -> float:
    work = uniform_work(float(m), float(k), float(n), density)
    return work.multiplies / CPU_GMACS * 1e-9 / float(CHIP.cost(work).latency_s)
