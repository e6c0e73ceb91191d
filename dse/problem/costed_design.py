"""A design with all its costs: those of each kernel, and the workload's."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from dse.space.design import Design
from hwmodels.cost import Cost, counted_area_mm2
from hwmodels.design.hardware import own_fields
from hwmodels.quantities import aligned, quantity


@dataclasses.dataclass(frozen=True)
class Costed:
    """A design, the cost of one run of each kernel, and the workload's with all repeats; NumPy leaves."""

    design: Design
    kernels: list[Cost]
    total: Cost
    repeats: np.ndarray
    counts_phy: bool = False
    """Whether the DRAM's PHY is a part of the area, as in the problem."""

    def __repr__(self) -> str:
        """The hardware, the workload's cost, and a line for each kernel with all its repeats."""
        numbers = own_fields(self.design.hardware).items()
        words = [f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in numbers]
        rows = [["kernel", "repeats", "latency", "energy", "bottleneck", "dataflow", "A", "B"]]
        for kernel, cost, repeats, mapping in zip(
            self.design.kernels, self.kernels, self.repeats, self.design.mappings, strict=True
        ):
            time, energy = float(cost.latency_s) * repeats, float(cost.total_energy_pj) * repeats * 1e-12
            row = [kernel, f"{repeats:g}", quantity(time, "s"), quantity(energy, "J"), cost.bottleneck]
            operands = [f"{mapping[f'{operand}_format']} {mapping[f'{operand}_zero']}" for operand in "ab"]
            rows.append([*row, str(mapping["dataflow"]), *operands])
        return "\n".join([", ".join(words), "", repr(self.total), "", *aligned(rows, right=(1, 2, 3))])

    @property
    def latencies_s(self) -> np.ndarray:
        """Of all runs of each kernel."""
        return np.array([float(cost.latency_s) for cost in self.kernels]) * self.repeats

    @property
    def point(self) -> tuple[float, float, float]:
        """Latency (s), energy (pJ), area that counts (mm2)."""
        area = counted_area_mm2(self.total.area_mm2, self.counts_phy)
        return float(self.total.latency_s), float(np.sum(self.total.energy_pj)), float(area)


def total_cost(costs: Sequence[Cost], repeats: np.ndarray) -> Cost:
    """Cost of a workload: sums over kernels times repeats; area and fit are the worst kernel's. NumPy leaves."""
    total = jax.tree.map(lambda *leaves: sum(r * leaf for r, leaf in zip(repeats, leaves, strict=True)), *costs)
    # Kernels share one array: what it does is the mean over the cycles, also where nothing is effectual.
    used = np.average([c.utilization for c in costs], weights=repeats * np.array([c.cycles for c in costs]))
    worst = [np.max([np.asarray(getattr(c, name)) for c in costs], axis=0) for name in ("area_mm2", "fits")]
    return eqx.tree_at(lambda c: (c.utilization, c.area_mm2, c.fits), total, (used, *worst))
