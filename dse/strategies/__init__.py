"""Ways to search, all called alike: `strategy(problem, *, budget, seed=0, progress=False, checkpoint=None) -> Result`.

`Gradient` descends from many starts along many preferences and then tries what slopes predict, `RandomSearch` and
`Evolutionary` are what it must beat, and `Exhaustive` is the truth where the space is small.

| module | what is in it |
|---|---|
| `strategy` | what all strategies promise; budgets, seeds and checkpoints |
| `gradient`, `random_search`, `evolutionary`, `exhaustive`, `tpe` | one strategy each (`tpe`: extra `compare`) |
| `bookkeeping` | `SearchRun`: the budget, what has been scored, the archives of one search |
| `archive` | the best designs so far, of all and of each dataflow |
| `mapping_archive` | the best mappings so far of each kernel |
| `recombine` | mappings tried on the same hardware, put together kernel by kernel |
| `descent`, `scalarise` | Adam along many preferences; one number for a design under a preference |
| `local_search`, `operators` | generations of children, and the operators that propose them |
| `neighbours`, `gradient_neighbours` | single steps on the lattice, and those that slopes predict to be best |
| `independent_positions` | designs as independent positions, for enumeration and for searches of other libraries |
| `library_scores` | scores as searches of other libraries take them |
"""

from dse.strategies.evolutionary import Evolutionary
from dse.strategies.exhaustive import Exhaustive
from dse.strategies.gradient import Gradient
from dse.strategies.random_search import RandomSearch
from dse.strategies.strategy import Strategy

__all__ = ["Evolutionary", "Exhaustive", "Gradient", "RandomSearch", "Strategy"]
