"""What the model of Eyeriss v2 says of its published points."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

from experiments.common.published.networks import (
    ALEXNET,
    MOBILENET,
    PublishedLayer,
    has_densities,
    layer_of,
    named_layer,
)
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.eyeriss_v2 import EyerissV2
from hwmodels.technology import make_technology, scenario

PE_CYCLES = "baseline cycles"
BARS = {
    "PE cycles": Bar(lambda point: point.metric == PE_CYCLES, mean=0.05),
    "Sparseloop's PE cycles": Bar(lambda point: point.metric.startswith("Sparseloop")),
    "throughput": Bar(lambda point: point.unit == "inf/s" or "throughput" in point.metric),
    "energy": Bar(lambda point: point.unit in ("inf/J", "GOPS/W") or "energy" in point.metric),
    "area by the technology": Bar(lambda point: point.metric in FACTS),
    "DRAM traffic": Bar(lambda point: "DRAM traffic" in point.metric),
}

FACTS = ("gates_logic", "MACs_area_fraction_of_PE")

CHIP = EyerissV2()
SCRATCHPADS = ((9, 4), (16, 12), (16, 7), (96, 24), (32, 20))
"""Entries and bits of the activation and weight addresses and data, and of the partial sums (the paper's Table)."""
GATE_45NM_UM2 = 0.798
"""NAND2 of Nangate's 45 nm open cell library: the technology here ends at 45 nm, and gates count the same at 65 nm."""
NO_DENSITIES = "the densities of this layer are not given, and its multiplies follow from nothing else"


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Cycles, inferences a second or joule, GOPS/W and gains of sparsity; else the reason why not."""
    metric = point.metric.lower()
    if metric in (PE_CYCLES, "sparseloop uniform-model cycles"):
        layer = layer_of(point.params)
        return NO_DENSITIES if layer is None or not has_densities(point.params) else _pe_cycles(layer)
    if "noc-only" in metric:
        return "no model of the machine without its mesh"
    if metric.startswith("speed/"):
        return _mobilenet_over_alexnet(points)
    if metric.startswith("throughput loss"):
        return _limited(point, points)
    if "vs" in metric or "vs" in point.workload:
        return "a ratio to Eyeriss v1 scaled as the paper does, of which no figures are given"
    if point.metric in FACTS:
        return _logic()[point.metric]
    layers = _network(point, points)
    if isinstance(layers, str):
        return layers
    if metric.startswith("sparsity-only"):
        return _seconds({name: PublishedLayer(layer.shape) for name, layer in layers.items()}) / _seconds(layers)
    if metric == "efficiency":
        return _gops_per_w(layers)
    if metric.startswith("throughput") and point.unit == "inf/s":
        return 1 / _seconds(layers)
    if metric.startswith("energy efficiency"):
        return 1 / (_seconds(layers) * CHIP.power_w)
    if metric.startswith("dram traffic"):
        dense = "dense/sparse" in metric and point.params.get("part", 0) == 0
        return _dram_mb({name: PublishedLayer(layer.shape) for name, layer in layers.items()} if dense else layers)
    return "no model of this metric"


def _pe_cycles(layer: PublishedLayer) -> float:
    return layer.shape.groups * CHIP.pe_cycles(layer.shape.work(layer.weight_density, layer.activation_density))


def _seconds(layers: Mapping[str, PublishedLayer], chip: EyerissV2 = CHIP) -> float:
    cycles = (chip.layer_cycles(x.shape, x.weight_density, x.activation_density) for x in layers.values())
    return sum(cycles) / chip.clock_ghz * 1e-9


def _dram_mb(layers: Mapping[str, PublishedLayer]) -> float:
    """Every operand once: what does not fit the chip and is fetched again is not published."""
    moved = (CHIP.layer_bytes(x.shape, x.weight_density, x.activation_density) for x in layers.values())
    return sum(sum(layer.values()) for layer in moved) * 1e-6


def _mobilenet_over_alexnet(points: Sequence[PublishedPoint]) -> float | str:
    """Inferences a second, or a joule: one power makes them the same."""
    layers = _pruned_mobilenet(points)
    return layers if isinstance(layers, str) else _seconds(ALEXNET) / _seconds(layers)


def _limited(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Share of the throughput lost to a DRAM of so many MB/s; of two networks AlexNet comes first."""
    found = re.match(r"(\d+) MB/s", point.workload)
    layers = ALEXNET if point.params.get("part", 0) == 0 else _pruned_mobilenet(points)
    if found is None or isinstance(layers, str):
        return "the bandwidth is not given" if found is None else layers
    limited = dataclasses.replace(CHIP, dram_gbps=float(found.group(1)) / 1e3)
    return 1 - _seconds(layers) / _seconds(layers, limited)


def _gops_per_w(layers: Mapping[str, PublishedLayer]) -> float:
    """Operations of the dense layers, as the paper counts them, over the energy of the run."""
    return 2 * sum(x.shape.multiplies for x in layers.values()) / (_seconds(layers) * CHIP.power_w) * 1e-9


def _logic() -> dict[str, float]:
    """Logic in thousands of gates, and the share of MACs in a PE, by this project's technology.

    It knows scratchpads and MACs; those are 72 + 5 % of a PE by the paper, and the mesh is 2.6 % of the whole.
    """
    model = make_technology(scenario(45, CHIP.clock_ghz))
    pads = sum(float(model.buffer_area_mm2(entries * bits / 8, bits)) for entries, bits in SCRATCHPADS)
    macs = CHIP.lanes * float(model.mac_area_mm2(8, 20))
    gates = CHIP.pes * (pads + macs) / (0.72 + 0.05) / (1 - 0.026) * 1e6 / GATE_45NM_UM2
    return {"gates_logic": gates * 1e-3, "MACs_area_fraction_of_PE": 0.72 * macs / pads}


def _network(point: PublishedPoint, points: Sequence[PublishedPoint]) -> dict[str, PublishedLayer] | str:
    """A layer or the layers of a network; MobileNet's densities are those its published multiplies leave."""
    name = point.workload.lower()
    layer = named_layer(point.workload)
    if layer is not None:
        return {name: layer if "sparse" in name else PublishedLayer(layer.shape)}
    gain = point.metric.lower().startswith("sparsity-only")
    if "mobilenet" in name:
        return _pruned_mobilenet(points) if gain or "sparse" in name else MOBILENET
    if "alexnet" in name:
        layers = (
            ALEXNET
            if gain or "sparse" in name
            else {key: PublishedLayer(layer.shape) for key, layer in ALEXNET.items()}
        )
        return {key: layer for key, layer in layers.items() if "conv only" not in name or key.startswith("conv")}
    return "the network is not known"


def _pruned_mobilenet(points: Sequence[PublishedPoint]) -> dict[str, PublishedLayer] | str:
    """Multiplies of each layer as published; where densities are not, weights and activations share them evenly."""
    met = {}
    for other in points:
        if other.metric.lower() == PE_CYCLES:
            met |= {name: other for name in MOBILENET if f" {name} " in f" {other.workload} "}
    if len(met) < len(MOBILENET):
        return "the densities of its layers are not given"
    return {name: _with_multiplies(layer, met[name]) for name, layer in MOBILENET.items()}


def _with_multiplies(layer: PublishedLayer, other: PublishedPoint) -> PublishedLayer:
    given = layer_of(other.params)
    if given is not None and has_densities(other.params):
        return dataclasses.replace(given, shape=layer.shape)
    share = math.sqrt(min(float(other.value) / layer.shape.multiplies, 1.0))
    return PublishedLayer(layer.shape, share, share)
