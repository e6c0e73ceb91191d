"""The options every script has for what the user gives: node, clock, DRAM and the technology's constants."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from experiments.common.options import real, whole
from hwmodels.design.choices import DRAMS
from hwmodels.technology import CHANNELS_RANGE, CLOCK_RANGE_GHZ, NODE_RANGE_NM, Technology, make_technology, scenario
from workloads.errors import InputError

DEFAULTS: dict[str, Any] = {"node_nm": 16.0, "clock_ghz": 1.0, "dram": "lpddr4", "dram_channels": 4}


def _hint(default: str, metavar: str | None = None) -> Any:
    return tyro.conf.arg(help_behavior_hint=f"(default: {default})", metavar=metavar)


@dataclass(frozen=True)
class ScenarioOptions:
    """What the chip is made in and which memory it is given (where a design is read: what it was made for)."""

    node: Annotated[float | None, real(*NODE_RANGE_NM), _hint("16")] = None
    """Technology node in nm."""
    clock_ghz: Annotated[float | None, real(*CLOCK_RANGE_GHZ), _hint("1")] = None
    """Clock of the accelerator in GHz."""
    dram: Annotated[str | None, _hint("lpddr4", "TYPE")] = None
    """Type of DRAM: ddr4, lpddr4, lpddr5, gddr6, hbm2, hbm2e or hbm3, of all designs that do not name one."""
    dram_channels: Annotated[int | None, whole(*CHANNELS_RANGE), _hint("4")] = None
    """Channels (DDR4, LPDDR), chips (GDDR6) or stacks (HBM)."""
    technology: Annotated[Path | None, _hint("the cited constants", "FILE")] = None
    """JSON file that replaces constants of the technology by name."""

    def build(self, stored: Mapping[str, Any] | None = None) -> Technology:
        """The technology; InputError for a value that it cannot have. `stored` is the scenario of a design file."""
        given = {
            "node_nm": self.node,
            "clock_ghz": self.clock_ghz,
            "dram": self.dram,
            "dram_channels": self.dram_channels,
        }
        chosen = DEFAULTS | _stored(stored or {}) | {name: value for name, value in given.items() if value is not None}
        if chosen["dram"] not in DRAMS:
            raise InputError(f"--dram '{chosen['dram']}' is unknown; choose one of: {', '.join(DRAMS)}.")
        return make_technology(scenario(**chosen), self.technology)


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario of a design file in plain words; what it lacks is left to the defaults."""
    chosen = {name: fields[name] for name in ("node_nm", "clock_ghz", "dram_channels") if name in fields}
    if any(fields.get("dram", ())):
        chosen["dram"] = DRAMS[int(np.argmax(fields["dram"]))]
    return chosen


def scenario_words(tech: Technology) -> str:
    """One phrase for titles."""
    given = tech.scenario
    dram = DRAMS[int(np.argmax(given.dram))].upper()
    return f"{float(given.node_nm):g} nm, {float(given.clock_ghz):g} GHz, {float(given.dram_channels):g} x {dram}"
