"""What the totals of a sparse x sparse product tell of its pattern: the spread of row lengths, and collisions.

Two assumptions stand for the pattern. Row lengths are gamma distributed: its mean is known, and its variance follows
from the multiplies, which a matrix with uneven rows has more of. Products fall on the outputs like draws with
replacement from a support whose size makes the published numbers of products and outputs agree.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import gamma

from hwmodels.systems.work import Work

EVEN = 1e-9
"""Squared coefficient of variation below which rows are taken as equal."""


def unevenness(work: Work) -> float:
    """Squared coefficient of variation of the non-zeros of a row.

    `E[c r] / (E[c] E[r]) - 1` of the lengths c of A's columns and r of the rows of B that they meet, at least 0; of a
    symmetric matrix times itself this is exact.
    """
    return max(work.multiplies * work.k / (work.a_nonzeros * work.b_nonzeros) - 1.0, 0.0)


@dataclass(frozen=True)
class RowLengths:
    """Gamma distribution of the non-zeros of `rows` rows with this mean and squared coefficient of variation."""

    rows: float
    mean: float
    unevenness: float

    @staticmethod
    def of_a(work: Work) -> "RowLengths":
        """Of the rows of A."""
        return RowLengths(work.m, work.a_nonzeros / work.m, unevenness(work))

    def longer_than(self, length: float | np.ndarray, weighted: bool = False) -> np.ndarray:
        """Share of the rows (weighted: of the non-zeros) that are in rows longer than `length`."""
        if self.unevenness < EVEN:
            return np.asarray(np.asarray(length) < self.mean, float)
        shape = 1.0 / self.unevenness
        return np.asarray(gamma.sf(length, shape + weighted, scale=self.mean / shape))

    def hit(self, share: float | np.ndarray) -> np.ndarray:
        """Chance that a row has a non-zero in a `share` of the columns, its non-zeros falling anywhere (Poisson)."""
        drawn = self.mean * np.asarray(share, float)
        if self.unevenness < EVEN:
            return np.asarray(-np.expm1(-drawn))
        return np.asarray(-np.expm1(-np.log1p(self.unevenness * drawn) / self.unevenness))

    def counts(self) -> np.ndarray:
        """How many rows are longer than 0.5, 1.5, ...: non-zeros of each column when rows are pushed to the left."""
        return _counts(self)


@lru_cache(maxsize=256)
def _counts(lengths: RowLengths) -> np.ndarray:
    if lengths.unevenness < EVEN:
        return np.full(max(round(lengths.mean), 1), lengths.rows)
    scale = lengths.mean * lengths.unevenness
    longest = float(gamma.isf(min(0.5 / lengths.rows, 0.5), 1.0 / lengths.unevenness, scale=scale))
    found = lengths.rows * lengths.longer_than(np.arange(max(round(longest), 1)) + 0.5)
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class Collisions:
    """`products` draws, spread over the outputs so that `outputs` of them are distinct."""

    products: float
    outputs: float

    def distinct(self, products: float | np.ndarray) -> np.ndarray:
        """Expected distinct outputs of the first `products`: `S (1 - exp(-products / S))`, S the support."""
        drawn = np.asarray(products, float)
        return drawn if np.isinf(self.support) else np.asarray(-self.support * np.expm1(-drawn / self.support))

    @property
    def draws(self) -> float:
        """Draws on each output of the support."""
        return self.products / self.support

    @cached_property
    def support(self) -> float:
        """Outputs that products may fall on; infinite where (nearly) none collide."""
        if self.outputs >= self.products * (1 - 1e-6):
            return np.inf
        ratio = self.outputs / self.products
        draws = brentq(lambda x: -np.expm1(-x) / x - ratio, 1e-7, 2.0 / ratio)
        return self.products / float(draws)


def collisions(work: Work) -> Collisions:
    """Of all products of a work."""
    return Collisions(work.multiplies, work.z_nonzeros)
