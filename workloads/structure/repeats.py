"""What a pattern says twice: mirrored across the diagonal, or in several rows or columns alike."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln

HASH_SEED = 0
ALIKE = 0.25
"""Share of rows with a twin, beyond chance, from which they repeat. Our choice."""


@dataclass(frozen=True)
class Twins:
    """Rows (or columns) of at least two non-zeros and two zeros whose pattern another one has too."""

    share: float
    chance: float
    """What it would be if each row had its non-zeros anywhere: short and nearly full rows meet by accident."""

    @property
    def found(self) -> bool:
        """Well beyond chance."""
        return self.share - self.chance >= ALIKE


@dataclass(frozen=True)
class Repeats:
    """Shares of what repeats."""

    symmetry: float
    """Off-diagonal non-zeros whose mirror image is one too, as a share; NaN unless square with any."""
    diagonal: float
    """Share of the main diagonal that is non-zero."""
    rows: Twins
    columns: Twins

    @property
    def symmetric(self) -> bool:
        """Every non-zero has its mirror image."""
        return self.symmetry == 1.0


def find_repeats(matrix: csr_array) -> Repeats:
    """What repeats in a canonical CSR matrix. Rows are compared by 64-bit hashes of their columns."""
    m, k = matrix.shape
    transposed = matrix.T.tocsr()
    ones = csr_array((np.ones(matrix.nnz, np.int8), matrix.indices, matrix.indptr), shape=matrix.shape)
    on_diagonal = int(ones.diagonal().sum())
    symmetry = float("nan")
    if m == k and matrix.nnz > on_diagonal:
        mirrored = csr_array((np.ones(matrix.nnz, np.int8), transposed.indices, transposed.indptr), shape=(k, m))
        symmetry = (int(ones.multiply(mirrored).nnz) - on_diagonal) / (matrix.nnz - on_diagonal)
    return Repeats(symmetry, on_diagonal / min(m, k), _twins(matrix), _twins(transposed))


def _twins(matrix: csr_array) -> Twins:
    counts, k = np.diff(matrix.indptr), matrix.shape[1]
    full = np.flatnonzero((counts >= 2) & (counts <= k - 2))
    if full.size == 0:
        return Twins(0.0, 0.0)
    words = np.random.default_rng(HASH_SEED).integers(0, 2**64, matrix.shape[1], dtype=np.uint64)
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(words[matrix.indices], dtype=np.uint64)])
    sums = ends[matrix.indptr[full + 1]] - ends[matrix.indptr[full]]
    _, which, times = np.unique(sums, return_inverse=True, return_counts=True)
    sizes, number = np.unique(counts[full], return_counts=True)
    same = np.exp(-(gammaln(k + 1) - gammaln(sizes + 1) - gammaln(k - sizes + 1)))
    meets = np.where(number > 1, 1 - (1 - np.minimum(same, 1.0)) ** (number - 1), 0.0)
    return Twins(float((times[which] > 1).mean()), float((meets * number).sum() / full.size))
