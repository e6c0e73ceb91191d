"""Local search on the lattice, a generation at a time, shared by the strategies.

A generation's children come from several operators. Each gets the share of the evaluations that it has lately earned:
the share of its children that came to lie on the front. What nearly fits a buffer comes again in the next generation,
with smaller tiles.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.neighbours import shrink_tiles
from dse.strategies.operators import Crossover, Mutation, Operator, Recombination, UntriedNeighbours

GENERATIONS = 100
"""In which a budget is spent, as far as their bounds allow."""
SMALLEST, LARGEST = 48, 1024
"""Designs of a generation."""
LEAST = 0.08
"""Share of a generation that every operator gets."""
MEMORY = 0.8
"""Weight of what was before a generation in what an operator has earned after it."""
MUTATION = 2
"""Place of mutation among the operators; it makes up for what others propose in vain."""
STALLED = 40
"""Generations without one new design, after which the space counts as searched."""


class LocalSearch:
    """Operators and what they have earned."""

    def __init__(self, run: SearchRun, archive: ParetoArchive | None = None, operators: Sequence[Operator] = ()):
        """Of the whole run, or of one archive; `operators` come on top of neighbours, crossover and mutation."""
        self._run, self._archive = run, archive or run.archive
        several = len(run.problem.kernels) > 1
        self._operators: list[Operator] = [
            UntriedNeighbours(),
            Crossover(),
            Mutation(),
            *([Recombination()] if several else []),
            *operators,
        ]
        self._earned = np.ones(len(self._operators))
        self._spent = np.full(len(self._operators), 4.0)
        self._repaired = self._archive.rows[:0]
        self._size = int(np.clip(run.budget // GENERATIONS, SMALLEST, LARGEST))

    def improve(self, until: int = 0) -> None:
        """Improve the front until only `until` evaluations remain, or nothing is left to try."""
        stalled, run = 0, self._run
        while run.remaining > until and self._archive.scores is not None and stalled < STALLED:
            before = run.spent
            self._generation(min(self._size, run.remaining - until), until)
            stalled = 0 if run.spent > before else stalled + 1

    def _generation(self, size: int, until: int) -> None:
        run = self._run
        children, owner, slopes = self._children(size)
        kept, scores = run.score(children[: max(run.remaining - until, 0)])
        if scores is None:
            self._repaired = self._archive.rows[:0]
            return
        members = {row.tobytes() for row in self._archive.rows}
        entered = np.array([row.tobytes() in members for row in children[kept]])
        for at in range(len(self._operators)):
            mine = owner[kept] == at
            self._earned[at] = MEMORY * self._earned[at] + entered[mine].sum() + 0.05
            self._spent[at] = MEMORY * self._spent[at] + mine.sum() + slopes[at] + 0.2
        nearly = np.flatnonzero((scores.violation > 0) & (scores.violation < 3.0) & scores.buffers_overflow)
        self._repaired = shrink_tiles(run.problem.encoding, children[kept][nearly], scores.take(nearly), run.rng)

    def _children(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """New rows, the operator of each (-1: repaired), and the evaluations that each operator spent to find its own.

        What operators propose in vain, because it is known, is made up for by mutation.
        """
        run, encoding = self._run, self._run.problem.encoding
        rate = self._earned / self._spent
        shares = LEAST + (1.0 - LEAST * len(rate)) * rate / rate.sum()
        slopes = np.zeros(len(rate))
        rows, owners = self._repaired[:size], np.full(min(len(self._repaired), size), -1)
        free = size - len(rows)
        asked = [(at, int(np.ceil(share * free))) for at, share in enumerate(shares)]
        for at, wanted in [*asked, (MUTATION, None)]:
            count = 2 * (size - len(rows)) if wanted is None else wanted
            if count <= 0:
                continue
            before = run.spent
            found = self._operators[at].propose(run, self._archive, count)
            slopes[at] += run.spent - before
            rows = encoding.canonical(np.concatenate([rows, found]))
            new = run.unseen(rows)
            rows, owners = rows[new], np.concatenate([owners, np.full(len(found), at)])[new]
        return rows[:size], owners[:size], slopes


def improve_each_dataflow(run: SearchRun, share: float, operators: Callable[[], Sequence[Operator]] = tuple) -> None:
    """Spend a share of the budget on each dataflow's own front in turn; `operators` are made anew for each."""
    each = int(run.budget * share) // max(len(run.dataflow_archives), 1)
    for archive in run.dataflow_archives:
        LocalSearch(run, archive, operators()).improve(until=max(run.remaining - each, 0))
