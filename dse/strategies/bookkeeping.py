"""The bookkeeping that all strategies share: budget, what has been seen, the front, the progress bar, convergence."""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from dse.mapper.composition import Tried, compose
from dse.problem.result import Result
from dse.problem.search_problem import Problem, Scores
from dse.strategies.archive import ParetoArchive

TRACED = 1.02
"""Evaluations between two entries of the trace, as a ratio."""
LARGEST_TABLE = 2**26
"""Bytes of the table of what has been seen, at most."""


class SearchRun:
    """One search in progress: its problem, budget, random numbers, and what strategies remember."""

    def __init__(self, problem: Problem, budget: int, seed: int, progress: bool, name: str):
        self.problem, self.budget, self.seed, self.name = problem, budget, seed, name
        self.rng = np.random.default_rng(seed)
        self.archive = ParetoArchive(len(problem.encoding.genes))
        """Where the search climbs."""
        self.front = ParetoArchive(len(problem.encoding.genes)) if problem.limits else self.archive
        """What it has found, of what meets `Problem.limits`, in the objectives that are no means."""
        self._seen = _Seen(len(problem.encoding.genes), budget)
        self._first, self._start = problem.evaluations, time.perf_counter()
        self._trace: list[tuple[int, np.ndarray]] = []
        self.restarts: list[tuple[np.ndarray, np.ndarray]] = []
        """Genomes and objectives of the fronts that several searches of this run came to, each by itself."""
        self.converged = False
        """Whether the search has settled, as far as it can tell."""
        self._bar = tqdm(total=budget, desc=name, unit="eval", disable=not progress, leave=True)

    @property
    def spent(self) -> int:
        """Evaluations so far."""
        return self.problem.evaluations - self._first

    @property
    def remaining(self) -> int:
        """Evaluations left."""
        return max(self.budget - self.spent, 0)

    def score(self, rows: np.ndarray) -> Scores:
        """Score designs as they are, as far as the budget goes, and keep the front."""
        rows = rows[: self.remaining]
        scores = self.problem.score(rows)
        self.archive.merge(rows, scores)
        self._keep(rows, scores)
        self._note()
        return scores

    def try_on(
        self,
        rows: np.ndarray,
        allowed: np.ndarray,
        archives: Sequence[ParetoArchive],
        also: ParetoArchive | None = None,
    ) -> tuple[Tried, np.ndarray]:
        """Evaluate m designs on each of n machines, put the best together for each archive, and keep them there, in the
        run's archive, and `also` in another one.

        Those seen before are left out, as is what the budget does not cover.

        **Arguments**: genomes, shape [n, m, genes], all with the machine's hardware; sets of units that are `allowed`,
        see `compose`. **Returns** what was tried, and how many members of the archives each machine gave, shape [n].
        """
        n, m, genes = rows.shape
        new = self._seen.new(rows.reshape(-1, genes)).reshape(n, m)
        if len(self.problem.kernels) > 1:
            new[:, 0] |= new.any(axis=1)  # the others are put together with it
        new &= np.cumsum(new).reshape(n, m) <= self.remaining
        self._seen.add(rows[new])
        tried = Tried.on(self.problem, rows, new)
        found = compose(self.problem, tried, np.concatenate([allowed & archive.units for archive in archives], axis=1))
        if len(self.problem.kernels) > 1 and not self.problem.batcher.adds_up:
            found = found.take(np.arange(min(len(found.rows), self.remaining)))
            scores = self.problem.score(found.rows)
        else:
            scores = self.problem.scores_of(found.outputs)
        gained = np.zeros(len(found.rows), bool)
        for archive in archives:
            here = np.flatnonzero((found.units & ~archive.units) == 0)
            gained[here] |= archive.merge(found.rows[here], scores.take(here))
        for archive in (self.archive, also):
            if archive is not None and archive not in archives:
                archive.merge(found.rows, scores)
        self._keep(found.rows, scores)
        self._note()
        return tried, np.bincount(found.machine[gained], minlength=n)

    def _keep(self, rows: np.ndarray, scores: Scores) -> None:
        if self.front is not self.archive:
            self.front.merge(rows, self.problem.strictly(scores))

    def forget_what_was_seen(self) -> None:
        """Let designs be tried again, as by a search that begins anew."""
        self._seen = _Seen(len(self.problem.encoding.genes), self.budget)

    def _note(self) -> None:
        """Add to the trace, if it is time, and move the bar."""
        if self.front.has_feasible and (not self._trace or self.spent > TRACED * self._trace[-1][0]):
            assert self.front.scores is not None
            self._trace.append((self.spent, self.front.scores.objectives))
        self._bar.update(self.spent - self._bar.n)

    def remember_restart(self, archive: ParetoArchive) -> None:
        """The front that one of several searches of this run came to by itself."""
        front = ParetoArchive(len(self.problem.encoding.genes))
        if archive.scores is not None:
            front.merge(archive.rows, self.problem.strictly(archive.scores))
        if front.has_feasible:
            assert front.scores is not None
            self.restarts.append((front.rows, front.scores.objectives))

    def close(self) -> None:
        """Finish the progress bar."""
        self._bar.close()

    def result(self) -> Result:
        """The front, in order of the first objective."""
        front, width = self.front, len(self.problem.objectives) - self.problem.means
        genomes, objectives = front.rows[:0], np.zeros((0, width))
        if front.has_feasible:
            assert front.scores is not None
            assert front.scores.feasible.all()
            order = np.lexsort(front.scores.objectives.T[::-1])
            genomes, objectives = front.rows[order], front.scores.objectives[order]
            self._trace.append((self.spent, objectives))
        seconds = time.perf_counter() - self._start
        trace, restarts = tuple(self._trace), tuple(self.restarts)
        result = Result(genomes, objectives, self.spent, seconds, self.name, self.seed, trace)
        return dataclasses.replace(result, converged=self.converged, restarts=restarts)


class _Seen:
    """A table of hashes: now and then what is new is taken for seen, never the other way round."""

    def __init__(self, genes: int, budget: int):
        self._weights = np.random.default_rng(0).integers(2**62, size=genes) | 1
        size = min(LARGEST_TABLE, 1 << (32 * budget).bit_length())
        self._table, self._shift = np.zeros(size, bool), 64 - (size.bit_length() - 1)

    def _places(self, rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return (rows.astype(np.int64) @ self._weights).view(np.uint64) >> np.uint64(self._shift)

    def new(self, rows: np.ndarray) -> np.ndarray:
        """Mask of the rows that are new; of equal ones the first."""
        places = self._places(rows)
        _, first = np.unique(places, return_index=True)
        mask = np.zeros(len(rows), bool)
        mask[first] = ~self._table[places[first]]
        return mask

    def add(self, rows: np.ndarray) -> None:
        """They have been seen."""
        self._table[self._places(rows)] = True
