"""Every strategy run for every budget and seed, and what they reach in so many seconds."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dse import Evolutionary, Gradient, Problem, RandomSearch, Strategy
from dse.strategies.tpe import Tpe
from experiments.common.strategies.spaces import Reference

Clock = Literal["seconds", "cpu_seconds"]
COMPARED: Mapping[str, Callable[[], Strategy]] = {
    "gradient": Gradient,
    "random": RandomSearch,
    "gradient_whole": lambda: Gradient(dataflow_share=0.0),
    "random_whole": lambda: RandomSearch(dataflow_share=0.0),
    "nsga2": Evolutionary,
    "nsga2_mapped": lambda: Evolutionary(mapped=True),
    "tpe": Tpe,
}
"""`random` is `gradient` without slopes; what ends in `whole` does not improve the designs of each dataflow apart
first."""
WARM_UP_SEED = 2**20
"""Of runs that are not counted."""


@dataclass(frozen=True)
class Run:
    """One search."""

    space: str
    strategy: str
    budget: int
    seed: int
    evaluations: int
    seconds: float
    cpu_seconds: float
    front: np.ndarray
    """Objectives, shape [n, d]."""


def search_all(
    space: str,
    problem: Problem,
    budgets: Mapping[str, Sequence[int]],
    seeds: Sequence[int],
    started: Callable[[str, int], None],
) -> Iterator[Run]:
    """All runs in a space, seed by seed, so that what else the machine does falls on all strategies alike.

    Each strategy is run once before, not counted, so that all programs are compiled.
    """
    for strategy, mine in budgets.items():
        started(strategy, min(mine))
        COMPARED[strategy]()(problem, budget=min(mine), seed=WARM_UP_SEED)
        if strategy.startswith("gradient"):
            COMPARED[strategy]()(problem, budget=max(mine), seed=WARM_UP_SEED)
    for seed in seeds:
        for strategy, mine in budgets.items():
            for budget in mine:
                started(strategy, budget)
                start = time.process_time()
                result = COMPARED[strategy]()(problem, budget=budget, seed=seed)
                cpu_seconds = time.process_time() - start
                yield Run(
                    space,
                    strategy,
                    budget,
                    seed,
                    result.evaluations,
                    result.seconds,
                    cpu_seconds,
                    result.objectives,
                )


class Compared:
    """All runs in one space, measured against what is known of it."""

    def __init__(self, runs: Sequence[Run], reference: Reference, clock: Clock):
        self.reference, self._runs, self._clock = reference, list(runs), clock
        self._shares = [reference.share(run.front) for run in runs]
        self.strategies = tuple(dict.fromkeys(run.strategy for run in runs))
        self.seeds = len({run.seed for run in runs})

    @property
    def clock_words(self) -> str:
        """What is taken for time."""
        return "seconds" if self._clock == "seconds" else "processor seconds"

    def budgets(self, strategy: str) -> list[int]:
        """Budgets that a strategy was run with, in order."""
        return sorted({run.budget for run in self._runs if run.strategy == strategy})

    def shares(self, strategy: str, budget: int) -> np.ndarray:
        """Share of the known hypervolume that each seed came to; empty where a strategy was not run."""
        return np.array([share for share, _ in self._of(strategy, budget)])

    def seconds(self, strategy: str, budget: int) -> float:
        """Median of the seeds, by the clock that is compared."""
        return float(np.median([getattr(run, self._clock) for _, run in self._of(strategy, budget)]))

    def within(self, strategy: str, seconds: float) -> float:
        """Median share that a strategy reaches in so many seconds, between its budgets by the log of seconds.

        What takes longer with its smallest budget counts with that one.
        """
        run = self.budgets(strategy)
        times = [self.seconds(strategy, budget) for budget in run]
        shares = [float(np.median(self.shares(strategy, budget))) for budget in run]
        return float(np.interp(np.log(seconds), np.log(np.maximum.accumulate(times)), shares))

    def rows(self) -> list[dict[str, Any]]:
        """Of the table that is written."""
        names = ("space", "strategy", "budget", "seed", "evaluations", "seconds", "cpu_seconds")
        return [
            {"designs": self.reference.designs}
            | {name: getattr(run, name) for name in names}
            | {"hypervolume_share": share}
            for run, share in zip(self._runs, self._shares, strict=True)
        ]

    def _of(self, strategy: str, budget: int) -> list[tuple[float, Run]]:
        pairs = zip(self._shares, self._runs, strict=True)
        return [(share, run) for share, run in pairs if (run.strategy, run.budget) == (strategy, budget)]
