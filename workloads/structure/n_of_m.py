"""N:M: at most N non-zeros in every aligned group of M neighbours, as pruned for (Mishra et al., arXiv:2104.08378)."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import hypergeom

from workloads.kernels.unfolding import filter_order

GROUPS = (4, 8, 16)
CHANCE = 1e-6
"""Probability below which chance does not explain that no group is fuller."""
LEAST_FILL = 0.25
"""Share of the N slots that must be in use: a bound never approached is no structure to store by. Our choice."""


@dataclass(frozen=True)
class NofM:
    """The fullest group, along rows or columns."""

    n: int
    m: int
    along: str
    """`rows`: groups of neighbours in a row; `columns`: in a column."""
    fill: float
    """Non-zeros over slots."""
    fullest: int
    """Non-zeros of the fullest row or column."""
    log10_chance: float
    """Of the probability that a uniform pattern of this density has no fuller group."""

    @property
    def found(self) -> bool:
        """Tighter than full, than the rows themselves and than chance, and put to use."""
        return self.n < min(self.m, self.fullest) and self.log10_chance < math.log10(CHANCE) and self.fill >= LEAST_FILL


def find_n_of_m(matrix: csr_array) -> NofM:
    """The N:M that would surprise most by chance, of groups of 4, 8 and 16 along rows and along columns.

    A structure implies looser ones (2:4 implies 4:8), which chance meets more easily: the least probable is the one
    that was made.
    """
    stored = {"rows": matrix, "columns": matrix.T.tocsr()}
    fitted = [_fullest(one, m, along) for along, one in stored.items() for m in GROUPS]
    return min(fitted, key=lambda one: (not one.found, one.log10_chance, one.n / one.m))


def pruned_channels(filters: csr_array, taps: int) -> int:
    """M of filters [out, (channel, tap)] that are N:M along their channels, as is pruned for; 1 if they are not.

    Grouped filters, which use the same few channels at every tap, are not pruned.
    """
    channels = filters.shape[1] // taps
    if taps == 1 or filters.shape[1] % taps or channels % GROUPS[0] or filters.nnz == math.prod(filters.shape):
        return 1
    by_tap = csr_array(filters[:, filter_order(channels, taps, channels)])
    by_tap.sort_indices()
    found = min((_fullest(by_tap, m, "rows") for m in GROUPS if not channels % m), key=lambda one: one.log10_chance)
    if not found.found:
        return 1
    rows = np.repeat(np.arange(filters.shape[0]), np.diff(filters.indptr))
    used = csr_array((np.ones(filters.nnz), (rows, filters.indices // taps)), shape=(filters.shape[0], channels))
    used.sum_duplicates()
    return found.m if _fullest(used, found.m, "rows").n > found.n else 1


def _fullest(matrix: csr_array, group: int, along: str) -> NofM:
    (rows, length), across = matrix.shape, -(-matrix.shape[1] // group)
    keys = np.repeat(np.arange(rows, dtype=np.int64), np.diff(matrix.indptr)) * across + matrix.indices // group
    if len(keys) == 0:
        return NofM(0, group, along, 0.0, 0, 0.0)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(keys) != 0, [True]]))
    most = int(np.diff(starts).max())
    positions = rows * length
    whole, rest = rows * (length // group), length % group
    chance = sum(
        count * hypergeom.logcdf(most, positions, matrix.nnz, size)
        for count, size in ((whole, group), (rows, rest))
        if count and size > most
    )
    slots = rows * ((length // group) * most + min(rest, most))
    fullest = int(np.diff(matrix.indptr).max())
    return NofM(most, group, along, matrix.nnz / slots, fullest, float(chance) / math.log(10))
