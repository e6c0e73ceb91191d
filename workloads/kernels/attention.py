"""Sparse attention as the kernels of one layer: scores where a mask allows them, their softmax, and the weighted sum.

    S = mask * (Q K^T)        SDDMM, depth = head size
    P = softmax of S's rows   element-wise work on the mask's non-zeros
    Y = P V                   SpMM, head size columns

for each head (Child, Gray, Radford and Sutskever, arXiv:1904.10509, with a mask that is the same for all heads).

The machine has no unit for exponentials. A softmax is charged as `SOFTMAX_PASSES` element-wise products over the
mask's non-zeros, each of which reads the scores and one more operand of that pattern: one in the place of the
exponential of a score less its row's maximum, one for the division by the row's sum. Finding maxima and sums along the
way is not charged. That is a convention of ours.
"""

from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.matrix_product import SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.workload import Workload

SOFTMAX_PASSES = 2


def sparse_attention(mask: csr_array, heads: int, depth: int, name: str = "attention") -> Workload:
    """One layer of attention with a sparse `mask` [queries, keys], `heads` heads of `depth` channels each.

    **Raises** `InputError` as the kernels do, and for `heads` < 1.
    """
    if isinstance(heads, bool) or heads != int(heads) or heads < 1:
        raise InputError(f"{name}: heads is {heads}; give a whole number of at least 1.")
    scores = SddmmKernel(f"{name}@scores", mask, depth, float(heads))
    pattern = scores.mask
    softmax = ElementwiseKernel(f"{name}@softmax", pattern, pattern, "multiply", float(heads * SOFTMAX_PASSES))
    return Workload(name, (scores, softmax, SparseKernel(f"{name}@values", pattern, None, scores.depth, float(heads))))
