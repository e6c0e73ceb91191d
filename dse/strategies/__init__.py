"""Ways to search, all called alike: `strategy(problem, *, budget, seed=0, progress=False, checkpoint=None) -> Result`.

`Gradient` searches over hardware with the mapper inside and takes steps that slopes predict to be good; `RandomSearch`
is the same without slopes, `Evolutionary` is what they must beat, and `Exhaustive` is the truth where the space is
small.

| module | what is in it |
|---|---|
| `strategy` | what all strategies promise; budgets, seeds and checkpoints |
| `gradient`, `random_search`, `evolutionary`, `exhaustive`, `tpe` | one strategy each (`tpe`: extra `compare`) |
| `bookkeeping` | `SearchRun`: the budget, what has been seen, trying designs on machines, the front |
| `archive` | the best designs so far, on machines with some units or any |
| `beginnings` | the random machines that a search begins with, and an archive for each dataflow |
| `hardware_search` | generations of machines until the front has settled |
| `operators`, `slope_steps` | where a generation's machines come from: steps, scaling, crossover, mutation, slopes |
| `lattice_steps` | steps of many designs at once, and the repair of what does not fit |
| `scalarise` | one number for a design under a preference, and its slopes |
| `quasirandom` | Sobol points |
| `independent_positions` | designs as independent positions, for enumeration and for searches of other libraries |
| `library_scores` | scores as searches of other libraries take them |
"""

from dse.strategies.evolutionary import Evolutionary
from dse.strategies.exhaustive import Exhaustive
from dse.strategies.gradient import Gradient
from dse.strategies.random_search import RandomSearch
from dse.strategies.strategy import Strategy

__all__ = ["Evolutionary", "Exhaustive", "Gradient", "RandomSearch", "Strategy"]
