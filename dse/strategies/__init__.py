"""Ways to search, all called alike: `strategy(problem, *, budget, seed=0, progress=False) -> Result`.

`Gradient` descends from many starts along many preferences and then tries what slopes foretell, `RandomSearch` and
`Evolutionary` are what it must beat, and `Exhaustive` is the truth where the space is small. `run.Run` counts and
remembers for all of them; `local_search` improves what a sample found, with the `operators` that earn most.
"""

from dse.strategies.evolutionary import Evolutionary
from dse.strategies.exhaustive import Exhaustive
from dse.strategies.gradient import Gradient
from dse.strategies.random_search import RandomSearch
from dse.strategies.strategy import Strategy

__all__ = ["Evolutionary", "Exhaustive", "Gradient", "RandomSearch", "Strategy"]
