"""Products of matrices: Z[m, n] = sum over k of A[m, k] * B[k, n], with A sparse and B either.

A kernel says what is computed and nothing of the machine. Its values are kept for the simulator; its cost depends on
the patterns alone, so `content_hash` covers only those. A `DensityKernel` knows only how patterns are distributed.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse

from workloads.densities import Density
from workloads.errors import InputError
from workloads.kernels.kernel import Kernel, Numbers
from workloads.kernels.tensor_names import TensorNames
from workloads.kernels.unfolding import Unfolding, unfold


class _Product(Kernel):
    """What both descriptions of a product have in common: `b` is None where B is dense."""

    m: int
    k: int
    n: int
    b: object
    unfolding: Unfolding | None

    @property
    def kind(self) -> str:
        """`spmv` (dense vector), `spmm` (dense matrix) or `spmspm` (sparse matrix)."""
        if self.b is not None:
            return "spmspm"
        return "spmv" if self.n == 1 else "spmm"

    @property
    def family(self) -> str:
        """`dense_b` or `sparse_b`."""
        return "dense_b" if self.b is None else "sparse_b"

    def check_unfolding(self) -> None:
        """**Raises** `InputError` where B is not of the size that its maps unfold to."""
        if self.unfolding is not None:
            self.unfolding.check(self.name, self.k, self.n)

    @property
    def of_maps(self) -> str:
        """What a hash of patterns leaves out: which positions of B are the same activation."""
        return f" {self.unfolding}" if self.unfolding is not None and self.unfolding.repeats_anything else ""


@dataclass(frozen=True, eq=False)
class SparseKernel(_Product):
    """Z = A @ B, A sparse [M, K], B sparse [K, N] or dense (`b` is None).

    `n` is the number of columns of B. Patterns are made canonical: sorted, no duplicates, no stored zeros. **Raises**
    `InputError` for shapes that do not match, `n` < 1, a pattern without non-zeros, values that are NaN or infinite.
    `unfolding`: what B is of, where this is a convolution.
    """

    name: str
    a: csr_array
    b: csr_array | None
    n: int
    repeats: float | int = 1.0
    unfolding: Unfolding | None = None
    tensors: TensorNames | None = None
    numbers: Numbers = "integer"

    def __post_init__(self) -> None:
        self.check_name_and_repeats()
        object.__setattr__(self, "a", _canonical(self.name, "A", self.a))
        if self.n < 1:
            raise InputError(f"{self.name}: n is {self.n}; give B at least one column.")
        self.check_unfolding()
        if self.b is None:
            return
        object.__setattr__(self, "b", _canonical(self.name, "B", self.b))
        if self.b.shape != (self.k, self.n):
            (m, k), (rows, columns) = self.a.shape, self.b.shape
            raise InputError(
                f"{self.name}: A is {m} x {k} but B is {rows} x {columns} with n = {self.n}; "
                f"give B {k} rows and n = {columns}."
            )

    @property
    def m(self) -> int:
        """Rows of A and Z."""
        return int(self.a.shape[0])

    @property
    def k(self) -> int:
        """Columns of A, rows of B."""
        return int(self.a.shape[1])

    def content_hash(self) -> str:
        """SHA-256 of shape and patterns, 64 hexadecimal digits; blind to values, name, repeats and index width."""
        digest = hashlib.sha256(f"{self.family} {self.shape}{self.of_maps}".encode())
        for matrix in (self.a, self.b):
            if matrix is not None:
                digest.update(f" {matrix.nnz} ".encode())
                digest.update(np.ascontiguousarray(matrix.indptr, np.int64))
                digest.update(np.ascontiguousarray(matrix.indices, np.int64))
        return digest.hexdigest()


@dataclass(frozen=True)
class DensityKernel(_Product):
    """Z = A @ B, of which only the shape and the density models are known; for layers that cannot be held.

    `a` describes A [m, k], `b` B [k, n], which is dense where `b` is None; with an `unfolding`, `b` describes the maps,
    whose padding counts as the rest. Else like `SparseKernel`. **Raises** `InputError` for sizes below one and models
    that have no such shape.
    """

    name: str
    m: int
    k: int
    n: int
    a: Density
    b: Density | None = None
    repeats: float | int = 1.0
    unfolding: Unfolding | None = None
    tensors: TensorNames | None = None
    numbers: Numbers = "integer"

    def __post_init__(self) -> None:
        self.check_name_and_repeats()
        for size, value in (("m", self.m), ("k", self.k), ("n", self.n)):
            if value < 1:
                raise InputError(f"{self.name}: {size} is {value}; give a whole number of at least 1.")
        self.a.nonzeros(self.m, self.k)
        if self.b is not None:
            self.b.nonzeros(self.k, self.n)
        self.check_unfolding()

    def sample(self, seed: int) -> SparseKernel:
        """A kernel with patterns drawn from the models, for sizes that can be held."""
        a = self.a.sample(self.m, self.k, seed)
        b = None if self.b is None else self._sample_b(self.b, seed + 1)
        return SparseKernel(self.name, a, b, self.n, self.repeats, self.unfolding, self.tensors, self.numbers)

    def _sample_b(self, b: Density, seed: int) -> csr_array:
        of = self.unfolding
        if of is None or not of.repeats_anything:
            return b.sample(self.k, self.n, seed)
        maps = b.sample(of.images(self.n) * of.channels, of.height * of.width, seed).tocoo()
        (image, channel), (y, x) = np.divmod(maps.row, of.channels), np.divmod(maps.col, of.width)
        return unfold((image, channel, y, x), maps.data, of.images(self.n), of)

    def content_hash(self) -> str:
        """SHA-256 of shape and models, 64 hexadecimal digits; blind to name and repeats."""
        return hashlib.sha256(f"density {self.shape} {self.a} {self.b}{self.of_maps}".encode()).hexdigest()


def spmv(a: csr_array, name: str) -> SparseKernel:
    """Sparse matrix times dense vector."""
    return SparseKernel(name, a, None, 1)


def spmm(a: csr_array, n: int, name: str) -> SparseKernel:
    """Sparse matrix times a dense matrix of n columns."""
    return SparseKernel(name, a, None, n)


def spmspm(a: csr_array, b: csr_array, name: str) -> SparseKernel:
    """Sparse matrix times sparse matrix. **Raises** `InputError` where A's columns are not B's rows."""
    if issparse(b) and b.ndim == 2:
        return SparseKernel(name, a, b, int(b.shape[1]))
    raise InputError(f"{name}: B is not a sparse matrix; pass a scipy.sparse.csr_array.")


def pattern_hash(pattern: csr_array) -> str:
    """Content hash of a pattern: shape and positions of the non-zeros, not their values."""
    return SparseKernel("pattern", pattern, None, 1).content_hash()


def _canonical(name: str, operand: str, matrix: csr_array) -> csr_array:
    if not issparse(matrix) or matrix.ndim != 2:
        raise InputError(f"{name}: {operand} is not a sparse matrix; pass a scipy.sparse.csr_array.")
    csr = csr_array(matrix)
    if not csr.has_canonical_format or not np.all(csr.data):
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    if csr.nnz == 0:
        raise InputError(f"{name}: {operand} ({matrix.shape[0]} x {matrix.shape[1]}) has no non-zeros; give it one.")
    if not np.all(np.isfinite(csr.data)):
        raise InputError(f"{name}: {operand} holds values that are NaN or infinite; replace or remove them.")
    return csr
