"""How figures look: colours that everyone can tell apart, quiet axes, units on every tick."""

from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from hwmodels.cost import ENERGY_COMPONENTS, RESOURCES
from hwmodels.design.choices import FORMATS

OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "black": "#000000",
    "grey": "#999999",
    "olive": "#8A7B1F",
}
"""Okabe and Ito, "Color Universal Design" (2008), a grey, and a dark yellow for what belongs to the yellow."""

_ORDER = ("blue", "orange", "green", "vermilion", "sky", "purple", "yellow", "black", "grey", "olive")


def _assign(names: tuple[str, ...], first: dict[str, str] | None = None) -> dict[str, str]:
    """A colour for each name; `first` are wishes."""
    wishes = first or {}
    free = [colour for colour in _ORDER if colour not in wishes.values()]
    rest = iter(free)
    return {name: OKABE_ITO[wishes[name] if name in wishes else next(rest)] for name in names}


RESOURCE_COLOURS = _assign(RESOURCES, {"glb": "yellow", "dram": "purple"})
FORMAT_COLOURS = _assign(FORMATS, {"dense": "grey"})
ENERGY_COLOURS = _assign(
    ENERGY_COMPONENTS, {"leakage": "grey", "clock": "black", "dram": "yellow", "dram_standing": "olive"}
)
FORMAT_MARKERS: dict[str, str] = dict(zip(FORMATS, "Xsvo^DPp*", strict=False))

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
}


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure in this style, without pyplot: no window, no global state."""
    for name, value in _STYLE.items():
        matplotlib.rcParams[name] = value  # pyright: ignore[reportArgumentType]
    return Figure(figsize=(width_in, height_in), layout="constrained")


def log_axis(axes: Axes, which: str, unit: str, label: str) -> None:
    """Make the "x" or "y" axis logarithmic, with SI prefixes on its ticks; 2 and 5 are labelled on short ranges."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    subs = (1.0,) if high / low > 60 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_formatter(NullFormatter())
    if unit == "mm2":
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        unit = "mm²"
    else:
        axis.set_major_formatter(EngFormatter(unit=unit, sep=" "))
        unit = ""
    axis.set_label_text(f"{label} ({unit})" if unit else label)
