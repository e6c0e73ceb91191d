"""How many non-zeros fall into a tile: Sparseloop's density models (Wu et al., MICRO 2022) in closed form."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from experiments.common.validation.sparseloop_machine.architecture import TILE_WORDS, WORDS, Geometry


@dataclass(frozen=True)
class Occupancy:
    """How the non-zeros of one 256 x 256 operand fall into tiles.

    `hypergeometric`: `nnz` non-zeros uniformly at random, so a tile of `s` words holds `k` of them with the
    hypergeometric probability. `fixed-structured`: every tile holds its share, `s * density`, fraction or not.
    """

    distribution: str
    nominal: float

    @property
    def nnz(self) -> int:
        """Non-zeros of the operand."""
        return math.ceil(self.nominal * WORDS)

    @property
    def density(self) -> float:
        """Share of non-zeros."""
        return self.nnz / WORDS if self.distribution == "hypergeometric" else self.nominal

    def occupied(self, words: int) -> float:
        """Probability that a tile of so many words is not empty."""
        if self.distribution == "hypergeometric":
            return float(1.0 - hypergeom.pmf(0, WORDS, self.nnz, words))
        return min(1.0, words * self.density)

    def tiles(self) -> tuple[np.ndarray, np.ndarray]:
        """Non-zeros of a PE's tile, and their probabilities, given that it is not empty. Shapes [k], [k]."""
        if self.distribution == "hypergeometric":
            counts = np.arange(1, min(TILE_WORDS, self.nnz) + 1, dtype=float)
            weights = hypergeom.pmf(counts, WORDS, self.nnz, TILE_WORDS)
            return counts, weights / weights.sum()
        return np.array([TILE_WORDS * self.density / self.occupied(TILE_WORDS)]), np.ones(1)

    def occupied_rows(self, counts: np.ndarray, geometry: Geometry) -> np.ndarray:
        """Expected non-empty fibers of a PE's tile that holds `counts` non-zeros. Shape [k]."""
        fibers = TILE_WORDS // geometry.fiber
        if self.distribution == "hypergeometric":
            return fibers * (1.0 - hypergeom.pmf(0, TILE_WORDS, counts, geometry.fiber))
        return fibers * np.minimum(1.0, counts / fibers)
