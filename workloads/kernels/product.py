"""Kernels: one sparse matrix product each, Z[m, n] = sum over k of A[m, k] * B[k, n], with A sparse and B either.

A kernel says what is computed and nothing of the machine. Its values are kept for the simulator; its cost depends on
the patterns alone, so `content_hash` covers only those. A `DensityKernel` knows only how patterns are distributed.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.sparse import csr_array, issparse

from workloads.densities import Density
from workloads.errors import InputError

MOST_DRAWN = 20_000_000
"""Non-zeros of a kernel for which `with_patterns` draws patterns."""


class _Product:
    """What kernels have in common: `name`, `a`, `b` (None if dense), `m`, `k`, `n`, `repeats`."""

    m: int
    k: int
    n: int
    b: object

    @property
    def shape(self) -> tuple[int, int, int]:
        """(m, k, n)."""
        return self.m, self.k, self.n

    @property
    def kind(self) -> str:
        """`spmv` (dense vector), `spmm` (dense matrix) or `spmspm` (sparse matrix)."""
        if self.b is not None:
            return "spmspm"
        return "spmv" if self.n == 1 else "spmm"

    @property
    def family(self) -> str:
        """`dense_b` or `sparse_b`: kernels of one family share the shape of their statistics and stack."""
        return "dense_b" if self.b is None else "sparse_b"


@dataclass(frozen=True, eq=False)
class SparseKernel(_Product):
    """Z = A @ B, A sparse [M, K], B sparse [K, N] or dense (`b` is None).

    `n` is the number of columns of B, `repeats` how often the kernel runs in the workload (layers of equal pattern,
    iterations of a solver). Patterns are made canonical: sorted, no duplicates, no stored zeros. **Raises**
    `InputError` for shapes that do not match, `n` < 1, a pattern without non-zeros, values that are NaN or infinite.
    """

    name: str
    a: csr_array
    b: csr_array | None
    n: int
    repeats: float | int = 1.0

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("A kernel's name is empty; give it one.")
        object.__setattr__(self, "a", _canonical(self.name, "A", self.a))
        if self.n < 1:
            raise InputError(f"{self.name}: n is {self.n}; give B at least one column.")
        if not 0 < self.repeats < math.inf:
            raise InputError(f"{self.name}: repeats is {self.repeats}; give a finite number above 0.")
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
        digest = hashlib.sha256(f"{self.family} {self.shape}".encode())
        for matrix in (self.a, self.b):
            if matrix is not None:
                digest.update(f" {matrix.nnz} ".encode())
                digest.update(np.ascontiguousarray(matrix.indptr, np.int64))
                digest.update(np.ascontiguousarray(matrix.indices, np.int64))
        return digest.hexdigest()


@dataclass(frozen=True)
class DensityKernel(_Product):
    """Z = A @ B, of which only the shape and the density models are known; for layers that cannot be held.

    `a` describes A [m, k], `b` B [k, n], which is dense where `b` is None. Else like `SparseKernel`. **Raises**
    `InputError` for sizes below one and models that have no such shape.
    """

    name: str
    m: int
    k: int
    n: int
    a: Density
    b: Density | None = None
    repeats: float | int = 1.0

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("A kernel's name is empty; give it one.")
        for size, value in (("m", self.m), ("k", self.k), ("n", self.n)):
            if value < 1:
                raise InputError(f"{self.name}: {size} is {value}; give a whole number of at least 1.")
        if not 0 < self.repeats < math.inf:
            raise InputError(f"{self.name}: repeats is {self.repeats}; give a finite number above 0.")
        self.a.nonzeros(self.m, self.k)
        if self.b is not None:
            self.b.nonzeros(self.k, self.n)

    def sample(self, seed: int) -> SparseKernel:
        """A kernel with patterns drawn from the models, for sizes that can be held."""
        a = self.a.sample(self.m, self.k, seed)
        b = None if self.b is None else self.b.sample(self.k, self.n, seed + 1)
        return SparseKernel(self.name, a, b, self.n, self.repeats)

    def content_hash(self) -> str:
        """SHA-256 of shape and models, 64 hexadecimal digits; blind to name and repeats."""
        return hashlib.sha256(f"density {self.shape} {self.a} {self.b}".encode()).hexdigest()


@runtime_checkable
class MeasuredKernel(Protocol):
    """A kernel with statistics of its own (`workloads.kernels.sddmm`, `workloads.kernels.elementwise`); else like `SparseKernel`."""

    name: str
    repeats: float | int

    @property
    def family(self) -> str:
        """Kernels of one family stack."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """(m, k, n)."""
        ...

    def measured(self) -> Any:
        """The kernel's statistics."""
        ...


Kernel = SparseKernel | DensityKernel | MeasuredKernel


def require_pattern(kernel: Kernel, purpose: str) -> SparseKernel:
    """The kernel, if it holds its patterns. **Raises** `InputError` if it is only described by density models."""
    if isinstance(kernel, SparseKernel):
        return kernel
    if not isinstance(kernel, DensityKernel):
        raise InputError(f"{kernel.name}: {purpose} runs products of matrices, but this kernel is {kernel.family}.")
    raise InputError(
        f"{kernel.name}: {purpose} needs a pattern, but this kernel is only described by densities; give a matrix, "
        "or its `sample` where it is small enough."
    )


@dataclass(frozen=True, eq=False)
class Workload:
    """Kernels whose costs add up. **Raises** `InputError` where there are none or two share a name."""

    name: str
    kernels: tuple[Kernel, ...]

    def __post_init__(self) -> None:
        if not self.kernels:
            raise InputError(f"Workload {self.name!r} has no kernels; give at least one.")
        names = [kernel.name for kernel in self.kernels]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"Workload {self.name!r} has two kernels named {twice!r}; rename one.")


def with_patterns(workload: Workload, purpose: str, seed: int = 0) -> Workload:
    """The workload with patterns drawn for what is only described by densities, up to `MOST_DRAWN` non-zeros.

    **Raises** `InputError` for larger kernels, and for those that are no products of matrices.
    """
    kernels = []
    for kernel in workload.kernels:
        if isinstance(kernel, DensityKernel):
            held = kernel.a.nonzeros(kernel.m, kernel.k)
            held += 0.0 if kernel.b is None else kernel.b.nonzeros(kernel.k, kernel.n)
            if held <= MOST_DRAWN:
                kernel = kernel.sample(seed)
        kernels.append(require_pattern(kernel, purpose))
    return Workload(workload.name, tuple(kernels))


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
