"""What is minimised and what is limited.

Every objective is a product of powers of latency, energy and area, so its logarithm is linear in theirs: one gradient
of (log latency, log energy, log area) serves them all, and the same table serves constraints.

Area is that of the accelerator without the PHY of its DRAM. The scenario fixes the DRAM, so its PHY is the same for all
designs of a problem (`technology.dram_phy_area_mm2()`), and next to it small designs would all look alike.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class Objective:
    """A quantity to keep small: factor * latency_s^x * energy_pj^y * area_mm2^z."""

    name: str
    unit: str
    exponents: tuple[float, float, float]
    """Of latency (s), energy (pJ) and area without the DRAM's PHY (mm2)."""
    factor: float = 1.0

    def value(self, latency_s: np.ndarray, energy_pj: np.ndarray, area_mm2: np.ndarray) -> np.ndarray:
        """The objective of each design."""
        x, y, z = self.exponents
        return self.factor * latency_s**x * energy_pj**y * area_mm2**z


_J = 1e-12  # joules in a picojoule
OBJECTIVES = {
    o.name: o
    for o in (
        Objective("latency_s", "s", (1.0, 0.0, 0.0)),
        Objective("energy_pj", "pJ", (0.0, 1.0, 0.0)),
        Objective("area_mm2", "mm2", (0.0, 0.0, 1.0)),
        Objective("power_w", "W", (-1.0, 1.0, 0.0), _J),
        Objective("edp_js", "J s", (1.0, 1.0, 0.0), _J),
        Objective("ed2p_js2", "J s2", (2.0, 1.0, 0.0), _J),
        Objective("eadp_jsmm2", "J s mm2", (1.0, 1.0, 1.0), _J),
    )
}
"""Objectives by name."""


@dataclasses.dataclass(frozen=True)
class Constraint:
    """An objective that may not exceed a maximum."""

    objective: Objective
    maximum: float


def find_objectives(names: Sequence[str]) -> tuple[Objective, ...]:
    """Objectives by name; InputError for an unknown or repeated one, or none."""
    if not names:
        raise InputError(f"Give at least one objective out of: {', '.join(OBJECTIVES)}.")
    for name in names:
        if name not in OBJECTIVES:
            raise InputError(f"Objective '{name}' is unknown; choose from: {', '.join(OBJECTIVES)}.")
        if list(names).count(name) > 1:
            raise InputError(f"Objective '{name}' is given twice; name it once.")
    return tuple(OBJECTIVES[name] for name in names)


def find_constraints(maxima: Mapping[str, float | int]) -> tuple[Constraint, ...]:
    """Constraints from `{"area_mm2": 20.0}`; InputError for an unknown name or a maximum that is not positive."""
    for name, maximum in maxima.items():
        if name not in OBJECTIVES:
            raise InputError(f"Constraint '{name}' is unknown; choose from: {', '.join(OBJECTIVES)}.")
        if not (np.isfinite(maximum) and maximum > 0):
            raise InputError(f"Constraint {name} <= {maximum:g} is never met; give a positive number.")
    return tuple(Constraint(OBJECTIVES[name], float(maximum)) for name, maximum in maxima.items())
