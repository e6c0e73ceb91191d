"""The machine of docs/machine.md, run tile by tile on real patterns and values: the ground truth of the models.

It shares no formula with the models: only names (`hwmodels.design`, `hwmodels.cost`), the dealing of rows
(`workloads.statistics.longest_first`), and the price of an action.

| module | what is in it |
|---|---|
| `simulation` | `simulate_kernel`, `simulate`, `simulate_sddmm`, `simulate_elementwise`; `Simulation`: run and `Cost` |
| `matrix_product` | `run_product`: SpMV, SpMM, SpMSpM, without price |
| `spmm`, `spmspm` | what each visit of a product takes, where B is dense, and where both are sparse |
| `sddmm`, `elementwise` | `run_sddmm`; `run_elementwise`: A * B and A + B |
| `accounting` | `KernelRun`: result, time, traffic and actions, and how they follow from the figures of visits |
| `counters` | the figures of a visit: work of the array, bits on the buses, bits from and to DRAM |
| `concrete_design` | `ConcreteDesign`: hardware and mapping in whole numbers and names; which kernels it can run |
| `stored_operand`, `tile_cutting` | matrices cut into stored tiles, and tiles into rows and columns |
| `visits` | which tiles are visited in which order, and how long they stay |
| `passes` | column passes, buffer fills, what does not fit |
| `output_traffic` | how results reach DRAM |
| `schedules` | rows dealt to PE rows, columns to lanes: row blocks, cyclic, balanced |
| `dense_loads` | loads of PE rows where B is dense, and of those of an SDDMM |
| `sparse_operands`, `sparse_loads` | two sparse operands: what entries meet of each other, and the loads that follow |
| `elementwise_loads` | fibers of two matrices merged; loads of lanes |
| `intersection` | steps of each intersection unit |
| `multiplication` | the products themselves, and the distinct outputs of a sparse Z |

Numba keeps compiled code by the age of its own file: after a change to what another file's compiled code calls
(`longest_first`, `schedules`, `intersection`), touch `schedules.py`, `dense_loads.py`, `elementwise_loads.py` and
`sparse_loads.py`, or delete `__pycache__`.
"""

from hwmodels.simulator.accounting import KernelRun, Memory, Timeline
from hwmodels.simulator.concrete_design import ConcreteDesign, make_concrete_design
from hwmodels.simulator.elementwise import run_elementwise
from hwmodels.simulator.matrix_product import run_product
from hwmodels.simulator.sddmm import run_sddmm
from hwmodels.simulator.simulation import (
    AnyKernel,
    Simulation,
    simulate,
    simulate_elementwise,
    simulate_kernel,
    simulate_sddmm,
)

__all__ = [
    "AnyKernel",
    "ConcreteDesign",
    "KernelRun",
    "Memory",
    "Simulation",
    "Timeline",
    "make_concrete_design",
    "run_elementwise",
    "run_product",
    "run_sddmm",
    "simulate",
    "simulate_elementwise",
    "simulate_kernel",
    "simulate_sddmm",
]
