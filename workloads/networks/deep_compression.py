"""LeNet-300-100, LeNet-5, AlexNet and VGG-16 as Han et al. pruned them.

Shapes: LeNets of Caffe (LeCun et al., Proc. IEEE 1998, with 20 and 50 feature maps), AlexNet by Krizhevsky et al.
(NeurIPS 2012; two groups in conv2, conv4 and conv5), VGG-16 by Simonyan and Zisserman (ICLR 2015). Densities of weights
and of the activations that a layer gives out: Han et al., "Learning both weights and connections", NeurIPS 2015, Tables
3 to 5; Deep Compression (ICLR 2016, Tables 2 to 5) prints the same weights.
"""

from workloads.networks.layer import ConvolutionShape as Shape
from workloads.networks.layer import chain

LENET_300_100 = chain(
    {"fc1": Shape(784, 300, 1, 1), "fc2": Shape(300, 100, 1, 1), "fc3": Shape(100, 10, 1, 1)},
    weights=[0.08, 0.09, 0.26],
    outputs=[0.38, 0.65],
)

LENET_5 = chain(
    {
        "conv1": Shape(1, 20, 24, 24, 5, 5),
        "conv2": Shape(20, 50, 8, 8, 5, 5),
        "fc1": Shape(800, 500, 1, 1),
        "fc2": Shape(500, 10, 1, 1),
    },
    weights=[0.66, 0.12, 0.08, 0.19],
    outputs=[0.82, 0.72, 0.55],
)

ALEXNET = chain(
    {
        "conv1": Shape(3, 96, 55, 55, 11, 11, stride=4),
        "conv2": Shape(96, 256, 27, 27, 5, 5, groups=2, padding=2),
        "conv3": Shape(256, 384, 13, 13, 3, 3, padding=1),
        "conv4": Shape(384, 384, 13, 13, 3, 3, groups=2, padding=1),
        "conv5": Shape(384, 256, 13, 13, 3, 3, groups=2, padding=1),
        "fc6": Shape(9216, 4096, 1, 1),
        "fc7": Shape(4096, 4096, 1, 1),
        "fc8": Shape(4096, 1000, 1, 1),
    },
    weights=[0.84, 0.38, 0.35, 0.37, 0.37, 0.09, 0.09, 0.25],
    outputs=[0.88, 0.52, 0.37, 0.40, 0.34, 0.36, 0.40],
)

_VGG_PLANES = {  # channels, filters, side
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

VGG16 = chain(
    {
        name: Shape(channels, filters, side, side, 3, 3, padding=1)
        for name, (channels, filters, side) in _VGG_PLANES.items()
    }
    | {"fc6": Shape(25088, 4096, 1, 1), "fc7": Shape(4096, 4096, 1, 1), "fc8": Shape(4096, 1000, 1, 1)},
    weights=[0.58, 0.22, 0.34, 0.36, 0.53, 0.24, 0.42, 0.32, 0.27, 0.34, 0.35, 0.29, 0.36, 0.04, 0.04, 0.23],
    outputs=[0.53, 0.89, 0.80, 0.81, 0.68, 0.70, 0.64, 0.51, 0.45, 0.34, 0.32, 0.29, 0.19, 0.38, 0.42],
)
