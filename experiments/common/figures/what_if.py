"""The figure of a change: components before and after, slopes, and what half and double of each parameter do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import EngFormatter, MaxNLocator

from dse import FiniteChanges
from experiments.common.design_words import quantity
from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.slopes import Slopes, change_words

Parts = Mapping[str, Mapping[str, float]]
BEFORE, AFTER = OKABE_ITO["grey"], OKABE_ITO["blue"]
MISLEADING = OKABE_ITO["black"]
_PANELS = (
    ("latency_s", "Latency by what binds", "s", 1.0),
    ("energy_pj", "Energy", "J", 1e-12),
    ("area_mm2", "Area", "mm2", 1.0),
)
LINES = ("1 %", "half", "double")
"""Of each objective in the map: its slope, and its changes."""
QUIET = 0.005
"""Slope or change up to which no number is written."""


def what_if_figure(
    before: Parts,
    after: Parts,
    slopes: Slopes,
    changes: FiniteChanges,
    shown: tuple[Sequence[str], Sequence[str]],
    title: str,
) -> Figure:
    """Bars of latency, energy and area by component, and a map of slopes and of changes at half and double.

    `shown` are the parameters and the objectives of the map.
    """
    figure = new_figure(12.0, 9.0)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.55))
    top, bottom = halves
    panels: Any = top.subplots(1, 3)
    for axes, (kind, label, unit, factor) in zip(panels, _PANELS, strict=True):
        _bars(axes, before[kind], after[kind], label, unit, factor)
    handles = [Patch(color=BEFORE, label="before"), Patch(color=AFTER, label="after")]
    top.legend(handles=handles, loc="outside upper right", ncols=2)
    _map(bottom.subplots(), slopes, changes, *shown)
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


def _map(
    axes: Axes, slopes: Slopes, changes: FiniteChanges, parameters: Sequence[str], objectives: Sequence[str]
) -> None:
    """Three rows an objective: the slope, and log2 of the ratios, which are of one size where the slope holds."""
    misleading = changes.misleading(slopes)
    sides = (("below", changes.below), ("above", changes.above))
    table = np.full((len(LINES) * len(objectives), len(parameters)), np.nan)
    texts = np.full(table.shape, "", dtype=object)
    for first, objective in enumerate(objectives):
        for column, name in enumerate(parameters):
            row = len(LINES) * first
            table[row, column] = slope = slopes[name][objective]
            texts[row, column] = "" if abs(slope) < QUIET else f"{slope:+.2f}"
            for at, (side, known) in enumerate(sides, row + 1):
                if name not in known:
                    continue
                ratio = known[name].ratio(objective)
                table[at, column] = np.log2(ratio)
                texts[at, column] = "" if abs(ratio - 1) < QUIET else change_words(ratio).replace(" ", "\n")
                if side in misleading[name][objective]:
                    box = Rectangle((column - 0.46, at - 0.44), 0.92, 0.88, fill=False, ec=MISLEADING, lw=1.3)
                    axes.add_patch(box)
    image = axes.imshow(table, cmap="PuOr_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for (row, column), text in np.ndenumerate(texts):
        ink = "white" if abs(table[row, column]) > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=ink, linespacing=0.85)
    for edge in range(len(LINES), len(table), len(LINES)):
        axes.axhline(edge - 0.5, color="black", lw=0.8)
    names = [name.rpartition("_")[0] for name in objectives]
    axes.set_yticks(range(len(table)), [f"{name}, {line}" for name in names for line in LINES])
    axes.set_xticks(range(len(parameters)), list(parameters), rotation=40, ha="right", rotation_mode="anchor")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title("After the change: % for 1 % more of the parameter; change at half and double, mappings chosen anew")
    handles = [Patch(fill=False, ec=MISLEADING, lw=1.3, label="the slope misleads")]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    axes.figure.colorbar(image, ax=axes, pad=0.01, aspect=25, extend="both", label="slope, or log2 of the ratio")
