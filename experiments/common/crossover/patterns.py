"""One matrix at many densities: nested patterns, each a part of the denser one, anywhere or at most two of four."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from workloads import SparseKernel, load_matrix
from workloads.errors import InputError

MOST_POSITIONS = 1 << 26
"""Of a matrix that is thinned: its whole order of removal is kept in memory."""


class Patterns:
    """A matrix whose non-zeros are removed in a random order, and what is left of it at a density."""

    def __init__(self, candidates: csr_array, columns: int, seed: int):
        """**Arguments**: the densest pattern [M, K]; columns of the dense B it is multiplied with."""
        self.shape, self.columns = candidates.shape, columns
        m, k = self.shape
        if m * k > MOST_POSITIONS:
            raise InputError(f"--pattern: {m} x {k} is too large to be thinned; give at most 2^26 positions.")
        rows = np.repeat(np.arange(m, dtype=np.int64), np.diff(candidates.indptr))
        self._order = np.random.default_rng(seed).permutation(rows * k + candidates.indices)
        self._two = self._order[_place_in_group(self._order, k) < 2]

    @property
    def density(self) -> float:
        """Of the matrix before anything is removed."""
        return len(self._order) / (self.shape[0] * self.shape[1])

    def kernel(self, density: float, *, two_of_four: bool = False) -> SparseKernel:
        """The product at a density: the first so many positions of the order.

        `two_of_four` takes only the first two of each aligned group of four along a row, as long as these suffice
        (up to density 0.5 of a full matrix); beyond, the pattern is the same as without.
        """
        m, k = self.shape
        count = min(max(round(density * m * k), 1), len(self._order))
        source = self._two if two_of_four and count <= len(self._two) else self._order
        keys = np.sort(source[:count])
        pattern = csr_array((np.ones(count), (keys // k, keys % k)), shape=(m, k))
        return SparseKernel(f"{'2:4 ' if source is self._two else ''}{density:.4%}", pattern, None, self.columns)


def read_patterns(file: str | None, m: int, k: int, columns: int, seed: int) -> Patterns:
    """A full matrix `m x k`, or the one in a file. **Raises** `InputError` for a file that cannot be read."""
    if file is not None:
        return Patterns(load_matrix(file), columns, seed)
    if min(m, k, columns) < 4:
        raise InputError(f"--size {m} {k} {columns}: give sizes of at least 4.")
    if m * k > MOST_POSITIONS:
        raise InputError(f"--size {m} {k}: too large to be thinned; give at most 2^26 positions.")
    full = csr_array((np.ones(m * k, np.int8), np.tile(np.arange(k), m), np.arange(m + 1) * k), shape=(m, k))
    return Patterns(full, columns, seed)


def density_grid(points: int, highest: float, least: float) -> list[float]:
    """Densities from `highest` to `least`, evenly apart in log, with 50 % and 5 % among them."""
    grid = np.geomspace(highest, least, points)
    for wanted in (0.5, 0.05):
        if least < wanted < highest:
            grid[1 + int(np.argmin(np.abs(np.log(grid[1:-1] / wanted))))] = wanted
    return [float(f"{density:.2g}") if density < 1 else 1.0 for density in grid]


def _place_in_group(order: np.ndarray, k: int) -> np.ndarray:
    """For each position of the order, how many earlier ones are in its group of four."""
    group = (order // k) * (k // 4 + 1) + order % k // 4
    by_group = np.argsort(group, kind="stable")
    sorted_groups = group[by_group]
    first = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])
    sizes: Sequence[int] = np.diff(np.r_[first, len(order)])
    place = np.empty(len(order), np.int64)
    place[by_group] = np.arange(len(order)) - np.repeat(first, sizes)
    return place
