"""What a strategy is."""

import abc
import dataclasses
from pathlib import Path

import equinox as eqx

from dse.files.checkpoint import checkpointed
from dse.problem.result import Result
from dse.problem.search_problem import Problem
from dse.strategies.bookkeeping import SearchRun
from workloads.errors import InputError


class Strategy(eqx.Module):
    """A way to search. Its fields are its settings; the problem, the budget and the seed come with the call."""

    @abc.abstractmethod
    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""

    def __call__(
        self,
        problem: Problem,
        *,
        budget: int,
        seed: int = 0,
        progress: bool = False,
        checkpoint: str | Path | None = None,
    ) -> Result:
        """The front found with at most `budget` evaluations. The same seed gives the same front.

        `checkpoint` names a file that keeps every evaluation as it is made. A search that was interrupted, in whatever
        way, and is called again with the same file goes on there and ends with the same front.

        **Raises** `InputError` for a budget below 1 and for a file that cannot be used, `OtherSearch` (an `InputError`)
        if the file is the checkpoint of another problem, strategy, budget, seed or version of this program.
        """
        if budget < 1:
            raise InputError(f"A budget of {budget} evaluations finds nothing; give at least 1.")
        if checkpoint is None:
            return self._searched(problem, budget, seed, progress)
        with checkpointed(problem, checkpoint, self, budget=budget, seed=seed, progress=progress) as recorder:
            result = self._searched(problem, budget, seed, progress)
        seconds = result.seconds + recorder.spared_s
        return dataclasses.replace(result, seconds=seconds, replayed=recorder.replayed)

    def _searched(self, problem: Problem, budget: int, seed: int, progress: bool) -> Result:
        run = SearchRun(problem, budget, seed, progress, type(self).__name__)
        try:
            self.search(run)
        finally:
            run.close()
        return run.result()
