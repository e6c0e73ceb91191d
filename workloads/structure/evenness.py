"""Is a pattern spread like chance would spread it? Counts by row, column and tile against the hypergeometric law.

Null hypothesis: the non-zeros are a random subset of the positions, every set of that size as likely as any other.
The number in a part of `s` of the `N` positions is then hypergeometric, with mean `e = nnz s / N` and variance
`e (1 - s/N) (N - nnz)/(N - 1)`, so that Pearson's sum over T parts of `(count - e)^2 / e`, over the last factor, has
the mean T - 1 and, but for terms of 1/nnz, the variance of a chi-square. Neighbours are counted apart, because they
show what counts do not: given the count of each row, a pair of neighbours is occupied with the squared density.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer
from scipy.sparse import csr_array
from scipy.stats import gamma, norm

SIGNIFICANCE = 1e-4
"""Two-sided level of each of the five tests: one false alarm in 2,000 uniform matrices."""
NEAR_SPREAD = 0.1
"""Coefficient of variation beyond chance up to which counts are nearly uniform: the fullest of 64 parts then exceeds
the mean by about a quarter (2.4 standard deviations). Our choice."""
NEAR_CORRELATION = 0.05
"""Correlation of neighbours up to which they are nearly independent. Our choice."""
TILE_MEAN = 4.0
"""Mean non-zeros of the smallest tiles that are tested: fewer say nothing that neighbours do not."""


@dataclass(frozen=True)
class Spread:
    """Counts of the parts of a matrix, against chance."""

    dispersion: float
    """Variance over that of chance: 1 by chance, 0 for equal counts."""
    excess: float
    """Coefficient of variation beyond chance."""
    variation: float
    """Coefficient of variation of the counts."""
    p_value: float
    """Two-sided."""


@dataclass(frozen=True)
class Clustering:
    """Whether a non-zero's neighbour is one too."""

    correlation: float
    """(P(neighbour | non-zero) - density) / (1 - density): 0 by chance, 1 for one run a row."""
    p_value: float
    """Two-sided."""


@dataclass(frozen=True)
class Evenness:
    """The five tests of uniformity."""

    rows: Spread
    columns: Spread
    tiles: Spread
    tile: int
    """Side of the square tiles that differ most from chance; 0 where the matrix is too small for tiles."""
    along_rows: Clustering
    along_columns: Clustering

    @property
    def uniform(self) -> bool:
        """No test tells the pattern from a uniform one at `SIGNIFICANCE`."""
        return min(test.p_value for test in self._tests) >= SIGNIFICANCE

    @property
    def nearly_uniform(self) -> bool:
        """Whatever the tests resolve is small: beyond chance at most `NEAR_SPREAD` and `NEAR_CORRELATION`."""
        spreads, neighbours = self._tests[:3], self._tests[3:]
        return all(s.p_value >= SIGNIFICANCE or s.excess <= NEAR_SPREAD for s in spreads) and all(
            n.p_value >= SIGNIFICANCE or abs(n.correlation) <= NEAR_CORRELATION for n in neighbours
        )

    @property
    def _tests(self) -> tuple:
        return self.rows, self.columns, self.tiles, self.along_rows, self.along_columns


def measure_evenness(matrix: csr_array) -> Evenness:
    """All five tests of a canonical CSR matrix [rows, columns]."""
    (m, k), transposed = matrix.shape, matrix.T.tocsr()
    by_row, by_column = np.diff(matrix.indptr), np.diff(transposed.indptr)
    tested = {side: _tiles(matrix, side) for side in _sides(matrix)}
    tile = min(tested, key=lambda side: (tested[side].p_value, -tested[side].excess), default=0)
    return Evenness(
        measure_spread(by_row, np.full(m, k)),
        measure_spread(by_column, np.full(k, m)),
        tested.get(tile, CHANCE),
        tile,
        measure_clustering(matrix),
        measure_clustering(transposed),
    )


def measure_spread(counts: Integer[np.ndarray, " parts"], sizes: Integer[np.ndarray, " parts"]) -> Spread:
    """Counts in parts of so many positions against chance, by a gamma law with the statistic's mean and variance.

    Variance: Haldane, Biometrika 31(3/4), 1940.
    """
    parts, positions, nnz = len(counts), float(sizes.sum()), float(counts.sum())
    if parts < 2 or nnz >= positions or nnz < 2:
        return CHANCE
    share = sizes / positions
    expected = nnz * share
    free = (positions - nnz) / (positions - 1)
    statistic = float(((counts - expected) ** 2 / expected).sum()) / free
    variance = 2 * (parts - 1) + (float((1 / share).sum()) - parts**2 - 2 * parts + 2) / nnz
    law = gamma((parts - 1) ** 2 / variance, scale=variance / (parts - 1))
    relative = counts / expected
    beyond = (statistic - (parts - 1)) * free / nnz
    p_value = 2 * min(float(law.cdf(statistic)), float(law.sf(statistic)))
    return Spread(statistic / (parts - 1), float(np.sqrt(max(beyond, 0.0))), float(relative.std()), min(p_value, 1.0))


def measure_clustering(matrix: csr_array) -> Clustering:
    """Pairs of non-zeros in neighbouring columns, given the count of each row.

    With n_i of K columns, p_i = n_i / K, chance has n_i (n_i - 1) / K pairs in a row, with the variance K p_i^2 (1 -
    p_i)^2 (runs test: Wald and Wolfowitz, Annals of Mathematical Statistics 11(2), 1940).
    """
    rows, k = np.diff(matrix.indptr).astype(float), matrix.shape[1]
    if k < 2:
        return Clustering(0.0, 1.0)
    of = np.repeat(np.arange(len(rows)), np.diff(matrix.indptr))
    pairs = int(np.count_nonzero((np.diff(matrix.indices) == 1) & (np.diff(of) == 0)))
    share = rows / k
    expected = float((rows * (rows - 1)).sum()) / k
    deviation = float(np.sqrt((k * (share * (1 - share)) ** 2).sum()))
    most = float(np.maximum(rows - 1, 0).sum())
    if deviation == 0 or most <= expected:
        return Clustering(0.0, 1.0)
    # With few pairs the count is Poisson: never narrower than that.
    z = (pairs - expected) / max(deviation, np.sqrt(expected), 1.0)
    return Clustering((pairs - expected) / (most - expected), float(2 * norm.sf(abs(z))))


CHANCE = Spread(1.0, 0.0, 0.0, 1.0)


def _sides(matrix: csr_array) -> list[int]:
    """Tile sides to test: powers of two from `TILE_MEAN` non-zeros a tile to four tiles down and across."""
    (m, k), density = matrix.shape, matrix.nnz / float(np.prod(np.array(matrix.shape, float)))
    sides = [1 << level for level in range(1, 20)]
    return [side for side in sides if density * side * side >= TILE_MEAN and 4 * side <= min(m, k)]


def _tiles(matrix: csr_array, side: int) -> Spread:
    (m, k), across = matrix.shape, -(-matrix.shape[1] // side)
    rows = np.repeat(np.arange(m) // side, np.diff(matrix.indptr)).astype(np.int64)
    counts = np.bincount(rows * across + matrix.indices // side, minlength=-(-m // side) * across)
    return measure_spread(counts, np.outer(extents(m, side), extents(k, side)).ravel())


def extents(length: int, side: int) -> Integer[np.ndarray, " parts"]:
    """Lengths of the parts that a side cuts a length into; the last may be short."""
    return np.minimum(side, length - np.arange(0, length, side))
