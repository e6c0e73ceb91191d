"""GoogLeNet (Szegedy et al., CVPR 2015, Table 1) without its auxiliary classifiers, which only training has.

The 54 convolutions of its inception modules are those that SCNN was given. No densities are published layer by layer.
"""

from itertools import pairwise

from workloads.kernels.tensor_names import outside, read
from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import Layer, chain, convolution

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


_MERGED = ("1x1", "3x3", "5x5", "pool_proj")
"""Layers whose outputs, one below the other, are a module's; they are pooled too, which no kernel does."""
_POOLED = ("3a", "4a", "5a")
"""Modules behind a pooling that changes the size of maps."""


def _inception(name: str, before: str) -> list[Layer]:
    side, channels, ones, reduce_3, threes, reduce_5, fives, pooled = _MODULES[name]
    merged = tuple(one for part in _MERGED for one in read(f"{before}/{part}", "pointwise"))
    enters = outside(f"{name}.input") if name in _POOLED else merged
    shapes = {
        "1x1": (Shape(channels, ones, side, side), enters),
        "3x3_reduce": (Shape(channels, reduce_3, side, side), enters),
        "3x3": (Shape(reduce_3, threes, side, side, 3, 3, padding=1), read(f"{name}/3x3_reduce", "unfolded")),
        "5x5_reduce": (Shape(channels, reduce_5, side, side), enters),
        "5x5": (Shape(reduce_5, fives, side, side, 5, 5, padding=2), read(f"{name}/5x5_reduce", "unfolded")),
        "pool_proj": (Shape(channels, pooled, side, side), outside(f"{name}.pooled")),
    }
    return [convolution(f"{name}/{part}", shape, b=b, result=part in _MERGED) for part, (shape, b) in shapes.items()]


INCEPTIONS = tuple(layer for before, module in pairwise(["", *_MODULES]) for layer in _inception(module, before))

_STEM = {
    "conv1": Shape(3, 64, 112, 112, 7, 7, stride=2, padding=3),
    "conv2_reduce": Shape(64, 64, 56, 56),
    "conv2": Shape(64, 192, 56, 56, 3, 3, padding=1),
}

GOOGLENET = (
    *chain(_STEM),
    *INCEPTIONS,
    convolution("fc", Shape(1024, 1000, 1, 1)),
)
