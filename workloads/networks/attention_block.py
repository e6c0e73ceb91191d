"""One block of attention with pruned weights and a sparse mask: `attention-block:TOKENS:wWINDOW`, options of `options`.

    Q, K, V = W_q X, W_k X, W_v X          SpMM, X [hidden, tokens]
    S = mask * (Q^T K), P = softmax(S)     SDDMM and two element-wise products, a head of a sequence at a time
    Y = P V^T                              SpMM of the mask's pattern
    Z = X + W_o Y^T                        SpMM

Sizes are BERT-base's (768 hidden, 12 heads; Devlin et al., NAACL 2019) and so is the pruning, 90 % zeros unless told
otherwise (Sanh et al., NeurIPS 2020). The mask is Longformer's sliding window (Beltagy, Peters and Cohan,
arXiv:2004.05150, section 3.1): a token sees half a window on either side, and itself. It is the same in all heads.
"""

from workloads.generators import banded
from workloads.kernels.attention import attention_kernels
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import DensityKernel
from workloads.kernels.tensor_names import Reads, TensorNames, constant, outside, read
from workloads.networks.layer import Layer
from workloads.networks.transformer import Transformer

TOKENS, WINDOW = 512, 64
"""Unless told otherwise: BERT's longest sequence; a window of an eighth of it, a choice of ours."""


def sliding_window_block(
    model: Transformer, name: str, layer: Layer, *, tokens: int, window: int, batch: int
) -> tuple[Kernel, ...]:
    """The kernels of one block, named `name/query` and so on; `layer` has the densities of the projections."""
    mask = banded(tokens, min(window // 2, tokens - 1), 0)
    pattern = layer.kernel(name).a

    def projection(part: str, b: Reads, c: Reads = ()) -> DensityKernel:
        names = TensorNames(constant(f"{part}.weight"), b, c=c, z=part)
        sizes = model.hidden, model.hidden, tokens * batch
        return DensityKernel(f"{name}/{part}", *sizes, pattern, tensors=names)

    operands = read("query", "transposed"), read("key"), read("value", "transposed")
    mixed = attention_kernels(mask, model.depth, f"{name}/attention", (("head", model.heads * batch),), operands)
    return (
        *(projection(part, outside("hidden")) for part in ("query", "key", "value")),
        *mixed,
        projection("output", read(f"{name}/attention.mixed", "transposed"), outside("hidden")),
    )
