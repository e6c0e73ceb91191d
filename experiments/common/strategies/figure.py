"""Hypervolume that is missed, against evaluations and against seconds."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.strategies.bars import LEAST
from experiments.common.strategies.comparison import designs_words
from experiments.common.strategies.runs import Compared

COLOURS = {
    "gradient": "blue",
    "random": "orange",
    "gradient_whole": "sky",
    "random_whole": "yellow",
    "nsga2": "purple",
    "nsga2_mapped": "green",
    "tpe": "vermilion",
}
NEAREST = 1e-5
"""Share missed that is drawn at least."""


def draw(every: Mapping[str, Compared]) -> Figure:
    """Median and range of what is missing of the known hypervolume, against evaluations and against seconds."""
    figure = new_figure(3.1 * len(every) + 0.8, 6.2)
    axes = figure.subplots(2, len(every), squeeze=False, sharey=True)
    for (above, below), (space, compared) in zip(axes.T, every.items(), strict=True):
        for strategy in compared.strategies:
            _draw_strategy(above, below, compared, strategy)
        reference = compared.reference
        where = {"enumerated": "on the front", "bounded": "in the bound", "union": "in the union"}[reference.known]
        above.set_title(f"{space}\n{designs_words(reference.designs)}, {len(reference.objectives)} {where}", fontsize=9)
        for axis in (above, below):
            if reference.known == "enumerated":
                axis.axhline(1 - LEAST, color="#555555", linewidth=0.8, linestyle="--")
        percent = reference.known == "enumerated"
        _log_axes(above, (lambda value, _: f"{100 * value:g} %") if percent else (lambda value, _: f"{value:,.0f}"))
        _log_axes(below, lambda value, _: f"{value:g}")
        above.set_xlabel("evaluations / designs" if reference.known == "enumerated" else "evaluations")
        below.set_xlabel(f"{compared.clock_words} (median of the seeds)")
    for axis in axes[:, 0]:
        axis.set_ylabel("hypervolume missed\n(median, range of seeds)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_strategy(above: Axes, below: Axes, compared: Compared, strategy: str) -> None:
    """A line and a band in both axes."""
    budgets = compared.budgets(strategy)
    missing = [1.0 - compared.shares(strategy, budget) for budget in budgets]
    low, middle, high = (
        [max(float(pick(values)), NEAREST) for values in missing] for pick in (np.min, np.median, np.max)
    )
    enumerated = compared.reference.known == "enumerated"
    evaluated = [budget / compared.reference.designs for budget in budgets] if enumerated else budgets
    seconds = [compared.seconds(strategy, budget) for budget in budgets]
    for axis, place in ((above, evaluated), (below, seconds)):
        colour = OKABE_ITO[COLOURS[strategy]]
        axis.plot(place, middle, "o-", color=colour, label=strategy, markersize=3.5, linewidth=1.2)
        axis.fill_between(place, low, high, color=colour, alpha=0.15, linewidth=0)


def _log_axes(axis: Axes, across: Callable[[float, int], str]) -> None:
    """Both logarithmic; `across` writes what stands below."""
    axis.set_xscale("log")
    axis.set_yscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 30 else (1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(FuncFormatter(across))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
