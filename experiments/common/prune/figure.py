"""The figure of accuracy against zeros, energy and latency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator, PercentFormatter

from experiments.common.figures.style import OKABE_ITO, log_axis, new_figure
from experiments.common.prune.points import PruningPoint

LOOKS: dict[str, dict[str, Any]] = {
    "global": {"color": OKABE_ITO["blue"], "marker": "o", "label": "magnitude, all layers together"},
    "layer": {"color": OKABE_ITO["sky"], "marker": "s", "label": "magnitude, layer by layer"},
    "nm4": {"color": OKABE_ITO["orange"], "marker": "^", "label": "N:4"},
    "nm8": {"color": OKABE_ITO["vermilion"], "marker": "v", "label": "N:8"},
    "rows": {"color": OKABE_ITO["green"], "marker": "D", "label": "whole rows and channels"},
    "units": {"color": OKABE_ITO["purple"], "marker": "<", "label": "whole outputs and inputs"},
}
APART = 1.2
"""Ratio of costs from which on two names do not overlap."""
_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""Accuracies; the axis is the logarithm of the error, because a point counts for more near the top."""


def prune_figure(points: Sequence[PruningPoint], at_knee: int, images: int, bits: int, title: str) -> Figure:
    """Accuracy against zeros, energy and latency, a line for each method, standard deviations over seeds."""
    figure = new_figure(13.0, 5.0)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    panels: Any = figure.subplots(1, 3, sharey=True)
    least = 0.5 / images
    for axes, (name, factor) in zip(panels, (("zeros", 1.0), ("energy_pj", 1e-12), ("latency_s", 1.0)), strict=True):
        _lines(axes, points, name, factor, least)
        _marks(axes, points, at_knee, name, factor, least)
    zeros, energy, latency = panels
    zeros.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    zeros.set_xlabel("Zeros among the weights")
    zeros.set_title("What pruning costs in accuracy")
    log_axis(energy, "x", "J", "Energy of a batch")
    energy.set_title("Accuracy against energy")
    log_axis(latency, "x", "s", "Latency of a batch")
    latency.set_title("Accuracy against latency")
    accuracy_axis(zeros, f"Accuracy on held-out images, int{bits}")
    used = [name for name in LOOKS if any(point.case.zeros and point.case.pattern == name for point in points)]
    handles = [Line2D([], [], ms=5, lw=1.4, **LOOKS[name]) for name in used]
    handles += [
        Line2D([], [], ls="", marker="*", ms=12, color="black", label="dense"),
        Line2D(
            [], [], ls="", marker="o", ms=12, mfc="none", mec="black", mew=1.6, label=f"knee: {points[at_knee].title}"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.4)
    return figure


def accuracy_axis(axes: Axes, label: str) -> None:
    """The vertical axis as the logarithm of the error, accuracies written at it."""
    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(FixedLocator([1 - accuracy for accuracy in _TICKS]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * (1 - error):.4g} %"))
    axes.set_ylabel(label)


def _error(values: np.ndarray, least: float) -> tuple[float, tuple[float, float]]:
    """Mean error, and how far a standard deviation reaches below and above, kept above nothing."""
    mean, std = max(float(1 - values.mean()), least), float(values.std())
    return mean, (mean - max(mean - std, least), min(mean + std, 1.0) - mean)


def _lines(axes: Axes, points: Sequence[PruningPoint], name: str, factor: float, least: float) -> None:
    for method, look in LOOKS.items():
        own = [point for point in points if point.case.zeros and point.case.pattern == method]
        if not own:
            continue
        x = np.array([getattr(point, name).mean() for point in own]) * factor
        x_std = np.array([getattr(point, name).std() for point in own]) * factor
        errors = [_error(point.accuracy, least) for point in own]
        style = {key: value for key, value in look.items() if key != "label"}
        axes.errorbar(
            x,
            [mean for mean, _ in errors],
            xerr=np.minimum(x_std, 0.99 * x),
            yerr=np.array([spread for _, spread in errors]).T,
            lw=1.4,
            ms=4.5,
            elinewidth=0.8,
            alpha=0.95,
            **style,
        )
    mean, spread = _error(points[0].accuracy, least)
    x = getattr(points[0], name).mean() * factor
    axes.errorbar([x], [mean], yerr=np.array([spread]).T, fmt="*", ms=12, color="black", elinewidth=0.8, zorder=4)
    axes.axhline(mean, color="black", lw=0.8, ls=":")


def _marks(axes: Axes, points: Sequence[PruningPoint], at_knee: int, name: str, factor: float, least: float) -> None:
    """The knee is ringed; where cost is shown, the levels of its method are named, if they do not crowd."""
    knee = points[at_knee]
    place = getattr(knee, name).mean() * factor, _error(knee.accuracy, least)[0]
    axes.plot(*place, "o", mfc="none", mec="black", mew=1.6, ms=12, zorder=5)
    if name == "zeros":
        return
    own = [point for point in points[1:] if point.case.pattern == knee.case.pattern]
    last = 0.0
    for point in sorted(own, key=lambda point: float(getattr(point, name).mean())):
        cost = float(getattr(point, name).mean()) * factor
        if cost >= APART * last:
            words, place = point.title.removeprefix(point.case.pattern), (cost, _error(point.accuracy, least)[0])
            axes.annotate(words.strip(), place, (6, -11), textcoords="offset points", fontsize=7.5,
                          color=LOOKS[point.case.pattern]["color"])  # fmt: skip
            last = cost
