"""The best mapping, or the front of mappings, of each kernel on hardware that is given.

| module | what is in it |
|---|---|
| `problem_on_hardware` | what a design's hardware can do, the space of mappings on it, the problem of choosing one |
| `candidates` | which mappings are tried: all of them (`Enumerated`), or a `Pool` of known ones |
| `enumeration` | all mappings of a kernel on a machine, less what exact cuts leave out; a `MapperReport` of them |
| `likeness` | mappings that do the same as a simpler one |
| `composition` | mappings tried on one machine put together kernel by kernel: the mapper inside a search |
| `exchange` | designs whose mappings are exchanged for the best on their machine |
| `merit` | what a mapping is chosen by |
| `best_mapping` | the best of the candidates, or their front in latency and energy, for each kernel |
| `dense_mappings` | a mapping on dense operands, with tiles that fit; whether sparsity pays |

Kernels share nothing but the hardware, so each takes its own best.
"""

from dse.mapper.best_mapping import MappedKernel, best_design, best_mappings, mapping_fronts
from dse.mapper.candidates import Candidates, Enumerated, Pool, every_mapping
from dse.mapper.dense_mappings import DENSE, densified, sparsity_pays
from dse.mapper.enumeration import MapperReport
from dse.mapper.exchange import optimally_mapped
from dse.mapper.merit import Merit, first_that_fits, merit_of, weighted_sum
from dse.mapper.problem_on_hardware import mapping_for_family, mapping_problem, mapping_space, supported_choices

__all__ = [
    "DENSE",
    "Candidates",
    "Enumerated",
    "MappedKernel",
    "MapperReport",
    "Merit",
    "Pool",
    "best_design",
    "best_mappings",
    "densified",
    "every_mapping",
    "first_that_fits",
    "mapping_for_family",
    "mapping_fronts",
    "mapping_problem",
    "mapping_space",
    "merit_of",
    "optimally_mapped",
    "sparsity_pays",
    "supported_choices",
    "weighted_sum",
]
