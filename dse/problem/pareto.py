"""Pareto fronts: the non-dominated filter, designs worth their price, the normalised hypervolume, the knee."""

import dataclasses

import moocore
import numpy as np

from workloads.errors import InputError


def nondominated(objectives: np.ndarray) -> np.ndarray:
    """Mask, shape [n], of the rows that no other row is at least as good as in everything (the first of equal rows)."""
    if len(objectives) == 0:
        return np.zeros(0, bool)
    return moocore.is_nondominated(np.asarray(objectives, float), keep_weakly=False)


def worth_their_price(objectives: np.ndarray, min_gain: float = 0.01, max_price: float = 0.10) -> np.ndarray:
    """Mask, shape [n], of the rows that do not pay much for almost nothing: a bound on trade-offs.

    **Arguments**: positive `objectives`, shape [n, d]. A row p is left out if some kept row q has
    `q <= (1 + min_gain) p` in every objective and `p > (1 + max_price) q` in at least one. So what is kept comes within
    `min_gain` of the least of every objective; which rows these are does not depend on their order. A `min_gain` of 0
    leaves out what others dominate by more than `max_price`, so nothing of a front. **Raises** `InputError` unless
    `0 <= min_gain` and `1 + max_price > (1 + min_gain)^(d - 1)`, without which rows could leave out each other in a
    circle.

    Source: bounded trade-offs, as in Geoffrion, "Proper efficiency and the theory of vector maximization", 1968.
    """
    logs = np.log(np.asarray(objectives, float))
    count, width = logs.shape
    if not (min_gain >= 0 and np.log1p(max_price) > (width - 1) * np.log1p(min_gain) and np.isfinite(max_price)):
        raise InputError(
            f"A least gain of {min_gain:g} for a price of {max_price:g} bounds no trade-off in {width} objectives; "
            f"give a gain of at least 0 and a price well above {max(width - 1, 1)} times the gain."
        )
    gain, price = np.log1p(min_gain), np.log1p(max_price)
    kept = np.zeros(count, bool)
    # What leaves out a row has a smaller product of all objectives, so that it has been decided before.
    for row in np.lexsort((*logs.T[::-1], logs.sum(axis=1))):
        over = logs[row] - logs[kept]
        kept[row] = not ((over >= -gain).all(axis=1) & (over > price).any(axis=1)).any()
    return kept


@dataclasses.dataclass(frozen=True)
class Box:
    """Where a hypervolume is measured: log10 of the objectives, from an ideal point to a reference point."""

    ideal: np.ndarray
    reference: np.ndarray

    @staticmethod
    def of(front: np.ndarray) -> "Box":
        """From the front's ideal to its nadir, and 10 % of the way beyond."""
        logs = np.log10(np.asarray(front, float)[nondominated(front)])
        ideal, nadir = logs.min(axis=0), logs.max(axis=0)
        width = np.where(nadir > ideal, nadir - ideal, 1.0)  # an objective that does not vary: any width does
        return Box(ideal, ideal + 1.1 * width)

    def normalise(self, objectives: np.ndarray) -> np.ndarray:
        """log10 of the objectives as a share of the box: 0 at the ideal, 1 at the reference point."""
        return (np.log10(np.asarray(objectives, float)) - self.ideal) / (self.reference - self.ideal)


def hypervolume(objectives: np.ndarray, box: Box) -> float:
    """Share of the box that a set of designs, shape [n, d], dominates.

    Points beyond the ideal count for what they dominate of the box itself. Exact up to any number of objectives
    (Fonseca, Paquete and Lopez-Ibanez, CEC 2006, as implemented in moocore).
    """
    points = np.maximum(box.normalise(objectives), 0.0) if len(objectives) else np.ones((0, len(box.ideal)))
    inside = points[(points < 1.0).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    return float(moocore.hypervolume(inside, ref=np.ones(inside.shape[1])))


def knee(objectives: np.ndarray) -> int:
    """Row of the front that lies nearest the ideal in normalised logs: the balanced design."""
    front = np.asarray(objectives, float)
    return int(np.argmin(np.linalg.norm(np.maximum(Box.of(front).normalise(front), 0.0), axis=1)))


FINEST = 1.0005
"""Ratio between objectives that are too alike to keep both designs, to begin with."""


def thinned(front: np.ndarray, most: int) -> np.ndarray:
    """Rows of a front, shape [n, d], of which at most `most` are left: of those that are alike in all objectives but
    the last few per mille, one; the best by each objective stay."""
    logs, ratio = np.log(front), FINEST
    rows = np.arange(len(front))
    while len(rows) > most:
        cells = np.floor(logs[rows] / np.log(ratio)).astype(np.int64)
        order = np.lexsort((logs[rows].sum(axis=1), *cells.T))
        first = np.ones(len(rows), bool)
        first[1:] = (cells[order][1:] != cells[order][:-1]).any(axis=1)
        rows = np.union1d(rows[order[first]], logs.argmin(axis=0))
        ratio = ratio**1.5
    return rows
