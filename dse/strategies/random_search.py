"""Random search, the yardstick: a Sobol sequence for the numbers, uniform legal choices, then the local search."""

import warnings

import numpy as np
import scipy

from dse.space.encoding import Encoding
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.local_search import LocalSearch, improve_each_dataflow
from dse.strategies.neighbours import shrink_tiles
from dse.strategies.strategy import Strategy

REPAIRS = 2
"""Times that the tiles of a design that does not fit are shrunk."""


class RandomSearch(Strategy):
    """Sample, repair, and search locally around what is best."""

    polish_share: float = 0.8
    """Share of the budget for the local search; 0 for pure random search."""
    dataflow_share: float = 0.15
    """Share of the budget for local search among the designs of each dataflow apart, before that among all."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        until = int(run.budget * self.polish_share)
        while run.remaining > until:
            before = run.spent
            sample(run, min(run.remaining - until, 2048))
            if run.spent == before:
                break
        improve_each_dataflow(run, self.dataflow_share)
        LocalSearch(run).improve()


def sample(run: SearchRun, count: int) -> None:
    """Score `count` random designs; a part of the count goes to repairing those that do not fit."""
    encoding = run.problem.encoding
    stop = run.spent + count
    fresh = max(count * 2 // 3, 1)
    rows = encoding.random(run.rng, fresh, sobol(encoding, fresh, run.rng), together=True)
    for _ in range(REPAIRS + 1):
        kept, scores = run.score(rows[: max(stop - run.spent, 0)])
        if scores is None:
            return
        misfit = np.flatnonzero(scores.buffers_overflow)
        rows = shrink_tiles(encoding, rows[kept][misfit], scores.take(misfit), run.rng)


def sobol(encoding: Encoding, count: int, rng: np.random.Generator) -> np.ndarray:
    """Scrambled Sobol points for the numbers, shape [count, number_columns] (Owen, 1998)."""
    dimensions = len(encoding.number_columns)
    if dimensions == 0:
        return np.zeros((count, 0))
    with warnings.catch_warnings():  # a count that is no power of two is less even, and does no harm
        warnings.simplefilter("ignore")
        return scipy.stats.qmc.Sobol(dimensions, rng=rng).random(count)
