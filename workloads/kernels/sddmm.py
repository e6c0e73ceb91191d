"""SDDMM: Z[m, n] = S[m, n] * sum over k of A[m, k] * B[k, n] at the non-zeros of a sparse S; A and B are dense."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.kernel import Kernel, Numbers
from workloads.kernels.matrix_product import SparseKernel, pattern_hash
from workloads.kernels.tensor_names import TensorNames


@dataclass(frozen=True, eq=False)
class SddmmKernel(Kernel):
    """Z = S * (A B): `mask` S sparse [M, N], A [M, K] and B [K, N] dense, K = `depth`.

    **Raises** `InputError` as `SparseKernel`, and for `depth` < 1.
    """

    name: str
    mask: csr_array
    depth: int
    repeats: float | int = 1.0
    tensors: TensorNames | None = None
    numbers: Numbers = "integer"

    def __post_init__(self) -> None:
        if isinstance(self.depth, bool) or self.depth != int(self.depth) or self.depth < 1:
            raise InputError(f"{self.name}: depth is {self.depth}; give A at least one column, a whole number.")
        checked = SparseKernel(self.name, self.mask, None, 1, self.repeats, numbers=self.numbers)
        object.__setattr__(self, "mask", checked.a)

    @property
    def m(self) -> int:
        """Rows of S, A and Z."""
        return int(self.mask.shape[0])

    @property
    def k(self) -> int:
        """Columns of A, rows of B."""
        return int(self.depth)

    @property
    def n(self) -> int:
        """Columns of S, B and Z."""
        return int(self.mask.shape[1])

    @property
    def kind(self) -> str:
        """`sddmm`."""
        return "sddmm"

    @property
    def family(self) -> str:
        """`sddmm`."""
        return "sddmm"

    def content_hash(self) -> str:
        """SHA-256 of shape and pattern, 64 hexadecimal digits; blind to values, name, repeats and depth."""
        return pattern_hash(self.mask)
