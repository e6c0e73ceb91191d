"""Search by gradients: a sample, descents from many starts along many preferences, then local search.

Numbers descend continuously (`descent`); on the lattice, slopes by every number and choice predict which neighbours of
the front are worth an evaluation (`gradient_neighbours`), one more operator of the local search that all strategies
share. A gradient counts as two evaluations, the forward pass and the pull back.
"""

import dataclasses

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.descent import descend
from dse.strategies.gradient_neighbours import GradientNeighbours
from dse.strategies.local_search import LocalSearch, improve_each_dataflow
from dse.strategies.random_search import sample
from dse.strategies.scalarise import Scalarisation
from dse.strategies.strategy import Strategy

MOST_STARTS = 256
"""Starts of one descent, at most."""


class Gradient(Strategy):
    """Sample, descend, then search locally, dataflow by dataflow and all together."""

    sample_share: float = 0.2
    """Share of the budget for the random designs that the search begins with."""
    descent_share: float = 0.03
    """Share for the descent. The rest is for the local search."""
    dataflow_share: float = 0.15
    """Share for the designs of each dataflow apart, before all are improved together."""
    steps: int = 16
    """Of the descent."""
    learning_rate: float = 0.4
    """Of Adam, in steps of the lattice."""
    scalarisation: Scalarisation = dataclasses.field(default_factory=Scalarisation)

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        sample(run, max(int(run.budget * self.sample_share), min(run.budget, 32)))
        starts = min(int(run.budget * self.descent_share) // (2 * self.steps), MOST_STARTS)
        if starts and run.archive.scores is not None:
            descend(run, self.scalarisation, starts=starts, steps=self.steps, learning_rate=self.learning_rate)
        improve_each_dataflow(run, self.dataflow_share, lambda: [GradientNeighbours()])
        LocalSearch(run, operators=[GradientNeighbours()]).improve()
