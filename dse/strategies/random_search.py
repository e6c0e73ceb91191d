"""Search without slopes: random machines, then steps, crossover and mutation of the best, mappings chosen for each.

The budget is a cap. A search begins anew, from another sample, twice at least, and then until two of three or more
beginnings came to the same ends of the front or the budget has no room for another one; what they find is put together
and improved until it has settled. How much the restarts differ says what another seed would change.
"""

from collections.abc import Sequence

import numpy as np

from dse.problem.result import Result
from dse.problem.search_problem import Problem
from dse.strategies.archive import ParetoArchive
from dse.strategies.beginnings import dataflow_archives, sample
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.exhaustive import Exhaustive
from dse.strategies.hardware_search import HardwareSearch, smallest_generation
from dse.strategies.operators import Operator
from dse.strategies.strategy import Strategy

ALIKE = 0.01
"""Relative distance up to which two restarts came to the same end of the front."""


class RandomSearch(Strategy):
    """Sample, improve the designs of each dataflow apart, then all."""

    restarts: int = 2
    """Searches from samples of their own, at least, if the budget is no smaller than `restart_budget`; else one."""
    restart_budget: int = 60_000
    sure: int = 3
    """Searches after which it is enough that two came to the same ends."""
    restart_share: float = 0.8
    """Share of the budget for all of them; the rest is for what they found together."""
    dataflow_share: float = 0.35
    """Share of each for the designs of each dataflow apart, in all."""

    def _searched(self, problem: Problem, budget: int, seed: int, progress: bool) -> Result:
        if problem.encoding.size <= budget:  # is enumerated
            return super()._searched(problem, budget, seed, progress)
        wide = problem.with_limits_as_objectives()
        try:
            return super()._searched(wide, budget, seed, progress)
        finally:
            problem.evaluations = wide.evaluations

    def operators(self, run: SearchRun) -> Sequence[Operator]:
        """What comes on top of the operators of every search."""
        return ()

    def search(self, run: SearchRun) -> None:
        """Improve the front until it has settled or the budget is spent; enumerate a space that the budget covers."""
        if run.problem.encoding.size <= run.budget:
            Exhaustive().search(run)
            run.converged = True
            return
        with run.problem.preparing(["bulk", "machine", *(["gradient"] if self.operators(run) else [])]):
            self._improve(run)

    def _improve(self, run: SearchRun) -> None:
        """All searches of the run."""
        if self.restarts == 1 or run.budget < self.restart_budget:
            run.converged = self._begun(run, run.archive, run.budget)
            return
        share, many = int(run.budget * self.restart_share), 0
        while many < self.restarts or (
            (many + 1) * run.spent <= many * share and (many < self.sure or not agree(run.restarts))
        ):
            archive = ParetoArchive(len(run.problem.encoding.genes))
            run.forget_what_was_seen()
            self._begun(run, archive, min(share // self.restarts, share - run.spent))
            run.remember_restart(archive)
            many += 1
        run.converged = HardwareSearch(run, run.archive, self.operators(run)).improve()

    def _begun(self, run: SearchRun, archive: ParetoArchive, budget: int) -> bool:
        """Sample, improve each dataflow's own front in turn, then the whole; whether it has settled."""
        last = max(run.remaining - budget, 0)
        apart = dataflow_archives(run)
        each = int(budget * self.dataflow_share) // max(len(apart), 1)
        if each < smallest_generation(run):
            apart = []
        sample(run, budget, [archive, *apart])
        for own in apart:
            HardwareSearch(run, own, self.operators(run), also=archive).improve(until=max(run.remaining - each, last))
        return HardwareSearch(run, archive, self.operators(run)).improve(until=last)


def agree(restarts: Sequence[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether at least two of the restarts came to the least of each objective that any came to."""
    if len(restarts) < 2:
        return False
    least = np.array([objectives.min(axis=0) for _, objectives in restarts])
    return bool(((least <= (1 + ALIKE) * least.min(axis=0)).sum(axis=0) >= 2).all())
