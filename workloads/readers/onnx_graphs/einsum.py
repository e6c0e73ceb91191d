"""`Einsum` of a stored operand and activations: the equation says which axes are rows, columns and summed over.

Source: https://onnx.ai/onnx/operators/onnx__Einsum.html; letters are axes, `...` all that have none.
"""

import math
from collections import Counter

import numpy as np

from workloads.readers.onnx_graphs.constants import Unread
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct, same, times

_MOST_MATRICES = 4096


def einsum_product(node: Node) -> list[NodeProduct | Activations]:
    """One product for each place along axes that stay apart in the stored operand, the others and the output."""
    equation = node.text("equation", "").replace(" ", "")
    stored = [at for at in range(len(node.inputs)) if node.stored(at)]
    if not stored:
        return [Activations()] if len(node.inputs) > 1 else []
    if len(node.inputs) != 2 or len(stored) != 1:
        raise Unread(f"are one of {len(node.inputs)} operands of Einsum {equation!r}, which is not read")
    weights, sides = node.weights(stored[0]), node.dims(1 - stored[0])
    ours, theirs, output = _axes(equation, stored[0], len(weights.shape), None if sides is None else len(sides))
    if len(ours) != len(weights.shape) or (sides is not None and len(theirs) != len(sides)):
        raise Unread(f"have the shape {list(weights.shape)}, which does not fit Einsum {equation!r}")
    rows = [axis for axis in output if axis in ours and axis not in theirs]
    summed = [axis for axis in ours if axis in theirs and axis not in output]
    apart = [axis for axis in output if axis in ours and axis in theirs]
    if len({*ours}) != len(ours) or len({*theirs}) != len(theirs) or len(rows + summed + apart) != len(ours):
        raise Unread(f"are summed alone or along a diagonal in Einsum {equation!r}, which is not read")
    if any(axis not in ours and axis not in output for axis in theirs):
        raise Unread(f"meet activations that are summed alone in Einsum {equation!r}, which is not read")
    if not summed:
        return [Activations("multiplied without a sum")]
    size = dict(zip(ours, weights.shape, strict=True))
    if sides is not None:
        for axis, side in zip(theirs, sides, strict=True):
            same(size.get(axis), side, f"axis {axis}")
    count = dict(zip(theirs, sides, strict=True)) if sides is not None else {}
    columns = times(*(count.get(axis) for axis in output if axis not in ours))
    return _products(weights, [[ours.index(a) for a in part] for part in (apart, rows, summed)], columns)


def _products(weights, places: list[list[int]], columns: int | None) -> list[NodeProduct | Activations]:
    apart, out, inner = (math.prod(weights.shape[at] for at in part) for part in places)
    if apart > _MOST_MATRICES or min(apart, out, inner) < 1:
        raise Unread(f"are {apart} matrices of {out} x {inner}, which is not read")
    order = [at for part in places for at in part]

    def one(array: np.ndarray, number: int) -> np.ndarray:
        return array.transpose(order).reshape(apart, out, inner)[number]

    return [
        NodeProduct(
            weights.then((out, inner), lambda array, number=number: one(array, number)),
            (out, inner),
            columns,
            part=str(number) if apart > 1 else "",
        )
        for number in range(apart)
    ]


def _axes(equation: str, stored: int, rank: int, other: int | None) -> tuple[list[str], list[str], list[str]]:
    """Axes of the stored operand, of the other and of the output; those that `...` stands for are numbered."""
    inputs, arrow, output = equation.partition("->")
    terms = inputs.split(",")
    if len(terms) != 2 or any(term.count("...") > 1 for term in (*terms, output)):
        raise Unread(f"have the Einsum {equation!r}, which does not name two operands")
    letters = "".join(term.replace("...", "") for term in terms)
    if not arrow:
        once = Counter(letters)
        output = ("..." if "..." in inputs else "") + "".join(sorted(a for a in once if once[a] == 1))
    plain = letters + output.replace("...", "")
    if not (plain.isascii() and plain.isalpha()) or not {*output.replace("...", "")} <= {*letters}:
        raise Unread(f"have the Einsum {equation!r}, which is malformed")
    ranks = {stored: rank, 1 - stored: other}
    hidden = {}
    for at, term in enumerate(terms):
        length = ranks[at]
        hidden[at] = 0 if "..." not in term or length is None else length - len(term.replace("...", ""))
        if not 0 <= hidden[at] <= 64:
            raise Unread(f"do not fit the Einsum {equation!r}")
    most = max(hidden.values())

    def spelt(term: str, dots: int) -> list[str]:
        before, mark, after = term.partition("...")
        return [*before, *(str(number) for number in range(most - dots, most) if mark), *after]

    return spelt(terms[stored], hidden[stored]), spelt(terms[1 - stored], hidden[1 - stored]), spelt(output, most)
