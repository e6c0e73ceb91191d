"""Predicted against published, one small panel a system; groups of points in units of their own mean."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogFormatterMathtext, LogLocator, NullFormatter

from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.published.report import Group

COLUMNS = 4
PANEL_IN = 2.9
COLOURS = tuple(OKABE_ITO[name] for name in ("blue", "orange", "green", "vermilion", "sky", "purple", "grey"))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEGEND_NAMES = 6
"""Groups of a panel that are named; the rest are drawn alike."""
LONGEST_NAME = 34


def parity_figure(groups: Sequence[Group]) -> Figure:
    """Panels of all systems with predictions: log axes of equal range; lines at equality, twice and half.

    Both axes are over the geometric mean of what is published of the group, so that times, energies and ratios share a
    panel. Groups with a bar have filled markers.
    """
    systems = list(dict.fromkeys(group.system for group in groups if len(group.published)))
    columns = min(COLUMNS, len(systems))
    rows = math.ceil(len(systems) / columns)
    figure = new_figure(PANEL_IN * columns, PANEL_IN * 1.05 * rows + 0.4)
    for at, system in enumerate(systems):
        axes = figure.add_subplot(rows, columns, at + 1)
        _panel(axes, system, [group for group in groups if group.system == system and len(group.published)])
    figure.supxlabel("published, over the geometric mean of its group (filled: has a bar; dotted: 2 x off)", fontsize=9)
    figure.supylabel("predicted, over the same", fontsize=9)
    return figure


def _panel(axes: Axes, system: str, groups: Sequence[Group]) -> None:
    ordered = sorted(groups, key=lambda group: (not group.asked, -len(group.published)))
    pairs = [_scaled(group) for group in ordered]
    every = np.concatenate([*(part for pair in pairs for part in pair), np.array([0.5, 2.0])])
    ends = np.array([every.min() / 1.6, every.max() * 1.6])
    for factor, line in ((1.0, "-"), (2.0, ":"), (0.5, ":")):
        axes.plot(ends, ends * factor, line, color="black", lw=0.7, zorder=1)
    for at, (group, (published, predicted)) in enumerate(zip(ordered, pairs, strict=True)):
        look = min(at, LEGEND_NAMES)
        label = _short(group.name) if at < LEGEND_NAMES else ("others" if at == LEGEND_NAMES else None)
        axes.plot(
            published, predicted, MARKERS[look], color=COLOURS[look], mfc=COLOURS[look] if group.asked else "none",
            alpha=0.8, mew=0.9, ms=4.5, label=label, zorder=3 if group.asked else 2,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    span = math.log10(ends[1] / ends[0])
    subs, decades = ((1.0, 2.0, 5.0) if span < 1.5 else (1.0,)), max(math.ceil(span / 4), 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(base=10.0**decades, subs=subs))
        axis.set_major_formatter(LogFormatterMathtext() if decades > 1 or span >= 1.5 else FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_title(system)
    axes.tick_params(labelsize=7)
    axes.legend(loc="best", fontsize=5.5, handletextpad=0.1, borderpad=0.1, labelspacing=0.25)


def _scaled(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Published and predicted over the geometric mean of the former; those that a log axis can show."""
    shown = (group.published > 0) & (group.predicted > 0)
    published, predicted = group.published[shown], group.predicted[shown]
    mean = math.exp(float(np.log(published).mean())) if shown.any() else 1.0
    return published / mean, predicted / mean


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
