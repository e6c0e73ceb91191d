"""Search by gradients: steps of the hardware and of tiles that slopes predict to be good, beside those of any search."""

from collections.abc import Sequence

from dse.strategies.operators import Operator
from dse.strategies.random_search import RandomSearch
from dse.strategies.slopes import SlopeSteps


class Gradient(RandomSearch):
    """As `RandomSearch`, with machines by slopes."""

    def operators(self) -> Sequence[Operator]:
        """Steps by slopes."""
        return (SlopeSteps(),)
