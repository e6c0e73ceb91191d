"""What a published machine is given to do: one product, by totals, and by the pattern where it is at hand."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from workloads import SparseKernel
from workloads.errors import InputError

Number = float | int


@dataclass(frozen=True)
class Work:
    """Z[m, n] = sum over k of A[m, k] B[k, n] in counts; they need not be whole, as where densities are published."""

    m: Number
    k: Number
    n: Number
    a_nonzeros: Number
    b_nonzeros: Number
    """m k and k n for dense operands."""
    multiplies: Number
    """Effectual ones: pairs of non-zeros that meet."""
    z_nonzeros: Number
    fullest_of_four: Number = 4.0
    """Most non-zeros in any aligned group of four neighbours along a row of A: at most 2 in a 2:4 pattern."""
    kernel: SparseKernel | None = None
    """The pattern itself; None where only totals are published."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.name != "kernel":  # counts may be given as whole numbers
                object.__setattr__(self, field.name, float(getattr(self, field.name)))

    @property
    def a_density(self) -> float:
        """Share of A's entries that are not zero."""
        return self.a_nonzeros / (self.m * self.k)

    @property
    def b_density(self) -> float:
        """Share of B's entries that are not zero."""
        return self.b_nonzeros / (self.k * self.n)

    @property
    def dense_multiplies(self) -> float:
        """Multiplies of the dense product."""
        return self.m * self.k * self.n

    def as_dense(self) -> "Work":
        """The same product with every zero stored and multiplied."""
        return uniform_work(self.m, self.k, self.n)


def uniform_work(m: Number, k: Number, n: Number, a_density: Number = 1.0, b_density: Number = 1.0) -> Work:
    """A product of operands whose non-zeros fall anywhere with equal chance, in expectation.

    A dense A (density 1) fills its groups of four; any other is taken to fill one of them somewhere too, so that it is
    no 2:4 pattern (`dataclasses.replace(work, fullest_of_four=2)` says that it is). **Raises** `InputError` for sizes
    below 1 and densities outside (0, 1].
    """
    if min(m, k, n) < 1:
        raise InputError(f"a product of {m} x {k} and {k} x {n} is empty; give sizes of at least 1.")
    for name, density in (("a_density", a_density), ("b_density", b_density)):
        if not 0 < density <= 1:
            raise InputError(f"{name} is {density}; give a share above 0 and at most 1.")
    m, k, n, met = float(m), float(k), float(n), float(a_density * b_density)
    hit = 1.0 if met == 1.0 else float(-np.expm1(k * np.log1p(-met)))
    return Work(m, k, n, a_density * m * k, b_density * k * n, multiplies=met * m * k * n, z_nonzeros=hit * m * n)


def work_of(kernel: SparseKernel) -> Work:
    """A kernel's totals, counted on its pattern. **Raises** `InputError` where nothing is multiplied: ratios to it mean
    nothing, and no published model says what it takes."""
    a, b = kernel.a, kernel.b
    sizes = (float(kernel.m), float(kernel.k), float(kernel.n))
    if b is None:
        multiplies = float(a.nnz) * kernel.n
        nonempty = float(np.count_nonzero(np.diff(a.indptr)))
        totals = Work(*sizes, float(a.nnz), float(kernel.k) * kernel.n, multiplies, nonempty * kernel.n)
    else:
        met = float(np.diff(b.indptr).astype(np.int64)[a.indices].sum())
        if not met:
            raise InputError(f"{kernel.name}: no non-zero of A meets one of B, nothing is multiplied; leave it out.")
        ones_a, ones_b = (csr_array((np.ones(x.nnz), x.indices, x.indptr), shape=x.shape) for x in (a, b))
        totals = Work(*sizes, float(a.nnz), float(b.nnz), met, float((ones_a @ ones_b).nnz))
    return dataclasses.replace(totals, fullest_of_four=_fullest_of_four(a), kernel=kernel)


def _fullest_of_four(a: csr_array) -> float:
    rows = np.repeat(np.arange(a.shape[0], dtype=np.int64), np.diff(a.indptr))
    groups = rows * (a.shape[1] // 4 + 1) + a.indices // 4
    return float(np.unique(groups, return_counts=True)[1].max())
