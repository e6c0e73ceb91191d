"""The machine of docs/machine.md, run tile by tile on real patterns and values: the ground truth of the models.

It shares no formula with the models: only names (`hwmodels.design`, `hwmodels.cost`), the dealing of rows
(`workloads.statistics.longest_first`), and the price of an action.

| module | what is in it |
|---|---|
| `simulation` | `simulate_kernel`, `simulate`, `simulate_sddmm`, `simulate_elementwise`; `Simulation`: run and `Cost` |
| `matrix_product` | `run_product`: SpMV, SpMM, SpMSpM, without price |
| `spmm`, `spmspm` | the visits of a product, where B is dense, and where both are sparse |
| `product_visits` | what these two return |
| `unskipped_b` | the array where B does not skip: queues decide |
| `skipped_b`, `fiber_pairs` | where it does: owners of Gustavson and the outer product, lanes of the inner product |
| `sddmm`, `elementwise` | `run_sddmm`; `run_elementwise`: A * B and A + B |
| `places` | where operands and results lie in a PE, what does not fit, groups of columns that a pass works on |
| `actions` | what PEs and buses of a product do |
| `accounting` | `KernelRun`: result, time, traffic and actions, and how they follow from the figures of visits |
| `counters` | the figures of a visit: work of the array, bits on the buses, bits from and to DRAM |
| `concrete_design` | `ConcreteDesign`: hardware and mapping in whole numbers and names; which kernels it can run |
| `stored_operand`, `tile_cutting` | matrices cut into stored tiles, and tiles into rows and columns |
| `visits` | which tiles are visited in which order, and how long they stay |
| `output_traffic` | how results reach DRAM |
| `schedules` | rows dealt to queues, columns to lanes: row blocks, cyclic, balanced |
| `dense_loads` | loads of queues where every row's work is A's alone |
| `sparse_operands`, `meetings` | two sparse operands, and what entries of one meet of the other |
| `sparse_loads`, `pair_loads` | the loads of queues and lanes that follow |
| `elementwise_loads` | fibers of two matrices merged; loads of lanes |
| `intersection` | steps of each intersection unit |
| `multiplication` | the products themselves, and the distinct outputs of a sparse Z |
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
