"""Convolutions and matrix products of an ONNX graph whose weights are stored in it.

| operator | A | columns of B |
|---|---|---|
| `Conv` | filters [out, in x height x width]; groups make a block-diagonal matrix | output positions |
| `Gemm`, `MatMul` with stored right operand | its transpose [out, in] | rows of the left one |
| `MatMul` with stored left operand | that operand | columns of the right one |

Columns are taken from the shapes that `onnx.shape_inference` finds; an unknown first axis (the batch) counts as 1, and
where another one is unknown none are given. Operators of other kinds, and weights that are quantised or computed in the
graph, are passed over. The graph is read and never run.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from workloads.errors import InputError
from workloads.readers.source import BROKEN, Source

OnnxLayer = tuple[str, Callable[[], np.ndarray], int | None]
"""Name, how to get the weights, columns."""


def onnx_layers(source: Source) -> list[OnnxLayer]:
    """Names, weights and columns of the products of a graph.

    **Raises** `InputError` where the optional package is missing and where the file is no ONNX model.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        need = "reading ONNX needs a package that is not installed"
        raise InputError(f"{source}: {need}; run `pip install 'sparse-dse[onnx]'`.") from error
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(source.path))
        return list(_products(model.graph, onnx))
    except (DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError, *BROKEN) as error:
        what = " ".join(str(error).split()).rstrip(".")[:200]
        raise InputError(f"{source}: is no ONNX model that can be read ({what}); export it again.") from error


def _products(graph, onnx) -> Iterator[OnnxLayer]:
    shapes = {
        value.name: [axis.dim_value or None for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in (node for node in graph.node if node.op_type == "Constant"):
        stored |= {name: part.t for name in node.output for part in node.attribute if part.HasField("t")}
    names: dict[str, int] = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        options = {part.name: onnx.helper.get_attribute_value(part) for part in node.attribute}
        found = _product(node, options, stored, shapes, onnx.numpy_helper.to_array)
        if found is None:
            continue
        name = node.name or node.output[0]
        name = name.decode("utf-8", "replace") if isinstance(name, bytes) else name  # what is not UTF-8 comes as bytes
        names[name] = names.get(name, 0) + 1
        yield name if names[name] == 1 else f"{name}#{names[name]}", *found


def _product(node, options: dict, stored: dict, shapes: dict, to_array) -> tuple[Callable, int | None] | None:
    if len(node.input) < 2 or not node.output:
        return None
    left, right = node.input[:2]
    out = shapes.get(node.output[0])
    if node.op_type == "Conv" and right in stored:
        groups = options.get("group", 1)
        positions = None if not out else _count([out[0] or 1, *out[2:]])
        return lambda: _block_diagonal(to_array(stored[right]), groups), positions
    if node.op_type == "Conv":
        return None
    if right in stored and len(stored[right].dims) == 2:
        flip = not (node.op_type == "Gemm" and options.get("transB", 0))
        rows = None if not out else _count([out[0] or 1, *out[1:-1]])
        return lambda: to_array(stored[right]).T if flip else to_array(stored[right]), rows
    if left in stored and len(stored[left].dims) == 2 and not options.get("transA", 0):
        batch = [] if not out or len(out) < 3 else [out[0] or 1, *out[1:-2]]
        return lambda: to_array(stored[left]), None if not out else _count([*batch, out[-1]])
    return None


def _block_diagonal(filters: np.ndarray, groups: int) -> np.ndarray:
    """Filters [out, in / groups, ...] as a matrix over all channels [out, groups x in / groups x ...]."""
    flat = filters.reshape(len(filters), -1)
    if groups == 1:
        return flat
    wide = np.zeros((len(flat), groups, flat.shape[1]), flat.dtype)
    wide[np.arange(len(flat)), np.arange(len(flat)) * groups // len(flat)] = flat
    return wide.reshape(len(flat), -1)


def _count(sides: list[int | None]) -> int | None:
    known = [side for side in sides if side is not None]
    return math.prod(known) if len(known) == len(sides) else None
