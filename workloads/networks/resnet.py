"""ResNet-50 (He et al., CVPR 2016, Table 1) with the stride of a block in its 3 x 3 convolution.

That is the variant of DLMC (Gale et al., "Sparse GPU Kernels for Deep Learning", SC 2020): its list of output positions
gives 3,136 to the first 1 x 1 and 784 to the 3 x 3 of the first block of group 2. Blocks of one stage that have equal
shapes are one row with repeats. DLMC prunes every layer to the same sparsity, the first and the last included;
densities of the activations are not published with it.
"""

from dataclasses import replace

from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import Layer, convolution

_STAGES = ((3, 64, 64, 56), (4, 128, 256, 28), (6, 256, 512, 14), (3, 512, 1024, 7))
"""Blocks, width, channels that enter, side of the output; a block gives out four times its width."""


def _resnet50() -> tuple[Layer, ...]:
    layers = [convolution("conv1", Shape(3, 64, 112, 112, 7, 7, stride=2, padding=3))]
    for stage, (blocks, width, entering, side) in enumerate(_STAGES, 2):
        stride, wide = 1 if stage == 2 else 2, 4 * width
        parts = {
            "first_1x1_reduce": (Shape(entering, width, side * stride, side * stride), 1),
            "projection": (Shape(entering, wide, side, side, stride=stride), 1),
            "first_3x3": (Shape(width, width, side, side, 3, 3, stride=stride, padding=1), int(stride > 1)),
            "3x3": (Shape(width, width, side, side, 3, 3, padding=1), blocks - int(stride > 1)),
            "1x1_expand": (Shape(width, wide, side, side), blocks),
            "1x1_reduce": (Shape(wide, width, side, side), blocks - 1),
        }
        layers += [
            replace(convolution(f"conv{stage}/{part}", shape), repeats=count)
            for part, (shape, count) in parts.items()
            if count
        ]
    return (*layers, convolution("fc", Shape(2048, 1000, 1, 1)))


RESNET50 = _resnet50()
