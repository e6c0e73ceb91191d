"""Searches that go on where they were interrupted: the models' answers are kept as they come, and given again.

A strategy is a deterministic function of its settings, its seed and the answers of the models. So nothing of its state
is kept, only each answer that it got; begun anew, it asks the same questions, is answered from the journal without an
evaluation, and after the last known answer goes on as if it had never stopped. The front is the same, bit for bit.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dse.files.fingerprint import digest, search_key
from dse.files.journal import Journal, OtherSearch, remove_journal
from dse.problem.batched_models import GRADIENTS_OF_TOTALS, Batcher, Slopes
from dse.problem.result import Result
from dse.problem.search_problem import Problem
from dse.space.encoding import Batch

GRADIENT = 2
"""Evaluations that a gradient counts as: the forward pass and the pull back."""


class Recorder:
    """A batcher whose answers are written to a journal, or found there."""

    def __init__(self, batcher: Batcher, journal: Journal, progress: bool):
        self._batcher, self._journal, self._progress = batcher, journal, progress
        self._replaying = True
        self.replayed = 0
        """Evaluations that were found in the journal."""
        self.spared_s = 0.0
        """Seconds that they took when they were made."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batcher, name)

    def values(self, batch: Batch) -> np.ndarray:
        """See `Batcher.values`."""
        (outputs,) = self._answer(len(batch), "values", lambda: (self._batcher.values(batch),), batch)
        return outputs

    def alone(self, batch: Batch) -> np.ndarray:
        """See `Batcher.alone`; kept in single precision, as the models have it."""

        def ask() -> tuple[np.ndarray, ...]:
            return (self._batcher.alone(batch).astype(np.float32),)

        (outputs,) = self._answer(len(batch), "alone", ask, batch)
        return outputs.astype(float)

    def gradients(self, batch: Batch, pull: np.ndarray) -> tuple[np.ndarray, Slopes]:
        """See `Batcher.gradients`."""

        def ask() -> tuple[np.ndarray, ...]:
            outputs, slopes = self._batcher.gradients(batch, pull)
            return outputs, *slopes

        outputs, *slopes = self._answer(GRADIENT * len(batch), "gradients", ask, batch, pull)
        return outputs, Slopes(*slopes)

    def slopes_of_totals(self, batch: Batch, latency_s: np.ndarray, energy_pj: np.ndarray) -> Slopes:
        """See `Batcher.slopes_of_totals`."""
        count = GRADIENTS_OF_TOTALS * len(batch)
        ask = lambda: self._batcher.slopes_of_totals(batch, latency_s, energy_pj)  # noqa: E731
        return Slopes(*self._answer(count, "slopes", ask, batch, latency_s, energy_pj))

    def _answer(self, count: int, name: str, ask: Callable[[], tuple[np.ndarray, ...]], *question: Any) -> Any:
        """The arrays of the journal's next record if it answers this question, else those of `ask()`, then recorded."""
        what = np.frombuffer(bytes.fromhex(digest(name, *(_plain(part) for part in question))), np.uint8)
        record = self._journal.next() if self._replaying else None
        if record is not None and np.array_equal(record[0], what):
            self.replayed += count
            self.spared_s += float(record[1])
            return record[2:]
        if record is not None:  # the course is another one from here on
            self._journal.drop()
        if self._replaying and self.replayed and self._progress:
            tqdm.write(f"{self._journal.path}: goes on after {self.replayed:,} evaluations")
        self._replaying = False
        start = time.perf_counter()
        answer = ask()
        self._journal.append([what, np.array(time.perf_counter() - start), *answer])
        return answer


def _plain(part: Any) -> Any:
    return vars(part) if isinstance(part, Batch) else part


@contextlib.contextmanager
def checkpointed(
    problem: Problem, path: str | Path, strategy: Any, *, budget: int, seed: int, progress: bool
) -> Iterator[Recorder]:
    """Let the problem's models be answered from a journal, as far as that goes, and record the rest there.

    **Raises** `InputError` if the file cannot be used, `OtherSearch` if it is of another search.
    """
    journal, batcher = Journal(path, search_key(problem, strategy, budget, seed)), problem.batcher
    try:
        problem.batcher = recorder = Recorder(batcher, journal, progress)  # pyright: ignore[reportAttributeAccessIssue]
        yield recorder
    finally:
        problem.batcher = batcher
        journal.close()


def resume(
    strategy: Callable[..., Result], problem: Problem, path: str | Path, *, budget: int, seed: int, progress: bool
) -> Result:
    """Search with a checkpoint; one that is of another search is begun anew instead of refused."""
    search = partial(strategy, problem, budget=budget, seed=seed, progress=progress, checkpoint=path)
    try:
        return search()
    except OtherSearch:
        remove_journal(path)
        return search()
