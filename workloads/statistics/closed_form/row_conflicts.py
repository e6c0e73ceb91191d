"""Expected conflicts of the rows of B: the most entries of a piece of a row that one of W owners has.

Entries lie at places independent of each other, given the length of a row where lengths differ: what an owner has is
binomial, and P(no owner has more than x) the product of the owners' distribution functions. Of N:M, whose owners have
what others have not, so many groups are drawn.
"""

from functools import lru_cache

import numpy as np

from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.statistics.closed_form.row_distributions import RowLaw, lengths_of, matched_below, row_laws
from workloads.statistics.lattice import ARRAY_WIDTHS, levels

POINTS = 64
"""Numbers of entries at which the chance that no owner has more is taken."""
DRAWN = 1 << 18
"""Positions of N:M that are drawn, and cut into pieces."""
LEAST_PIECES = 16
"""Pieces that are drawn at least; the owners of wider ones count as independent."""
TAIL = 8.0
"""Deviations from the mean at which an owner's law ends."""


def expected_rows(b: Density, entries: float, k: int, n: int) -> dict[str, np.ndarray]:
    """Expected counts of the pieces of the rows of `b` [k, n], in the layout of `statistics.row_conflicts.count_rows`.

    `entries`: those of A, which meet rows of B alike.
    """
    ln, lk = levels(n), levels(k)
    words, steps = np.zeros((ln, ARRAY_WIDTHS.size)), np.zeros((ln, ARRAY_WIDTHS.size))
    most = np.zeros((lk, ln, ARRAY_WIDTHS.size))
    for level in range(ln):
        laws = row_laws(b, k, n, min(1 << level, n))
        words[level] = _words(laws)
        for at, width in enumerate(ARRAY_WIDTHS.tolist()):
            if at > level and width > 1 << level:
                steps[level, at], most[:, level, at] = steps[level, at - 1], most[:, level, at - 1]
                continue
            found = [(one.count, one.width, *_of_a_row(b, one, n, width)) for one in laws]
            steps[level, at] = sum(count * (1 - below) @ gaps for count, _, below, gaps in found)
            most[:, level, at] = _most_of_tiles([one for one in found if one[1] == laws[0].width], k, lk)
    return {
        "row_words": entries * words,
        "conflicts": entries * steps,
        "b_conflicts": k * steps,
        "b_most_words": most,
    }


def _words(laws: list[RowLaw]) -> np.ndarray:
    """Words of so many values that a row of B takes, over all tiles that it crosses, [W]."""
    words = np.zeros(ARRAY_WIDTHS.size)
    for one in laws:
        held = one.law.points[:, None] / ARRAY_WIDTHS
        spaced = np.gradient(one.law.points)[:, None] > 1.5 if one.law.points.size > 1 else np.zeros((1, 1), bool)
        held = np.where(held > 0, np.maximum(held, 1e-6), 0.0)
        rounded = np.where(spaced & (held > 1), held + (1 - 1 / ARRAY_WIDTHS) / 2, np.ceil(held - 1e-9))
        words += one.count * (one.law.probability @ rounded)
    return words


def _of_a_row(b: Density, row: RowLaw, columns: int, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """P(no owner has more than x) at 0 = x[0] < x[1] < ..., and for how many numbers each stands, both [x]."""
    share = row.law.mean / row.width
    if isinstance(b, NM) and b.n < b.m and row.width * LEAST_PIECES <= DRAWN:
        steps = np.bincount(_drawn_steps(b.n, b.m, row.width, owners))
        return np.cumsum(steps)[:-1] / steps.sum(), np.ones(steps.size - 1)
    lengths, chance = lengths_of(b, columns) if isinstance(b, PowerLawRows) else (None, np.ones(1))
    more, fewer = -(-row.width // owners), row.width // owners
    mean = share * more if lengths is None else lengths.max() / columns * more
    high = min(float(more), np.ceil(mean + TAIL * np.sqrt(mean) + TAIL))
    edges = np.unique(np.rint(np.linspace(0, high, POINTS))) if high > POINTS else np.arange(high + 1)
    gaps = np.diff(edges)
    at = np.floor((edges[1:] + edges[:-1] - 1) / 2)
    below = np.ones((at.size, chance.size))
    for size, number in ((more, row.width - fewer * owners), (fewer, owners - (row.width - fewer * owners))):
        if number > 0 and size > 0:
            below *= _owner_below(at, size, columns, share, lengths) ** float(number)
    if lengths is not None:
        # All are empty if the piece is, which is hypergeometric. No owner has more than the row; and of a whole row one
        # at least has the mean, over one owner all of it.
        held = lengths * row.width / columns
        variance = held * (1 - lengths / columns) * (columns - row.width) / max(columns - 1, 1)
        below = np.where(at[:, None] < 1, matched_below(np.zeros(1), held, variance), below)
        least = np.ceil(lengths / min(owners, row.width) - 1e-9) if row.width == columns else 0.0
        below = np.where(at[:, None] < least, 0.0, np.where(at[:, None] >= lengths, 1.0, below))
    return below @ chance, gaps


def _owner_below(at: np.ndarray, size: int, columns: int, share: float, lengths: np.ndarray | None) -> np.ndarray:
    """P(an owner of `size` columns has at most each number of entries), [at, lengths]."""
    if share >= 1:
        return (at >= size)[:, None] * 1.0
    chance = np.array([share]) if lengths is None else lengths / columns
    return matched_below(np.minimum(at, size)[:, None], size * chance, size * chance * (1 - chance))


@lru_cache(maxsize=256)
def _drawn_steps(n: int, m: int, width: int, owners: int) -> np.ndarray:
    """Conflicts of pieces of a long row of groups drawn at random, [pieces]."""
    pieces, owners = DRAWN // width, min(owners, width)
    held = _drawn_row(n, m)[: pieces * width].reshape(pieces, width)
    held = np.pad(held, ((0, 0), (0, -width % owners)))
    return held.reshape(pieces, -1, owners).sum(axis=1).max(axis=1)


@lru_cache(maxsize=8)
def _drawn_row(n: int, m: int) -> np.ndarray:
    """A row of n:m, 1 where it has an entry."""
    order = np.random.default_rng(0).random((-(-DRAWN // m), m)).argsort(axis=1)
    return (order < n).astype(np.int64).ravel()


def _most_of_tiles(found: list[tuple[int, int, np.ndarray, np.ndarray]], k: int, deep: int) -> np.ndarray:
    """The largest sum over the rows of a tile, for tiles of doubling depth, [deep]; tiles alike but for chance."""
    number = sum(one[0] for one in found)
    _, _, below, gaps = found[0]
    edges = np.concatenate([[0.0], np.cumsum(gaps)])
    mass = np.diff(np.concatenate([[0.0], below, [1.0]]))  # the numbers between two edges are taken as the upper one
    mean = float((1 - below) @ gaps)
    variance = max(float(mass @ edges**2) - mean**2, 0.0)
    most = np.empty(deep)
    for level in range(deep):
        height = min(1 << level, k)
        tiles = number * (k // height) + number * bool(k % height) * (k % height) / height
        alone = float((1 - below ** (number * float(k))) @ gaps)  # the row that has most
        if height == 1:
            most[level] = alone
            continue
        sums, spread = height * mean, np.sqrt(height * variance)
        reach = np.sqrt(2 * np.log(tiles + 2)) + 3
        low, high = np.floor(max(sums - 6 * spread - 1, 0.0)), np.ceil(sums + reach * 2 * spread + 8)
        at = np.unique(np.rint(np.linspace(low, min(high, height * edges[-1]), 200)))
        none_above = np.where(at >= height * edges[-1], 1.0, matched_below(at, sums, height * variance)) ** tiles
        if at.size > 1:
            middle = (none_above[1:] + none_above[:-1]) / 2 if at[-1] - at[0] >= at.size else none_above[:-1]
            most[level] = at[-1] - middle @ np.diff(at)
        else:
            most[level] = at[0]
        most[level] = max(most[level], alone)
    return most
