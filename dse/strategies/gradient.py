"""Search by gradients: a sample, descents from many starts along many preferences, gradient steps on the lattice.

Gradients are of the smooth models by the numbers; choices are sampled, and improve in the polish that every other
round of the lattice steps is. Each use of a gradient counts as two evaluations, the forward pass and the pull back.
"""

import dataclasses

from dse.strategies.descent import descend
from dse.strategies.lattice_steps import lattice_steps
from dse.strategies.polish import polish
from dse.strategies.random_search import sample
from dse.strategies.run import Run
from dse.strategies.scalarise import Scalarisation
from dse.strategies.strategy import Strategy

MOST_STARTS = 256
"""Starts of one descent, at most."""


class Gradient(Strategy):
    """Sample, descend, then step and polish in turn."""

    sample_share: float = 0.1
    """Share of the budget for the random designs that the search begins with."""
    settle_share: float = 0.1
    """Share for a first polish, which settles the choices; meanwhile the gradients are compiled."""
    descent_share: float = 0.03
    """Share for the descent. The rest is for lattice steps and polish."""
    steps: int = 16
    """Of the descent."""
    learning_rate: float = 0.4
    """Of Adam, in steps of the lattice."""
    polish_round: int = 120
    """Evaluations of polish between two rounds of lattice steps."""
    scalarisation: Scalarisation = dataclasses.field(default_factory=Scalarisation)

    def search(self, run: Run) -> None:
        """Spend the run's budget."""
        self._prepare(run)
        sample(run, max(int(run.budget * self.sample_share), min(run.budget, 32)))
        polish(run, until=max(run.remaining - int(run.budget * self.settle_share), 0))
        starts = min(int(run.budget * self.descent_share) // (2 * self.steps), MOST_STARTS)
        if starts and run.scores is not None:
            descend(run, self.scalarisation, starts=starts, steps=self.steps, learning_rate=self.learning_rate)
        done: set[bytes] = set()
        before = -1
        while run.remaining and before < run.spent:
            before = run.spent
            lattice_steps(run, self.scalarisation, done)
            polish(run, until=max(run.remaining - self.polish_round, 0))

    def _prepare(self, run: Run) -> None:
        """Start to compile the gradients of every dataflow that the space allows."""
        encoding = run.problem.encoding
        flows = []
        for at, combinations in enumerate(encoding.combinations):
            values = encoding.genes[encoding.column(at, "dataflow")].values
            flows.append([str(values[position]) for position in sorted(set(combinations[:, 0].tolist()))])
        run.problem.batcher.prepare_gradients(encoding.batch(encoding.random(run.rng, 1)), flows)
