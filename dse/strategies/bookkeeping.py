"""The bookkeeping that all strategies share: budget, what has been seen, archives, the progress bar."""

import time

import numpy as np
from tqdm import tqdm

from dse.problem.result import Result
from dse.problem.search_problem import Problem, Scores
from dse.strategies.archive import ParetoArchive, dataflow_archives
from dse.strategies.mapping_archive import MappingArchive
from dse.strategies.recombine import Recombiner


class SearchRun:
    """One search in progress: its problem, budget, random numbers, and what strategies remember."""

    def __init__(self, problem: Problem, budget: int, seed: int, progress: bool, name: str, *, remember: bool = True):
        self.problem, self.budget, self.seed, self.name = problem, budget, seed, name
        self.rng = np.random.default_rng(seed)
        self.archive = ParetoArchive(len(problem.encoding.genes))
        self.dataflow_archives = dataflow_archives(problem.encoding) if remember else []
        self.remember = remember
        self.mapping_archive, self.recombiner = MappingArchive(problem), Recombiner(problem)
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
        if self.archive.merge(rows, scores) and self.archive.has_feasible:
            assert self.archive.scores is not None
            self._trace.append((self.spent, self.archive.scores.objectives))
        if self.remember:
            for archive in self.dataflow_archives:
                archive.merge(rows, scores)
            self.mapping_archive.add(rows, scores)
            self.recombiner.add(rows, scores)
        self._bar.update(self.spent - self._bar.n)
        return kept, scores

    def close(self) -> None:
        """Finish the progress bar."""
        self._bar.close()

    def result(self) -> Result:
        """The front, in order of the first objective."""
        width = len(self.problem.objectives)
        genomes, objectives = self.archive.rows[:0], np.zeros((0, width))
        if self.archive.has_feasible:
            assert self.archive.scores is not None
            order = np.lexsort(self.archive.scores.objectives.T[::-1])
            genomes, objectives = self.archive.rows[order], self.archive.scores.objectives[order]
        seconds = time.perf_counter() - self._start
        return Result(genomes, objectives, self.spent, seconds, self.name, self.seed, tuple(self._trace))
