"""What the seeds found for one workload, space and scenario, and how far they agree."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from dse import OBJECTIVES, Box, Costed, Design, Problem, Result, SearchOutcome, hypervolume, knee, nondominated
from experiments.common.search import TRADE_OFF
from experiments.common.sweep.choices import SweepSetting

MEASURES = (*TRADE_OFF, "edp_js")
"""What cases are judged by: the objectives, and the energy-delay product."""
EXTREMES_AGREE, VOLUMES_AGREE = 0.05, 0.01
"""A search has converged where the seeds' extremes lie within 5 % of the best and their hypervolumes within 1 % of that
of all together (issue 14, bar 1)."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One workload in one space under one scenario, searched from several seeds.

    What is said of the front needs at least one seed that found designs.
    """

    workload: str
    space: str
    scenario: str
    problem: Problem
    outcomes: tuple[SearchOutcome, ...]
    """In the order of the seeds."""

    @cached_property
    def results(self) -> list[Result]:
        """Of the seeds that ended."""
        return [outcome.result for outcome in self.outcomes if outcome.result is not None]

    @cached_property
    def _joined(self) -> tuple[np.ndarray, list[tuple[SearchOutcome, int]]]:
        """The front of all seeds together, and for each of its designs whose it is and which row there."""
        ended = [outcome for outcome in self.outcomes if outcome.result is not None]
        points = np.concatenate([result.objectives for result in self.results])
        origins = [
            (o, row) for o, result in zip(ended, self.results, strict=True) for row in range(len(result.genomes))
        ]
        kept = np.flatnonzero(nondominated(points))
        return points[kept], [origins[at] for at in kept]

    @property
    def front(self) -> np.ndarray:
        """Objectives of the front of all seeds together, shape [n, 3]."""
        return self._joined[0]

    @cached_property
    def box(self) -> Box:
        """Where hypervolumes are measured: that of the front of all seeds together."""
        return Box.of(self.front)

    @cached_property
    def volumes(self) -> np.ndarray:
        """Hypervolume of each seed as a share of that of all together, shape [seeds]."""
        whole = hypervolume(self.front, self.box)
        return np.array([hypervolume(result.objectives, self.box) / whole for result in self.results])

    @cached_property
    def extremes(self) -> np.ndarray:
        """The least of each of `MEASURES` that each seed found, shape [seeds, 4]."""
        return np.array([measures(result.objectives).min(axis=0) for result in self.results])

    @property
    def behind(self) -> np.ndarray:
        """By how much of the best each seed's extremes lie behind it, shape [seeds, 4]."""
        return self.extremes / self.extremes.min(axis=0) - 1.0

    @property
    def disagreements(self) -> list[str]:
        """In which objectives, and whether in hypervolume, the seeds differ by more than a converged search may."""
        apart = self.behind.max(axis=0) > EXTREMES_AGREE
        names = [name for name, differs in zip(MEASURES, apart, strict=True) if differs and name in TRADE_OFF]
        return [*names, "hypervolume"] if self.volumes.min() < 1.0 - VOLUMES_AGREE else names

    @cached_property
    def balanced(self) -> Costed:
        """The knee of the front of all seeds together."""
        outcome, row = self.balanced_origin
        assert outcome.result is not None
        return self.problem.costed([self.problem.design(outcome.result.genomes[row])])[0]

    @cached_property
    def balanced_origin(self) -> tuple[SearchOutcome, int]:
        """Who found the balanced design, and its row in that search's front."""
        return self._joined[1][knee(self.front)]

    @cached_property
    def balanced_by_seed(self) -> list[Design]:
        """The knee of each seed's own front."""
        return [self.problem.design(result.genomes[knee(result.objectives)]) for result in self.results]


def measures(points: np.ndarray) -> np.ndarray:
    """`MEASURES` of designs, shape [n, 4], from their latency, energy and area, shape [n, 3]."""
    return np.stack([OBJECTIVES[name].value(*points.T) for name in MEASURES], axis=1)


def main_choice(costed: Costed, name: str) -> str:
    """The choice of a mapping's parameter, such as `a_format`, that is in use for most of the time."""
    seconds: dict[str, float] = {}
    for mapping, latency_s in zip(costed.design.mappings, costed.latencies_s, strict=True):
        seconds[str(mapping[name])] = seconds.get(str(mapping[name]), 0.0) + float(latency_s)
    return max(seconds, key=lambda choice: seconds[choice])


def cases_of(
    settings: Sequence[SweepSetting],
    problems: Sequence[Problem],
    outcomes: Sequence[SearchOutcome],
) -> list[Case]:
    """Outcomes of `dse.grid`, the seed moving fastest, by setting."""
    seeds = len(outcomes) // len(settings)
    return [
        Case(s.workload, s.space, s.scenario, problem, tuple(outcomes[at * seeds : (at + 1) * seeds]))
        for at, (s, problem) in enumerate(zip(settings, problems, strict=True))
    ]
