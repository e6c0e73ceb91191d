"""Search by gradients: steps of hardware and tiles that slopes predict to be good, beside those of any search."""

from collections.abc import Sequence

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.operators import Operator
from dse.strategies.random_search import RandomSearch
from dse.strategies.slope_steps import SlopeSteps


class Gradient(RandomSearch):
    """As `RandomSearch`, with machines by slopes where the budget is no smaller than `slope_budget`."""

    slope_budget: int = 10_000
    """Least budget with slopes: their programs take long to compile, and a short search gains more by other steps."""

    def operators(self, run: SearchRun) -> Sequence[Operator]:
        """Steps by slopes."""
        return (SlopeSteps(),) if run.budget >= self.slope_budget else ()
