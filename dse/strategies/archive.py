"""The best designs known so far, of all or of one dataflow."""

import numpy as np

from dse.problem.pareto import nondominated
from dse.problem.search_problem import Scores
from dse.space.encoding import Encoding
from hwmodels.design.choices import DATAFLOWS

RESERVE = 64
"""Infeasible designs kept, the least violating ones, for as long as no feasible one is known."""


class ParetoArchive:
    """Designs that none of the others dominates."""

    def __init__(self, genes: int):
        self.rows = np.zeros((0, genes), np.int32)
        self.scores: Scores | None = None
        """Of the rows; None before the first."""

    @property
    def has_feasible(self) -> bool:
        """Whether a feasible design is known."""
        return self.scores is not None and bool(self.scores.feasible.any())

    def merge(self, rows: np.ndarray, scores: Scores) -> bool:
        """Keep what is best of the designs known and these; whether that changes anything."""
        if len(rows) == 0:
            return False
        if scores.feasible.any():
            keep = np.flatnonzero(scores.feasible)
            keep = keep[nondominated(scores.objectives[keep])]
            old = self.has_feasible
        else:
            if self.has_feasible:
                return False
            keep, old = np.arange(len(rows)), self.scores is not None
        rows, scores = rows[keep], scores.take(keep)
        if old:
            assert self.scores is not None
            rows, scores = np.concatenate([self.rows, rows]), Scores.join([self.scores, scores])
        if scores.feasible.all():
            keep = np.flatnonzero(nondominated(scores.objectives))
        else:
            keep = np.argsort(scores.violation, kind="stable")[:RESERVE]
        changed = len(keep) != len(self.rows) or not np.array_equal(rows[keep], self.rows)
        self.rows, self.scores = rows[keep], scores.take(keep)
        return changed


class DataflowArchive(ParetoArchive):
    """Designs all of whose kernels use one dataflow, those kernels apart that cannot.

    A dataflow comes with formats, residency and tiles of its own, so a good design in one is many steps from a good one
    in another, and all between are worse than both; apart, each has the time to become good.
    """

    def __init__(self, encoding: Encoding, dataflow: str):
        super().__init__(len(encoding.genes))
        self._encoding, self.dataflow = encoding, dataflow
        self._index = DATAFLOWS.index(dataflow)
        able = [at for at in range(len(encoding.kernels)) if self._index in encoding.dataflows(at)]
        self._columns = [encoding.column(at, "dataflow") for at in able]

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Which of the rows belong here."""
        flows = [self._encoding.values(rows, column) == self._index for column in self._columns]
        return np.all(flows, axis=0) if flows else np.zeros(len(rows), bool)

    def merge(self, rows: np.ndarray, scores: Scores) -> bool:
        """As `ParetoArchive.merge`, of those that belong here."""
        here = np.flatnonzero(self.holds(rows))
        return super().merge(rows[here], scores.take(here))


def dataflow_archives(encoding: Encoding) -> list[DataflowArchive]:
    """One for each dataflow that any kernel can use; none where there is only one."""
    flows = {index for at in range(len(encoding.kernels)) for index in encoding.dataflows(at)}
    return [DataflowArchive(encoding, DATAFLOWS[index]) for index in sorted(flows)] if len(flows) > 1 else []
