"""What a kernel costs on a machine: pure functions of hardware, mapping, kernel statistics and technology.

The machine's semantics are fixed in docs/machine.md; these modules reproduce it from statistics.

| module | what is in it |
|---|---|
| `design` | `Hardware`, `Mapping`: what a designer chooses; the discrete choices by name; which of them go together |
| `formats` | compression formats: their records, sizes of tiles, encoders that really encode; `best_format(matrix)` |
| `analytical` | `evaluate(hardware, mapping, kernel, technology, *, numerics) -> Cost`: the models, from statistics |
| `simulator` | `simulate_kernel(hardware, mapping, kernel, technology)`: the ground truth, run on real non-zeros |
| `technology` | cited energies, areas, delays, leakage; node, voltage and DRAM of the scenario |
| `systems` | machines people know (EIE to Onyx, GPUs, a CPU) behind the same `Cost` |
| `baselines` | runs on the CPU and GPU at hand, measured |
| `cost` | `Cost` and its parts |
| `area`, `energy` | area by component; energy of counted actions |
| `numerics` | `Exact`, `Smooth`, `StraightThrough` rounding and maxima |

Under `hwmodels.technology`: `make_technology(scenario(node_nm=16, dram="lpddr4"))` makes the `Technology` that
`evaluate` takes.
"""

from hwmodels.analytical.evaluation import evaluate
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from hwmodels.design.hardware import Hardware, Mapping, make_hardware, make_mapping, stack
from hwmodels.energy import price
from hwmodels.numerics import Exact, Numerics, Smooth, StraightThrough
from hwmodels.simulator import Simulation, simulate, simulate_elementwise, simulate_kernel, simulate_sddmm
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
    "simulate_kernel",
    "simulate_sddmm",
    "stack",
]
