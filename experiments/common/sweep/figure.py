"""The figure of a sweep: the fronts of all seeds, how far seeds agree, and what differs between cases."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from dse import nondominated
from experiments.common.figures.style import OKABE_ITO, log_axis, new_figure
from experiments.common.search import TRADE_OFF
from experiments.common.sweep.cases import EXTREMES_AGREE, MEASURES, VOLUMES_AGREE, Case
from experiments.common.sweep.comparison import COMPARED, AreaComparison
from experiments.common.sweep.text import WORDS, Shorten, case_label, cut

_COLOURS = ("blue", "orange", "green", "vermilion", "purple", "sky", "black", "grey")
_MARKERS = "osD^vP*X"
_PICOJOULES = 1e-12
_LEAST_BEHIND = 1e-3
"""What lies behind by less is drawn as this much, at the foot of a logarithmic axis."""
_BEHIND_TICKS = (_LEAST_BEHIND, 0.01, 0.1, 1.0, 10.0)
_DISAGREEMENTS = (*MEASURES, "hypervolume")


def sweep_figure(comparisons: Sequence[AreaComparison], short: Shorten) -> Figure:
    """A row a workload: fronts of all seeds; how far seeds lie behind; the least of everything at one area."""
    cases = [case for comparison in comparisons for case in comparison.cases]
    looks = _looks(cases)
    several = any(len(case.results) > 1 for case in cases)
    compared = any(len(comparison.cases) > 1 for comparison in comparisons)
    widths = [1.25] + [1.0] * several + [1.0] * compared
    figure = new_figure(4.2 * sum(widths), 0.8 + 2.9 * len(comparisons))
    panels = figure.subplots(len(comparisons), len(widths), squeeze=False, width_ratios=widths)
    for row, comparison in zip(panels, comparisons, strict=True):
        _fronts(row[0], comparison, looks)
        if several:
            _behind(row[1], comparison, looks)
        if compared:
            _ratios(row[-1], comparison, looks)
    handles = [
        Line2D([], [], color=colour, marker=marker, mec="black", mew=0.5, ms=7, lw=1.2, label=label)
        for (colour, marker), label in dict(
            zip((looks[_key(case)] for case in cases), (case_label(case, cases, short) for case in cases), strict=True)
        ).items()
    ]
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    return figure


def _key(case: Case) -> tuple[str, str]:
    return case.space, case.scenario


def _looks(cases: Sequence[Case]) -> dict[tuple[str, str], tuple[str, str]]:
    """Colour and marker of each space and scenario, the same for all workloads."""
    keys = list(dict.fromkeys(_key(case) for case in cases))
    return {
        key: (OKABE_ITO[_COLOURS[at % len(_COLOURS)]], _MARKERS[(at + at // len(_COLOURS)) % len(_MARKERS)])
        for at, key in enumerate(keys)
    }


def _fronts(axes: Axes, comparison: AreaComparison, looks: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """Energy against latency, at any area: a thin line a seed, a mark for the balanced design."""
    for case in comparison.cases:
        colour, marker = looks[_key(case)]
        for result in case.results:
            plane = result.objectives[:, :2]
            edge = plane[nondominated(plane)]
            edge = edge[np.argsort(edge[:, 0])]
            line = {"color": colour, "lw": 0.9, "marker": ".", "ms": 3.5, "drawstyle": "steps-post"}
            axes.plot(edge[:, 0], edge[:, 1] * _PICOJOULES, alpha=0.8, **line)
        latency, energy, _ = case.balanced.point
        axes.plot(latency, energy * _PICOJOULES, marker, color=colour, mec="black", mew=0.6, ms=7, zorder=4)
    log_axis(axes, "x", "s", "Latency")
    log_axis(axes, "y", "J", "Energy")
    axes.set_title(f"{cut(comparison.cases[0].workload, 24)}: a line a seed, a mark the balanced")


def _behind(axes: Axes, comparison: AreaComparison, looks: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """How far each seed lies behind the best in each extreme, and its hypervolume behind that of all together."""
    count = len(comparison.cases)
    for at, case in enumerate(comparison.cases):
        colour, marker = looks[_key(case)]
        amounts = np.column_stack([case.behind, 1.0 - case.volumes])
        place = np.arange(len(_DISAGREEMENTS)) + _offset(at, count)
        amounts = np.maximum(amounts, _LEAST_BEHIND)
        axes.vlines(place, _LEAST_BEHIND, amounts.max(axis=0), color=colour, lw=1.0)
        for row in amounts:
            axes.plot(place, row, marker, color=colour, mec="black", mew=0.4, ms=4.5, clip_on=False, zorder=3)
    bars = dict.fromkeys(TRADE_OFF, EXTREMES_AGREE) | {"hypervolume": VOLUMES_AGREE}
    for name, bar in bars.items():
        at = _DISAGREEMENTS.index(name)
        axes.hlines(bar, at - 0.45, at + 0.45, color="black", lw=1.0, ls=":")
    axes.set_yscale("log")
    highest = max([0.1, *(case.behind.max() for case in comparison.cases)])
    axes.set_ylim(_LEAST_BEHIND, 1.6 * highest)
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in _BEHIND_TICKS if tick <= 1.6 * highest]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{100 * value:g} %" if value > _LEAST_BEHIND else "<0.1 %")
    )
    _categories(axes, [WORDS.get(name, "hyper-\nvolume") for name in _DISAGREEMENTS])
    axes.set_title("Seeds behind the best; dotted: converged")


def _ratios(axes: Axes, comparison: AreaComparison, looks: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """The least latency, energy and EDP at one area over those of the first case; a whisker up to the worst seed."""
    count = len(comparison.cases)
    for at, case in enumerate(comparison.cases):
        colour, _ = looks[_key(case)]
        place = np.arange(len(COMPARED)) + _offset(at, count)
        ratio = comparison.ratios[at]
        axes.bar(place, ratio - 1.0, 0.8 / count, bottom=1.0, color=colour, ec="black", lw=0.5)
        worst = comparison.worst[at] / comparison.best[0]
        known = np.isfinite(worst)
        axes.vlines(place[known], ratio[known], worst[known], color="black", lw=1.3)
        axes.plot(place, ratio, "_", color="black", ms=60 / count / 3 + 2, mew=1.6)
    axes.axhline(1.0, color="black", lw=0.8)
    axes.set_yscale("log")
    shown = np.concatenate([comparison.ratios.ravel(), (comparison.worst / comparison.best[0]).ravel(), [0.8, 1.25]])
    shown = shown[np.isfinite(shown)]
    axes.set_ylim(shown.min() / 1.08, shown.max() * 1.08)
    low, high = axes.get_ylim()
    reach = high / low
    digits = (1, 1.2, 1.5, 2, 3, 5, 7, 8, 9) if reach < 3 else (1, 1.5, 2, 3, 5, 7) if reach < 20 else (1, 3)
    ticks = [digit * 10.0**power for power in range(-5, 6) for digit in digits]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}×"))
    _categories(axes, [f"least\n{WORDS[name]}" for name in COMPARED])
    axes.set_title(f"Best in {comparison.area_mm2:.3g} mm², over the first's")


def _offset(at: int, count: int) -> float:
    return 0.8 * (at - (count - 1) / 2) / count


def _categories(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), list(names))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
