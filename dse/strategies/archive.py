"""The best designs known so far."""

import numpy as np

from dse.problem.pareto import nondominated, thinned
from dse.problem.search_problem import Scores

MOST = 1500
"""Designs kept; a larger front is thinned."""
RESERVE = 64
"""Infeasible designs kept, the least violating ones, for as long as no feasible one is known."""


class ParetoArchive:
    """Designs that none of the others dominates, on machines that have no units but some."""

    def __init__(self, genes: int, units: int = -1):
        """`units` are bits of `Encoding.unit_bits`; any, unless given."""
        self.units = np.int64(units)
        self.rows = np.zeros((0, genes), np.int32)
        self.scores: Scores | None = None
        """Of the rows; None before the first."""

    @property
    def has_feasible(self) -> bool:
        """Whether a feasible design is known."""
        return self.scores is not None and bool(self.scores.feasible.any())

    def merge(self, rows: np.ndarray, scores: Scores) -> np.ndarray:
        """Keep what is best of the designs known and these; mask of these that are kept."""
        entered = np.zeros(len(rows), bool)
        if scores.feasible.any():
            mine = np.flatnonzero(scores.feasible)
            mine = mine[nondominated(scores.objectives[mine])]
            old = self.has_feasible
        elif self.has_feasible or len(rows) == 0:
            return entered
        else:
            mine, old = np.arange(len(rows)), self.scores is not None
        known = len(self.rows) if old else 0
        rows, scores = rows[mine], scores.take(mine)
        if old:
            assert self.scores is not None
            rows, scores = np.concatenate([self.rows, rows]), Scores.join([self.scores, scores])
        if scores.feasible.all():
            keep = np.flatnonzero(nondominated(scores.objectives))
            keep = keep[thinned(scores.objectives[keep], MOST)]
        else:
            keep = np.argsort(scores.violation, kind="stable")[:RESERVE]
        entered[mine[keep[keep >= known] - known]] = True
        self.rows, self.scores = rows[keep], scores.take(keep)
        return entered
