"""Operators outside the standard replaced, in a copy of a graph, by standard ones whose outputs have the same shapes.

Sources: ONNX Runtime's https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md; QONNX
(https://github.com/fastmachinelearning/qonnx).
"""

from workloads.readers.onnx_graphs.model import subgraphs

_AS_FIRST = (
    "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "QuickGelu", "SkipLayerNormalization", "LayerNormalization",
    "SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization", "QLinearSigmoid", "QLinearLeakyRelu",
    "QLinearSoftmax", "RotaryEmbedding", "DequantizeLinear", "QuantizeLinear", "BiasDropout", "BiasAdd",
    "BiasSplitGelu", "Quant", "BipolarQuant", "IntQuant", "FloatQuant", "Trunc", "MultiThreshold", "GroupNorm",
    "SkipGroupNorm", "MultiHeadAttention",
)  # fmt: skip
"""Operators whose outputs have the shape of the first input."""
_EXPERTS = ("MoE", "QMoE")
_AS_STANDARD = {
    "FusedConv": "Conv", "FusedGemm": "Gemm", "GemmFloat8": "Gemm", "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
}  # fmt: skip
_TAKEN = {"QLinearGlobalAveragePool": (0,), "QLinearAveragePool": (0,)}
"""Inputs that the standard operator has too, where these are not the first three."""
_ELEMENTWISE = ("QLinearAdd", "QLinearMul")
_PRODUCTS = {
    "MatMulNBits": 1, "FusedMatMul": 1, "TransposeMatMul": 1, "FusedMatMulActivation": 1, "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1, "GemmFastGelu": 1, "QGemm": 3, "QLinearMatMul": 3, "Attention": 1, "QAttention": 1,
}  # fmt: skip
"""Which input of a product is stored."""
PASSED_ON = frozenset((*_AS_FIRST, *_ELEMENTWISE))
"""Operators of other domains that multiply no stored matrix."""


def stand_in(onnx, graph, outer: dict[str, tuple[int, ...]]) -> None:
    """Replaces what can be replaced in a graph and its subgraphs; `outer` are shapes of tensors stored around it."""
    stored = outer | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        for _, below in subgraphs(node):
            stand_in(onnx, below, stored)
        if node.domain in ("", "ai.onnx") and node.op_type != "SimplifiedLayerNormalization":
            continue
        kind = node.op_type
        if (kind in _AS_FIRST or kind in _EXPERTS) and node.input:
            outputs = [node.output[at] for at in (0, 3) if at < len(node.output) and node.output[at]]
            _replace(node, "Dropout" if len(outputs) > 1 else "Identity", [node.input[0]], outputs)
        elif kind in _AS_STANDARD:
            if any(part.name == "channels_last" and part.i for part in node.attribute):
                continue
            keep = [part for part in node.attribute if not part.name.startswith(("activation", "channels_last"))]
            taken = [node.input[at] for at in _TAKEN.get(kind, range(3)) if at < len(node.input)]
            _replace(node, _AS_STANDARD[kind], taken, list(node.output[:1]), keep)
        elif kind in _ELEMENTWISE and len(node.input) > 3:
            _replace(node, "Add", [node.input[0], node.input[3]], list(node.output[:1]))
        elif kind == "QLinearConcat":
            _replace(node, "Concat", list(node.input[2::3]), list(node.output[:1]), list(node.attribute))
        elif kind == "EmbedLayerNormalization" and len(node.input) > 2:
            _replace(node, "Gather", [node.input[2], node.input[0]], list(node.output[:1]))
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
        parts = [list(part.ints) for part in node.attribute if part.name == "qkv_hidden_sizes" and len(part.ints) == 3]
        sides = (*sides[:-1], parts[0][2] if parts else sides[-1] // 3) if sides else ()
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
