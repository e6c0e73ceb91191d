"""What a kernel costs on a machine: pure functions of hardware, mapping, kernel statistics and technology.

The machine's semantics are fixed in docs/machine.md; these modules reproduce it from statistics.

| module | what is in it |
|---|---|
| `design` | `Hardware`, `Mapping`: what a designer chooses; the discrete choices by name; which of them go together |
| `formats` | compression formats: their records, sizes of tiles, encoders that really encode; `best_format(matrix)` |
| `analytical` | `evaluate(hardware, mapping, kernel, technology, *, numerics) -> Cost`: the models, from statistics |
| `simulator` | `simulate_kernel(hardware, mapping, kernel, technology)`: the ground truth, run on real non-zeros |
| `technology` | cited energies, areas, delays, leakage; node and voltage of the scenario; DRAM |
| `systems` | machines people know (EIE to Onyx, GPUs, a CPU) behind the same `Cost` |
| `baselines` | runs on the CPU and GPU at hand, measured |
| `cost` | `Cost` and its parts |
| `area`, `energy`, `clock` | area by component; energy of counted actions; the fastest clock of each part |
| `quantities` | numbers with units, and tables, as text |
| `numerics` | `Exact`, `Smooth`, `StraightThrough` rounding and maxima |

Under `hwmodels.technology`: `make_technology(scenario(node_nm=16, dram="lpddr4"))` makes the `Technology` that
`evaluate` takes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
