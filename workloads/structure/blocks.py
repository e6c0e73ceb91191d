"""Blocks: non-zeros that come in aligned b x b squares, as BCSR stores them.

Bands, hubs and clusters fill squares too, wherever a grid of squares is laid. Blocks are what fills an aligned grid
better than the same grid moved by half a side: so the pattern itself, misaligned, is the null hypothesis. A moved grid
that is as well filled leaves alignment to chance; the number of occupied squares has about the deviation of its root.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

SIDES = range(2, 33)
DEVIATIONS = 5.0
"""Standard deviations by which the aligned grid must have fewer occupied squares."""
LEAST_GAIN = 1.1
"""Positions of occupied squares of moved grids over those of the aligned one, at least. Our choice."""
LEAST_FILL = 0.6
"""Share of non-zeros in an occupied square, at least: a tridiagonal matrix has 0.5 with b = 2. Our choice."""
VALUE_BITS = 8
"""Of a value, beside the coordinate of its square, where the best side is chosen."""


@dataclass(frozen=True)
class Blocks:
    """Occupied squares of one side."""

    side: int
    fill: float
    """Non-zeros over positions of occupied squares."""
    chance_fill: float
    """The same for a uniform pattern of this density, d / (1 - (1 - d)^(b^2))."""
    gain: float
    """Positions of occupied squares of grids moved by half a side, over those of the aligned grid."""
    occupied: int
    bits_nonzero: float
    """Stored values and one coordinate a square, in bits for each non-zero."""
    aligned: bool
    """The aligned grid is better than moved ones by more than chance."""

    @property
    def found(self) -> bool:
        """Aligned, and fuller than `LEAST_FILL` and half as full again as chance."""
        return self.aligned and self.fill >= max(LEAST_FILL, min(1.5 * self.chance_fill, (1 + self.chance_fill) / 2))


def blocks(matrix: csr_array) -> tuple[Blocks | None, Blocks | None]:
    """(the side that stores the pattern in the fewest bits, of those found; the side that is aligned best)."""
    fitted = [_blocks(matrix, side) for side in SIDES if 2 * side <= min(matrix.shape)]
    found = [one for one in fitted if one.found]
    aligned = [one for one in fitted if one.aligned]
    return (
        min(found, key=lambda one: one.bits_nonzero, default=None),
        max(aligned, key=lambda one: one.gain, default=None),
    )


def _blocks(matrix: csr_array, side: int) -> Blocks:
    m, k, half = *matrix.shape, side // 2
    occupied, positions = _occupied(matrix, side, 0, 0)
    moved = np.mean([_occupied(matrix, side, *by) for by in ((half, 0), (0, half), (half, half))], axis=0)
    density = matrix.nnz / (float(m) * k)
    chance = density / -np.expm1(side * side * np.log1p(-density)) if density < 1 else 1.0
    gain = float(moved[1]) / positions
    aligned = gain >= LEAST_GAIN and (gain - 1) * occupied >= DEVIATIONS * np.sqrt(occupied)
    coordinate = max(1, int(np.ceil(np.log2(max(-(-k // side), 2)))))
    bits = occupied * (side * side * VALUE_BITS + coordinate) / matrix.nnz
    return Blocks(side, matrix.nnz / positions, float(chance), gain, int(occupied), float(bits), bool(aligned))


def _occupied(matrix: csr_array, side: int, down: int, across: int) -> tuple[int, int]:
    """Occupied squares of a grid whose lines are moved up and left by so much, and their positions in the matrix."""
    m, k = matrix.shape
    wide = (k + across - 1) // side + 1
    places = ((m + down - 1) // side + 1) * wide
    number = np.int32 if places < 2**31 else np.int64
    starts = ((np.arange(m) + down) // side * wide).astype(number)
    keys = np.repeat(starts, np.diff(matrix.indptr)) + ((matrix.indices + across) // side).astype(number)
    if places <= 32 * keys.size:
        flags = np.zeros(places, bool)
        flags[keys] = True
        keys = np.flatnonzero(flags)
    else:
        keys = np.sort(keys)
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    row, column = np.divmod(keys.astype(np.int64), wide)
    height = np.minimum((row + 1) * side - down, m) - np.maximum(row * side - down, 0)
    width = np.minimum((column + 1) * side - across, k) - np.maximum(column * side - across, 0)
    return keys.size, int((height * width).sum())
