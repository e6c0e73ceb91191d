"""Search without slopes: random machines, then steps, crossover and mutation of the best, mappings chosen for each."""

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.hardware_search import HardwareSearch
from dse.strategies.strategy import Strategy


class RandomSearch(Strategy):
    """Sample, then improve the front."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        search = HardwareSearch(run)
        search.sample()
        search.improve()
