"""The figure of accuracy against energy, latency and their product, arm against arm."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from experiments.common.codesign.points import CodesignPoint
from experiments.common.figures.style import OKABE_ITO, log_axis, new_figure
from experiments.common.prune.figure import LOOKS as METHODS

LOOKS: dict[str, dict[str, Any]] = {
    **{name: {**look, "ls": "--", "lw": 1.0, "label": f"first: {look['label']}"} for name, look in METHODS.items()},
    "whole": {"color": OKABE_ITO["black"], "marker": "o", "lw": 2.2, "label": "co-design: whole outputs and inputs"},
    "single": {
        "color": OKABE_ITO["black"],
        "marker": "d",
        "ls": "-.",
        "lw": 1.4,
        "label": "co-design: single weights too",
    },
    "still": {
        "color": OKABE_ITO["black"],
        "marker": "P",
        "ls": ":",
        "lw": 1.2,
        "label": "priced by the dense network's machine",
    },
    "macs": {"color": OKABE_ITO["grey"], "marker": "X", "lw": 1.2, "label": "priced by multiplications"},
}
PANELS = (
    ("edp_js", 1.0, "J s", "Energy-delay product"),
    ("energy_pj", 1e-12, "J", "Energy"),
    ("latency_s", 1.0, "s", "Latency"),
)
SHORT = 12.0
"""Ratio of the ends of an axis below which more of it is labelled."""
_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999)
"""Accuracies; the axis is the logarithm of the error."""


def codesign_figure(
    points: Sequence[CodesignPoint], dense: CodesignPoint, levels: Sequence[float], images: int, title: str
) -> Figure:
    """Means over seeds (costs: geometric), a line for each method; dotted, the accuracies that arms are compared at."""
    figure = new_figure(13.0, 5.6)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.get_layout_engine().set(wspace=0.07)  # pyright: ignore[reportOptionalMemberAccess]
    panels: Any = figure.subplots(1, len(PANELS), sharey=True)
    least = 0.5 / images
    lowest = min(levels) - 0.04
    for axes, (name, factor, unit, label) in zip(panels, PANELS, strict=True):
        _lines(axes, points, dense, name, factor, least, lowest)
        for level in levels:
            axes.axhline(1 - level, color="black", lw=0.7, ls=":")
        log_axis(axes, "x", unit, f"{label} of a batch")
        low, high = axes.xaxis.get_view_interval()
        if high < SHORT * low:
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
        axes.set_title(f"Accuracy against {label.lower()}")
    first = panels[0]
    first.set_yscale("log")
    first.set_ylim(1 - lowest, max((1 - max(p.accuracy.mean() for p in (*points, dense))) * 0.8, least))
    first.yaxis.set_major_locator(FixedLocator([1 - accuracy for accuracy in _TICKS]))
    first.yaxis.set_minor_locator(NullLocator())
    first.yaxis.set_minor_formatter(NullFormatter())
    first.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * (1 - error):.4g} %"))
    first.set_ylabel("Accuracy on held-out images, int8")
    used = [look for name, look in LOOKS.items() if any(point.method == name for point in points)]
    handles = [Line2D([], [], ms=5, **look) for look in used]
    handles.append(Line2D([], [], ls="", marker="*", ms=12, color="black", label="dense"))
    handles.append(Line2D([], [], ls=":", lw=0.7, color="black", label="compared at"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.4)
    return figure


def _lines(
    axes: Axes,
    points: Sequence[CodesignPoint],
    dense: CodesignPoint,
    name: str,
    factor: float,
    least: float,
    lowest: float,
) -> None:
    shown = [point for point in points if point.accuracy.mean() >= lowest]
    for method, look in LOOKS.items():
        own = [point for point in shown if point.method == method]
        if not own:
            continue
        x, y = np.array([_place(point, name, factor, least) for point in own]).T
        spread = np.array([point.accuracy.std() for point in own]) / np.sqrt(len(own[0].judged))
        style = {key: value for key, value in look.items() if key != "label"}
        low = np.minimum(spread, 0.9 * y)
        axes.errorbar(
            x, y, yerr=np.stack([low, spread]), ms=4.5, elinewidth=0.6, zorder=4 if method == "whole" else 3, **style
        )
    axes.plot(*_place(dense, name, factor, least), "*", ms=12, color="black", zorder=5)


def _place(point: CodesignPoint, name: str, factor: float, least: float) -> tuple[float, float]:
    cost = float(np.exp(np.log(getattr(point, name)).mean())) * factor
    return cost, max(float(1 - point.accuracy.mean()), least)
