"""The proven gap against time."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from dse import Standing
from experiments.common.figures.style import OKABE_ITO, new_figure

COLOURS = ("blue", "vermilion", "green", "purple")
MARKERS = ("s", "^", "D", "v")


def gap_figure(history: Sequence[Standing], names: Sequence[str], title: str) -> Figure:
    """Hypervolume that a front may lack, and by how much each objective's best could be beaten, against seconds.

    `names` are those of the objectives, in words.
    """
    figure = new_figure(7.2, 4.4)
    axes = figure.subplots()
    seconds = [max(one.seconds, 1e-3) for one in history]
    axes.plot(seconds, [100 * one.gap for one in history], "o-", color="black", markersize=4, label="hypervolume")
    for at, name in enumerate(names):
        places = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        missing = [100 * (1.0 - float(one.least[at])) for one in history]
        colour = OKABE_ITO[places[0]]
        axes.plot(seconds, missing, places[1] + "--", color=colour, markersize=4, label=f"least {name}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if seconds[-1] > 30 * seconds[0]:
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_ylim(0.0, None)
    axes.set_xlabel("seconds of bounding")
    axes.set_ylabel("at most so much is missing")
    axes.set_title(title)
    axes.legend(loc="lower right")
    return figure
