"""The options every script has for what the user gives: node, clock, DRAM and the technology's constants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from dse import Design
from experiments.common.options import real, whole
from hwmodels.design.choices import DRAMS
from hwmodels.technology import (
    CHANNELS_RANGE,
    CLOCK_RANGE_GHZ,
    NODE_RANGE_NM,
    NUMBER_FORMATS,
    NumberFormat,
    Technology,
    make_technology,
    scenario,
)
from hwmodels.technology.number_formats import QUANTISED, REAL
from hwmodels.technology.scenarios import arithmetic_of
from workloads import Workload
from workloads.errors import InputError

DEFAULTS: dict[str, Any] = {"node_nm": 16.0, "clock_ghz": 1.0, "dram": "lpddr4", "dram_channels": 4}
SHOWN = 3
"""Kernels that are named as a reason, at most."""


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
    arithmetic: Annotated[str | None, _hint("fp32 for matrices of real numbers, else int8", "FORMAT")] = None
    """What values are: int4, int8, int16, fp16, bf16, fp32 or fp64. Sets value_bits and accumulator_bits, unless these
    are fixed; a design that is read keeps its own."""

    def built_for(
        self, workload: Workload, design: Design | None = None, stored: Mapping[str, Any] | None = None
    ) -> tuple[Technology, NumberFormat]:
        """The technology, and what values are, which is printed with the reason.

        **Arguments**: the workload; the design and the scenario of a design file, where one is read. **Raises**
        `InputError` as `build`, and for a design with values of another width than `--arithmetic` says.
        """
        numbers, why = self._numbers(workload, design, stored or {})
        print(f"Arithmetic: {numbers.words}{why}.")
        return self.build(stored, numbers), numbers

    def integers(self, widths: Sequence[int]) -> "ScenarioOptions":
        """These options. **Raises** `InputError` where `--arithmetic` is not of integers of one of these widths."""
        given = self.given()
        if given is not None and (given.arithmetic != "int" or given.value_bits not in widths):
            right = " or ".join(f"int{width}" for width in widths)
            raise InputError(f"--arithmetic {given.name}: networks are rounded to integers here; give {right}.")
        return self

    def _numbers(
        self, workload: Workload, design: Design | None, stored: Mapping[str, Any]
    ) -> tuple[NumberFormat, str]:
        """What values are, and why."""
        given = self.given()
        if design is not None:
            value, word = (int(float(design.hardware[name])) for name in ("value_bits", "accumulator_bits"))
            if given is not None and given.value_bits != value:
                raise InputError(
                    f"--arithmetic {given.name} has values of {given.value_bits} bits, but the design of {value}; "
                    "leave it out, or search for a design with it."
                )
            arithmetic = given.arithmetic if given else _arithmetic(stored)
            return NumberFormat(_named(arithmetic, value), arithmetic, value, word, "the design"), ", the design's"
        if given is not None:
            return given, ""
        real = [kernel.name for kernel in workload.kernels if kernel.numbers == "real"]
        if not real:
            return QUANTISED, " (nothing here has real numbers that are not weights; --arithmetic says otherwise)"
        names = ", ".join(real[:SHOWN]) + (f" and {len(real) - SHOWN} more" if len(real) > SHOWN else "")
        what = "is of real numbers" if len(real) == 1 else "are of real numbers"
        return REAL, f" ({names} {what}; pruned weights are quantised by --arithmetic int8, fp64 is double precision)"

    def given(self) -> NumberFormat | None:
        """What `--arithmetic` names."""
        if self.arithmetic is not None and self.arithmetic not in NUMBER_FORMATS:
            known = ", ".join(NUMBER_FORMATS)
            raise InputError(f"--arithmetic '{self.arithmetic}' is unknown; choose one of: {known}.")
        return None if self.arithmetic is None else NUMBER_FORMATS[self.arithmetic]

    def build(self, stored: Mapping[str, Any] | None = None, numbers: NumberFormat | None = None) -> Technology:
        """The technology; InputError for a value that it cannot have. `stored` is the scenario of a design file,
        `numbers` what values are, where that is not said by these options or the file."""
        options = {
            "node_nm": self.node,
            "clock_ghz": self.clock_ghz,
            "dram": self.dram,
            "dram_channels": self.dram_channels,
            "arithmetic": numbers.arithmetic if numbers else given.arithmetic if (given := self.given()) else None,
        }
        chosen = (
            DEFAULTS | _stored(stored or {}) | {name: value for name, value in options.items() if value is not None}
        )
        if chosen["dram"] not in DRAMS:
            raise InputError(f"--dram '{chosen['dram']}' is unknown; choose one of: {', '.join(DRAMS)}.")
        return make_technology(scenario(**chosen), self.technology)


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario of a design file in plain words; what it lacks is left to the defaults."""
    chosen = {name: fields[name] for name in ("node_nm", "clock_ghz", "dram_channels") if name in fields}
    if any(fields.get("dram", ())):
        chosen["dram"] = DRAMS[int(np.argmax(fields["dram"]))]
    return chosen | {"arithmetic": _arithmetic(fields)}


def _arithmetic(fields: Mapping[str, Any]) -> str:
    """One of `ARITHMETICS`; design files that do not say it are of integers."""
    return arithmetic_of(fields.get("float_fraction", 0.0), fields.get("bfloat_fraction", 0.0))


def _named(arithmetic: str, value_bits: int) -> str:
    """What numbers of a width are called."""
    return f"{({'int': 'int', 'float': 'fp', 'bfloat': 'bf'})[arithmetic]}{value_bits}"


def scenario_words(tech: Technology) -> str:
    """One phrase for titles."""
    given = tech.scenario
    dram = DRAMS[int(np.argmax(given.dram))].upper()
    words = f"{float(given.node_nm):g} nm, {float(given.clock_ghz):g} GHz, {float(given.dram_channels):g} x {dram}"
    kind = arithmetic_of(float(given.float_fraction), float(given.bfloat_fraction))
    return words if kind == "int" else f"{words}, {'bfloat16' if kind == 'bfloat' else 'floating point'}"
