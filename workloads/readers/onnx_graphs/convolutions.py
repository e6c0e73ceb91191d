"""Convolutions as products: a row of A for each output channel, a column of B for each place of the output.

| operator | A | columns of B |
|---|---|---|
| `Conv`, `ConvInteger`, `QLinearConv`, `FusedConv`, `DeformConv` | filters [out, in x kernel] | output places |
| `ConvTranspose` | filters [out x kernel, in] | input places |

Groups are blocks along A's diagonal. Source: https://onnx.ai/onnx/operators/onnx__Conv.html, ConvTranspose likewise.
"""

import math

from workloads.kernels.convolution import Unfolding
from workloads.readers.onnx_graphs.constants import StoredConstant, Unread
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct, same, times
from workloads.readers.onnx_graphs.quantised import without_zero_point
from workloads.readers.onnx_graphs.shapes import Dims

Found = list[NodeProduct | Activations]


def conv(node: Node, at: int = 1, zero: int | None = None) -> Found:
    """Weights are input `at`, their zero point input `zero`."""
    if not node.stored(at):
        return [Activations()]
    weights = node.weights(at)
    if zero is not None:
        weights = without_zero_point(weights, node.zero_point(zero), 0)
    out, groups = _sides(weights, node)
    last = node.number("channels_last", 0)
    sides = None if last else node.dims(0)
    per_group, kernel = weights.shape[1], weights.shape[2:]
    if sides is not None:
        if len(sides) != len(weights.shape):
            raise Unread(f"have {len(kernel)} axes of a kernel for {len(sides) - 2} of a map")
        same(sides[1], per_group * groups, "channels")
    places = _places(node, sides, kernel)
    out_sides = node.out()
    if last and out_sides:
        places = list(out_sides[1:-1])
    elif None in places and out_sides is not None and len(out_sides) == len(weights.shape):
        places = list(out_sides[2:])
    batch = sides[0] if sides else out_sides[0] if out_sides else None
    plain = node.kind != "DeformConv" and sides is not None and batch is not None
    unfolding = _unfolding(node, sides, kernel, places) if plain and sides is not None else None
    shape = (out, per_group * math.prod(kernel))
    return [NodeProduct(weights, shape, times(batch, *places), groups=groups, unfolding=unfolding)]


def conv_integer(node: Node) -> Found:
    """Zero point: one, or one an output channel."""
    return conv(node, 1, 3)


def qlinear_conv(node: Node) -> Found:
    """Weights lie between the scales and zero points of input and output."""
    return conv(node, 3, 5)


def conv_transpose(node: Node) -> Found:
    """Filters are stored [in, out / groups, kernel]."""
    if not node.stored(1):
        return [Activations()]
    weights = node.weights(1)
    channels, groups = _sides(weights, node)
    rows = math.prod(weights.shape[1:])
    sides = node.dims(0)
    if sides is not None and len(sides) == len(weights.shape):
        same(sides[1], channels, "channels")
    columns = times(sides[0], *sides[2:]) if sides else None

    def turned(filters):
        return filters.reshape(groups, channels // groups, rows).swapaxes(1, 2).reshape(groups * rows, -1)

    shape = (groups * rows, channels // groups)
    return [NodeProduct(weights.then(shape, turned), shape, columns, groups=groups)]


def _sides(weights: StoredConstant, node: Node) -> tuple[int, int]:
    groups = node.number("group", 1)
    if len(weights.shape) < 3 or min(weights.shape) < 1:
        raise Unread(f"have the shape {list(weights.shape)}, which is no set of filters")
    if groups < 1 or weights.shape[0] % groups:
        raise Unread(f"have {weights.shape[0]} channels, which {groups} groups do not divide")
    kernel = node.numbers("kernel_shape", list(weights.shape[2:]))
    if kernel != list(weights.shape[2:]):
        raise Unread(f"have the kernel {list(weights.shape[2:])} where the operator has {kernel}")
    return weights.shape[0], groups


def _places(node: Node, sides: Dims | None, kernel: tuple[int, ...]) -> list[int | None]:
    """Sides of the output's map."""
    if sides is None:
        return [None] * len(kernel)
    strides, dilations = node.numbers("strides", [1] * len(kernel)), node.numbers("dilations", [1] * len(kernel))
    pads, automatic = node.numbers("pads", [0] * 2 * len(kernel)), node.text("auto_pad", "NOTSET")
    if len(strides) != len(kernel) or len(dilations) != len(kernel) or len(pads) != 2 * len(kernel):
        raise Unread("have strides, dilations or padding of another number of axes")
    if min(strides) < 1 or min(dilations) < 1:
        raise Unread("have strides or dilations below 1")
    places: list[int | None] = []
    for at, side in enumerate(sides[2:]):
        reach = (kernel[at] - 1) * dilations[at] + 1
        if side is None:
            places.append(None)
        elif automatic.startswith("SAME"):
            places.append(-(-side // strides[at]))
        else:
            padded = side + (pads[at] + pads[at + len(kernel)] if automatic == "NOTSET" else 0)
            places.append((padded - reach) // strides[at] + 1)
            if padded < reach:
                raise Unread(f"have a kernel that is larger than the padded map ({reach} and {padded})")
    return places


def _unfolding(node: Node, sides: Dims, kernel: tuple[int, ...], places: list[int | None]) -> Unfolding | None:
    """For maps of two axes with one stride and one padding, undilated; else None."""
    known = [side for side in (*sides, *places) if side is not None]
    if len(kernel) != 2 or len(known) != 6:
        return None
    _, channels, height, width, down, right = known
    strides, dilations = node.numbers("strides", [1, 1]), node.numbers("dilations", [1, 1])
    pads = node.numbers("pads", [0, 0, 0, 0])
    automatic = node.text("auto_pad", "NOTSET")
    if automatic == "VALID":
        pads = [0, 0, 0, 0]
    elif automatic.startswith("SAME"):
        ends = zip((down, right), strides, kernel, (height, width), strict=True)
        whole = [(place - 1) * stride + reach - side for place, stride, reach, side in ends]
        total = [max(one, 0) for one in whole]
        pads = [total[0] // 2, total[1] // 2, -(-total[0] // 2), -(-total[1] // 2)]
    if len({*strides}) != 1 or {*dilations} != {1} or len({*pads}) != 1 or pads[0] < 0:
        return None
    return Unfolding(channels, height, width, *kernel, down, right, strides[0], pads[0])
