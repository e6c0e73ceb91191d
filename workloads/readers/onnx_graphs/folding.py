"""Operators that are applied to stored arrays before a product meets them: folded, so that their zeros are known.

Only operators whose result is no larger than what goes in, or is bounded before it is made. Source: the definitions at
https://onnx.ai/onnx/operators/, of all versions: what later ones take as an input, earlier ones have as an attribute.
"""

import math
from collections.abc import Callable

import numpy as np

from workloads.readers.onnx_graphs.constants import StoredConstant, Unread, bounded, derived, held
from workloads.readers.onnx_graphs.nodes import Node
from workloads.readers.onnx_graphs.quantised import dequantised, fake_quantised, to_codes

_AT_HAND = 4096
"""Entries of what is computed at once, to know its shape, and kept."""

_UNARY: dict[str, Callable] = {
    "Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "Floor": np.floor, "Ceil": np.ceil, "Round": np.rint,
    "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Tanh": np.tanh, "Not": np.logical_not, "BitwiseNot": np.invert,
    "Reciprocal": lambda x: (1 / x).astype(x.dtype), "Relu": lambda x: np.maximum(x, 0).astype(x.dtype),
    "Sigmoid": lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype), "Identity": lambda x: x, "Dropout": lambda x: x,
    "IsNaN": np.isnan,
}  # fmt: skip


def _divided(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    whole = x.dtype.kind in "iu"
    return (np.trunc(x / np.where(y == 0, 1, y)) if whole else x / y).astype(x.dtype)


_BINARY: dict[str, Callable] = {
    "Add": np.add, "Sum": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divided,
    "Pow": lambda x, y: np.power(x, y).astype(x.dtype), "Max": np.maximum, "Min": np.minimum, "Equal": np.equal,
    "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal, "LessOrEqual": np.less_equal,
    "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor, "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
}  # fmt: skip
_REDUCTIONS: dict[str, Callable] = {
    "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod,
    "ReduceL1": lambda x, **way: np.abs(x).sum(**way), "ReduceSumSquare": lambda x, **way: (x * x).sum(**way),
    "ReduceL2": lambda x, **way: np.sqrt((x * x).sum(**way)),
}  # fmt: skip


def fold(node: Node, onnx, inputs: list[StoredConstant | None]) -> list[StoredConstant]:
    """What a node makes of constants, an entry for each output. **Raises** `Unread` if that is not known here."""
    makers = _of(node, onnx) if node.kind in _FOLDED_IN.get(node.domain, ()) or not node.domain else None
    if makers is None or not [one for one in inputs if one is not None]:
        raise Unread(f"are computed by {node.kind}, which is not folded")
    if any(one is not None and one.values.startswith(("complex", "string")) for one in inputs):
        raise Unread(f"are computed by {node.kind} from what are no real numbers")
    found, sizes = [], [math.prod(one.shape) for one in inputs if one is not None]
    for at, make in enumerate(makers):
        shape = node.out(at)
        known = None if shape is None or None in shape else tuple(side for side in shape if side is not None)
        values = _values(node, onnx, inputs)
        if known is None:
            constant = derived((), values, make, tuple(inputs))
            if constant.make is None:
                raise Unread(f"are computed by {node.kind} from arrays without values, into an unknown shape")
            arrays = [None if one is None else one.read() for one in inputs]
            with np.errstate(all="ignore"):
                array = make(*arrays)
            if array.size <= _AT_HAND:
                found.append(StoredConstant(array.shape, values, lambda array=array: array))
                continue
            known = array.shape
        found.append(derived(bounded(known, *sizes), values, make, tuple(inputs)))
    return found


def generated(node: Node) -> StoredConstant:
    """The array of a `Constant` node. **Raises** `Unread` where it has none."""
    if "value" in node.attributes:
        return node.attributes["value"]
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            if key in node.attributes:
                return held(np.asarray(node.attributes[key], dtype))
    raise Unread("are computed by a Constant without numbers")


def _values(node: Node, onnx, inputs: list[StoredConstant | None]) -> str:
    """What is stored: that of the first input, or what it is quantised to."""
    given = [one.values for one in inputs if one is not None]
    values = next((one for one in given if one not in ("bool", "int64", "int32")), given[0] if given else "")
    if node.kind == "ConstantOfShape":
        filled = node.attributes.get("value")
        return "float32" if filled is None else filled.values
    if node.kind == "QuantizeLinear":
        return _quantised_type(node, onnx, inputs[2] if len(inputs) > 2 else None).name
    if node.kind == "DequantizeLinear" and node.number("block_size", 0):
        return f"{values} in groups of {node.number('block_size', 0)}"
    if node.kind == "Quant" and len(inputs) > 3 and inputs[3] is not None and inputs[3].make is not None:
        return f"{'' if node.number('signed', 1) else 'u'}int{float(inputs[3].read().reshape(-1)[0]):g}"
    if node.kind == "Where" and len(inputs) > 1 and inputs[1] is not None:
        return inputs[1].values
    return "1 bit" if node.kind == "BipolarQuant" else values


def _of(node: Node, onnx) -> list[Callable[..., np.ndarray]] | None:
    kind = node.kind
    if kind in _UNARY:
        return [lambda x, *_: _UNARY[kind](x)]
    if kind in _BINARY:
        return [lambda *all_of: _elementwise(node, *all_of)]
    if kind in _REDUCTIONS:
        return [lambda x, axes=None: _reduced(node, x, axes)]
    if kind == "Split":
        return [lambda x, sizes=None, at=at: _split(node, x, sizes, at) for at in range(len(node.outputs))]
    if kind in ("Cast", "CastLike"):
        return [lambda x, like=None: _cast(node, onnx, x, like)]
    if kind == "QuantizeLinear":
        return [lambda x, scale, zero=None: to_codes(node, _type_of(node, onnx, zero), x, scale, zero)]
    one = _SINGLE.get(kind)
    return None if one is None else [lambda *inputs: one(node, *inputs)]


def _elementwise(node: Node, *inputs: np.ndarray) -> np.ndarray:
    found, *others = inputs
    for other in others:
        if node.number("broadcast", 0) and other.ndim < found.ndim:  # before version 7, along axes from `axis`
            axis = node.number("axis", found.ndim - other.ndim)
            other = other.reshape((*other.shape, *(1,) * (found.ndim - axis % found.ndim - other.ndim)))
        bounded(np.broadcast_shapes(found.shape, other.shape), found.size, other.size)
        found = _BINARY[node.kind](found, other)
    return found


def _axes(node: Node, axes: np.ndarray | None) -> tuple[int, ...] | None:
    found = node.attributes.get("axes") if axes is None else axes.reshape(-1)
    return None if found is None else tuple(int(axis) for axis in found)


def _reduced(node: Node, x: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    along = _axes(node, axes)
    if not along and node.number("noop_with_empty_axes", 0):
        return x
    return np.asarray(_REDUCTIONS[node.kind](x, axis=along or None, keepdims=bool(node.number("keepdims", 1))), x.dtype)


def _split(node: Node, x: np.ndarray, sizes: np.ndarray | None, at: int) -> np.ndarray:
    axis, parts = node.number("axis", 0), len(node.outputs)
    given = node.attributes.get("split") if sizes is None else sizes
    side = -(-x.shape[axis] // parts)
    lengths = [side] * (parts - 1) if given is None else [int(one) for one in given][:-1]
    return np.split(x, np.cumsum(lengths), axis)[at]


def _numpy_type(onnx, to: int | bytes) -> np.dtype:
    number = onnx.TensorProto.DataType.Value(to.decode()) if isinstance(to, bytes) else int(to)
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))


def _cast(node: Node, onnx, x: np.ndarray, like: np.ndarray | None) -> np.ndarray:
    to = _numpy_type(onnx, node.attributes["to"]) if like is None else like.dtype
    if to.name.startswith("float8") and node.number("saturate", 1):
        import ml_dtypes

        most = float(ml_dtypes.finfo(to).max)
        return np.clip(x.astype(np.float32), -most, most).astype(to)
    return x.astype(to)


def _type_of(node: Node, onnx, zero: np.ndarray | None) -> np.dtype:
    if zero is not None:
        return zero.dtype
    return _numpy_type(onnx, node.number("output_dtype", 0) or onnx.TensorProto.UINT8)


def _quantised_type(node: Node, onnx, zero: StoredConstant | None) -> np.dtype:
    return _type_of(node, onnx, None if zero is None or zero.make is None else zero.read())


def _reshape(node: Node, x: np.ndarray, sides: np.ndarray | None = None) -> np.ndarray:
    to = [int(side) for side in (node.attributes.get("shape", ()) if sides is None else sides)]
    if not node.number("allowzero", 0):
        to = [x.shape[at] if side == 0 else side for at, side in enumerate(to)]
    return x.reshape(to)


def _flatten(node: Node, x: np.ndarray) -> np.ndarray:
    axis = node.number("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _transpose(node: Node, x: np.ndarray) -> np.ndarray:
    return x.transpose(node.numbers("perm", list(range(x.ndim))[::-1]))


def _squeeze(node: Node, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return x.squeeze(_axes(node, axes))


def _unsqueeze(node: Node, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.expand_dims(x, _axes(node, axes) or ())


def _slice(node: Node, x: np.ndarray, *inputs: np.ndarray | None) -> np.ndarray:
    given = [None if one is None else [int(value) for value in one.reshape(-1)] for one in inputs] + [None] * 4
    starts = given[0] if given[0] is not None else node.numbers("starts", [])
    ends = given[1] if given[1] is not None else node.numbers("ends", [])
    axes = given[2] if given[2] is not None else node.numbers("axes", list(range(len(starts))))
    steps = given[3] if given[3] is not None else [1] * len(starts)
    taken = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        backwards = step < 0 and end < -x.shape[axis]
        taken[axis] = slice(start, None if backwards else end, step)
    return x[tuple(taken)]


def _concat(node: Node, *inputs: np.ndarray) -> np.ndarray:
    sizes = [one.size for one in inputs]
    bounded((sum(sizes),), *sizes)
    return np.concatenate(inputs, node.number("axis", 1))


def _expand(node: Node, x: np.ndarray, sides: np.ndarray) -> np.ndarray:
    shape = bounded(np.broadcast_shapes(x.shape, tuple(int(side) for side in sides)), x.size)
    return np.broadcast_to(x, shape)


def _tile(node: Node, x: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    bounded(tuple(side * int(times) for side, times in zip(x.shape, repeats, strict=True)), x.size)
    return np.tile(x, [int(times) for times in repeats])


def _pad(node: Node, x: np.ndarray, pads=None, value=None, axes=None) -> np.ndarray:
    given = node.attributes.get("pads", node.attributes.get("paddings")) if pads is None else pads
    widths = [int(one) for one in given]
    if node.text("mode", "constant") != "constant" or min(widths) < 0:
        raise ValueError("padding of another kind than constant is not folded")
    along = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    ends = dict(zip(along, zip(widths[: len(widths) // 2], widths[len(widths) // 2 :], strict=True), strict=True))
    whole = [ends.get(axis, (0, 0)) for axis in range(x.ndim)]
    bounded(tuple(side + sum(end) for side, end in zip(x.shape, whole, strict=True)), x.size)
    fill = node.attributes.get("value", 0.0) if value is None else value.reshape(-1)[0]
    return np.pad(x, whole, constant_values=fill)


def _gather(node: Node, x: np.ndarray, places: np.ndarray) -> np.ndarray:
    axis = node.number("axis", 0)
    bounded((x.size // max(x.shape[axis], 1) * places.size,), x.size)
    return np.take(x, places.astype(np.int64), axis)


def _where(node: Node, chosen: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bounded(np.broadcast_shapes(chosen.shape, x.shape, y.shape), chosen.size, x.size, y.size)
    return np.where(chosen, x, y)


def _clip(node: Node, x: np.ndarray, least=None, most=None) -> np.ndarray:
    low = node.attributes.get("min") if least is None else least.reshape(())
    high = node.attributes.get("max") if most is None else most.reshape(())
    x = x if low is None else np.maximum(x, low)
    return (x if high is None else np.minimum(x, high)).astype(x.dtype)


def _filled(node: Node, sides: np.ndarray) -> np.ndarray:
    shape = bounded(tuple(int(side) for side in sides))
    value = node.attributes.get("value")
    return np.broadcast_to(np.float32(0) if value is None else value.read().reshape(-1)[0], shape)


def _shape(node: Node, x: np.ndarray) -> np.ndarray:
    return np.array(x.shape[node.number("start", 0) : node.attributes.get("end")], np.int64)


def _shift(node: Node, x: np.ndarray, by: np.ndarray) -> np.ndarray:
    bounded(np.broadcast_shapes(x.shape, by.shape), x.size, by.size)
    return np.left_shift(x, by) if node.text("direction", "") == "LEFT" else np.right_shift(x, by)


def _mod(node: Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bounded(np.broadcast_shapes(x.shape, y.shape), x.size, y.size)
    return (np.fmod if node.number("fmod", 0) else np.mod)(x, y)


def _trilu(node: Node, x: np.ndarray, k: np.ndarray | None = None) -> np.ndarray:
    diagonal = 0 if k is None else int(k.reshape(()))
    return np.triu(x, diagonal) if node.number("upper", 1) else np.tril(x, diagonal)


def _matmul(node: Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.size * y.shape[-1] > 2**34:
        raise ValueError("a product of two stored matrices is too large to be folded")
    return x @ y


def _bipolar(node: Node, x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, np.float32(1), np.float32(-1)) * scale


_SINGLE: dict[str, Callable[..., np.ndarray]] = {
    "Reshape": _reshape, "Flatten": _flatten, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "Slice": _slice, "Concat": _concat, "Expand": _expand, "Tile": _tile, "Pad": _pad, "Gather": _gather,
    "Where": _where, "Clip": _clip, "ConstantOfShape": _filled, "Shape": _shape, "BitShift": _shift, "Mod": _mod,
    "Trilu": _trilu, "MatMul": _matmul, "DequantizeLinear": dequantised, "Quant": fake_quantised,
    "BipolarQuant": _bipolar,
}  # fmt: skip
"""Operators of one output, by what makes it from a node and its inputs."""
_FOLDED_IN = {
    "com.microsoft": ("QuantizeLinear", "DequantizeLinear"),
    **dict.fromkeys(("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"), ("Quant", "BipolarQuant")),
}
"""Operators of other domains than the standard's."""
