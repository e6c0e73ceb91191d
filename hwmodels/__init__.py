"""What a kernel costs on a machine: pure functions of hardware, mapping, kernel statistics and technology.

The machine's semantics are fixed in docs/machine.md; these modules reproduce it from statistics.

| module | what is in it |
|---|---|
| `choices` | names of the discrete choices and their weight vectors |
| `hardware` | `Hardware`, `Mapping`: what a designer chooses |
| `legality` | which choices go together |
| `evaluate` | `evaluate(hardware, mapping, kernel, technology, *, numerics) -> Cost`: the one entry point |
| `tiling` | tiles, trip counts, and how often each operand is fetched |
| `formats` | storage of tiles in each compression format |
| `a_side` | the sparse operand: what its tiles hold, how its rows load the PEs |
| `b_side`, `dense_b`, `sparse_b`, `b_tiles` | the other operand and the product: SpMM; SpMSpM, of joint statistics |
| `sddmm`, `elementwise` | SDDMM; A * B and A + B |
| `conclude`, `uneven` | from what visits do to a cost; fibers that do not divide evenly |
| `intersection` | steps of the intersection units |
| `passes` | column passes and buffer fills: how a tile is cut to fit the PEs |
| `flows` | cycles and bits of all visits by class, and how busy they keep each resource |
| `area`, `energy` | area by component; energy of counted actions |
| `cost` | `Cost` and its parts |
| `numerics` | `Exact`, `Smooth`, `StraightThrough` rounding and maxima |
| `technology` | cited energies, areas, leakage; node, voltage and DRAM of the scenario |
| `simulator` | `simulate(hardware, mapping, a, b, technology)`: the ground truth, run on real non-zeros |
| `firmware` | schedules: which PE row works on which rows, as work queues |
| `encoders` | formats that really encode and decode tiles; `best_format(matrix)` |
| `systems` | machines people know (EIE to Onyx, GPUs, a CPU) behind the same `Cost` |
| `baselines` | runs on the CPU and GPU at hand, measured |
| `presets` | machines with rules of their own: the stream machine of SAM, the abstraction of Sparseloop |

Under `hwmodels.technology`: `technology(scenario(node_nm=16, dram="lpddr4"))` makes the `Technology` that `evaluate`
takes.
"""

from hwmodels.analytical.evaluation import evaluate
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from hwmodels.design.hardware import Hardware, Mapping, make_hardware, make_mapping, stack
from hwmodels.energy import price
from hwmodels.numerics import Exact, Numerics, Smooth, StraightThrough
from hwmodels.simulator import Simulation, simulate, simulate_elementwise, simulate_sddmm
from hwmodels.technology import Scenario, Technology, scenario

__all__ = [
    "AREA_COMPONENTS",
    "ENERGY_COMPONENTS",
    "FITS",
    "RESOURCES",
    "ActionCounts",
    "Computes",
    "Cost",
    "Exact",
    "Hardware",
    "Mapping",
    "Numerics",
    "Scenario",
    "Simulation",
    "Smooth",
    "StraightThrough",
    "Technology",
    "Traffic",
    "evaluate",
    "make_hardware",
    "make_mapping",
    "price",
    "scenario",
    "simulate",
    "simulate_elementwise",
    "simulate_sddmm",
    "stack",
]
