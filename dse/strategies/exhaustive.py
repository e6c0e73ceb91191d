"""Enumeration of the whole lattice: the true front where a space is small enough."""

import numpy as np

from dse.strategies.bookkeeping import Run
from dse.strategies.strategy import Strategy
from workloads.errors import InputError


class Exhaustive(Strategy):
    """Score every design."""

    chunk: int = 4096
    """Designs enumerated at a time."""

    def search(self, run: Run) -> None:
        """Spend the run's budget; InputError if it does not cover the space."""
        encoding = run.problem.encoding
        if encoding.size > run.budget:
            raise InputError(
                f"The space has {encoding.size:,.0f} designs but the budget is {run.budget:,}; fix parameters "
                "(--fix NAME=VALUE), raise the budget, or use another strategy."
            )
        run.remember = False  # every row comes once
        for start in range(0, int(encoding.size), self.chunk):
            index = np.arange(start, min(start + self.chunk, int(encoding.size)))
            rows = decode_index(run, index)
            run.score(rows[(encoding.canonical(rows) == rows).all(axis=1)])


def decode_index(run: Run, index: np.ndarray) -> np.ndarray:
    """Rows number `index` in the enumeration of numbers, intersections and each kernel's combinations (mixed radix)."""
    encoding = run.problem.encoding
    rows = np.zeros((len(index), len(encoding.genes)), np.int32)
    rest = index.copy()
    for column in [*encoding.number_columns, encoding.column(-1, "intersection")]:
        rest, rows[:, column] = np.divmod(rest, encoding.radix[column])
    for kernel, combinations in enumerate(encoding.combinations):
        rest, entry = np.divmod(rest, len(combinations))
        rows[:, encoding.combined_columns(kernel)] = combinations[entry]
    return rows
