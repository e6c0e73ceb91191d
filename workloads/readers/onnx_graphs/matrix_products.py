"""Matrix products with a stored operand: its rows are those of the output, whichever side it stands on.

| operator | A | columns of B |
|---|---|---|
| stored right operand [..., K, N] | its transpose [N, K], one for each matrix of a stack | rows of the left one |
| stored left operand [..., M, K] | that | columns of the right one |
| stored vector [K] | [1, K] | vectors of the other |

Sources: https://onnx.ai/onnx/operators/ (`Gemm`, `MatMul`, `MatMulInteger`, `QLinearMatMul`) and ONNX Runtime's
ContribOperators.md for those of com.microsoft.
"""

import math
from dataclasses import replace

import numpy as np

from workloads.readers.onnx_graphs.constants import StoredConstant, Unread, held
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct, count, same, times
from workloads.readers.onnx_graphs.quantised import unpacked_bits, without_zero_point
from workloads.readers.onnx_graphs.shapes import Dims

Found = list[NodeProduct | Activations]
_MOST_MATRICES = 4096
"""Of a stack."""


def matmul(node: Node, left: int = 0, right: int = 1, zeros: tuple[int, int] | None = None) -> Found:
    """NumPy's matmul of two inputs, `transA` and `transB` turn their last two axes; `zeros` are their zero points."""
    if node.number("transBatchA", 0) or node.number("transBatchB", 0):
        raise Unread("are multiplied with batches turned inside (transBatchA, transBatchB)")
    turn_left, turn_right = node.number("transA", 0), node.number("transB", 0)
    if node.stored(right):
        weights = _exact(node, right, None if zeros is None else zeros[1], -1 if not turn_right else -2)
        return _stack(weights, not turn_right, _turned(node.dims(left), turn_left), left=False)
    if node.stored(left):
        weights = _exact(node, left, None if zeros is None else zeros[0], -2 if not turn_left else -1)
        return _stack(weights, bool(turn_left), _turned(node.dims(right), turn_right), left=True)
    return [Activations()]


def matmul_integer(node: Node) -> Found:
    """Zero points: one, or one a row of the left, a column of the right operand."""
    return matmul(node, zeros=(2, 3))


def qlinear_matmul(node: Node) -> Found:
    """Operands lie between their scales and zero points."""
    return matmul(node, 0, 3, (2, 5))


def matmul_integer_to_float(node: Node) -> Found:
    """Inputs: both operands, both scales, both zero points."""
    return matmul(node, zeros=(4, 5))


def dynamic_quantize_matmul(node: Node) -> Found:
    """Inputs: activations, weights, their scale and zero point."""
    return matmul(node, zeros=(-1, 3))


def matmul_bits(node: Node) -> Found:
    """Weights [N, K] that are packed in 2, 4 or 8 bits."""
    if not node.stored(1):
        return [Activations()]
    return _stack(unpacked_bits(node), False, node.dims(0), left=False)


def attention(node: Node) -> Found:
    """ONNX Runtime's `Attention` over stored weights [in, 3 x hidden]; scores and contexts are activations only."""
    zero = 7 if node.kind == "QAttention" else None
    weights = _exact(node, 1, zero, -1) if node.stored(1) else None
    found = [] if weights is None else _stack(weights, True, node.dims(0), left=False)
    return [*found, Activations()]


def linear_model(node: Node) -> Found:
    """`LinearRegressor` and `LinearClassifier` of ai.onnx.ml: coefficients [targets, features]."""
    values = np.asarray(node.attributes.get("coefficients", ()), np.float32)
    sides, intercepts = node.dims(0), node.attributes.get("intercepts", ())
    rows = node.number("targets", 1) if node.kind == "LinearRegressor" else len(intercepts)
    if rows < 1 and sides and sides[-1]:
        rows = len(values) // sides[-1]
    if rows < 1 or len(values) == 0 or len(values) % rows:
        raise Unread(f"are {len(values)} coefficients, which do not make a matrix")
    return _stack(held(values.reshape(rows, -1)), False, sides, left=False)


def _exact(node: Node, at: int, zero: int | None, axis: int) -> StoredConstant:
    """A stored operand less its zero point, which may go along one axis."""
    weights = node.weights(at)
    if min(weights.shape, default=0) < 1:
        raise Unread(f"have the shape {list(weights.shape)}, which is no matrix")
    point = node.zero_point(zero) if zero is not None and zero >= 0 else None
    return without_zero_point(weights, point, axis if len(weights.shape) > 1 else 0)


def _turned(sides: Dims | None, turn: int) -> Dims | None:
    return (*sides[:-2], *sides[:-3:-1]) if turn and sides and len(sides) > 1 else sides


def _stack(weights: StoredConstant, turn: bool, other: Dims | None, *, left: bool) -> Found:
    """One product for each matrix of stored `weights`, [.., out, in] or turned, with the `other` operand.

    The other operand has its vectors along the last axis if the weights stand right of it, else along the last but one.
    """
    stack, sides = weights.shape[:-2], weights.shape[-2:]
    out, inner = (1, sides[0]) if len(sides) == 1 else sides[::-1] if turn else sides
    vectors, batch, length = _vectors(other, left)
    same(length, inner, "length of a dot product")
    matrices = math.prod(stack)
    if matrices > _MOST_MATRICES:
        raise Unread(f"are {matrices} matrices, more than {_MOST_MATRICES}")
    columns = times(vectors, _batches(stack, batch))
    if matrices > 1 and columns is not None:
        columns = columns // matrices
    found: Found = []
    for number, place in enumerate(np.ndindex(*stack)):

        def one(array: np.ndarray, place: tuple[int, ...] = place) -> np.ndarray:
            matrix = array[place] if place else array
            return matrix.T.reshape(out, inner) if turn else matrix.reshape(out, inner)

        product = NodeProduct(weights.then((out, inner), one), (out, inner), columns)
        found.append(replace(product, part=str(number)) if matrices > 1 else product)
    return found


def _vectors(other: Dims | None, left: bool) -> tuple[int | None, Dims | None, int | None]:
    """Of the operand beside the weights: vectors in one matrix, sides of its stack, length of a vector."""
    if other is None:
        return None, None, None
    if len(other) < 2:
        return 1, (), other[0] if other else None
    rows, columns = other[-2:]
    return (columns, other[:-2], rows) if left else (rows, other[:-2], columns)


def _batches(stack: tuple[int, ...], batch: Dims | None) -> int | None:
    """Products in all: sides of both stacks, broadcast."""
    if batch is None:
        return None
    rank = max(len(stack), len(batch))
    ours, theirs = (1,) * (rank - len(stack)) + stack, (1,) * (rank - len(batch)) + batch
    for one, other in zip(ours, theirs, strict=True):
        if other is not None and 1 not in (one, other):
            same(one, other, "sides of a stack")
    return count([one if one != 1 else other for one, other in zip(ours, theirs, strict=True)])
