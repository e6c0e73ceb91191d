"""Designs with their costs, as rows of tables."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from dse import Design, Problem, describe
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, RESOURCES, Cost
from hwmodels.design.hardware import UNITS

FILL = "fill"
"""What binds a run that takes no cycles but the first fill of the pipeline."""


@dataclasses.dataclass(frozen=True)
class Costed:
    """A design, the cost of one run of each kernel, and the workload's with all repeats; NumPy leaves."""

    design: Design
    kernels: list[Cost]
    total: Cost
    repeats: np.ndarray

    @property
    def latencies_s(self) -> np.ndarray:
        """Of all runs of each kernel."""
        return np.array([float(cost.latency_s) for cost in self.kernels]) * self.repeats

    @property
    def point(self) -> tuple[float, float, float]:
        """Latency (s), energy (pJ), area (mm2)."""
        return float(self.total.latency_s), float(np.sum(self.total.energy_pj)), float(np.sum(self.total.area_mm2))


def cost_all(problem: Problem, designs: Sequence[Design]) -> list[Costed]:
    """Designs with all their costs."""
    details = problem.details(designs)
    return [Costed(d, kernels, total, problem.repeats) for d, (kernels, total) in zip(designs, details, strict=True)]


def bottleneck(cost: Cost) -> tuple[str, float]:
    """The resource that binds for the most cycles, and its share of them."""
    at = int(np.argmax(cost.bound_cycles))
    share = float(cost.bound_cycles[at] / max(float(cost.cycles), 1e-30))
    return RESOURCES[at], share


def titled(name: str) -> str:
    """A column's title: the name, with the unit behind it where it does not end in it."""
    unit = UNITS.get(name.rpartition(".")[2], "")
    return name if not unit or name.endswith(f"_{unit}") else f"{name} [{unit}]"


def design_row(costed: Costed, row: int) -> dict[str, Any]:
    """One row of `front.csv`: objectives, bottleneck, then every parameter."""
    latency, energy, area = costed.point
    name, share = bottleneck(costed.total)
    measured = {
        "row": row,
        "latency_s": latency,
        "energy_pj": energy,
        "area_mm2": area,
        "power_w": energy * 1e-12 / latency,
        "edp_js": energy * 1e-12 * latency,
        "utilization": float(costed.total.utilization),
        "bottleneck": name,
        "bottleneck_share": share,
    }
    return measured | {titled(key): value for key, value in describe(costed.design).items()}


def layer_rows(costed: Costed, row: int) -> list[dict[str, Any]]:
    """Rows of `layers.csv`: one run of each kernel on one design."""
    rows = []
    for name, mapping, cost, repeats in zip(
        costed.design.kernels, costed.design.mappings, costed.kernels, costed.repeats, strict=True
    ):
        binding, share = bottleneck(cost)
        numbers = {
            "repeats": float(repeats),
            "latency_s": float(cost.latency_s),
            "cycles": float(cost.cycles),
            "energy_pj": float(np.sum(cost.energy_pj)),
            "utilization": float(cost.utilization),
        }
        traffic = {field.name: float(getattr(cost.traffic, field.name)) for field in dataclasses.fields(cost.traffic)}
        computes = {
            f"{field.name}_macs": float(getattr(cost.computes, field.name))
            for field in dataclasses.fields(cost.computes)
        }
        parts = {
            f"energy_{part}_pj": float(value) for part, value in zip(ENERGY_COMPONENTS, cost.energy_pj, strict=True)
        }
        rows.append(
            {"row": row, "kernel": name, **numbers, "bottleneck": binding, "bottleneck_share": share}
            | traffic
            | computes
            | parts
            | {titled(key): value for key, value in mapping.items()}
        )
    return rows


def parts_of(cost: Cost) -> dict[str, dict[str, float]]:
    """A cost by component: time by binding resource, energy, area; each adds up to the whole."""
    seconds = float(cost.latency_s) / max(float(cost.cycles), 1e-30)
    time = {str(name): float(c) * seconds for name, c in zip(RESOURCES, cost.bound_cycles, strict=True)}
    time[FILL] = max(float(cost.latency_s) - sum(time.values()), 0.0)
    energy = {str(name): float(value) for name, value in zip(ENERGY_COMPONENTS, cost.energy_pj, strict=True)}
    area = {str(name): float(value) for name, value in zip(AREA_COMPONENTS, cost.area_mm2, strict=True)}
    return {"latency_s": time, "energy_pj": energy, "area_mm2": area}
