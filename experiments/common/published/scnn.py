"""What the model of SCNN says of its published points."""

import dataclasses
from collections.abc import Iterable, Sequence

from experiments.common.published.networks import ALEXNET, GOOGLENET, VGG16, PublishedLayer
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.scnn import Dcnn, Scnn
from hwmodels.systems.work import uniform_work
from hwmodels.technology import make_technology, scenario

BARS = {
    "speed-ups": Bar(lambda point: "energy" not in point.metric and point.metric not in FACTS),
    "energy": Bar(lambda point: "energy" in point.metric),
    "area by the technology": Bar(lambda point: point.metric in FACTS),
}

FACTS = ("PE_area_multipliers", "PE_area_scatter_crossbar_16x32")

CHIP, DENSE = Scnn(), Dcnn()
STORED_BITS = CHIP.value_bits + CHIP.index_bits


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Time and energy against the dense baseline and one-sided variants; else the reason why not."""
    metric = point.metric.lower()
    if point.metric in FACTS:
        return _areas_mm2()[point.metric]
    if point.workload.lower().startswith("fc"):
        return _peak_of_fully_connected() if "fraction of peak" in metric else "no model of this metric"
    if "dram tiling" in point.workload.lower():
        return "which layers are tiled through DRAM is not given"
    layers = _layers(point)
    if isinstance(layers, str):
        return layers
    weights, active = layers[0].weight_density, layers[0].activation_density
    if "over sparsew" in metric or "over sparsea" in metric:
        one_sided = _at(layers, weights, 1.0) if "sparsew" in metric else _at(layers, 1.0, active)
        quantity = _energy if "energy" in metric else _cycles
        return quantity(one_sided) / quantity(layers)
    if "energy" in metric:
        gated = "dcnn-opt" in metric
        dense = (
            DENSE.energy_pj(x.shape, x.weight_density * x.activation_density if gated else 1.0) for x in layers
        )  # fmt: skip
        return _energy(layers) / sum(dense)
    if "vs dcnn" in metric or "relative to dcnn" in metric:
        return sum(DENSE.cycles(x.shape) for x in layers) / _cycles(layers)
    return "no model of this metric"


def _layers(point: PublishedPoint) -> list[PublishedLayer] | str:
    """Convolutions of the network, at the densities of the point if it gives any."""
    name, params = point.workload.lower(), point.params
    if {"weight_density", "activation_density"} <= set(params):
        table = ALEXNET if "alexnet" in name else VGG16 if "vgg" in name else GOOGLENET
        return _at(_convolutions(table), float(params["weight_density"]), float(params["activation_density"]))
    if "alexnet" in name:
        return _convolutions(ALEXNET)
    if "vgg" in name:
        return _convolutions(VGG16)
    return "the densities of GoogLeNet's pruned layers are not given"


def _convolutions(table: dict[str, PublishedLayer]) -> list[PublishedLayer]:
    return [layer for name, layer in table.items() if not name.startswith("fc")]


def _at(layers: Iterable[PublishedLayer], weights: float, active: float) -> list[PublishedLayer]:
    return [dataclasses.replace(layer, weight_density=weights, activation_density=active) for layer in layers]


def _cycles(layers: Sequence[PublishedLayer]) -> float:
    return sum(CHIP.layer(x.shape, x.weight_density, x.activation_density).cycles for x in layers)


def _energy(layers: Sequence[PublishedLayer]) -> float:
    """Energy, pJ, with every weight from DRAM once and activations on the chip."""
    total = 0.0
    for x in layers:
        run = CHIP.layer(x.shape, x.weight_density, x.activation_density)
        total += sum(CHIP.energy_pj(run, run.weights * STORED_BITS).values())
    return total


def _areas_mm2() -> dict[str, float]:
    model = make_technology(scenario(CHIP.node_nm, CHIP.clock_ghz))
    lanes = CHIP.weight_lanes * CHIP.activation_lanes
    return {
        "PE_area_multipliers": lanes * float(model.multiply_area_mm2(CHIP.value_bits)),
        "PE_area_scatter_crossbar_16x32": float(model.crossbar_area_mm2(lanes, 2 * lanes, CHIP.accumulator_bits)),
    }


def _peak_of_fully_connected() -> float:
    work = uniform_work(4096.0, 4096.0, 1.0)
    return work.multiplies / CHIP.peak / float(CHIP.cost(work).resource_cycles[0])
