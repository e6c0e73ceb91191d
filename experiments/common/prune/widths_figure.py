"""The figure of width against sparsity: accuracy against energy, a colour for each width, a marker for each method."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.common.figures.style import OKABE_ITO, log_axis, new_figure
from experiments.common.prune.figure import LOOKS, accuracy_axis
from experiments.common.prune.networks import title_of
from experiments.common.prune.widths import WidthPoint

COLOURS = {16: OKABE_ITO["blue"], 8: OKABE_ITO["orange"], 4: OKABE_ITO["green"]}
NEAR = 0.05
"""Share of a panel's sides within which two names would overlap."""


def width_figure(
    points: Sequence[WidthPoint], front: Sequence[int], float_accuracy: float, images: int, title: str
) -> Figure:
    """Left, all pairs of a width and a level; right, what is worth having. Dotted: accuracy in floats."""
    figure = new_figure(11.5, 5.2)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", wrap=True)
    left, right = figure.subplots(1, 2, sharey=True)
    least = 0.5 / images
    for axes, own in ((left, points), (right, [points[at] for at in front])):
        for point in own:
            axes.plot(
                [point.energy_pj.mean() * 1e-12],
                [max(1 - point.accuracy.mean(), least)],
                ls="",
                marker=_marker(point),
                color=COLOURS[point.bits],
                ms=10 if point.case.zeros == 0 else 5.5,
                alpha=0.9,
                mec="white",
                mew=0.4,
            )
        steps = [points[at] for at in front]
        energies = np.array([point.energy_pj.mean() * 1e-12 for point in steps])
        errors = np.array([max(1 - point.accuracy.mean(), least) for point in steps])
        axes.step(energies, errors, where="post", color="black", lw=0.9, zorder=1.5)
        axes.axhline(max(1 - float_accuracy, least), color="black", lw=0.8, ls=":")
        log_axis(axes, "x", "J", "Energy of a batch")
    left.set_title("Every width and level")
    right.set_title("The front, a step at each pair that is on it")
    accuracy_axis(left, "Accuracy on held-out images, in integers")
    right.margins(x=0.18)
    _names(right, [points[at] for at in front], least)
    handles = [
        Line2D([], [], ls="", marker="s", ms=7, color=COLOURS[bits], label=f"int{bits}")
        for bits in sorted({point.bits for point in points}, reverse=True)
    ]
    used = [name for name in LOOKS if any(point.case.zeros and point.case.pattern == name for point in points)]
    handles += [Line2D([], [], ls="", marker="*", ms=10, color=OKABE_ITO["grey"], label="dense")]
    handles += [
        Line2D([], [], ls="", marker=LOOKS[n]["marker"], ms=6, color=OKABE_ITO["grey"], label=LOOKS[n]["label"])
        for n in used
    ]
    handles += [Line2D([], [], color="black", lw=0.8, ls=":", label="dense in float32")]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=-(-len(handles) // 2) if len(handles) > 8 else len(handles),
        columnspacing=1.4,
    )
    return figure


def _marker(point: WidthPoint) -> str:
    return "*" if point.case.zeros == 0 else LOOKS[point.case.pattern]["marker"]


def _names(axes: Axes, points: Sequence[WidthPoint], least: float) -> None:
    """Name the points of the front, those left out that would lie on a name already written."""
    places = np.array([(p.energy_pj.mean() * 1e-12, max(1 - p.accuracy.mean(), least)) for p in points])
    shares = np.log(places) / np.maximum(np.ptp(np.log(places), axis=0), 1e-9)
    written: list[int] = []
    for at in np.argsort(places[:, 1]):
        if all(abs(shares[at, 1] - shares[other, 1]) > NEAR for other in written):
            axes.annotate(f"{title_of(points[at].case)}", tuple(places[at]), (-7, 3), textcoords="offset points",
                          ha="right", fontsize=7.5, color=COLOURS[points[at].bits])  # fmt: skip
            written.append(int(at))
