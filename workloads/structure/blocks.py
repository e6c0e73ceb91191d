"""Blocks: non-zeros that come in aligned b x b squares, as BCSR stores them.

Bands, hubs and clusters fill squares too, wherever a grid of squares is laid. Blocks are what fills an aligned grid
better than the same grid moved by half a side: so the pattern itself, misaligned, is the null hypothesis. A moved grid
that is as well filled leaves alignment to chance; the number of occupied squares has about the deviation of its root.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer
from scipy.sparse import csr_array

SIDES = range(2, 33)
DEVIATIONS = 5.0
"""Standard deviations by which the aligned grid must have fewer occupied squares."""
LEAST_GAIN = 1.1
"""Positions of occupied squares of moved grids over those of the aligned one, at least. Our choice."""
LEAST_FILL = 0.6
"""Share of non-zeros in an occupied square, at least: a tridiagonal matrix has 0.5 with b = 2. Our choice."""
GRID_FILL = 0.25
"""The same for a grid that is worth a word though it is not worth storing by. Our choice."""
VALUE_BITS = 8
"""Of a value, beside the coordinate of its square, where the best side is chosen."""


MOST_NONZEROS = 500_000
"""Non-zeros above which only stripes of rows are looked at, evenly spaced and of about so many non-zeros together."""
STRIPE_ROWS = 960
"""Rows of a stripe: at least 30 squares high."""


@dataclass(frozen=True)
class Blocks:
    """Occupied squares of one side, in the rows that were looked at."""

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


def find_blocks(matrix: csr_array) -> tuple[Blocks | None, Blocks | None]:
    """(the side that stores the pattern in the fewest bits, of those found; the side that is aligned best)."""
    fitted = [_blocks(matrix, side) for side in SIDES if 2 * side <= min(matrix.shape)]
    found = [one for one in fitted if one.found]
    aligned = [one for one in fitted if one.aligned and one.fill >= GRID_FILL]
    return (
        min(found, key=lambda one: one.bits_nonzero, default=None),
        max(aligned, key=lambda one: one.gain, default=None),
    )


@dataclass(frozen=True)
class _Rows:
    """Non-zeros by stripe: which one, and row and column in it. Stripes are equally high and begin at a grid line."""

    stripe: Integer[np.ndarray, " nnz"]
    row: Integer[np.ndarray, " nnz"]
    column: Integer[np.ndarray, " nnz"]
    stripes: int
    height: int
    width: int


def _rows(matrix: csr_array, side: int) -> _Rows:
    """All rows as one stripe, or a sample of stripes."""
    (m, k), counts = matrix.shape, np.diff(matrix.indptr)
    number = max(1, round(MOST_NONZEROS / max(matrix.nnz / m * STRIPE_ROWS, 1)))
    if matrix.nnz <= MOST_NONZEROS or number * STRIPE_ROWS >= m:
        row = np.repeat(np.arange(m), counts)
        return _Rows(np.zeros(matrix.nnz, np.int64), row, matrix.indices, 1, m, k)
    height = STRIPE_ROWS // side * side
    starts = np.linspace(0, m - STRIPE_ROWS, number).astype(int) // side * side
    taken = [slice(matrix.indptr[start], matrix.indptr[start + height]) for start in starts]
    column = np.concatenate([matrix.indices[one] for one in taken])
    local = [np.repeat(np.arange(height), counts[start : start + height]) for start in starts]
    stripe = np.repeat(np.arange(number), [len(one) for one in local])
    return _Rows(stripe, np.concatenate(local), column, number, height, k)


def _blocks(matrix: csr_array, side: int) -> Blocks:
    (m, k), half, rows = matrix.shape, side // 2, _rows(matrix, side)
    occupied, positions = _occupied(rows, side, 0, 0)
    moved = np.mean([_occupied(rows, side, *by)[1] for by in ((half, 0), (0, half), (half, half))])
    density, seen = matrix.nnz / (float(m) * k), max(rows.row.size, 1)
    chance = density / -np.expm1(side * side * np.log1p(-density)) if density < 1 else 1.0
    gain = float(moved) / max(positions, 1)
    aligned = gain >= LEAST_GAIN and (gain - 1) * occupied >= DEVIATIONS * np.sqrt(occupied)
    coordinate = max(1, int(np.ceil(np.log2(max(-(-k // side), 2)))))
    bits = occupied * (side * side * VALUE_BITS + coordinate) / seen
    return Blocks(side, seen / max(positions, 1), float(chance), gain, occupied, float(bits), bool(aligned))


def _occupied(rows: _Rows, side: int, down: int, across: int) -> tuple[int, int]:
    """Occupied squares of a grid whose lines are moved up and left by so much, and their positions in the stripes."""
    wide = (rows.width + across - 1) // side + 1
    high = (rows.height + down - 1) // side + 1
    places = rows.stripes * high * wide
    keys = (rows.stripe * high + (rows.row + down) // side) * wide + (rows.column + across) // side
    if places <= 32 * keys.size:
        flags = np.zeros(places, bool)
        flags[keys] = True
        keys = np.flatnonzero(flags)
    else:
        keys = np.sort(keys.astype(np.int32 if places < 2**31 else np.int64))
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])].astype(np.int64)
    row, column = np.divmod(keys, wide)
    row %= high
    tall = np.minimum((row + 1) * side - down, rows.height) - np.maximum(row * side - down, 0)
    broad = np.minimum((column + 1) * side - across, rows.width) - np.maximum(column * side - across, 0)
    return int(keys.size), int((tall * broad).sum())
