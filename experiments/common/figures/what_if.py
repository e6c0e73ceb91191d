"""The figure of a change: components before and after, and elasticities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from experiments.common.design_words import quantity
from experiments.common.figures.style import OKABE_ITO, new_figure

Parts = Mapping[str, Mapping[str, float]]
BEFORE, AFTER = OKABE_ITO["grey"], OKABE_ITO["blue"]
_PANELS = (
    ("latency_s", "Latency by what binds", "s", 1.0),
    ("energy_pj", "Energy", "J", 1e-12),
    ("area_mm2", "Area", "mm2", 1.0),
)


def what_if_figure(before: Parts, after: Parts, slopes: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Bars of latency, energy and area by component, and a map of elasticities (parameter -> objective -> slope)."""
    figure = new_figure(11.0, 7.2)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.05))
    top, bottom = halves
    panels: Any = top.subplots(1, 3)
    for axes, (kind, label, unit, factor) in zip(panels, _PANELS, strict=True):
        _bars(axes, before[kind], after[kind], label, unit, factor)
    handles = [Patch(color=BEFORE, label="before"), Patch(color=AFTER, label="after")]
    top.legend(handles=handles, loc="outside upper right", ncols=2)
    _map(bottom.subplots(), slopes)
    return figure


def _bars(
    axes: Axes, before: Mapping[str, float], after: Mapping[str, float], label: str, unit: str, factor: float
) -> None:
    old, new = sum(before.values()), sum(after.values())
    names = [name for name in before if max(before[name], after[name]) > 2e-3 * max(old, new)]
    place = np.arange(len(names))
    axes.barh(place - 0.2, [before[name] * factor for name in names], 0.38, color=BEFORE)
    axes.barh(place + 0.2, [after[name] * factor for name in names], 0.38, color=AFTER)
    axes.set_yticks(place, [name.replace("_", " ") for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    if unit == "mm2":
        axes.set_xlabel("mm²")
    else:
        axes.xaxis.set_major_formatter(EngFormatter(unit=unit, sep=" "))
    words = quantity(new * factor, unit).replace("mm2", "mm²")
    axes.set_title(f"{label}: {words} ({new / old - 1:+.1%})")


def _map(axes: Axes, slopes: Mapping[str, Mapping[str, float]]) -> None:
    objectives = list(next(iter(slopes.values())))
    table = np.array([[row[objective] for row in slopes.values()] for objective in objectives])
    strongest = max(float(np.abs(table[np.isfinite(table)]).max(initial=0.0)), 1e-6)
    image = axes.imshow(table, cmap="PuOr_r", vmin=-min(strongest, 1.0), vmax=min(strongest, 1.0), aspect="auto")
    axes.set_title("Elasticity after the change: % of the objective for 1 % more of the parameter")
    axes.set_yticks(range(len(objectives)), [name.rpartition("_")[0] for name in objectives])
    axes.set_xticks(range(len(slopes)), list(slopes), rotation=40, ha="right", rotation_mode="anchor")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for row, values in enumerate(table):
        for column, value in enumerate(values):
            if not abs(value) < 0.005:  # what is not a number is shown too
                ink = "white" if abs(value) > 0.6 * min(strongest, 1.0) else "black"
                axes.text(column, row, f"{value:+.2f}", ha="center", va="center", fontsize=7, color=ink)
    axes.figure.colorbar(image, ax=axes, pad=0.01, aspect=20, extend="both" if strongest > 1.0 else "neither")
