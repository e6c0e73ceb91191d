"""Search by gradients."""

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.random_search import RandomSearch, search
from dse.strategies.slopes import SlopeSteps


class Gradient(RandomSearch):
    """Interim."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        search(run, lambda: [SlopeSteps()], self.dataflow_share, self.dataflow_most)
