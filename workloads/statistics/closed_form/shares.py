"""Expected share of the fullest queue of all tiles: the most rows and the most non-zeros of a part of any tile.

The fullest of many tiles holds no more than c if none does: P is the product of what each of them gives (David and
Nagaraja, "Order Statistics", 3rd ed., 2003, chapter 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workloads.statistics.closed_form.row_stacks import Stack
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.schedules import BALANCED, CYCLIC, IN_ORDER, SCHEDULES

MOST_STEPS = 64
"""Parts of a number that are told apart where it is divided and rounded up."""
ALL_USED = 1e-3
"""Expected empty rows of the tile that has least, below which it has none."""


@dataclass(frozen=True)
class AlikeTiles:
    """So many tiles alike: stacks of `height` rows, and the law of their non-zeros."""

    count: int
    height: int
    stack: Stack
    points: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Most:
    """Law of the largest of many numbers: P(it is at most each of `at`). `stepped`: numbers lie on `at`, else they are
    integers between."""

    at: np.ndarray
    below: np.ndarray
    stepped: bool

    def mean(self, least: float = 0.0) -> float:
        """Mean of the larger of the number and `least`."""
        at, below = np.maximum(self.at, least), np.where(self.at < least, 0.0, self.below)
        if self.stepped:
            return float(at[-1] - below[:-1] @ np.diff(at))
        middle = (below[1:] + below[:-1]) / 2
        return float(max(at[-1] + 0.5 - 0.5 * below[0] - middle @ np.diff(at), least))

    def divided(self, parts: int) -> float:
        """Mean of the number over so many, rounded up."""
        most = self.at[-1]
        if parts == 1 or most > MOST_STEPS * parts:
            return self.mean() / parts + (1 - 1 / parts) / 2
        return float((1 - self.within(np.arange(np.ceil(most / parts)) * parts)).sum())

    def within(self, at: np.ndarray) -> np.ndarray:
        """P(the number is at most each of these)."""
        if self.stepped:
            return np.append(0.0, self.below)[np.searchsorted(self.at, at * (1 + 1e-9), side="right")]
        return np.interp(at, self.at, self.below, left=0.0)


def expected_shares(tiles: Sequence[AlikeTiles], peak: float) -> np.ndarray:
    """The most rows and non-zeros of the parts of any tile, expected, [P, schedules, 2]; `peak`: of a tile's."""
    shares = np.empty((PARTITION_LEVELS, len(SCHEDULES), 2))
    height = max(one.height for one in tiles)
    if all(one.stack.rows_alike for one in tiles):
        rows = -(-height // np.minimum(1 << np.arange(PARTITION_LEVELS), height))
        each = max(one.stack.row.law.points[0] for one in tiles)
        shares[:] = np.stack([rows * (each > 0), rows * each], axis=1)[:, None]
        return shares
    row, full = _most(tiles, "nonzeros", -1, CYCLIC), _most(tiles, "nonzeros", 0, CYCLIC)
    longest = row.mean() if height > 1 else peak
    rows = _most(tiles, "rows", 0, CYCLIC)
    whole = min(rows.mean(), peak, height)
    shares[:, :, 0], shares[:, :, 1] = min(whole, 1.0), min(longest, peak)
    shares[0, :, 0], shares[0, :, 1] = whole, peak
    for p in range(1, PARTITION_LEVELS):
        parts = 1 << p
        if parts >= height:
            break
        all_used = whole > height - ALL_USED  # one tile at least has no empty row
        for schedule in IN_ORDER:
            if schedule == IN_ORDER[0] or any(not one.stack.schedules_alike for one in tiles):
                used = -(-height // parts) if all_used else _most(tiles, "rows", p, schedule).mean()
                found = used, _most(tiles, "nonzeros", p, schedule).mean()
            shares[p, schedule] = found
        shares[p, BALANCED, 0] = min(-(-height // parts) if all_used else rows.divided(parts), whole)
        dealt = row.mean(full.divided(parts) * peak / full.mean())
        dealt *= max(one.stack.unevenness(one.height, parts) for one in tiles if one.height == height)
        shares[p, BALANCED, 1] = min(dealt, shares[p, CYCLIC, 1])
    even = shares[:1] / (1 << np.arange(PARTITION_LEVELS))[:, None, None]
    return np.clip(shares, np.maximum(even, min(peak, 1.0)), np.maximum(shares[:1], min(peak, 1.0)))


def _most(tiles: Sequence[AlikeTiles], kind: str, p: int, schedule: int) -> Most:
    """Law of the most that one of 2**p parts of any of the tiles has; of one row for -1."""
    laws = [(one, *one.stack.fullest_law(one.height, p, kind, schedule)) for one in tiles]
    stepped = laws[0][1].stepped
    found = [
        (one.count, Most(thresholds.at, _below(one, points, given), stepped)) for one, thresholds, points, given in laws
    ]
    if len(found) == 1:
        ((count, most),) = found
        return Most(most.at, most.below**count, stepped)
    at = np.unique(np.concatenate([most.at for _, most in found]))
    return Most(at, np.prod([most.within(at) ** count for count, most in found], axis=0), stepped)


def _below(tiles: AlikeTiles, points: np.ndarray, given: np.ndarray) -> np.ndarray:
    """P(no part above each threshold), given that at so many non-zeros."""
    if tiles.points is not points:
        inside = np.clip(tiles.points, points[0], points[-1])
        given = given[np.minimum(np.searchsorted(points, inside), points.size - 1)]
    below = np.minimum(np.maximum.accumulate(tiles.probability @ given / tiles.probability.sum()), 1.0)
    below[-1] = 1.0
    return below
