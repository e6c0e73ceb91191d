"""Which operators are products with stored weights, and how each is read. Adding one is a record in `PRODUCTS`."""

from collections.abc import Callable

from workloads.readers.onnx_graphs.constants import Unread
from workloads.readers.onnx_graphs.convolutions import conv, conv_integer, conv_transpose, qlinear_conv
from workloads.readers.onnx_graphs.einsum import einsum_product
from workloads.readers.onnx_graphs.matrix_products import (
    attention,
    dynamic_quantize_matmul,
    linear_model,
    matmul,
    matmul_bits,
    matmul_integer,
    matmul_integer_to_float,
    qlinear_matmul,
)
from workloads.readers.onnx_graphs.nodes import Activations, Node, NodeProduct
from workloads.readers.onnx_graphs.recurrent import dynamic_quantize_lstm, recurrent_layer
from workloads.readers.onnx_graphs.stand_ins import PASSED_ON

Read = Callable[[Node], list[NodeProduct | Activations]]


def _looked_up(node: Node) -> list[NodeProduct | Activations]:
    """Rows of a stored table."""
    table = node.constant(0) if node.stored(0) else None
    return [Activations("looked up, not multiplied")] if table is not None and len(table.shape) > 1 else []


def _embedded(node: Node) -> list[NodeProduct | Activations]:
    return [Activations("looked up, not multiplied")]


def _of_activations(node: Node) -> list[NodeProduct | Activations]:
    return [Activations()]


_MICROSOFT, _LEARN = "com.microsoft", "ai.onnx.ml"
PRODUCTS: dict[tuple[str, str], Read] = {
    ("", "Conv"): conv,
    ("", "DeformConv"): conv,
    ("", "ConvInteger"): conv_integer,
    ("", "QLinearConv"): qlinear_conv,
    ("", "ConvTranspose"): conv_transpose,
    ("", "Gemm"): matmul,
    ("", "MatMul"): matmul,
    ("", "MatMulInteger"): matmul_integer,
    ("", "QLinearMatMul"): qlinear_matmul,
    ("", "Einsum"): einsum_product,
    ("", "LSTM"): recurrent_layer,
    ("", "GRU"): recurrent_layer,
    ("", "RNN"): recurrent_layer,
    ("", "Gather"): _looked_up,
    ("", "Attention"): _of_activations,
    (_MICROSOFT, "FusedConv"): conv,
    (_MICROSOFT, "QLinearConv"): qlinear_conv,
    (_MICROSOFT, "FusedGemm"): matmul,
    (_MICROSOFT, "GemmFloat8"): matmul,
    (_MICROSOFT, "GemmFastGelu"): matmul,
    (_MICROSOFT, "QGemm"): qlinear_matmul,
    (_MICROSOFT, "FusedMatMul"): matmul,
    (_MICROSOFT, "FusedMatMulActivation"): matmul,
    (_MICROSOFT, "TransposeMatMul"): matmul,
    (_MICROSOFT, "SparseToDenseMatMul"): matmul,
    (_MICROSOFT, "MatMulIntegerToFloat"): matmul_integer_to_float,
    (_MICROSOFT, "DynamicQuantizeMatMul"): dynamic_quantize_matmul,
    (_MICROSOFT, "MatMulNBits"): matmul_bits,
    (_MICROSOFT, "DynamicQuantizeLSTM"): dynamic_quantize_lstm,
    (_MICROSOFT, "Attention"): attention,
    (_MICROSOFT, "QAttention"): attention,
    (_MICROSOFT, "MultiHeadAttention"): _of_activations,
    (_MICROSOFT, "DecoderMaskedMultiHeadAttention"): _of_activations,
    (_MICROSOFT, "GroupQueryAttention"): _of_activations,
    (_MICROSOFT, "SparseAttention"): _of_activations,
    (_MICROSOFT, "EmbedLayerNormalization"): _embedded,
    (_MICROSOFT, "GatherBlockQuantized"): _embedded,
    (_LEARN, "LinearRegressor"): linear_model,
    (_LEARN, "LinearClassifier"): linear_model,
}
"""By domain and operator."""
_PRODUCT_WORDS = ("MatMul", "Gemm", "Conv", "MoE", "LSTM", "GRU", "RNN", "Attention")
"""In names of operators that multiply."""


def products(node: Node, known: bool) -> list[NodeProduct | Activations]:
    """The products that a node is; none for an operator that multiplies no matrix.

    `known` is whether the operator is of the standard. **Raises** `Unread` for one that is not and takes a stored
    matrix, and for weights that cannot be had.
    """
    read = PRODUCTS.get((node.domain, node.kind))
    if read is not None:
        return read(node)
    if node.domain == _LEARN and node.kind.startswith("SVM"):
        raise Unread(f"are support vectors of a {node.kind}, which is not read")
    like_product = any(word in node.kind for word in _PRODUCT_WORDS)
    if node.kind in PASSED_ON or (known and not like_product):
        return []
    for at in range(len(node.inputs)):
        if node.stored(at):
            shape = node.weights(at).shape
            if len(shape) > 1 or (like_product and shape not in ((), (1,))):
                raise Unread(f"are inputs of {node.domain or 'the'} operator {node.kind}, which is not read")
    return [Activations()] if like_product else []
