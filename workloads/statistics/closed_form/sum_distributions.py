"""Laws of sums: how many non-zeros so many independent rows hold together, and what goes with each number.

A `Law` is a distribution on at most `BINS` points, chosen by normal scores: integers where they suffice, else spaced
alike for a normal law and wider in heavy tails. Two laws are added by summing all pairs of points, each sum shared by
the two nearest points of the new law, so that means are kept exactly; the variance that this adds is taken away again.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from workloads.cache.machine_code import compiled

BINS = 72
MOST_SCORE = 7.0
"""Laws end where the normal tail does: 1e-12."""
SCORES = np.linspace(-MOST_SCORE, MOST_SCORE, BINS)
FEW_SCORES = SCORES[::3]
CONCENTRATED = 0.02
"""Deviation over the mean below which fewer points are enough."""
SKEWED = 0.2
"""Skewness up to which points are placed by the Cornish-Fisher expansion (Abramowitz and Stegun 26.2.49)."""

PARTS = (
    "probability",
    "rows",
    "rows_squared",
    "no_entry",
    "squares",
    "padding",
    "padding_squared",
)
"""Of each number of non-zeros: its probability; and, times that: non-empty rows, their square, whether a column of the
tile is empty, sum of squares of the non-zeros of rows, RLE padding, its square."""


@dataclass(frozen=True)
class Law:
    """Numbers of non-zeros `points` [n], increasing, and `parts` [n, 7] (`PARTS`); the exact mean and variance."""

    points: np.ndarray
    parts: np.ndarray
    mean: float
    variance: float
    sums: np.ndarray
    """Points before the variance that sharing adds was taken away: where sums of pairs were put."""

    @property
    def probability(self) -> np.ndarray:
        """Of each point, [n]."""
        return self.parts[:, 0]

    def given(self, part: str) -> np.ndarray:
        """Mean of a part given the number of non-zeros, [n]."""
        return self.parts[:, PARTS.index(part)] / np.maximum(self.parts[:, 0], 1e-300)


def law_of_row(
    points: np.ndarray,
    probability: np.ndarray,
    width: int,
    padding: tuple[np.ndarray, np.ndarray],
) -> Law:
    """Law of one row of a tile of this width; `padding`: mean and mean square given each number of non-zeros."""
    some = points > 0
    parts = [np.ones(points.size), some, some, 1 - points / width, points**2, *padding]
    mean = float(points @ probability)
    variance = float((points - mean) ** 2 @ probability)
    return Law(
        points.astype(float),
        np.stack(parts, axis=1) * probability[:, None],
        mean,
        variance,
        points,
    )


def add(one: Law, other: Law) -> Law:
    """Law of the sum of two independent ones."""
    mean, variance = one.mean + other.mean, one.variance + other.variance
    points = _points_of_sum(one, other, mean, variance)
    parts = np.zeros((points.size, len(PARTS)))
    _add_parts(one.points, one.parts, other.points, other.parts, points, parts)
    found = parts[:, 0]
    center = points @ found / found.sum()
    spread = (points - center) ** 2 @ found / found.sum()
    sums = points
    if points.size > 1 and np.diff(points).min() > 1.5 and spread > 0:
        points = np.maximum(mean + (points - center) * np.sqrt(variance / spread), 0.0)
    return Law(points, parts, mean, variance, sums)


def score_points(candidates: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Integers at the normal scores `SCORES` of a distribution given by P(x <= candidate) = `below`."""
    score = scipy.special.ndtri(np.clip(below, 1e-300, 1 - 1e-16))
    keep = np.flatnonzero(np.diff(score, prepend=-np.inf) > 0)
    return np.unique(np.rint(np.interp(SCORES, score[keep], candidates[keep])))


def law_points(low: float, high: float, candidates: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Points for a distribution of integers from `low` to `high`: all of them where they are few."""
    if high - low < BINS:
        return np.arange(low, high + 1)
    return score_points(candidates, below)


def _points_of_sum(one: Law, other: Law, mean: float, variance: float) -> np.ndarray:
    low, high = one.points[0] + other.points[0], one.points[-1] + other.points[-1]
    if high - low < BINS:
        low = np.floor(low)
        return np.unique(low + np.arange(np.ceil(high) - low + 1))  # above 2^53 neighbours are the same number
    deviation = np.sqrt(variance)
    third = sum(float((law.points - law.mean) ** 3 @ law.probability) for law in (one, other))
    skewness = third / max(deviation, 1e-300) ** 3
    if abs(skewness) < SKEWED:
        scores = FEW_SCORES if deviation < CONCENTRATED * mean else SCORES
        points = mean + deviation * (scores + skewness / 6 * (scores**2 - 1))
        points = np.unique(np.rint(np.clip(points, low, high)))
        if points.size > 1:
            return points
    sums = (one.points[:, None] + other.points).ravel()
    order = np.argsort(sums)
    weight = (one.probability[:, None] * other.probability).ravel()[order]
    below = np.cumsum(weight) - weight / 2
    return score_points(sums[order], below / weight.sum())


@compiled
def _add_parts(one, one_parts, other, other_parts, points, parts):
    """Sums of all pairs, each shared by the two nearest `points`; means of parts add, squares take products in."""
    last = points.size - 1
    for i in range(one.size):
        at = 0
        p, r, r2, e, s, d, d2 = one_parts[i]
        for j in range(other.size):
            total = one[i] + other[j]
            while at < last - 1 and points[at + 1] <= total:
                at += 1
            upper = 0.0
            if last > 0:
                upper = min(max((total - points[at]) / (points[at + 1] - points[at]), 0.0), 1.0)
            op, o_r, or2, oe, os, od, od2 = other_parts[j]
            for side in range(2 if last > 0 else 1):
                share = upper if side else 1.0 - upper
                to = at + side
                parts[to, 0] += share * p * op
                parts[to, 1] += share * (r * op + p * o_r)
                parts[to, 2] += share * (r2 * op + 2.0 * r * o_r + p * or2)
                parts[to, 3] += share * e * oe
                parts[to, 4] += share * (s * op + p * os)
                parts[to, 5] += share * (d * op + p * od)
                parts[to, 6] += share * (d2 * op + 2.0 * d * od + p * od2)


@compiled
def add_joint(one, one_below, other, other_below, points, below):
    """Sums of all pairs for joint laws of a sum and a maximum: P(sum = point, maximum <= each of the thresholds).

    `one_below`, `other_below` and `below` have a row of thresholds for each point.
    """
    last = points.size - 1
    columns = below.shape[1]
    for i in range(one.size):
        at = 0
        for j in range(other.size):
            total = one[i] + other[j]
            while at < last - 1 and points[at + 1] <= total:
                at += 1
            if last == 0:
                for c in range(columns):
                    below[0, c] += one_below[i, c] * other_below[j, c]
                continue
            upper = np.float32(min(max((total - points[at]) / (points[at + 1] - points[at]), 0.0), 1.0))
            lower = np.float32(1.0) - upper
            for c in range(columns):
                both = one_below[i, c] * other_below[j, c]
                below[at, c] += lower * both
                below[at + 1, c] += upper * both


def normal_below(thresholds: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """P(a number near normal, of each mean and variance, is at most each threshold), [means, thresholds]."""
    return scipy.special.ndtr((thresholds - mean[:, None]) / np.sqrt(np.maximum(variance, 1e-12))[:, None])
