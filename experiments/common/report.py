"""Designs with their costs, as rows of tables."""

import dataclasses
from typing import Any

import numpy as np

from dse import Costed, describe
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS
from hwmodels.design.hardware import UNITS


def titled(name: str) -> str:
    """A column's title: the name, with the unit behind it where it does not end in it."""
    unit = UNITS.get(name.rpartition(".")[2], "")
    return name if not unit or name.endswith(f"_{unit}") else f"{name} [{unit}]"


def design_row(costed: Costed, row: int) -> dict[str, Any]:
    """One row of `front.csv`: objectives (area as the problem counts it), bottleneck, then every parameter."""
    latency, energy, area = costed.point
    measured = {
        "row": row,
        "latency_s": latency,
        "energy_pj": energy,
        "area_mm2": area,
        "dram_phy_area_mm2": float(costed.total.area_mm2[AREA_COMPONENTS.index("dram_phy")]),
        "die_area_mm2": float(costed.total.total_area_mm2),
        "power_w": float(costed.total.power_w),
        "power_density_w_mm2": float(costed.total.power_density_w_mm2),
        "max_clock_ghz": float(costed.total.max_clock_ghz),
        "edp_js": float(costed.total.edp_js),
        "utilization": float(costed.total.utilization),
        "bottleneck": costed.total.bottleneck,
        "bottleneck_share": costed.total.bottleneck_share,
    }
    return measured | {titled(key): value for key, value in describe(costed.design).items()}


def layer_rows(costed: Costed, row: int) -> list[dict[str, Any]]:
    """Rows of `layers.csv`: one run of each kernel on one design."""
    rows = []
    for name, mapping, cost, repeats in zip(
        costed.design.kernels, costed.design.mappings, costed.kernels, costed.repeats, strict=True
    ):
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
            {"row": row, "kernel": name, **numbers}
            | {"bottleneck": cost.bottleneck, "bottleneck_share": cost.bottleneck_share}
            | traffic
            | computes
            | parts
            | {titled(key): value for key, value in mapping.items()}
        )
    return rows
