"""Streams of tokens with the cycle in which each can be seen, and matrices as the levels that scanners walk.

A stream carries coordinates, references (positions in the level below) or values: non-negative numbers, of which only
the order matters here. Control tokens lie between: `STOP - n` closes `n + 1` levels of fibers at once, `EMPTY` stands
for the operand that a union lacks, `DONE` ends the stream (Hsu et al., "The Sparse Abstract Machine", ASPLOS 2023).
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, sparray

DONE = -1
EMPTY = -2
STOP = -3


class Stream(NamedTuple):
    """Tokens that leave a block, one a cycle at most. Shapes [tokens], int64 both."""

    token: np.ndarray
    cycle: np.ndarray

    @property
    def end(self) -> int:
        """Cycle of the last token."""
        return int(self.cycle[-1])

    def later(self, cycles: int = 1) -> "Stream":
        """The same tokens through blocks that pass one on a cycle: arrays, repeat signals, droppers of stops."""
        return Stream(self.token, self.cycle + cycles)

    def points(self) -> "Stream":
        """Without stops."""
        kept = self.token >= DONE
        return Stream(self.token[kept], self.cycle[kept])


ROOT = Stream(np.array([0, DONE]), np.array([0, 1]))
"""The reference to a whole tensor, given to the first scanners in the first two cycles."""


class CompressedLevel(NamedTuple):
    """A compressed level: fiber r is `coordinates[segments[r]:segments[r + 1]]`. Shapes [fibers + 1], [entries]."""

    segments: np.ndarray
    coordinates: np.ndarray


def compressed_levels(matrix: sparray) -> tuple[CompressedLevel, CompressedLevel]:
    """Both levels of a matrix stored by rows with empty rows left out (doubly compressed).

    Shape [rows, columns], any sparse format; the first level is one fiber of row numbers.
    """
    rowwise = csr_array(matrix, copy=True)
    rowwise.sum_duplicates()
    rowwise.eliminate_zeros()
    rows = np.flatnonzero(np.diff(rowwise.indptr))
    ends = rowwise.indptr[rows + 1]
    outer = CompressedLevel(np.array([0, len(rows)]), rows.astype(np.int64))
    return outer, CompressedLevel(np.concatenate([[0], ends]).astype(np.int64), rowwise.indices.astype(np.int64))


def vector_level(column: csr_array) -> CompressedLevel:
    """The level of a sparse vector: one fiber. Shape [n, 1]."""
    rows, _ = compressed_levels(column)
    return rows
