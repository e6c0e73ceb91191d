"""Recurrent layers as products: weights of the input meet all steps at once, those of the state one step at a time.

| weights | A | columns of B | repeats |
|---|---|---|---|
| `W` [directions, gates x hidden, in] | one matrix a direction | steps x batch | 1 |
| `R` [directions, gates x hidden, hidden] | one matrix a direction | batch | steps |

Source: https://onnx.ai/onnx/operators/onnx__LSTM.html, GRU and RNN likewise.
"""

from workloads.readers.onnx_graphs.constants import StoredConstant, Unread
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct, same, times


def recurrent_layer(node: Node) -> list[NodeProduct | Activations]:
    """`W` and `R` for each direction."""
    return _recurrent(node, node.constant(1), node.constant(2))


def dynamic_quantize_lstm(node: Node) -> list[NodeProduct | Activations]:
    """ONNX Runtime's LSTM of int8 weights, stored [directions, in, gates x hidden]; zero points are inputs 9 and 11."""
    turned = []
    for at, zero in ((1, 9), (2, 11)):
        weights, point = node.constant(at), node.zero_point(zero)
        if weights is None or len(weights.shape) != 3:
            raise Unread("are no stored arrays of three axes")
        directions, inner, rows = weights.shape

        def make(codes, zeros, directions=directions):
            exact = codes.astype("int32")
            if zeros is not None:
                exact = exact - zeros.astype("int32").reshape(directions if zeros.size > 1 else 1, 1, -1)
            return exact.swapaxes(1, 2)

        turned.append(weights.then((directions, rows, inner), make, point))
    return _recurrent(node, *turned)


def _recurrent(
    node: Node, of_input: StoredConstant | None, of_state: StoredConstant | None
) -> list[NodeProduct | Activations]:
    if of_input is None and of_state is None:
        return [Activations()]
    if of_input is None or of_state is None:
        raise Unread("are stored for the input or the state only")
    if not len(of_input.shape) == len(of_state.shape) == 3 or min(*of_input.shape, *of_state.shape) < 1:
        raise Unread(f"have the shapes {list(of_input.shape)} and {list(of_state.shape)}, not three axes")
    directions, rows, inner = of_input.shape
    same(directions, of_state.shape[0], "directions")
    same(rows, of_state.shape[1], "gates")
    sides = node.dims(0)
    if sides is not None and len(sides) != 3:
        raise Unread(f"meet a sequence of {len(sides)} axes")
    steps, batch, width = sides or (None, None, None)
    if node.number("layout", 0):
        steps, batch = batch, steps
    same(width, inner, "features")
    found: list[NodeProduct | Activations] = []
    for number in range(directions):
        for letter, weights in (("W", of_input), ("R", of_state)):
            shape = weights.shape[1:]
            matrix = weights.then(shape, lambda array, number=number: array[number])
            part = letter if directions == 1 else f"{letter}.{number}"
            columns, repeats = (times(steps, batch), 1.0) if letter == "W" else (batch if steps else None, steps or 1.0)
            found.append(NodeProduct(matrix, shape, columns, part, float(repeats)))
    return found
