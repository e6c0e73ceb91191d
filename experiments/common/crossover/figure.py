"""The figure of a sweep over density."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

from experiments.common.crossover.curves import Curve, crossing
from experiments.common.crossover.machines import FoundMachine
from experiments.common.figures.style import ENERGY_COLOURS, OKABE_ITO, log_axis, new_figure
from hwmodels.cost import ENERGY_COMPONENTS, Cost

LINES: dict[str, dict[str, Any]] = {
    "dense": {"color": OKABE_ITO["black"], "marker": ""},
    "gated": {"color": OKABE_ITO["grey"], "marker": "", "ls": "--"},
    "nm4": {"color": OKABE_ITO["orange"], "marker": "P"},
    "bitmask": {"color": OKABE_ITO["sky"], "marker": "s"},
    "rle": {"color": OKABE_ITO["green"], "marker": "v"},
    "csr": {"color": OKABE_ITO["vermilion"], "marker": "o"},
}
LOWEST_SPEEDUP = 0.03
"""That is drawn: arrays far too large for a product would squeeze all others."""
_DASHES = ("-", "--", "-.", ":")
_CYCLE = ("blue", "orange", "green", "vermilion", "sky", "purple", "black", "grey")
_MARKERS = "osv^DPX<>ph*"


def crossover_figure(
    densities: Sequence[float],
    machines: Mapping[str, FoundMachine],
    equal: FoundMachine,
    modes: Mapping[str, Sequence[Cost]],
    curves: Sequence[Curve],
    shown: Sequence[int],
    title: str,
) -> Figure:
    """Latency and energy of the machines, what zeros cost by component (at the densities `shown`), and the systems."""
    figure = new_figure(12.0, 9.2)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.05))
    top, bottom = rows
    left, right = top.subplots(1, 2)
    _lines(left, densities, machines, equal, "latency_s", "s", 1.0, "Latency")
    _lines(right, densities, machines, equal, "energy_pj", "J", 1e-12, "Energy")
    handles = [Line2D([], [], ms=5, lw=1.4, label=machines[name].kind.title, **LINES[name]) for name in machines]
    handles.append(Line2D([], [], color="black", ls=":", lw=1.4, label="Dense, area of the CSR machine"))
    handles.append(Line2D([], [], ls="", marker="o", mfc="none", mec="black", ms=9, label="starts to pay"))
    top.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
    zeros, systems = bottom.subplots(1, 2)
    _zeros(zeros, densities, modes, shown)
    parts = [name for at, name in enumerate(ENERGY_COMPONENTS) if _counts(at, modes, shown)]
    patches = [Patch(color=ENERGY_COLOURS[name], label=name.replace("_", " ")) for name in parts]
    zeros.legend(handles=patches, loc="upper right", ncols=2, columnspacing=1.0)
    _systems(systems, densities, curves)
    bottom.legend(handles=systems.get_legend_handles_labels()[0], loc="outside right center")
    return figure


def _density_axis(axes: Axes, densities: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(densities[0] * 1.15, densities[-1] / 1.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    axes.set_xlabel("Non-zeros of A")


def _lines(
    axes: Axes,
    densities: Sequence[float],
    machines: Mapping[str, FoundMachine],
    equal: FoundMachine,
    quantity: str,
    unit: str,
    factor: float,
    label: str,
) -> None:
    dense = getattr(machines["dense"], quantity)
    axes.plot(densities, getattr(equal, quantity) * factor, color="black", ls=":", lw=1.4)
    for name, machine in machines.items():
        values = getattr(machine, quantity)
        axes.plot(densities, values * factor, lw=1.4, ms=4, **LINES[name])
        at = crossing(densities, dense / values) if name not in ("dense", "gated") else None
        if at is not None and at < 0.995 and not machine.kind.two_of_four:
            height = np.exp(np.interp(np.log(at), np.log(densities[::-1]), np.log(values[::-1])))
            axes.plot(at, height * factor, "o", mfc="none", mec=LINES[name]["color"], mew=1.4, ms=10)
    _density_axis(axes, densities)
    log_axis(axes, "y", unit, label)
    axes.set_title(f"{label} against density")


def _counts(at: int, modes: Mapping[str, Sequence[Cost]], shown: Sequence[int]) -> bool:
    return any(cost[i].energy_pj[at] > 5e-3 * np.sum(cost[i].energy_pj) for cost in modes.values() for i in shown)


def _zeros(axes: Axes, densities: Sequence[float], modes: Mapping[str, Sequence[Cost]], shown: Sequence[int]) -> None:
    """Stacked bars of energy by component: compute, gate and skip at each density."""
    width, ticks = 0.27, []
    for group, at in enumerate(shown):
        for place, (mode, costs) in enumerate(modes.items()):
            x, base = group + (place - 1) * (width + 0.03), 0.0
            for name, value in zip(ENERGY_COMPONENTS, np.asarray(costs[at].energy_pj) * 1e-12, strict=True):
                axes.bar(x, value, width, bottom=base, color=ENERGY_COLOURS[name], lw=0)
                base += float(value)
            ticks.append((x, mode))
        axes.text(group, -0.09, f"{densities[at]:.3%}".rstrip("0%").rstrip(".") + " % non-zeros",
                  transform=axes.get_xaxis_transform(), ha="center", va="top", fontweight="bold")  # fmt: skip
    axes.set_xticks([x for x, _ in ticks], [mode for _, mode in ticks], fontsize=7.5)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(EngFormatter(unit="J", sep=" "))
    axes.set_ylabel("Energy")
    axes.set_title("Zeros computed, gated or skipped (CSR machine, one mapping)")


def _systems(axes: Axes, densities: Sequence[float], curves: Sequence[Curve]) -> None:
    able = [curve for curve in curves if np.isfinite(curve.speedup).any()]
    for at, curve in enumerate(able):
        style = {
            "color": OKABE_ITO[_CYCLE[at % len(_CYCLE)]],
            "ls": _DASHES[at // len(_CYCLE) % len(_DASHES)],
            "marker": _MARKERS[at % len(_MARKERS)],
        }
        axes.plot(densities, curve.speedup, lw=1.2, ms=3.5, label=curve.title, **style)
    axes.axhline(1.0, color="black", lw=0.8)
    _density_axis(axes, densities)
    axes.set_yscale("log")
    axes.set_ylim(bottom=max(axes.get_ylim()[0], LOWEST_SPEEDUP))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
    axes.set_ylabel("Speed-up over a dense array of as many multipliers")
    axes.set_title("Systems and this CPU, each against its dense counterpart")
