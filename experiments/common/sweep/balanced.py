"""The figure of the balanced designs of a sweep, side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter

from experiments.common.design_words import size
from experiments.common.figures.style import FORMAT_COLOURS, RESOURCE_COLOURS, new_figure
from experiments.common.sweep.cases import MEASURES, Case, main_choice, measures
from experiments.common.sweep.comparison import AreaComparison
from experiments.common.sweep.text import CHOSEN, IN_WORDS, WORDS, Shorten, case_label, cut
from hwmodels.design.hardware import HARDWARE_NUMBERS, UNITS, own_fields

_DOUBLINGS = 3.0
"""Of a number against its row's mean, at the ends of the colours."""
_PALER = 0.5
"""Share of white in colours that words stand on."""
_CHOICES = {"dataflow": "main dataflow", "a_format": "main format of A", "b_format": "main format of B"}


def balanced_figure(comparisons: Sequence[AreaComparison], short: Shorten) -> Figure:
    """A column a balanced design, a row a quantity; small print is the range over the seeds' own balanced designs."""
    cases = [case for comparison in comparisons for case in comparison.cases]
    numbers = [name for name in HARDWARE_NUMBERS if name in own_fields(cases[0].balanced.design.hardware)]
    numbers = [name for name in numbers if len(cases) == 1 or _varies(name, cases)]
    titles = [WORDS[name] for name in MEASURES] + [name.replace("_", " ") for name in numbers]
    titles += [*(_CHOICES[name] for name in CHOSEN), "bottleneck"]
    figure = new_figure(max(2.9 + 1.0 * len(cases), 5.5), 1.6 + 0.36 * len(titles))
    figure.suptitle(
        "Balanced designs; in brackets the range over those of single seeds", fontsize=11, x=0.01, ha="left"
    )
    axes = figure.subplots()
    for column, case in enumerate(cases):
        point = measures(np.array([case.balanced.point]))[0]
        for row, (name, value) in enumerate(zip(MEASURES, point, strict=True)):
            _cell(axes, column, row, IN_WORDS[name](value).replace("mm2", "mm²"), "white")
        for row, name in enumerate(numbers, len(MEASURES)):
            _number_cell(axes, column, row, case, name, [float(c.balanced.design.hardware[name]) for c in cases])
        chosen = [(main_choice(case.balanced, name), FORMAT_COLOURS) for name in CHOSEN]
        chosen.append((case.balanced.total.bottleneck, RESOURCE_COLOURS))
        for row, (name, colours) in enumerate(chosen, len(MEASURES) + len(numbers)):
            _cell(axes, column, row, name.replace("_", " "), _paler(colours[name]) if name in colours else "white")
    for edge in (len(MEASURES), len(MEASURES) + len(numbers)):
        axes.axhline(edge - 0.5, color="black", lw=0.8)
    _frame(axes, comparisons, cases, titles, short)
    if numbers and len(cases) > 1:
        _colour_bar(figure, axes)
    return figure


def _varies(name: str, cases: Sequence[Case]) -> bool:
    return len({case.balanced.design.hardware[name] for case in cases}) > 1


def _number_cell(axes: Axes, column: int, row: int, case: Case, name: str, values: Sequence[float]) -> None:
    mean = float(np.mean(np.log2(values)))
    value = float(case.balanced.design.hardware[name])
    own = [float(design.hardware[name]) for design in case.balanced_by_seed]
    text = _words(name, value)
    if min(own) < max(own):
        text += f"\n({_words(name, min(own))} to {_words(name, max(own))})"
    share = 0.5 + 0.5 * float(np.clip((np.log2(value) - mean) / _DOUBLINGS, -1.0, 1.0))
    _cell(axes, column, row, text, _PALETTE(share))


def _words(name: str, value: float) -> str:
    return size(value) if UNITS[name] == "bytes" else f"{value:g}"


def _cell(axes: Axes, column: int, row: int, text: str, colour: object) -> None:
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1.0, 1.0, fc=colour, ec="white", lw=1.5))
    first, _, rest = text.partition("\n")
    if not rest:
        axes.text(column, row, first, ha="center", va="center", fontsize=8 if len(first) < 12 else 7)
        return
    axes.text(column, row - 0.04, first, ha="center", va="bottom", fontsize=8)
    axes.text(column, row + 0.06, rest, ha="center", va="top", fontsize=6)


def _paler(colour: object) -> tuple[float, ...]:
    return tuple(_PALER + (1.0 - _PALER) * part for part in to_rgb(colour))


_PALETTE = ListedColormap([_paler(colour) for colour in colormaps["PuOr_r"](np.linspace(0.0, 1.0, 256))])


def _frame(
    axes: Axes, comparisons: Sequence[AreaComparison], cases: Sequence[Case], titles: Sequence[str], short: Shorten
) -> None:
    """Names of rows and columns; workloads above their cases."""
    axes.set_xlim(-0.5, len(cases) - 0.5)
    axes.set_ylim(len(titles) - 0.5, -0.5)
    axes.set_yticks(range(len(titles)), list(titles))
    labels = [case_label(case, cases, short).replace(": ", "\n").replace(", ", "\n") for case in cases]
    axes.set_xticks(range(len(cases)), labels, fontsize=8)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    start = 0
    for comparison in comparisons:
        count = len(comparison.cases)
        name = cut(comparison.cases[0].workload, 14 * count)
        axes.text(start + (count - 1) / 2, -0.6, name, ha="center", va="bottom", fontsize=8.5, fontweight="bold")
        if start:
            axes.axvline(start - 0.5, color="black", lw=0.8)
        start += count


def _colour_bar(figure: Figure, axes: Axes) -> None:
    shades = ScalarMappable(Normalize(-_DOUBLINGS, _DOUBLINGS), _PALETTE)
    bar = figure.colorbar(shades, ax=axes, pad=0.02, aspect=35)
    bar.ax.yaxis.set_major_locator(FixedLocator([-2, -1, 0, 1, 2]))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda doublings, _: f"{2.0**doublings:g}×"))
    bar.set_label("Of the row's geometric mean")
