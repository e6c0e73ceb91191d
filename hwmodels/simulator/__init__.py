"""The machine of docs/machine.md, run tile by tile on real patterns and values: the ground truth of the models.

It shares no formula with the models: only names (`choices`, `hardware`, `cost`), legality, and the price of an action.

| module | what is in it |
|---|---|
| `simulate` | `simulate(hardware, mapping, a, b, technology)`: SpMV, SpMM, SpMSpM; `run(...)`: without its price |
| `sddmm` | `simulate_sddmm(hardware, mapping, mask, a, b, technology)`, `run_sddmm(...)` |
| `elementwise`, `merge` | `simulate_elementwise(hardware, mapping, a, b, "multiply" or "add", technology)`, `run_...` |
| `of_kernel` | `simulate_kernel(hardware, mapping, kernel, technology)`: any kernel of a workload |
| `simulation` | `Simulation`, `Run`: result, cost, what each visit took; how they follow from the figures of visits |
| `machine` | the design in whole numbers and names |
| `operand`, `segments` | matrices cut into stored tiles, and tiles into rows and columns |
| `visits` | which tiles are visited in which order, and how long they stay |
| `passes` | column passes, buffer fills, what does not fit |
| `tally` | the figures of a visit: work, bits sent, bits from and to DRAM |
| `dense_b`, `rows` | a dense B: loads of PE rows |
| `sparse_b`, `joined`, `walk` | a sparse B: what the entries of both operands meet of each other |
| `multiply` | the products, and the distinct outputs of a sparse Z |
| `zdram` | how results reach DRAM |

Numba keeps compiled code by the age of its own file: after a change to what another file's compiled code calls
(`firmware.schedules`, `merge`, `rows`), touch `walk.py`, `rows.py` and `merge.py`, or delete `__pycache__`.
"""

from hwmodels.simulator.accounting import Memory, Run, Simulation, Timeline
from hwmodels.simulator.concrete_design import Machine, machine_of
from hwmodels.simulator.elementwise import run_elementwise, simulate_elementwise
from hwmodels.simulator.products import run, simulate
from hwmodels.simulator.sddmm import run_sddmm, simulate_sddmm

__all__ = [
    "Machine",
    "Memory",
    "Run",
    "Simulation",
    "Timeline",
    "machine_of",
    "run",
    "run_elementwise",
    "run_sddmm",
    "simulate",
    "simulate_elementwise",
    "simulate_sddmm",
]
