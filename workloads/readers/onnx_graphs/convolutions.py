"""Convolutions as products: a row of A for each output channel, a column of B for each place of the output.

| operator | A | columns of B |
|---|---|---|
| `Conv`, `ConvInteger`, `QLinearConv`, `FusedConv`, `DeformConv` | filters [out, in x kernel] | output places |
| `ConvTranspose` | filters [out x kernel, in] | input places |

Groups are blocks along A's diagonal, as each has a pattern of its own.
Source: https://onnx.ai/onnx/operators/onnx__Conv.html, ConvTranspose likewise.
"""

import math
from dataclasses import dataclass

from workloads.kernels.unfolding import Unfolding, unfolding_of
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
    per_group, kernel = weights.shape[1], weights.shape[2:]
    sides = _channels_first(node.dims(0)) if last else node.dims(0)
    if sides is not None:
        if len(sides) != len(weights.shape):
            raise Unread(f"have {len(kernel)} axes of a kernel for {len(sides) - 2} of a map")
        same(sides[1], per_group * groups, "channels")
    steps = _steps(node, len(kernel))
    places = _places(steps, sides, kernel)
    out_sides = _channels_first(node.out()) if last else node.out()
    if None in places and out_sides is not None and len(out_sides) == len(weights.shape):
        places = list(out_sides[2:])
    batch = sides[0] if sides else out_sides[0] if out_sides else None
    mapped = node.kind != "DeformConv" and sides is not None and batch is not None
    product = NodeProduct(
        weights,
        (out, per_group * math.prod(kernel)),
        times(batch, *places),
        groups=groups,
        unfolding=_unfolding(steps, sides, kernel, places) if mapped and sides is not None else None,
        taps=math.prod(kernel),
    )
    return [product]


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


@dataclass(frozen=True)
class _Steps:
    """How filters go over a map, axis by axis."""

    strides: list[int]
    dilations: list[int]
    pads: list[int]
    """Before the map along each axis, then behind it."""
    automatic: str
    """`NOTSET` where `pads` count."""


def _channels_first(dims: Dims | None) -> Dims | None:
    return (dims[0], dims[-1], *dims[1:-1]) if dims is not None and len(dims) > 2 else dims


def _steps(node: Node, axes: int) -> _Steps:
    strides, dilations = node.numbers("strides", [1] * axes), node.numbers("dilations", [1] * axes)
    pads, automatic = node.numbers("pads", [0] * 2 * axes), node.text("auto_pad", "NOTSET")
    if len(strides) != axes or len(dilations) != axes or len(pads) != 2 * axes:
        raise Unread("have strides, dilations or padding of another number of axes")
    if min(strides) < 1 or min(dilations) < 1:
        raise Unread("have strides or dilations below 1")
    return _Steps(strides, dilations, [0] * 2 * axes if automatic == "VALID" else pads, automatic)


def _places(steps: _Steps, sides: Dims | None, kernel: tuple[int, ...]) -> list[int | None]:
    """Sides of the output's map."""
    if sides is None:
        return [None] * len(kernel)
    places: list[int | None] = []
    for at, side in enumerate(sides[2:]):
        reach = (kernel[at] - 1) * steps.dilations[at] + 1
        if side is None:
            places.append(None)
        elif steps.automatic.startswith("SAME"):
            places.append(-(-side // steps.strides[at]))
        else:
            padded = side + steps.pads[at] + steps.pads[at + len(kernel)]
            places.append((padded - reach) // steps.strides[at] + 1)
            if padded < reach:
                raise Unread(f"have a kernel that is larger than the padded map ({reach} and {padded})")
    return places


def _unfolding(steps: _Steps, sides: Dims, kernel: tuple[int, ...], places: list[int | None]) -> Unfolding | None:
    """For maps of one or two axes; None for others, and where a side is unknown, empty or cut by its padding."""
    known = [side for side in (*sides[1:], *places) if side]
    if len(kernel) > 2 or len(known) != 1 + 2 * len(kernel):
        return None
    maps, out = known[1 : 1 + len(kernel)], known[1 + len(kernel) :]
    pads = steps.pads[: len(kernel)]
    if steps.automatic.startswith("SAME"):
        axes = zip(out, steps.strides, kernel, steps.dilations, maps, strict=True)
        total = [max((to - 1) * step + (taps - 1) * apart + 1 - side, 0) for to, step, taps, apart, side in axes]
        pads = [one // 2 if steps.automatic == "SAME_UPPER" else -(-one // 2) for one in total]
    if min(pads) < 0:
        return None
    return unfolding_of(known[0], kernel, out, maps, stride=steps.strides, padding=pads, dilation=steps.dilations)
