"""What Sparseloop's mean hides: cycles on a pattern when the PEs wait for each other, or do not.

A is sparse, its zeros are skipped; B is dense with `SIDE` columns. In each step of the GLB's loops every PE works on a
tile of A (`IP`: 16 rows, one a PE; `TILE`: 16 blocks of 16 x 16 below each other), and each non-zero of the tile takes
a cycle for each column of B. Any shape of A is cut the same way; what is missing at its edges is empty.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.stats import hypergeom

from experiments.common.validation.sparseloop_machine.architecture import GEOMETRY, PES, SIDE, TILE_WORDS, WORDS


@dataclass(frozen=True)
class PatternCycles:
    """Cycles of one pattern on 16 PEs by how the PEs are kept together."""

    mean: float
    """The total over the number of PEs: Sparseloop's count."""
    barrier: int
    """Every step lasts as long as its fullest tile."""
    queues: int
    """Each PE works off its own tiles of that mapping without waiting for others."""
    balanced: int
    """Tiles are dealt to the PEs longest first, each to the least loaded PE (Graham, SIAM J. Appl. Math. 17, 1969)."""


def cycles_of_pattern(matrix: csr_array, mapping: str) -> PatternCycles:
    """Cycles of A [m, k] times a dense B [k, 256], counted on the non-zeros of A."""
    pattern = coo_array(matrix)
    height, width = (1, pattern.shape[1]) if mapping == "IP" else (GEOMETRY[mapping].rows, GEOMETRY[mapping].fiber)
    tiles = np.zeros((-(-pattern.shape[0] // height) + PES, -(-pattern.shape[1] // width)), np.int64)
    tiles = tiles[: tiles.shape[0] // PES * PES]
    row, column = pattern.coords
    np.add.at(tiles, (row // height, column // width), 1)
    steps = tiles.reshape(-1, PES, tiles.shape[1])
    return PatternCycles(
        mean=float(tiles.sum()) * SIDE / PES,
        barrier=int(steps.max(axis=1).sum()) * SIDE,
        queues=int(steps.sum(axis=(0, 2)).max()) * SIDE,
        balanced=_longest_first(tiles.ravel()) * SIDE,
    )


def _longest_first(work: np.ndarray) -> int:
    """Load of the most loaded PE when pieces of `work` [pieces] are dealt longest first."""
    loads = [0] * PES
    for piece in sorted(work[work > 0].tolist(), reverse=True):
        heapq.heapreplace(loads, loads[0] + piece)
    return max(loads)


def expected_barrier_cycles(nnz: int) -> float:
    """Expected cycles with a barrier at every step if `nnz` non-zeros fall uniformly on a 256 x 256 A.

    Both mappings alike: the mean of the largest of 16 hypergeometric counts, the 16 tiles taken as independent (nearly
    so: they are 4,096 of 65,536 words), for each of the steps.
    """
    counts = np.arange(TILE_WORDS)
    at_most = hypergeom.cdf(counts, WORDS, nnz, TILE_WORDS)
    return float(np.sum(1.0 - at_most**PES)) * WORDS / TILE_WORDS / PES * SIDE
