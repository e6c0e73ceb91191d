"""Layers of the convolutional networks that papers report, with the densities they publish, by what figures call them.

The tables, with their sources, are those of `workloads.networks`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwmodels.systems.convolution import Convolution
from workloads.networks import deep_compression, googlenet, mobilenet
from workloads.networks import layer as tables


@dataclass(frozen=True)
class PublishedLayer:
    """A layer and the densities of its weights and of the activations that enter it; 1 where none is published."""

    shape: Convolution
    weight_density: float = 1.0
    activation_density: float = 1.0


def _by_name(layers: Iterable[tables.Layer]) -> dict[str, PublishedLayer]:
    return {
        layer.name: PublishedLayer(Convolution(**vars(layer.shape)), layer.weight_density, layer.activation_density)
        for layer in layers
        if layer.shape is not None
    }


ALEXNET = _by_name(deep_compression.ALEXNET)
VGG16 = _by_name(deep_compression.VGG16)
GOOGLENET = _by_name(googlenet.INCEPTIONS)
MOBILENET = _by_name(mobilenet.MOBILENET)


def layer_of(params: Mapping[str, object]) -> PublishedLayer | None:
    """The layer that a point's parameters give: C, M, P, Q and R, S, N, stride, and densities; None without a shape."""
    if not {"C", "M", "P", "Q"} <= set(params):
        return None

    def count(name: str, absent: int = 1) -> int:
        return int(float(str(params.get(name, absent))))

    shape = Convolution(
        count("C"),
        count("M"),
        count("P"),
        count("Q"),
        count("R"),
        count("S"),
        count("stride"),
        count("groups"),
        count("N"),
    )
    return PublishedLayer(shape, *(_density(params, operand) for operand in ("weight", "iact")))


def has_densities(params: Mapping[str, object]) -> bool:
    """Whether a point gives the densities of both operands."""
    return all(any(key in params for key in _density_keys(operand)) for operand in ("weight", "iact"))


def named_layer(name: str) -> PublishedLayer | None:
    """A layer by what figures call it: `AlexNet CONV3 sparse`, `Alex-fc6`, `VGG-c3_1`, `MobileNet CONV13 DW`."""
    found = re.search(r"(Alex|VGG|MobileNet)[^\s-]*(?:-16)?[\s-]+(conv|fc|c)(\d+(?:_\d)?)(.*)", name, re.IGNORECASE)
    if found is None:
        return None
    network, kind, number, rest = found.groups()
    if network.lower() == "mobilenet":
        at = 2 * int(number) + ("pw" in rest.lower())
        return MOBILENET.get(f"L{at:02d}")
    layers = ALEXNET if network.lower() == "alex" else VGG16
    return layers.get(("fc" if kind.lower() == "fc" else "conv") + number)


def _density_keys(operand: str) -> tuple[str, ...]:
    long = {"iact": "activation"}.get(operand, operand)
    return tuple(f"{name}_density{end}" for end in ("_exact", "") for name in (operand, long))


def _density(params: Mapping[str, object], operand: str) -> float:
    return next((float(str(params[key])) for key in _density_keys(operand) if key in params), 1.0)
