"""The cases of one workload against each other, at an area that all of them can have."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dse import knee
from experiments.common.sweep.cases import MEASURES, Case, measures

COMPARED = ("latency_s", "energy_pj", "edp_js")
_COLUMNS = [MEASURES.index(name) for name in COMPARED]


@dataclasses.dataclass(frozen=True)
class AreaComparison:
    """The least latency, energy and energy-delay product in one area, case by case."""

    cases: list[Case]
    """Of one workload, those that found designs."""
    area_mm2: float
    """The largest of their balanced designs': each case has at least one that small."""
    best: np.ndarray
    """Of all seeds together, by `COMPARED`, shape [cases, 3]."""
    worst: np.ndarray
    """Of the seed that found least; infinite where one seed found no design so small. Shape as `best`."""

    @property
    def ratios(self) -> np.ndarray:
        """`best` over that of the first case."""
        return self.best / self.best[0]

    @property
    def holds(self) -> np.ndarray:
        """Where a case and the first differ by more than their seeds do; nowhere if one has a single seed."""
        apart = (self.best > self.worst[0]) | (self.worst < self.best[0])
        several = np.array([len(case.results) > 1 for case in self.cases])
        return apart & (several & several[0])[:, None]


def compare(cases: Sequence[Case]) -> list[AreaComparison]:
    """A comparison for each workload of which at least one case found designs, in their order."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.results:
            groups.setdefault(case.workload, []).append(case)
    return [_comparison(group) for group in groups.values()]


def _comparison(cases: list[Case]) -> AreaComparison:
    area = max(float(case.front[knee(case.front), 2]) for case in cases)
    best = np.array([_least(case.front, area) for case in cases])
    worst = np.array([np.max([_least(r.objectives, area) for r in case.results], axis=0) for case in cases])
    return AreaComparison(cases, area, best, worst)


def _least(points: np.ndarray, area_mm2: float) -> np.ndarray:
    """The least of each of `COMPARED` among designs that are no larger."""
    small = points[points[:, 2] <= area_mm2]
    return measures(small)[:, _COLUMNS].min(axis=0) if len(small) else np.full(len(COMPARED), np.inf)
