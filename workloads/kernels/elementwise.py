"""Element-wise kernels of two sparse matrices: A * B (intersection) and A + B (union)."""

import hashlib
from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.kernel import Kernel, Numbers
from workloads.kernels.matrix_product import SparseKernel, pattern_hash
from workloads.kernels.tensor_names import TensorNames

OPERATIONS = ("multiply", "add")


@dataclass(frozen=True, eq=False)
class ElementwiseKernel(Kernel):
    """Z = A * B ("multiply") or Z = A + B ("add"), both sparse [M, N]; the loop k has one trip.

    **Raises** `InputError` as `SparseKernel`, for an unknown operation and for shapes that differ.
    """

    name: str
    a: csr_array
    b: csr_array
    operation: str
    repeats: float | int = 1.0
    tensors: TensorNames | None = None
    numbers: Numbers = "integer"

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise InputError(f"{self.name}: operation {self.operation!r} is unknown; use {' or '.join(OPERATIONS)}.")
        for operand in "ab":
            checked = SparseKernel(self.name, getattr(self, operand), None, 1, self.repeats, numbers=self.numbers)
            object.__setattr__(self, operand, checked.a)
        if self.a.shape != self.b.shape:
            (m, n), (rows, columns) = self.a.shape, self.b.shape
            raise InputError(f"{self.name}: A is {m} x {n} but B is {rows} x {columns}; give both the same shape.")

    @property
    def m(self) -> int:
        """Rows of A, B and Z."""
        return int(self.a.shape[0])

    @property
    def k(self) -> int:
        """1: there is no sum."""
        return 1

    @property
    def n(self) -> int:
        """Columns of A, B and Z."""
        return int(self.a.shape[1])

    def operand_shape(self, operand: str) -> tuple[int, int]:
        """All are [M, N]."""
        return self.m, self.n

    @property
    def kind(self) -> str:
        """`multiply` or `add`."""
        return self.operation

    @property
    def family(self) -> str:
        """`elementwise`."""
        return "elementwise"

    def content_hash(self) -> str:
        """SHA-256 of operation, shape and patterns, 64 hexadecimal digits; blind to values, name and repeats."""
        parts = (self.operation, pattern_hash(self.a), pattern_hash(self.b))
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()
