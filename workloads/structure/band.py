"""Bands: non-zeros near the diagonal, as they are or in another order, and those on few diagonals."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

SHARE = 0.95
"""Of the non-zeros, within the half-width or on the diagonals: a few far ones do not undo a band. Our choice."""
WIDEST = 0.25
"""Largest share of the area that a band has: chance would put 95 % of the non-zeros in 95 % of it. Our choice."""
WIDEST_OF_ALL = 0.5
"""The same where not one non-zero lies outside. Our choice."""
LEAST_NONZEROS = 20
"""Non-zeros that a band needs: a few lie near the diagonal by chance. Our choice."""
MOST_DIAGONALS = 64
LEAST_FILL = 0.5
"""Mean share of non-zeros on the diagonals, so that storing them whole costs at most twice the values. Our choice."""


@dataclass(frozen=True)
class Band:
    """Where the non-zeros lie, seen from the diagonal that joins the corners."""

    half_width: int
    """Columns from the diagonal within which `SHARE` of the non-zeros lie."""
    area: float
    """Share of the matrix within that half-width."""
    reach: float
    """Share of the matrix within the half-width of the farthest non-zero."""
    diagonals: int
    """Fewest diagonals that hold `SHARE` of the non-zeros."""
    diagonal_fill: float
    """Share of non-zeros on those diagonals."""

    @property
    def found(self) -> bool:
        """At most `WIDEST` of the area holds `SHARE` of the non-zeros, or `WIDEST_OF_ALL` all of them."""
        return self.area <= WIDEST or self.reach <= WIDEST_OF_ALL

    @property
    def diagonal(self) -> bool:
        """Few diagonals, well filled, hold `SHARE` of the non-zeros."""
        return self.diagonals <= MOST_DIAGONALS and self.diagonal_fill >= LEAST_FILL


def find_band(matrix: csr_array) -> Band | None:
    """The band of a canonical CSR matrix; None for a single row or column or too few non-zeros."""
    m, k = matrix.shape
    if min(m, k) < 2 or matrix.nnz < LEAST_NONZEROS:
        return None
    slope = (k - 1) / (m - 1)
    row = np.repeat(np.arange(m, dtype=np.int64), np.diff(matrix.indptr))
    away = np.abs(matrix.indices - row * slope)
    half_width = float(np.partition(away, _last(away.size))[_last(away.size)])
    offset, counts = np.unique(matrix.indices - row, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    number = int(np.searchsorted(np.cumsum(counts[order]), SHARE * away.size)) + 1
    kept = order[:number]
    length = np.minimum(m, k - offset[kept]) - np.maximum(0, -offset[kept])
    area, reach = (_area(m, k, slope, width) for width in (half_width, float(away.max())))
    return Band(int(np.ceil(half_width)), area, reach, number, float(counts[kept].sum() / length.sum()))


def find_reordered_band(matrix: csr_array) -> Band | None:
    """The band after rows and columns of the pattern, made symmetric, are reordered alike; None unless square.

    Reverse Cuthill-McKee: George and Liu, "Computer Solution of Large Sparse Positive Definite Systems", 1981.
    """
    m, k = matrix.shape
    if m != k or matrix.nnz < LEAST_NONZEROS:
        return None
    ones = csr_array((np.ones(matrix.nnz, np.int8), matrix.indices, matrix.indptr), shape=(m, k))
    order = reverse_cuthill_mckee(csr_array(ones + ones.T), symmetric_mode=True)
    place = np.empty(m, np.int64)
    place[order] = np.arange(m)
    row = place[np.repeat(np.arange(m), np.diff(matrix.indptr))]
    return find_band(csr_array((ones.data, (row, place[matrix.indices])), shape=(m, k)))


def _area(m: int, k: int, slope: float, half_width: float) -> float:
    """Share of the matrix within a half-width of the diagonal."""
    centre = np.arange(m) * slope
    low = np.maximum(np.ceil(centre - half_width - 1e-9), 0)
    high = np.minimum(np.floor(centre + half_width + 1e-9), k - 1)
    return float((high - low + 1).sum()) / (float(m) * k)


def _last(size: int) -> int:
    return max(int(np.ceil(SHARE * size)) - 1, 0)
