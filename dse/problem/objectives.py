"""What is minimised and what is limited.

Every objective is a product of powers of latency, energy and area, so its logarithm is linear in theirs: one gradient
of (log latency, log energy, log area) serves them all, and the same table serves constraints.

Where all designs of a problem have the same DRAM, the scenario's or one that is held, area is that of the accelerator
without the DRAM's PHY, next to which small designs would all look alike. Where the DRAM is free the PHY counts, for
else memory would cost nothing (`Problem.counts_phy`).
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
    """Of latency (s), energy (pJ) and area (mm2)."""
    factor: float = 1.0
    of_die: bool = False
    """Whether energy and area are those of the die: without what heats the DRAM, with its PHY."""

    def value(
        self,
        latency_s: np.ndarray,
        energy_pj: np.ndarray,
        area_mm2: np.ndarray,
        die: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """The objective of each design; `die`: energy (pJ) and area (mm2) of the die, those of all if they are not
        known."""
        x, y, z = self.exponents
        if self.of_die and die is not None:
            energy_pj, area_mm2 = die
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
AIR_COOLED_W_MM2 = 0.86
"""Power of a die over its area that is known to be cooled by air: NVIDIA H100, 700 W (its HBM's included) on 814 mm2
(whitepaper and data sheet). TPUv4i has 175 W, A100 400 W on 826 mm2."""
LIMITED = OBJECTIVES | {
    o.name: o for o in (Objective("power_density_w_mm2", "W/mm2", (-1.0, 1.0, -1.0), _J, of_die=True),)
}
"""What may be limited, by name: objectives, and the power of the die over its area."""


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
        if name not in LIMITED:
            raise InputError(f"Constraint '{name}' is unknown; choose from: {', '.join(LIMITED)}.")
        if not (np.isfinite(maximum) and maximum > 0):
            raise InputError(f"Constraint {name} <= {maximum:g} is never met; give a positive number.")
    return tuple(Constraint(LIMITED[name], float(maximum)) for name, maximum in maxima.items())
