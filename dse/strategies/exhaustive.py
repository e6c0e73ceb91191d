"""Enumeration of the whole lattice: the true front where a space is small enough."""

import numpy as np

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.independent_positions import position_counts, rows_at
from dse.strategies.strategy import Strategy
from workloads.errors import InputError


class Exhaustive(Strategy):
    """Score every design."""

    chunk: int = 4096
    """Designs enumerated at a time."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget; InputError if it does not cover the space."""
        encoding = run.problem.encoding
        if encoding.size > run.budget:
            raise InputError(
                f"The space has {encoding.size:,.0f} designs but the budget is {run.budget:,}; fix parameters "
                "(--fix NAME=VALUE), raise the budget, or use another strategy."
            )
        counts = tuple(position_counts(encoding).tolist())
        for start in range(0, int(encoding.size), self.chunk):
            index = np.arange(start, min(start + self.chunk, int(encoding.size)))
            rows = rows_at(encoding, np.column_stack(np.unravel_index(index, counts, order="F")))
            run.score(rows[(encoding.canonical(rows) == rows).all(axis=1)])
