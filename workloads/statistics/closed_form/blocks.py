"""Blocks that hold a non-zero, expected: how many a tile has in the mean, and given its non-zeros."""

from functools import lru_cache

import numpy as np

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.closed_form.row_distributions import row_laws
from workloads.statistics.closed_form.transposed import Transposed

MOST_DIAGONALS = 4096
"""Diagonals of blocks of a tile that are told apart."""


@lru_cache(maxsize=256)
def occupied_share(density: Density, rows: int, columns: int, height: int, width: int) -> float:
    """Chance that a cell of this size holds a non-zero, over all places of a density whose rows are independent."""
    if isinstance(density, Transposed):
        return occupied_share(density.of, columns, rows, width, height)
    laws = row_laws(density, rows, columns, min(width, columns))
    some = [float(one.law.probability[one.law.points > 0.5].sum()) for one in laws]
    shares = [-np.expm1(height * np.log1p(-min(share, 1 - 1e-16))) for share in some]
    return float(np.average(shares, weights=[float(one.count) for one in laws]))


def blocks_in_mean(density: Density, rows: int, columns: int, height: int, width: int) -> float:
    """Occupied blocks of a tile, on average over its places."""
    found = 0.0
    for down, high in ((height // BLOCK, BLOCK), (height % BLOCK > 0, height % BLOCK)):
        for across, wide in ((width // BLOCK, BLOCK), (width % BLOCK > 0, width % BLOCK)):
            if down * across:
                found += down * across * occupied_share(density, rows, columns, high, wide)
    return found


def blocks_in_band(density: Banded, reach: int, tile: tuple[int, int, int]) -> tuple[float, float]:
    """(occupied blocks, blocks that the band crosses) of a `tile`: where its first row meets the diagonal, left of its
    first column, height and width."""
    offset, height, width = tile
    high, wide = min(height, BLOCK), min(width, BLOCK)
    down, across = -(-height // high), -(-width // wide)
    step = high if down > 1 else wide
    first = max((offset - reach - BLOCK) // step, 1 - across)
    last = min((offset + reach + BLOCK) // step + 1, down - 1)
    number = max(last - first + 1, 0)
    kept = min(number, MOST_DIAGONALS)
    apart = first + (np.arange(kept) * number) // max(kept, 1)  # rows of blocks down less columns of blocks across
    many = np.maximum(np.minimum(down, across + apart) - np.maximum(apart, 0), 0) * (number / max(kept, 1))
    distance = np.abs((apart * step - offset)[:, None, None] + np.arange(high)[:, None] - np.arange(wide))
    inside, diagonal = (distance <= reach).sum(axis=(1, 2)), (distance == 0).any(axis=(1, 2))
    some = np.where(diagonal, 1.0, 1.0 - (1.0 - density.density) ** inside)
    return float(many @ some), float(many @ (inside > 0))


def blocks_given(
    held: np.ndarray, probability: np.ndarray, mean: float, blocks: float | int, positions: float | int
) -> np.ndarray:
    """Occupied blocks given the non-zeros of a tile, [n], which are `mean` on average.

    They fall as if at uniform places of so many `blocks` and `positions`, more or less crowded by a common factor.
    """
    each = positions / blocks
    left = positions - np.arange(np.ceil(each))
    missed = np.clip(1.0 - held[:, None] / np.maximum(left, 1.0), 1e-300, 1.0)
    found = blocks * -np.expm1(np.log(missed).mean(axis=1) * each)
    expected = float(found @ probability / probability.sum())
    return np.minimum(found * (mean / max(expected, 1e-300)), np.minimum(held, blocks))


def spread_of_blocks(mean: float, blocks: float) -> float:
    """Variance of the occupied ones of so many blocks, `mean` of them, over the places of as many non-zeros.

    Source: Johnson and Kotz, "Urn Models and Their Application", 1977, chapter 3 (classical occupancy, many urns).
    """
    empty = max(1.0 - mean / blocks, 1e-300)
    return max(blocks * empty * (1.0 - (1.0 - np.log(empty)) * empty), 0.0)
