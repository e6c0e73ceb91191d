"""Layers of the convolutional networks that papers report, with the densities they publish.

Shapes: AlexNet by Krizhevsky et al. (NeurIPS 2012; two groups in conv2, conv4, conv5), VGG-16 by Simonyan and Zisserman
(ICLR 2015), GoogLeNet's inception modules by Szegedy et al. (CVPR 2015, Table 1), MobileNet by Howard et al.
(arXiv:1704.04861) at width 0.5 and 128 x 128 pixels. Densities of AlexNet and VGG-16: Han et al., "Learning both
weights and connections", NeurIPS 2015, Tables 4 and 5; those of the activations are what the layer before gives out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hwmodels.systems.convolution import Convolution


@dataclass(frozen=True)
class Layer:
    """A layer and the densities of its weights and of the activations that enter it; 1 where none is published."""

    shape: Convolution
    weight_density: float = 1.0
    activation_density: float = 1.0


def _chain(shapes: dict[str, Convolution], weights: list[float], outputs: list[float]) -> dict[str, Layer]:
    inputs = [1.0, *outputs]
    return {
        name: Layer(shape, weight, active)
        for (name, shape), weight, active in zip(shapes.items(), weights, inputs, strict=True)
    }


ALEXNET = _chain(
    {
        "conv1": Convolution(3, 96, 55, 55, 11, 11, stride=4),
        "conv2": Convolution(96, 256, 27, 27, 5, 5, groups=2),
        "conv3": Convolution(256, 384, 13, 13, 3, 3),
        "conv4": Convolution(384, 384, 13, 13, 3, 3, groups=2),
        "conv5": Convolution(384, 256, 13, 13, 3, 3, groups=2),
        "fc6": Convolution(9216, 4096, 1, 1),
        "fc7": Convolution(4096, 4096, 1, 1),
        "fc8": Convolution(4096, 1000, 1, 1),
    },
    weights=[0.84, 0.38, 0.35, 0.37, 0.37, 0.09, 0.09, 0.25],
    outputs=[0.88, 0.52, 0.37, 0.40, 0.34, 0.36, 0.40],
)

_VGG_PLANES = {
    "conv1_1": (3, 64, 224),
    "conv1_2": (64, 64, 224),
    "conv2_1": (64, 128, 112),
    "conv2_2": (128, 128, 112),
    "conv3_1": (128, 256, 56),
    "conv3_2": (256, 256, 56),
    "conv3_3": (256, 256, 56),
    "conv4_1": (256, 512, 28),
    "conv4_2": (512, 512, 28),
    "conv4_3": (512, 512, 28),
    "conv5_1": (512, 512, 14),
    "conv5_2": (512, 512, 14),
    "conv5_3": (512, 512, 14),
}

VGG16 = _chain(
    {name: Convolution(channels, filters, side, side, 3, 3) for name, (channels, filters, side) in _VGG_PLANES.items()}
    | {
        "fc6": Convolution(25088, 4096, 1, 1),
        "fc7": Convolution(4096, 4096, 1, 1),
        "fc8": Convolution(4096, 1000, 1, 1),
    },
    weights=[0.58, 0.22, 0.34, 0.36, 0.53, 0.24, 0.42, 0.32, 0.27, 0.34, 0.35, 0.29, 0.36, 0.04, 0.04, 0.23],
    outputs=[0.53, 0.89, 0.80, 0.81, 0.68, 0.70, 0.64, 0.51, 0.45, 0.34, 0.32, 0.29, 0.19, 0.38, 0.42],
)

_INCEPTION = {  # side, channels, 1x1, reduction, 3x3, reduction, 5x5, after the pool
    "3a": (28, 192, 64, 96, 128, 16, 32, 32),
    "3b": (28, 256, 128, 128, 192, 32, 96, 64),
    "4a": (14, 480, 192, 96, 208, 16, 48, 64),
    "4b": (14, 512, 160, 112, 224, 24, 64, 64),
    "4c": (14, 512, 128, 128, 256, 24, 64, 64),
    "4d": (14, 512, 112, 144, 288, 32, 64, 64),
    "4e": (14, 528, 256, 160, 320, 32, 128, 128),
    "5a": (7, 832, 256, 160, 320, 32, 128, 128),
    "5b": (7, 832, 384, 192, 384, 48, 128, 128),
}


def _inception(name: str) -> dict[str, Layer]:
    side, channels, ones, reduce_3, threes, reduce_5, fives, pooled = _INCEPTION[name]
    shapes = {
        "1x1": Convolution(channels, ones, side, side),
        "3x3_reduce": Convolution(channels, reduce_3, side, side),
        "3x3": Convolution(reduce_3, threes, side, side, 3, 3),
        "5x5_reduce": Convolution(channels, reduce_5, side, side),
        "5x5": Convolution(reduce_5, fives, side, side, 5, 5),
        "pool_proj": Convolution(channels, pooled, side, side),
    }
    return {f"{name}/{part}": Layer(shape) for part, shape in shapes.items()}


GOOGLENET = {name: layer for module in _INCEPTION for name, layer in _inception(module).items()}
"""The 54 convolutions of the inception modules, which SCNN's paper evaluates; no densities published layer by layer."""


def _mobilenet() -> dict[str, Layer]:
    pairs = [(16, 32, 64), (32, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 16), (128, 256, 8)]
    pairs += [(256, 256, 8)] * 5 + [(256, 512, 4), (512, 512, 4)]
    shapes = [Convolution(3, 16, 64, 64, 3, 3, stride=2)]
    side = 64
    for channels, filters, out in pairs:
        shapes += [
            Convolution(channels, channels, out, out, 3, 3, stride=side // out, groups=channels),
            Convolution(channels, filters, out, out),
        ]
        side = out
    shapes.append(Convolution(512, 1000, 1, 1))
    return {f"L{at:02d}": Layer(shape) for at, shape in enumerate(shapes, 1)}


MOBILENET = _mobilenet()
"""MobileNet 0.5-128: L01 is the first convolution, then depthwise and pointwise in turn, L28 the classifier."""

NETWORKS = {"AlexNet": ALEXNET, "VGG-16": VGG16, "GoogLeNet": GOOGLENET, "MobileNet-0.5-128": MOBILENET}


def layer_of(params: Mapping[str, object]) -> Layer | None:
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
    return Layer(shape, *(_density(params, operand) for operand in ("weight", "iact")))


def has_densities(params: Mapping[str, object]) -> bool:
    """Whether a point gives the densities of both operands."""
    return all(any(key in params for key in _density_keys(operand)) for operand in ("weight", "iact"))


def named_layer(name: str) -> Layer | None:
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
