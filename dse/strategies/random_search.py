"""Search without slopes: random machines, then steps, crossover and mutation of the best, mappings chosen for each."""

from collections.abc import Callable, Sequence

from dse.strategies.bookkeeping import SearchRun
from dse.strategies.hardware_search import HardwareSearch, dataflow_archives, sample
from dse.strategies.operators import Operator
from dse.strategies.strategy import Strategy


class RandomSearch(Strategy):
    """Sample, improve the designs of each dataflow apart, then all."""

    dataflow_share: float = 0.4
    """Share of the budget for the designs of each dataflow apart."""
    dataflow_most: int = 60_000
    """Evaluations for one of them, at most."""

    def search(self, run: SearchRun) -> None:
        """Spend the run's budget."""
        search(run, tuple, self.dataflow_share, self.dataflow_most)


def search(run: SearchRun, operators: Callable[[], Sequence[Operator]], share: float, most: int) -> None:
    """Sample, improve each dataflow's own front in turn, then the whole; `operators` are made anew for each."""
    apart = dataflow_archives(run)
    sample(run, [run.archive, *apart])
    each = min(int(run.budget * share) // max(len(apart), 1), most)
    for archive in apart:
        HardwareSearch(run, archive, operators()).improve(until=max(run.remaining - each, 0))
    HardwareSearch(run, run.archive, operators()).improve()
