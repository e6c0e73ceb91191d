"""ResNet-50 (He et al., CVPR 2016, Table 1) with the stride of a block in its 3 x 3 convolution.

That is the variant of DLMC (Gale et al., "Sparse GPU Kernels for Deep Learning", SC 2020): its list of output positions
gives 3,136 to the first 1 x 1 and 784 to the 3 x 3 of the first block of group 2. The blocks of a stage but the first
are one loop: a row each layer, with repeats. DLMC prunes every layer to the same sparsity, the first and the last
included; densities of the activations are not published with it.
"""

from workloads.kernels.tensor_names import carried, outside, read
from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import Layer, convolution

_STAGES = ((3, 64, 64, 56), (4, 128, 256, 28), (6, 256, 512, 14), (3, 512, 1024, 7))
"""Blocks, width, channels that enter, side of the output; a block gives out four times its width."""


def _stage(stage: int, blocks: int, width: int, entering: int, side: int) -> list[Layer]:
    """The first block of a stage, whose shortcut is a product, and the others, whose shortcut is what enters them."""
    stride, wide, name = 1 if stage == 2 else 2, 4 * width, f"conv{stage}"
    larger, before = side * stride, f"conv{stage - 1}/1x1_expand"
    enters = [None, None] if stage == 2 else [read(before, "unfolded"), read(before, "pointwise")]
    inner, reduce = Shape(width, width, side, side, 3, 3, padding=1), Shape(wide, width, side, side)
    first = Shape(width, width, side, side, 3, 3, stride=stride, padding=1)
    expand, parts = Shape(width, wide, side, side), [f"{name}/first_1x1_reduce", f"{name}/first_3x3"]
    again, loops = carried(f"{name}/1x1_expand", "pointwise", initial=f"{name}/first_1x1_expand"), ((name, blocks - 1),)
    pooled = outside("pool1") if stage == 2 else None
    return [
        convolution(f"{name}/projection", Shape(entering, wide, side, side, stride=stride), b=pooled or enters[0]),
        convolution(parts[0], Shape(entering, width, larger, larger), b=pooled or enters[1]),
        convolution(parts[1], first, b=read(parts[0], "unfolded")),
        convolution(f"{name}/first_1x1_expand", expand, b=read(parts[1], "pointwise"), c=read(f"{name}/projection")),
        convolution(f"{name}/1x1_reduce", reduce, b=again, loops=loops),
        convolution(f"{name}/3x3", inner, b=read(f"{name}/1x1_reduce", "unfolded"), loops=loops),
        convolution(f"{name}/1x1_expand", expand, b=read(f"{name}/3x3", "pointwise"), c=again, loops=loops),
    ]


def _resnet50() -> tuple[Layer, ...]:
    stem = convolution("conv1", Shape(3, 64, 112, 112, 7, 7, stride=2, padding=3))
    stages = [layer for number, stage in enumerate(_STAGES, 2) for layer in _stage(number, *stage)]
    return (stem, *stages, convolution("fc", Shape(2048, 1000, 1, 1)))


RESNET50 = _resnet50()
