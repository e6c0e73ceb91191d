"""MobileNet at width 0.5 and 128 x 128 pixels (Howard et al., arXiv:1704.04861), the network of Eyeriss v2.

L01 is the first convolution, then depthwise and pointwise in turn, L28 the classifier. A depthwise layer is one product
of 1 x 9 weights for each channel. No densities are published layer by layer.
"""

from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import Layer, chain

_PAIRS = (  # channels, filters, side of the output
    [(16, 32, 64), (32, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 16), (128, 256, 8)]
    + [(256, 256, 8)] * 5
    + [(256, 512, 4), (512, 512, 4)]
)


def _mobilenet() -> tuple[Layer, ...]:
    shapes = [Shape(3, 16, 64, 64, 3, 3, stride=2, padding=1)]
    side = 64
    for channels, filters, out in _PAIRS:
        shapes.append(Shape(channels, channels, out, out, 3, 3, stride=side // out, groups=channels, padding=1))
        shapes.append(Shape(channels, filters, out, out))
        side = out
    shapes.append(Shape(512, 1000, 1, 1))
    return chain({f"L{at:02d}": shape for at, shape in enumerate(shapes, 1)})


MOBILENET = _mobilenet()
