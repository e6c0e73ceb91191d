"""The bookkeeping that all strategies share: the budget, what has been seen, the front so far, the progress bar."""

import time

import numpy as np
from tqdm import tqdm

from dse.pareto import nondominated
from dse.problem import Problem, Scores
from dse.result import Result
from dse.strategies.bank import Bank
from dse.strategies.ledger import Ledger

RESERVE = 64
"""Infeasible designs kept, the least violating ones, for as long as no feasible one is known."""


class Run:
    """One search in progress."""

    def __init__(self, problem: Problem, budget: int, seed: int, progress: bool, name: str, *, remember: bool = True):
        self.problem, self.budget, self.seed, self.name = problem, budget, seed, name
        self.rng = np.random.default_rng(seed)
        self.front = np.zeros((0, len(problem.encoding.genes)), np.int32)
        self.scores: Scores | None = None
        """Of the front's rows."""
        self.remember = remember
        self.untried: dict[bytes, list[np.ndarray]] = {}
        """Neighbours that the polish has still to try, for each row that it has begun with."""
        self.bank, self.ledger = Bank(problem), Ledger(problem)
        self._seen: set[bytes] = set()
        self._first, self._start = problem.evaluations, time.perf_counter()
        self._trace: list[tuple[int, np.ndarray]] = []
        self._bar = tqdm(total=budget, desc=name, unit="eval", disable=not progress, leave=True)

    @property
    def spent(self) -> int:
        """Evaluations so far."""
        return self.problem.evaluations - self._first

    @property
    def remaining(self) -> int:
        """Evaluations left."""
        return max(self.budget - self.spent, 0)

    @property
    def found(self) -> bool:
        """Whether a feasible design is known."""
        return self.scores is not None and bool(self.scores.feasible.any())

    def unseen(self, rows: np.ndarray) -> np.ndarray:
        """Indices of the rows (the first of equal ones) that have not been scored yet."""
        fresh, new = [], set()
        for at, row in enumerate(np.ascontiguousarray(rows, np.int16)):
            key = row.tobytes()
            if key not in self._seen and key not in new:
                new.add(key)
                fresh.append(at)
        return np.array(fresh, int)

    def score(self, rows: np.ndarray) -> tuple[np.ndarray, Scores | None]:
        """Score the rows that are new, as far as the budget goes, and keep the front.

        **Returns** the indices of the rows that were scored, and their scores (None if there are none).
        """
        kept = (self.unseen(rows) if self.remember else np.arange(len(rows)))[: self.remaining]
        if len(kept) == 0:
            return kept, None
        rows = rows[kept]
        if self.remember:
            self._seen.update(row.tobytes() for row in np.ascontiguousarray(rows, np.int16))
        scores = self.problem.score(rows)
        self._merge(rows, scores)
        if self.remember:
            self.bank.add(rows, scores)
            self.ledger.add(rows, scores)
        self._bar.update(self.spent - self._bar.n)
        return kept, scores

    def _merge(self, rows: np.ndarray, scores: Scores) -> None:
        if scores.feasible.any():
            keep = np.flatnonzero(scores.feasible)
            keep = keep[nondominated(scores.objectives[keep])]
            old = self.found
        else:
            if self.found:
                return
            keep, old = np.arange(len(rows)), self.scores is not None
        rows, scores = rows[keep], scores.take(keep)
        if old:
            assert self.scores is not None
            rows, scores = np.concatenate([self.front, rows]), Scores.join([self.scores, scores])
        if scores.feasible.all():
            keep = np.flatnonzero(nondominated(scores.objectives))
        else:
            keep = np.argsort(scores.violation, kind="stable")[:RESERVE]
        changed = len(keep) != len(self.front) or not np.array_equal(rows[keep], self.front)
        self.front, self.scores = rows[keep], scores.take(keep)
        if changed and self.found:
            self._trace.append((self.spent, self.scores.objectives))

    def close(self) -> None:
        """Finish the progress bar."""
        self._bar.close()

    def result(self) -> Result:
        """The front, in order of the first objective."""
        width = len(self.problem.objectives)
        genomes, objectives = self.front[:0], np.zeros((0, width))
        if self.found:
            assert self.scores is not None
            order = np.lexsort(self.scores.objectives.T[::-1])
            genomes, objectives = self.front[order], self.scores.objectives[order]
        seconds = time.perf_counter() - self._start
        return Result(genomes, objectives, self.spent, seconds, self.name, self.seed, tuple(self._trace))
