"""The figure of machines beside each other: speed-up and energy saving over the CPU."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.common.baselines.claim import FASTER, LESS_ENERGY, Verdict
from experiments.common.baselines.machines import Contender, gains, geometric_mean
from experiments.common.figures.style import OKABE_ITO, RESOURCE_COLOURS, new_figure

KINDS: dict[str, dict[str, Any]] = {
    "design": {"color": OKABE_ITO["vermilion"], "marker": "*", "s": 130, "label": "designs of this project"},
    "template": {"color": OKABE_ITO["purple"], "marker": "^", "s": 28, "label": "systems as such designs"},
    "system": {"color": OKABE_ITO["blue"], "marker": "o", "s": 28, "label": "published systems (models)"},
    "gpu_model": {"color": OKABE_ITO["green"], "marker": "s", "s": 28, "label": "GPUs (models)"},
    "gpu": {"color": OKABE_ITO["black"], "marker": "s", "s": 32, "label": "GPU at hand (measured)"},
    "cpu": {"color": OKABE_ITO["black"], "marker": "D", "s": 28, "label": "CPU at hand (measured)"},
}


def baselines_figure(machines: Sequence[Contender], verdicts: Sequence[Verdict], title: str) -> Figure:
    """Geometric means of all machines (left), and the kernels of the design (right), on speed-up and energy saving."""
    figure = new_figure(12.5, 6.2)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    points = {m.name: geometric_mean(gains(machines, m)) for m in machines}
    known = {m.name: m for m in machines if np.isfinite(points[m.name]).all()}
    for machine in known.values():
        x, y = points[machine.name]
        whole = len(machine.able()) == len(machine.runs)
        style = {key: value for key, value in KINDS[machine.kind].items() if key not in ("label", "color")}
        colour = KINDS[machine.kind]["color"]
        left.scatter(x, y, facecolor=colour if whole else "white", edgecolor=colour, linewidth=1.2, zorder=3, **style)
    _scale(left, [points[name] for name in known])
    _labels(left, {machine.title: points[name] for name, machine in known.items()}, 0.0098)
    left.set_title("Every machine: geometric mean over the kernels it runs")
    kinds = [kind for kind in KINDS if any(machine.kind == kind for machine in known.values())]
    handles = [
        Line2D([], [], ls="", marker=KINDS[k]["marker"], color=KINDS[k]["color"], ms=7, label=KINDS[k]["label"])
        for k in kinds
    ]
    handles.append(Line2D([], [], ls="", marker="o", mfc="white", mec="black", ms=6, label="runs some kernels only"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), columnspacing=1.2)

    for one in verdicts:
        right.scatter(
            one.speedup, one.saving, s=46, color=RESOURCE_COLOURS[one.bound_by], edgecolor="black", lw=0.6, zorder=3
        )
    _scale(right, [(one.speedup, one.saving) for one in verdicts])
    _labels(right, {one.kernel: (one.speedup, one.saving) for one in verdicts}, 0.0125)
    right.set_title("The design, kernel by kernel")
    bound = [
        Line2D([], [], ls="", marker="o", mfc=RESOURCE_COLOURS[name], mec="black", ms=7, label=f"bound by {name}")
        for name in dict.fromkeys(one.bound_by for one in verdicts)
    ]
    right.legend(handles=bound, loc="lower right")
    return figure


def _scale(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Log axes through the CPU at (1, 1) and the claim, whose quarter is shaded."""
    every = np.array([*points, (1.0, 1.0), (FASTER, LESS_ENERGY)])
    low, high = every.min(axis=0) / 2.2, every.max(axis=0) * 2.6
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.fill_between([FASTER, high[0]], LESS_ENERGY, high[1], color=OKABE_ITO["yellow"], alpha=0.25, lw=0, zorder=0)
    axes.text(
        high[0] * 0.93, high[1] * 0.9, "8 times as fast,\n1/70 of the energy", ha="right", va="top", fontsize=8
    )  # fmt: skip
    axes.axhline(1.0, color="black", lw=0.8)
    axes.axvline(1.0, color="black", lw=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=9))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
    axes.set_xlabel("Speed-up over the better CPU run")
    axes.set_ylabel("Energy saving over the better CPU run")


def _labels(axes: Axes, points: Mapping[str, tuple[float, float]], letter: float) -> None:
    """A name beside each point, moved until none covers another; `letter`: width of one, of the axes."""
    box = np.array([axes.transLimits.transform(axes.transScale.transform(point)) for point in points.values()])
    taken: list[tuple[float, float, float, float]] = [(x - 0.012, y - 0.014, x + 0.012, y + 0.014) for x, y in box]
    for at in np.argsort(-box[:, 1]):
        name = list(points)[at]
        x, y = box[at]
        width, height = letter * len(name), 0.03
        options = [
            (left, y + dy)
            for dy in (0.0, 0.02, -0.02, 0.04, -0.04, 0.06, -0.06, 0.08, -0.08, 0.11, -0.11)
            for left in (x + 0.018, x - 0.018 - width)
        ]
        free = [
            (left, mid)
            for left, mid in options
            if left >= 0 and left + width <= 1.0
            and not any(left < r and left + width > le and mid - height / 2 < t and mid + height / 2 > b
                        for le, b, r, t in taken if (le, b) != (x - 0.012, y - 0.014))
        ]  # fmt: skip
        left, mid = (free or options)[0]
        taken.append((left, mid - height / 2, left + width, mid + height / 2))
        side = "left" if left > x else "right"
        axes.annotate(
            name,
            (x, y),
            xytext=(left if side == "left" else left + width, mid),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=7.5,
            ha=side,
            va="center",
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "grey"} if abs(mid - y) > 0.03 else None,
            bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.4},
            zorder=2.5,
        )
