"""The figure of a sweep over the number of PEs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from dse import Costed
from experiments.common.design_words import quantity
from experiments.common.figures.style import OKABE_ITO, RESOURCE_COLOURS, log_axis, new_figure
from experiments.common.pe_count import ALIKE

SHADE = 0.22


PANELS = (
    ("Latency", "s", "min"),
    ("Energy", "J", "min"),
    ("Area", "mm2", "min"),
    ("Utilisation of the MACs", "", "max"),
)


def pe_figure(table: Mapping[int, Costed], title: str, restarts: Sequence[Mapping[int, Costed]] = ()) -> Figure:
    """Latency, energy, area and utilisation against the number of PEs; the background is the bottleneck's colour.

    A star marks the fewest PEs that are as good as the best (`ALIKE`). What single `restarts` of the search found is
    drawn as rings.
    """
    counts, curves = np.array(list(table)), _curves(table)
    binding = [costed.total.bottleneck for costed in table.values()]
    figure = new_figure(9.0, 6.0)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    rings = [(list(found), _curves(found)) for found in restarts if found]
    for at_panel, (axes, (label, unit, best)) in enumerate(
        zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True)
    ):
        values = curves[at_panel]
        _shade(axes, counts, binding)
        for places, found in rings:
            axes.plot(places, found[at_panel], "o", ls="", mfc="none", mec=OKABE_ITO["blue"], ms=7, mew=0.9)
        axes.plot(counts, values, "o-", color="black", lw=1.4, ms=4)
        at = int(np.argmax(values <= values.min() * (1 + ALIKE)) if best == "min" else values.argmax())
        axes.plot(counts[at], values[at], "*", color=OKABE_ITO["vermilion"], mec="black", mew=0.6, ms=14)
        value = quantity(values[at], unit).replace("mm2", "mm²") if unit else f"{values[at]:.0%}"
        axes.set_title(f"{label}: best at {counts[at]} PE{'s' if counts[at] > 1 else ''}, {value}")
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [f"{count}" for count in counts], rotation=45 if len(counts) > 9 else 0)
        axes.minorticks_off()
        if unit:
            log_axis(axes, "y", unit, label)
        else:
            axes.set_ylim(0, None)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.set_ylabel(label)
    for axes in figure.axes[2:]:
        axes.set_xlabel("PEs")
    handles: list[Patch | Line2D] = [
        Patch(fc=RESOURCE_COLOURS[name], alpha=SHADE, ec="black", label=f"bound by {name}")
        for name in dict.fromkeys(binding)
    ]
    if rings:
        ring = {"mfc": "none", "mec": OKABE_ITO["blue"], "ms": 7, "mew": 0.9}
        handles.append(Line2D([], [], ls="", marker="o", label="single restarts", **ring))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _curves(table: Mapping[int, Costed]) -> list[np.ndarray]:
    """The values of each panel."""
    points = np.array([costed.point for costed in table.values()])
    used = np.array([float(costed.total.utilization) for costed in table.values()])
    return [points[:, 0], points[:, 1] * 1e-12, points[:, 2], used]


def _shade(axes: Axes, counts: np.ndarray, binding: list[str]) -> None:
    """A band of the bottleneck's colour around each count, up to half way to its neighbours (in ratio)."""
    edges = np.sqrt(counts[:-1] * counts[1:]) if len(counts) > 1 else np.array([])
    first, last = (
        (counts[0] ** 2 / edges[0], counts[-1] ** 2 / edges[-1]) if len(edges) else (counts[0] / 2, counts[0] * 2)
    )
    bounds = [first, *edges, last]
    for at, name in enumerate(binding):
        axes.axvspan(bounds[at], bounds[at + 1], color=RESOURCE_COLOURS[name], alpha=SHADE, lw=0)
    axes.set_xlim(first, last)
