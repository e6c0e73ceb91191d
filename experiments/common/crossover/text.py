"""What the densities tell, in words and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.common.crossover.curves import Curve, crossing
from experiments.common.crossover.machines import FoundMachine
from experiments.common.design_words import energy, hardware_words, mapping_words, quantity, times
from experiments.common.table import text_table
from hwmodels.cost import AREA_COMPONENTS, ENERGY_COMPONENTS, Cost

SPARSE_UNITS = ("decoder", "intersection", "scheduler")
"""Area that a dense machine has no use for (it keeps the simplest scheduler)."""
MODES = ("compute", "gate", "skip")
WHY = {
    "mac": "the multiplier switches for nothing",
    "pe_buffer": "an operand is read from a PE's buffer for every multiply, also by zero",
    "accumulator": "a sum is read and written for every multiply, also by zero",
    "intersect_decode": "zeros are decoded",
    "noc": "zeros travel",
    "glb": "zeros are read from the GLB",
    "dram": "zeros are fetched",
    "dram_standing": "multiplying by zero takes time, and the DRAM refreshes and waits meanwhile",
    "clock": "multiplying by zero takes cycles, and the clock runs through them",
    "leakage": "multiplying by zero takes time, and the whole chip leaks meanwhile",
}
"""What a zero spends each component of energy on."""


def density_words(density: float | None) -> str:
    """A crossover density."""
    if density is None:
        return "never"
    if density >= 0.995:
        return "always" if density == float("inf") else "any zeros"
    return f"{density:.2%}" if density < 0.1 else f"{density:.0%}"


def crossing_rows(
    densities: Sequence[float], machines: Mapping[str, FoundMachine], equal: FoundMachine
) -> list[dict[str, Any]]:
    """Where each machine starts to pay: crossover densities against the dense machine of the same array, and of equal
    area."""
    rows = []
    for name, machine in machines.items():
        if name == "dense":
            continue
        row: dict[str, Any] = {"machine": name}
        for rival_name, rival in (("dense", machines["dense"]), ("dense_equal_area", equal)):
            latency, joules = rival.latency_s / machine.latency_s, rival.energy_pj / machine.energy_pj
            for what, gain in (("latency", latency), ("energy", joules), ("edp", latency * joules)):
                at = crossing(densities, gain)
                if at is not None and machine.kind.two_of_four and densities[0] > 0.5:
                    at = min(at, 0.5)  # denser matrices have no 2:4 pattern
                row[f"{what}_vs_{rival_name}"] = at
        rows.append(row)
    return rows


def crossing_table(rows: Sequence[Mapping[str, Any]], machines: Mapping[str, FoundMachine]) -> str:
    """`crossing_rows` as text."""
    keys = [key for key in rows[0] if key != "machine"]
    header = ("", *(key.split("_vs_")[0] + (", area" if key.endswith("area") else "") for key in keys))
    head = "Density below which each takes less than the dense machine of the same array, and than that of equal area"
    table = [(machines[row["machine"]].kind.title, *(density_words(row[key]) for key in keys)) for row in rows]
    return f"{head}\n" + text_table(header, table)


def machine_table(machines: Mapping[str, FoundMachine], equal: FoundMachine) -> str:
    """The hardware of each machine."""
    rows = []
    for title, machine in [*((m.kind.title, m) for m in machines.values()), ("Dense of equal area", equal)]:
        area = dict(zip(AREA_COMPONENTS, machine.costs[0].area_mm2, strict=True))
        units = sum(float(area[name]) for name in SPARSE_UNITS)
        rows.append(
            (title, f"{machine.area_mm2:.3g} mm2", f"{units / machine.area_mm2:.1%}", hardware_words(machine.design))
        )
    return text_table(("", "area", "sparse units", "hardware"), rows, left=(0, 3))


def at_density(machines: Mapping[str, FoundMachine], equal: FoundMachine, at: int, density: float) -> str:
    """Every machine at one density."""
    dense = machines["dense"]
    rows = []
    for title, machine in [*((m.kind.title, m) for m in machines.values()), ("Dense of equal area", equal)]:
        cost = machine.costs[at]
        name, share = cost.bottleneck, cost.bottleneck_share
        parts = np.asarray(cost.energy_pj) / np.sum(cost.energy_pj)
        top = int(parts.argmax())
        rows.append(
            (
                title,
                quantity(machine.latency_s[at], "s"),
                f"{dense.latency_s[at] / machine.latency_s[at]:.3g} x",
                energy(machine.energy_pj[at]),
                f"{dense.energy_pj[at] / machine.energy_pj[at]:.3g} x",
                f"{float(cost.utilization):.1%}",
                f"{name} {share:.0%}",
                f"{ENERGY_COMPONENTS[top]} {parts[top]:.0%}",
                mapping_words(machine.design.mappings[at]),
            )
        )
    header = ("", "latency", "speed-up", "energy", "saving", "MACs used", "bound by", "energy in", "mapping")
    head = f"At {density:.2%} of non-zeros (a zero never pays more than {1 / density:.3g} x), against the dense machine"
    return f"{head}\n" + text_table(header, rows, left=(0, 6, 7, 8))


def zero_rows(densities: Sequence[float], modes: Mapping[str, Sequence[Cost]]) -> list[dict[str, Any]]:
    """Rows of `zeros.csv`: energy by component and latency of one machine that computes, gates or skips."""
    return [
        {
            "density": density,
            "zeros": mode,
            "latency_s": float(cost.latency_s),
            "energy_pj": float(np.sum(cost.energy_pj)),
            **{
                f"energy_{part}_pj": float(value) for part, value in zip(ENERGY_COMPONENTS, cost.energy_pj, strict=True)
            },
        }
        for at, density in enumerate(densities)
        for mode, costs in modes.items()
        for cost in [costs[at]]
    ]


def zero_table(modes: Mapping[str, Sequence[Cost]], at: int, density: float) -> str:
    """What a zero costs at one density: computed, gated and skipped, by component."""
    costs = {mode: of[at] for mode, of in modes.items()}
    computes = costs["compute"].computes
    zeros = float(computes.ineffectual)
    each = {mode: np.asarray(cost.energy_pj, float) / zeros for mode, cost in costs.items()}
    saved = each["compute"] - each["skip"]
    names = [str(name) for name in ENERGY_COMPONENTS]
    rows = [
        (
            name,
            *(f"{each[mode][i] * 1e3:.1f}" for mode in MODES),
            f"{saved[i] * 1e3:.1f}",
            f"{saved[i] / saved.sum():.0%}",
        )
        for i, name in enumerate(names)
        if max(each[mode][i] for mode in MODES) > 1e-3 * each["compute"].sum()
    ]
    whole = ("all", *(f"{each[mode].sum() * 1e3:.1f}" for mode in MODES), f"{saved.sum() * 1e3:.1f}", "100%")
    gated = each["compute"].sum() - each["gate"].sum()
    top = names[int(saved.argmax())]
    slower = float(costs["compute"].latency_s) / float(costs["skip"].latency_s)
    text = text_table(("fJ for each zero of A x B", *MODES, "saved by skipping", "share"), [*rows, whole])
    return (
        f"A zero at {density:.2%} of non-zeros, on the CSR machine with one mapping, all its energy over the "
        f"{zeros:.3g} multiplies by zero\n{text}\n"
        f"  Gating saves {gated * 1e3:.3g} fJ a zero, {gated / saved.sum():.0%} of what skipping saves, and no time; "
        f"skipping is {slower:.3g} times as fast.\n"
        f"  Of that, {top} energy is most: {WHY[top]}."
    )


def dense_price(machines: Mapping[str, FoundMachine], equal: FoundMachine) -> str:
    """What sparse hardware costs on the densest work."""
    dense = machines["dense"]
    rows = []
    for name, machine in machines.items():
        if name == "dense":
            continue
        rows.append(
            (
                machine.kind.title,
                f"{machine.latency_s[0] / dense.latency_s[0] - 1:+.1%}",
                f"{machine.energy_pj[0] / dense.energy_pj[0] - 1:+.1%}",
                f"{machine.area_mm2 / dense.area_mm2 - 1:+.1%}",
                f"{machine.latency_s[0] / equal.latency_s[0] - 1:+.1%}",
                f"{machine.energy_pj[0] / equal.energy_pj[0] - 1:+.1%}",
            )
        )
    header = ("", "latency", "energy", "area", "latency, equal area", "energy, equal area")
    return text_table(header, rows)


def system_table(densities: Sequence[float], curves: Sequence[Curve], at: int) -> str:
    """Systems against their dense counterparts."""
    rows = [
        (
            curve.title,
            curve.node,
            density_words(crossing(densities, curve.speedup)),
            times(curve.speedup[at]),
            times(curve.saving[at]),
            times(curve.speedup[0]),
            f"{curve.utilization[at]:.1%}" if np.isfinite(curve.utilization[at]) else "",
        )
        for curve in curves
        if np.isfinite(curve.latency_s).any()
    ]
    here = f"at {densities[at]:.2%}"
    header = ("", "node", "faster", f"speed-up {here}", f"energy saved {here}", "on dense work", f"used {here}")
    return text_table(header, rows, left=(0, 1))


def cannot(curves: Sequence[Curve]) -> list[str]:
    """Systems that cannot run the product, and why."""
    return [f"  {curve.title}: {curve.reason}" for curve in curves if not np.isfinite(curve.latency_s).any()]
