"""Sparse attention as the kernels of one layer: scores where a mask allows them, their softmax, and the weighted sum.

    S = mask * (Q K^T)        SDDMM, depth = head size
    P = softmax of S's rows   element-wise work on the mask's non-zeros
    Y = P V                   SpMM, head size columns

for each head (Child, Gray, Radford and Sutskever, arXiv:1904.10509, with a mask that is the same for all heads).

The machine has no unit for exponentials. A softmax is charged as two element-wise products over the mask's non-zeros,
each of which reads the scores and one more operand of that pattern, which is known once a row of the scores is: one in
the place of the exponential of a score less its row's maximum, one for the division by the row's sum. Finding maxima
and sums along the way is not charged. That is a convention of ours.

Heads are a loop: the scores of one are used before those of the next are made.
"""

import math

from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.tensor_names import Loop, Reads, TensorNames, constant, outside, read
from workloads.kernels.workload import Workload


def sparse_attention(mask: csr_array, heads: int, depth: int, name: str = "attention") -> Workload:
    """One layer of attention with a sparse `mask` [queries, keys], `heads` heads of `depth` channels each.

    Queries, keys and values come from outside. **Raises** `InputError` as the kernels do, and for `heads` < 1.
    """
    if isinstance(heads, bool) or heads != int(heads) or heads < 1:
        raise InputError(f"{name}: heads is {heads}; give a whole number of at least 1.")
    queries, keys, values = (outside(f"{name}.{one}") for one in ("queries", "keys", "values"))
    loops = ((f"{name}.head", int(heads)),)
    return Workload(name, attention_kernels(mask, depth, name, loops, (queries, keys, values)))


def attention_kernels(
    mask: csr_array, depth: int, name: str, loops: tuple[Loop, ...], operands: tuple[Reads, Reads, Reads]
) -> tuple[Kernel, ...]:
    """Scores, softmax and weighted sum inside `loops` whose trips are heads.

    `operands`: what a head's queries [queries, depth], keys, transposed [depth, keys], and values [keys, depth] are
    read from; the result is `NAME.mixed`. **Raises** `InputError` as the kernels do.
    """
    queries, keys, values = operands
    heads = float(math.prod(trips for _, trips in loops))
    shared = tuple(loop for loop, _ in loops)
    scores, exponentials, weights = (f"{name}.{part}" for part in ("scores", "exponentials", "weights"))
    names = TensorNames(queries, keys, mask=constant(f"{name}.mask", shared=shared), z=scores, loops=loops)
    first = SddmmKernel(f"{name}@scores", mask, depth, heads, names)
    pattern = first.mask

    def softmax(part: str, of: str, makes: str) -> ElementwiseKernel:
        names = TensorNames(read(of), read(of, "normalised"), z=makes, loops=loops)
        return ElementwiseKernel(f"{name}@{part}", pattern, pattern, "multiply", heads, names)

    names = TensorNames(read(weights), values, z=f"{name}.mixed", loops=loops)
    return (
        first,
        softmax("exponentials", scores, exponentials),
        softmax("shares", exponentials, weights),
        SparseKernel(f"{name}@values", pattern, None, first.depth, heads, tensors=names),
    )
