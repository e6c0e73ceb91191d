"""GoogLeNet (Szegedy et al., CVPR 2015, Table 1) without its auxiliary classifiers, which only training has.

The 54 convolutions of its inception modules are those that SCNN was given. No densities are published layer by layer.
"""

from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import Layer, convolution

_MODULES = {  # side, channels, 1x1, reduction, 3x3, reduction, 5x5, after the pool
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


def _inception(name: str) -> list[Layer]:
    side, channels, ones, reduce_3, threes, reduce_5, fives, pooled = _MODULES[name]
    shapes = {
        "1x1": Shape(channels, ones, side, side),
        "3x3_reduce": Shape(channels, reduce_3, side, side),
        "3x3": Shape(reduce_3, threes, side, side, 3, 3, padding=1),
        "5x5_reduce": Shape(channels, reduce_5, side, side),
        "5x5": Shape(reduce_5, fives, side, side, 5, 5, padding=2),
        "pool_proj": Shape(channels, pooled, side, side),
    }
    return [convolution(f"{name}/{part}", shape) for part, shape in shapes.items()]


INCEPTIONS = tuple(layer for module in _MODULES for layer in _inception(module))

_STEM = {
    "conv1": Shape(3, 64, 112, 112, 7, 7, stride=2, padding=3),
    "conv2_reduce": Shape(64, 64, 56, 56),
    "conv2": Shape(64, 192, 56, 56, 3, 3, padding=1),
}

GOOGLENET = (
    *(convolution(name, shape) for name, shape in _STEM.items()),
    *INCEPTIONS,
    convolution("fc", Shape(1024, 1000, 1, 1)),
)
