"""Predicted against published, one small panel a system."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.common.published.report import Group
from experiments.common.style import OKABE_ITO, new_figure

COLUMNS = 4
PANEL_IN = 2.9
COLOURS = tuple(OKABE_ITO[name] for name in ("blue", "orange", "green", "vermilion", "sky", "purple", "black"))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEGEND_NAMES = 6
"""Groups of a panel that are named; the rest are drawn alike."""
LONGEST_NAME = 34


def parity_figure(groups: Sequence[Group]) -> Figure:
    """Panels of all systems with predictions: log axes of equal range; lines at equality, twice and half."""
    systems = list(dict.fromkeys(group.system for group in groups if len(group.published)))
    columns = min(COLUMNS, len(systems))
    rows = math.ceil(len(systems) / columns)
    figure = new_figure(PANEL_IN * columns, PANEL_IN * 1.05 * rows + 0.4)
    for at, system in enumerate(systems):
        axes = figure.add_subplot(rows, columns, at + 1)
        _panel(axes, system, [group for group in groups if group.system == system and len(group.published)])
    figure.supxlabel("published (units of each point)", fontsize=9)
    figure.supylabel("predicted", fontsize=9)
    return figure


def _panel(axes: Axes, system: str, groups: Sequence[Group]) -> None:
    every = np.concatenate([part[part > 0] for g in groups for part in (g.published, g.predicted)])
    if len(every) == 0:
        every = np.ones(1)
    ends = np.array([every.min() / 2, every.max() * 2])
    for factor, line in ((1.0, "-"), (2.0, ":"), (0.5, ":")):
        axes.plot(ends, ends * factor, line, color="black", lw=0.7, zorder=1)
    for at, group in enumerate(sorted(groups, key=lambda g: -len(g.published))):
        look = min(at, LEGEND_NAMES)
        label = _short(group.name) if at < LEGEND_NAMES else ("others" if at == LEGEND_NAMES else None)
        shown = (group.published > 0) & (group.predicted > 0)
        axes.plot(
            group.published[shown], group.predicted[shown], MARKERS[look], color=COLOURS[look], mfc="none", mew=0.9,
            ms=4.5, label=label, zorder=2,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    decades = max(math.ceil(math.log10(ends[1] / ends[0]) / 4), 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(base=10.0**decades))
        axis.set_minor_formatter(NullFormatter())
    axes.set_title(system)
    axes.tick_params(labelsize=7)
    axes.legend(loc="lower right", fontsize=5.5, handletextpad=0.1, borderpad=0.1, labelspacing=0.25)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
