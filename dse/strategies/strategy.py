"""What a strategy is."""

import abc

import equinox as eqx

from dse.problem import Problem
from dse.result import Result
from dse.strategies.run import Run
from workloads.errors import InputError


class Strategy(eqx.Module):
    """A way to search. Its fields are its settings; the problem, the budget and the seed come with the call."""

    @abc.abstractmethod
    def search(self, run: Run) -> None:
        """Spend the run's budget."""

    def __call__(self, problem: Problem, *, budget: int, seed: int = 0, progress: bool = False) -> Result:
        """The front found with at most `budget` evaluations. The same seed gives the same front."""
        if budget < 1:
            raise InputError(f"A budget of {budget} evaluations finds nothing; give at least 1.")
        run = Run(problem, budget, seed, progress, type(self).__name__)
        try:
            self.search(run)
        finally:
            run.close()
        return run.result()
