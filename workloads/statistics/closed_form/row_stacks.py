"""Stacks of rows of one width: what tiles of every height hold, and the fullest of equal parts of them.

The fullest of P parts is found with the number of non-zeros of the tile, since the two go together: for every number of
non-zeros, P(the tile has it, no part has more than c) of a stack of rows follows from that of its halves.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import scipy

from workloads.statistics.closed_form.row_assignment import (
    dealt_longest_first,
    dealt_rows,
    mean_of_balanced,
    mean_of_most,
)
from workloads.statistics.closed_form.row_distributions import RowLaw
from workloads.statistics.closed_form.sum_distributions import Law, add, add_joint, normal_below
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.schedules import BALANCED, CYCLIC, IN_ORDER, SCHEDULES

KINDS = ("rows", "nonzeros", "work")
THRESHOLDS = 40
MOST_ROWS_A_PART = 16
"""Rows of a part from which rows dealt longest first leave all parts alike."""
MOST_DEALT = 1024
"""Rows that are drawn from their law to be dealt."""
FEW_COLUMNS = 32
"""Columns of a tile up to which single entries weigh what the columns of one tile do (ranks: Blom 1958)."""
ALIKE = 0.03
"""Deviation of rows over their mean up to which they are dealt evenly wherever they can be."""
SOME_SUMS = 100
"""Choices of columns of which sums are taken at most."""
LOWEST, HIGHEST = -2.2, 6.0
"""Normal scores of the loads of one part between which those of the fullest part are looked for."""


@dataclass(frozen=True)
class EntryWork:
    """Work of an entry: mean and variance over the columns."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Thresholds:
    """Loads c at which P(load <= c) is known. `stepped`: loads lie on them, else they are integers between."""

    at: np.ndarray
    stepped: bool


class Stack:
    """Stacks of independent rows of one law, `width` positions wide."""

    def __init__(self, row: RowLaw, weights: EntryWork | None = None, known: Callable[[int], Law] | None = None):
        self._known = known
        self.width, self.weights = row.width, weights
        self.kinds = KINDS[: 2 if weights is None else 3]
        self.row = row
        self._laws = {1: row.law} if known is None else {}
        self._joints: dict[tuple[int, int, int, str], np.ndarray] = {}
        self._drawn: dict[float, np.ndarray] = {}
        self._thresholds: dict[tuple[int, str], Thresholds] = {}

    @cached_property
    def _alone(self) -> "Stack":
        """Rows of the same law that do not depend on each other."""
        return Stack(self.row, self.weights)

    def law(self, height: int) -> Law:
        """Law of a stack of so many rows."""
        if height not in self._laws and self._known is not None:
            self._laws[height] = self._known(height)
        if height not in self._laws:
            self._laws[height] = add(self.law(height - height // 2), self.law(height // 2))
        return self._laws[height]

    def loads(self, height: int) -> np.ndarray:
        """Mean load of the fullest of 1, 2, 4, ... equal parts given the tile's non-zeros: [n, kinds, schedules, P].

        All schedules that deal rows `IN_ORDER` are alike, since rows are.
        """
        law = self.law(height)
        if self.rows_alike and self._entry_variance == 0:
            return self._alike(height)
        held, rows = law.points, law.given("rows")
        means = {
            "rows": rows,
            "nonzeros": held,
            "work": held * (self.weights.mean if self.weights else 1.0),
        }
        split = [(p, -(-height // (1 << p))) for p in range(1, PARTITION_LEVELS) if 1 << p < height]
        loads = np.full((held.size, len(self.kinds), len(SCHEDULES), PARTITION_LEVELS), np.nan)
        if height > 1:
            self._need(height, [*split, (-1, 1)])
        for kind, name in enumerate(self.kinds):
            mean = means[name]
            alone = self._most(height, -1, 1, name, mean, height) if height > 1 else mean
            loads[:, kind, :, 0] = mean[:, None]
            loads[:, kind, :, 1 + len(split) :] = alone[:, None, None]
            for p, key in split:
                fullest = self._most(height, p, key, name, mean, 1 << p)
                loads[:, kind, IN_ORDER, p] = fullest[:, None]
                if kind > 0:
                    dealt = self._balanced(height, name, mean, 1 << p)
                    if name == "work" and self.weights is not None:
                        # Entries that weigh alike are dealt like their numbers, in steps of one entry.
                        alike = loads[:, 1, BALANCED, p] * self.weights.mean
                        dealt = alike if self.width == 1 else np.maximum(dealt, alike)
                    loads[:, kind, BALANCED, p] = np.minimum(dealt, fullest)
        deviation = np.sqrt(np.maximum(law.given("rows_squared") - rows**2, 1e-12))
        loads[:, 0, BALANCED] = dealt_rows(rows, deviation, held, height)
        return loads

    @property
    def rows_alike(self) -> bool:
        """Whether all rows hold as much."""
        return self._known is None and self.row.law.points.size == 1

    schedules_alike = True
    """Whether all schedules that deal rows in order are."""

    def fullest_law(self, height: int, p: int, kind: str, schedule: int) -> tuple[Thresholds, np.ndarray, np.ndarray]:
        """(thresholds, numbers of non-zeros [n], P(no part above each threshold) given these [n, thresholds]).

        Of 2**p parts, or as many as there are rows, or of each row for -1, dealt by a schedule that is `IN_ORDER`.
        """
        p = p if 1 << max(p, 0) < height else -1
        key = height if p == 0 else 1 if p < 0 else -(-height // (1 << p))
        self._need(height, [(p, key)])
        joint = self._joints[height, p, key, kind]
        given = np.where(joint[:, -1:] > 1e-30, joint / np.maximum(joint[:, -1:], 1e-30), 1.0)
        return self._thresholds_of(key, kind), self.law(height).points, given

    def _alike(self, height: int) -> np.ndarray:
        """`loads` of rows that all hold as much."""
        each = float(self.row.law.points[0])
        parts = np.minimum(1 << np.arange(PARTITION_LEVELS), height)
        rows = -(-height // parts)
        work = self.weights.mean if self.weights else 1.0
        loads = np.stack([(each > 0) * rows, each * rows, each * work * rows][: len(self.kinds)])
        return np.broadcast_to(loads[:, None], (1, len(self.kinds), len(SCHEDULES), PARTITION_LEVELS)).copy()

    def load_law(self, height: int, kind: str) -> tuple[Thresholds, np.ndarray]:
        """P(load of a stack of so many rows <= each threshold), [thresholds]."""
        thresholds = self._thresholds_of(height, kind)
        below = self._leaf(height, thresholds, kind).astype(float).sum(axis=0)
        return thresholds, np.minimum(below / self.law(height).probability.sum(), 1.0)

    def _most(self, height: int, p: int, key: int, kind: str, mean: np.ndarray, parts: int) -> np.ndarray:
        thresholds = self._thresholds_of(key, kind)
        return mean_of_most(self._joints[height, p, key, kind], thresholds.at, thresholds.stepped, mean, parts)

    def _balanced(self, height: int, kind: str, mean: np.ndarray, parts: int) -> np.ndarray:
        """Longest processing time first: near the larger of the largest row and the mean of the parts."""
        longest = self._joints[height, -1, 1, kind]
        dealt = mean_of_balanced(longest, self._thresholds_of(1, kind).at, mean, parts)
        return dealt * self.unevenness(height, parts)

    def unevenness(self, height: int, parts: int) -> float:
        """Fullest part of rows dealt longest first, over the most that the mean and the largest row ask for.

        Both are means over rows drawn from their law; of many rows and parts, a share of both is dealt.
        """
        row = self.row.law
        filled = float(row.parts[:, 1].sum())
        alike = height % parts == 0 and row.variance < (ALIKE * row.mean) ** 2
        if alike or height * filled >= MOST_ROWS_A_PART * parts:
            return 1.0
        while height > MOST_DEALT and parts > 2:
            height, parts = height // 2, parts // 2
        fuller = max(height / MOST_DEALT, 1.0)  # of rows that are nearly all empty, as many with an entry among fewer
        height = min(height, MOST_DEALT)
        rows = self._drawn_rows(fuller)[: MOST_DEALT // height * height].reshape(-1, height)
        dealt, least = dealt_longest_first(rows, parts)
        return max(dealt / max(least, 1e-300), 1.0)

    def _drawn_rows(self, fuller: float) -> np.ndarray:
        """Non-zeros of `MOST_DEALT` rows drawn from their law, those with any so many times as likely."""
        if fuller not in self._drawn:
            law = self.row.law
            below = np.cumsum(law.probability * np.where(law.points > 0, fuller, 1.0))
            self._drawn[fuller] = law.points[np.searchsorted(below, _DRAWN * below[-1])]
        return self._drawn[fuller]

    def _need(self, height: int, wanted: list[tuple[int, int]]) -> None:
        """Fill `_joints` for (p, key): 2**p parts whose larger ones have `key` rows; -1: every row is a part."""
        missing = [(p, key) for p, key in wanted if (height, p, key, "rows") not in self._joints]
        if not missing:
            return
        leaves = [(p, key) for p, key in missing if p == 0 or height == 1]
        for p, key in leaves:
            for kind in self.kinds:
                self._joints[height, p, key, kind] = self._leaf(height, self._thresholds_of(key, kind), kind)
        rest = [(p, key) for p, key in missing if p != 0 and height > 1]
        if not rest:
            return
        upper, lower = height - height // 2, height // 2
        halves = [(max(p - 1, -1), key) for p, key in rest]
        self._need(upper, halves)
        self._need(lower, halves)
        one, other, law = self.law(upper), self.law(lower), self.law(height)
        names = [(p, key, kind) for p, key in halves for kind in self.kinds]
        both = [np.concatenate([self._joints[half, *name] for name in names], axis=1) for half in (upper, lower)]
        joint = np.zeros((law.points.size, both[0].shape[1]), np.float32)
        add_joint(one.points, both[0], other.points, both[1], law.sums, joint)
        ends = np.cumsum([self._joints[upper, *name].shape[1] for name in names])
        slots = [(height, p, key, kind) for p, key in rest for kind in self.kinds]
        for slot, part in zip(slots, np.split(joint, ends[:-1], axis=1), strict=True):
            # Below the last threshold are all parts: so what rounding adds is taken off before it doubles and doubles.
            every = part[:, -1:]
            exact = np.where(every > 1e-30, law.probability[:, None] / np.maximum(every, 1e-30), 1.0)
            self._joints[slot] = part * exact.astype(np.float32)

    def _thresholds_of(self, height: int, kind: str) -> Thresholds:
        if (height, kind) not in self._thresholds:
            self._thresholds[height, kind] = self._make_thresholds(self.law(height), height, kind)
        return self._thresholds[height, kind]

    def _make_thresholds(self, law: Law, height: int, kind: str) -> Thresholds:
        cumulated = np.cumsum(law.probability)
        first = max(int(np.searchsorted(cumulated, scipy.special.ndtr(LOWEST))) - 1, 0)
        last = min(int(np.searchsorted(cumulated, scipy.special.ndtr(HIGHEST))) + 1, cumulated.size)
        held = law.points[first:last]
        if kind == "nonzeros":
            return Thresholds(held, True)
        if kind == "rows":
            mean = float(law.parts[:, 1].sum())
            deviation = np.sqrt(max(float(law.parts[:, 2].sum()) - mean**2, 0.0))
            scores = np.linspace(LOWEST - 1, HIGHEST, THRESHOLDS)
            at = np.concatenate([mean + deviation * scores, np.floor(mean) + np.arange(-1, 2), np.arange(9)])
            return Thresholds(np.unique(np.rint(at).clip(0, height)), False)
        assert self.weights is not None
        each, within = self.weights.mean, self._entry_variance
        if within <= 0:
            return Thresholds(held * each, True)
        spread = np.sqrt(each**2 * law.variance + law.mean * within) / max(each * np.sqrt(law.variance), 1e-300)
        if law.variance > 0 and spread < 3:
            at = each * (law.mean + (held - law.mean) * spread)
        else:
            at = each * law.mean + np.linspace(-4, 7, THRESHOLDS) * np.sqrt(law.mean * within)
        if at.size < THRESHOLDS:
            at = np.interp(np.linspace(0, at.size - 1, THRESHOLDS), np.arange(at.size), at)
        return Thresholds(np.unique(np.rint(np.maximum(at, 0))), False)

    @property
    def _entry_variance(self) -> float:
        """Variance of an entry's work about the mean of the columns of the tile."""
        return self.weights.variance * (1 - 1 / self.width) if self.weights else 0.0

    def _work_below(self, law: Law, height: int, at: np.ndarray) -> np.ndarray:
        """P(work <= each threshold) given the non-zeros: columns weigh differently, those of the tile are as spread."""
        assert self.weights is not None
        each, deviation = self.weights.mean, np.sqrt(self.weights.variance)
        counts = np.maximum(law.points - law.given("squares") / self.width, 0.0)
        share = normal_below(at + 0.5, law.points * each, counts * self.weights.variance)
        if self.width <= FEW_COLUMNS:
            ranks = (np.arange(self.width) + 0.625) / (self.width + 0.25)
            weights = each + deviation * scipy.special.ndtri(ranks)
            for n, held in enumerate(law.points):
                if held > 0 and (height == 1 or held < 1.5):
                    sums = np.sort(_some_sums(weights, int(held)))
                    share[n] = np.searchsorted(sums, at + 0.5, side="right") / sums.size
        return share

    def _leaf(self, height: int, thresholds: Thresholds, kind: str) -> np.ndarray:
        """P(so many non-zeros, load of the one part <= each threshold), [n, thresholds]."""
        law, at = self.law(height), thresholds.at
        if kind == "nonzeros" or (kind == "work" and thresholds.stepped):
            each = self.weights.mean if kind == "work" and self.weights else 1.0
            share = law.points[:, None] * each <= at * (1 + 1e-9) + 1e-9
        elif kind == "rows":
            rows = law.given("rows")
            variance = np.maximum(law.given("rows_squared") - rows**2, 0.0)
            share = normal_below(at + 0.5, rows, variance)
            share[:, at < 1] = (law.points[:, None] < 0.5) * np.ones((at < 1).sum())
            share = np.where(at >= np.minimum(law.points, height)[:, None] - 1e-9, 1.0, share)
        else:
            share = self._work_below(law, height, at)
        return (share * law.probability[:, None]).astype(np.float32)


_DRAWN = np.random.default_rng(0).random(MOST_DEALT)


class StackOfColumns(Stack):
    """Stacks of the columns of rows whose places depend on each other: neighbours do, those dealt cyclically do not."""

    schedules_alike = False

    def fullest_law(self, height: int, p: int, kind: str, schedule: int) -> tuple[Thresholds, np.ndarray, np.ndarray]:
        """As of a `Stack`."""
        if schedule == CYCLIC:
            return self._alone.fullest_law(height, p, kind, schedule)
        return super().fullest_law(height, p, kind, schedule)

    def loads(self, height: int) -> np.ndarray:
        """As of a `Stack`."""
        law, loads = self.law(height), super().loads(height)
        alone = self._alone
        held, apart = alone.law(height).points, alone.loads(height)
        for kind in range(len(self.kinds)):
            for p in range(PARTITION_LEVELS):
                loads[:, kind, CYCLIC, p] = np.interp(law.points, held, apart[:, kind, CYCLIC, p])
        loads[:, :, BALANCED] = np.minimum(loads[:, :, CYCLIC], loads[:, :, BALANCED])
        return loads


def _some_sums(weights: np.ndarray, held: int) -> np.ndarray:
    """Sums of so many distinct weights: all of them, or some at random."""
    if math.comb(weights.size, held) <= SOME_SUMS:
        return np.array([sum(chosen) for chosen in combinations(weights.tolist(), held)])
    order = np.argsort(np.random.default_rng(0).random((SOME_SUMS, weights.size)), axis=1)
    return weights[order[:, :held]].sum(axis=1)
