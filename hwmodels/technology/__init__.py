"""What actions, units and memories cost at a node, clock and DRAM: cited constants and smooth rules.

| module | what is in it |
|---|---|
| `scenarios` | `Scenario` and `scenario`, what the user fixes: node, clock, DRAM, number format |
| `number_formats` | `NUMBER_FORMATS`, int8, fp16 and so on with the widths of values and sums |
| `model` | `Technology`, every cost as a method (`jax.vmap` and `jax.grad` pass through), and `make_technology` |
| `scaling` | node rules, supply voltage, fastest clock |
| `logic`, `memory`, `sparse_units`, `interconnect`, `dram` | the costs of each, as methods of `Technology` |
| `reader` | `constants_table`, every constant with unit, source and confidence; reads a user's replacements |
| `default.json` | the constants themselves |
"""

from hwmodels.technology.model import Technology, make_technology
from hwmodels.technology.number_formats import NUMBER_FORMATS, NumberFormat
from hwmodels.technology.reader import CONFIDENCES, Constant, constants_table
from hwmodels.technology.scenarios import (
    ARITHMETICS,
    CHANNELS_RANGE,
    CLOCK_RANGE_GHZ,
    NODE_RANGE_NM,
    Scenario,
    scenario,
)

__all__ = [
    "ARITHMETICS",
    "CHANNELS_RANGE",
    "CLOCK_RANGE_GHZ",
    "CONFIDENCES",
    "NODE_RANGE_NM",
    "NUMBER_FORMATS",
    "Constant",
    "NumberFormat",
    "Scenario",
    "Technology",
    "constants_table",
    "make_technology",
    "scenario",
]
