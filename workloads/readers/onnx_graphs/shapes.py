"""The shapes of a graph's values, by `onnx.shape_inference` and by what stands in for operators that it does not know.

The first axis of a graph's input is its batch (the second of what a recurrent layer reads). Where it is unknown it
counts as 1, unless its name says that it is none; all else that is unknown stays so.

Operators outside the standard (ONNX Runtime's, https://github.com/microsoft/onnxruntime/blob/main/docs/
ContribOperators.md, and QONNX's) are replaced, in a copy, by standard ones whose outputs have the same shapes.
"""

import re
from collections.abc import Iterator

from workloads.readers.onnx_graphs.model import subgraphs
from workloads.readers.source import BROKEN, words_of

Dims = tuple[int | None, ...]
_NO_BATCH = re.compile(r"seq|len|time|step|token|frame|node|edge|point|word|height|width", re.IGNORECASE)
"""Names of axes that are no batch."""
_LARGEST = 2**31

_AS_FIRST = (
    "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu", "SkipLayerNormalization", "LayerNormalization",
    "SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization", "QLinearSigmoid", "QLinearLeakyRelu",
    "QLinearSoftmax", "RotaryEmbedding", "DequantizeLinear", "QuantizeLinear", "BiasDropout", "BiasAdd",
    "BiasSplitGelu", "Quant", "BipolarQuant", "IntQuant", "FloatQuant", "Trunc", "MultiThreshold", "GroupNorm",
    "SkipGroupNorm", "MultiHeadAttention",
)  # fmt: skip
"""Operators whose outputs have the shape of the first input."""
_EXPERTS = ("MoE", "QMoE")
_AS_STANDARD = {"FusedConv": "Conv", "FusedGemm": "Gemm", "GemmFloat8": "Gemm"}
_ELEMENTWISE = ("QLinearAdd", "QLinearMul")
_PRODUCTS = {
    "MatMulNBits": 1, "FusedMatMul": 1, "TransposeMatMul": 1, "FusedMatMulActivation": 1, "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1, "GemmFastGelu": 1, "QGemm": 3, "QLinearMatMul": 3, "Attention": 1, "QAttention": 1,
}  # fmt: skip
"""Which input of a product is stored."""
PASSED_ON = frozenset((*_AS_FIRST, *_ELEMENTWISE))
"""Operators of other domains that multiply no stored matrix."""


class Shapes:
    """The shapes of all values, by graph: `of(path)` for the graph behind a path of node numbers and attributes."""

    def __init__(self, onnx, model) -> None:
        self.batches = tuple(_count_batch_as_one(onnx, model))
        """Inputs whose unknown batch counts as 1, with the axis's name."""
        self.failure = ""
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        copy.ir_version = max(copy.ir_version, 8)
        _stand_in(onnx, copy.graph, {})
        declared = {path: _take_declared(graph) for path, graph in _by_path(copy.graph, ())}
        copy = self._inferred(onnx, copy)
        if _declare(copy.graph, declared):
            copy = self._inferred(onnx, copy)
        self._graphs = dict(_by_path(copy.graph, ()))

    def _inferred(self, onnx, model):
        try:
            return onnx.shape_inference.infer_shapes(model, data_prop=True)
        except (onnx.shape_inference.InferenceError, *BROKEN) as error:
            self.failure = words_of(error)[:100]
            return model

    def of(self, path: tuple) -> dict[str, Dims]:
        """Names and shapes of the values in a graph, those of its subgraphs left out."""
        graph = self._graphs.get(path)
        if graph is None:
            return {}
        values = (*graph.input, *graph.value_info, *graph.output)
        return {v.name: _dims(v) for v in values if v.type.tensor_type.HasField("shape")}


def _dims(value) -> Dims:
    sides = [side.dim_value if side.HasField("dim_value") else -1 for side in value.type.tensor_type.shape.dim]
    return tuple(side if 0 <= side < _LARGEST else None for side in sides)


def _take_declared(graph) -> dict[str, object]:
    """What a graph says of its inner values and outputs, taken out of it: it may be older than the rest."""
    known = {}
    for value in (*graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape") and None not in _dims(value):
            known[value.name] = type(value).FromString(value.SerializeToString())
    graph.ClearField("value_info")
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    return known


def _declare(graph, declared: dict[tuple, dict]) -> bool:
    """Puts back what was said of values that could not be inferred, and whether there are any."""
    any_put = False
    for path, one in _by_path(graph, ()):
        values = {value.name: value for value in (*one.value_info, *one.output)}
        for name, value in declared.get(path, {}).items():
            known = values.get(name)
            if known is None or not known.type.tensor_type.HasField("shape") or None in _dims(known):
                (one.value_info.add() if known is None else known).CopyFrom(value)
                any_put = True
    return any_put


def _by_path(graph, path: tuple) -> Iterator[tuple[tuple, object]]:
    yield path, graph
    for number, node in enumerate(graph.node):
        for name, below in subgraphs(node):
            yield from _by_path(below, (*path, number, name))


def _count_batch_as_one(onnx, model) -> Iterator[str]:
    """Sets unknown batches of the inputs to 1, and with them all axes of the same name."""
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    recurrent = {n.input[0] for n in graph.node if n.op_type in ("LSTM", "GRU", "RNN") and n.input and _steps_first(n)}
    names = set()
    for value in graph.input:
        sides, axis = value.type.tensor_type.shape.dim, 1 if value.name in recurrent else 0
        if value.name in stored or len(sides) <= axis:
            continue
        side = sides[axis]
        if (side.HasField("dim_value") and side.dim_value > 0) or _NO_BATCH.search(side.dim_param):
            continue
        if side.dim_param:
            names.add(side.dim_param)
        yield f"{side.dim_param or 'unknown'} of input {value.name}"
        side.dim_value = 1
    for _, below in _by_path(graph, ()):
        for value in (*below.input, *below.value_info, *below.output):
            for side in value.type.tensor_type.shape.dim:
                if side.dim_param in names:
                    side.dim_value = 1


def _steps_first(node) -> bool:
    return not any(part.name == "layout" and part.i for part in node.attribute)


def _stand_in(onnx, graph, outer: dict[str, tuple[int, ...]]) -> None:
    stored = outer | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        for _, below in subgraphs(node):
            _stand_in(onnx, below, stored)
        if node.domain in ("", "ai.onnx") and node.op_type != "SimplifiedLayerNormalization":
            continue
        kind = node.op_type
        if (kind in _AS_FIRST or kind in _EXPERTS) and node.input:
            outputs = [node.output[at] for at in (0, 3) if at < len(node.output) and node.output[at]]
            _replace(node, "Dropout" if len(outputs) > 1 else "Identity", [node.input[0]], outputs)
        elif kind in _AS_STANDARD:
            keep = [part for part in node.attribute if not part.name.startswith("activation")]
            _replace(node, _AS_STANDARD[kind], list(node.input[:3]), list(node.output[:1]), keep)
        elif kind in _ELEMENTWISE and len(node.input) > 3:
            _replace(node, "Add", [node.input[0], node.input[3]], list(node.output[:1]))
        elif kind in _PRODUCTS and node.input:
            _replace_product(onnx, graph, node, stored)


def _replace_product(onnx, graph, node, stored: dict[str, tuple[int, ...]]) -> None:
    """By a MatMul with a weight [K, N] of float32 without data."""
    given = {part.name: part.i for part in node.attribute}
    at = _PRODUCTS[node.op_type]
    sides = stored.get(node.input[at], ()) if at < len(node.input) else ()
    if node.op_type == "MatMulNBits":
        sides = (given.get("K", 0), given.get("N", 0))
    elif given.get("transB"):
        sides = (*sides[:-2], *sides[:-3:-1])
    elif node.op_type.endswith("Attention"):
        sides = (*sides[:-1], sides[-1] // 3) if sides else ()
    if len(sides) < 2 or given.get("transA") or given.get("transBatchA") or given.get("transBatchB"):
        return
    weight = graph.initializer.add()
    weight.name, weight.data_type = f"stand-in {len(graph.initializer)}", onnx.TensorProto.FLOAT
    weight.dims.extend(sides)
    weight.data_location = onnx.TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "none"
    _replace(node, "MatMul", [node.input[0], weight.name], list(node.output[:1]))


def _replace(node, kind: str, inputs: list[str], outputs: list[str], attributes=()) -> None:
    keep = [type(part).FromString(part.SerializeToString()) for part in attributes]
    for field in ("input", "output", "attribute"):
        node.ClearField(field)
    node.domain, node.op_type = "", kind
    node.input.extend(inputs)
    node.output.extend(outputs)
    node.attribute.extend(keep)
