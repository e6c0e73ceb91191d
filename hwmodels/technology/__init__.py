"""What actions, units and memories cost at a node, clock and DRAM: cited constants and smooth rules.

- `scenarios`: `Scenario` and `scenario`, what the user fixes (node, clock, DRAM, number format)
- `model`: `Technology` and `make_technology`, every cost as a method; `jax.vmap` and `jax.grad` pass through
- `reader`: `constants_table`, every constant with unit, source and confidence; reads a user's replacements
- `default.json`: the constants themselves
- `scaling`: node rules, supply voltage, fastest clock
- `logic`, `memory`, `sparse_units`, `interconnect`, `dram`: the formulas
"""

from hwmodels.technology.model import Technology, make_technology
from hwmodels.technology.reader import CONFIDENCES, Constant, constants_table
from hwmodels.technology.scenarios import ARITHMETICS, NODE_RANGE_NM, Scenario, scenario

__all__ = [
    "ARITHMETICS",
    "CONFIDENCES",
    "NODE_RANGE_NM",
    "Constant",
    "Scenario",
    "Technology",
    "constants_table",
    "make_technology",
    "scenario",
]
