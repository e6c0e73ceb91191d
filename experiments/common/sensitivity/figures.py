"""Figures of sensitivity: the tornado, the front's spread, slopes and finite changes along it, what sharing costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter

from dse import FiniteChanges, winning_shares
from experiments.common.figures.style import OKABE_ITO, log_axis, new_figure
from experiments.common.sensitivity.conclusions import WORDS, Survey
from experiments.common.sensitivity.sharing import Shared
from experiments.common.slopes import Slopes
from hwmodels.technology import CONFIDENCES

BARS = 14
"""Constants in the tornado."""
MOST_TICKED = 500.0
"""Range up to which 2 and 5 are labelled on a logarithmic axis."""
LARGE_AREA = 4
"""Of them, those that area hangs on most."""
LEAST_SHOWN = 0.005
"""Share of the draws from which on a winner is drawn."""
LEAST_SLOPE = 5e-3
"""Slope, or log2 of a ratio, from which on a parameter is drawn."""
WINS = {"edp": "has the least EDP", "energy_pj": "has the least energy"}
LOW, HIGH = OKABE_ITO["blue"], OKABE_ITO["orange"]
GRADE_COLOURS = dict(zip(CONFIDENCES, ("green", "sky", "purple", "vermilion", "grey"), strict=True))
_PICOJOULES = 1e-12
_WORKLOAD_COLOURS = ("green", "vermilion", "purple", "sky", "yellow")


def tornado_figure(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Bars of each objective at both ends of each constant's range, and the constants' rank correlations."""
    figure = new_figure(11.5, 5.6)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    shown = _strongest(rows)
    panels = figure.subplots(1, 4, sharey=True, width_ratios=(1, 1, 1, 1))
    place = np.arange(len(shown))
    for axes, name in zip(panels[:3], ("energy_pj", "edp", "area_mm2"), strict=True):
        for end, colour in (("low", LOW), ("high", HIGH)):
            change = [100 * (row[f"{name}_{end}"] - 1.0) for row in shown]
            axes.barh(place, change, 0.72, color=colour)
        axes.axvline(0.0, color="black", lw=0.8)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g} %" if value else "0"))
        axes.set_title(WORDS[name].capitalize())
    correlations = [row["edp_rank_correlation"] for row in shown]
    panels[3].barh(place, correlations, 0.72, color=[OKABE_ITO[GRADE_COLOURS[row["confidence"]]] for row in shown])
    panels[3].axvline(0.0, color="black", lw=0.8)
    panels[3].set_title("Rank correlation with EDP")
    for axes in panels:
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
    panels[0].set_yticks(place, [f"{row['constant']}  ×/÷ {row['factor']:.2g}" for row in shown])
    panels[0].invert_yaxis()
    seen = [grade for grade in CONFIDENCES if any(row["confidence"] == grade for row in shown)]
    handles = [Patch(color=LOW, label="lower end of 95 %"), Patch(color=HIGH, label="upper end")]
    handles += [Patch(color=OKABE_ITO[GRADE_COLOURS[grade]], label=grade) for grade in seen]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles))
    return figure


def _strongest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The constants that energy-delay product hangs on most, and those that area does, in the order of the rows."""
    by_area = sorted(
        range(len(rows)), key=lambda at: -abs(np.log(rows[at]["area_mm2_high"] / rows[at]["area_mm2_low"]))
    )
    kept = set(by_area[:LARGE_AREA])
    for at in range(len(rows)):
        if len(kept) < BARS:
            kept.add(at)
    return [rows[at] for at in sorted(kept)]


def spread_figure(survey: Survey, named: Mapping[str, int], title: str) -> Figure:
    """The front in energy and latency with 95 % ranges, how often each design stays on it, and who wins in EDP."""
    figure = new_figure(11.5, 5.2)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    stays = survey.on_front()
    latency, energy = survey.default.latency_s[0], survey.default.energy_pj[0].sum(axis=1) * _PICOJOULES
    low, high = np.percentile(survey.ratios("energy_pj"), (2.5, 97.5), axis=0)
    fast, slow = np.percentile(survey.ratios("latency_s"), (2.5, 97.5), axis=0)
    left.vlines(latency, energy * low, energy * high, color=OKABE_ITO["grey"], lw=1.2, zorder=1)
    left.hlines(energy, latency * fast, latency * slow, color=OKABE_ITO["grey"], lw=1.2, zorder=1)
    shown = left.scatter(latency, energy, c=stays, cmap="viridis", vmin=0, vmax=1, s=34, ec="black", lw=0.6, zorder=2)
    log_axis(left, "x", "s", "Latency")
    log_axis(left, "y", "J", "Energy")
    for axis in (left.xaxis, left.yaxis):
        near, far = axis.get_view_interval()
        if far / near < MOST_TICKED:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    left.set_title("The front, with 95 % of the draws")
    bar = figure.colorbar(shown, ax=left, pad=0.01, aspect=35)
    bar.set_label("Stays non-dominated")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for at in named.values():
        _tag(left, f"{at}", latency[at], energy[at])
    order = np.argsort(latency, kind="stable")
    wins = {name: winning_shares(survey.values(name))[order] for name in ("energy_pj", "edp")}
    place = np.arange(len(order))
    right.plot(place, stays[order], "o", color="black", ms=4, label="stays non-dominated")
    for name, marker, colour in (("edp", "D", HIGH), ("energy_pj", "^", LOW)):
        some = wins[name] > LEAST_SHOWN
        right.vlines(place[some], 0, wins[name][some], color=colour, lw=1.5)
        right.plot(place[some], wins[name][some], marker, color=colour, mec="black", mew=0.5, ms=7, label=WINS[name])
    right.set_ylim(0, 1.02)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    step = max(len(order) // 12, 1)
    right.set_xticks(place[::step], [f"{at}" for at in order[::step]])
    right.set_xlabel("Design (row), fastest first")
    right.set_ylabel("Share of the draws")
    right.set_title("What survives")
    right.grid(visible=False, axis="x")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3)
    return figure


def _tag(axes: Axes, text: str, x: float, y: float) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(9, 9),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8,
        fontweight="bold",
        zorder=4,
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
    )


def elasticity_figure(along: Mapping[int, tuple[Slopes, FiniteChanges]], title: str) -> Figure:
    """Maps of slopes and of changes at half and double: a parameter of the hardware a row, a design a column, an
    objective a panel; dots where the slope foretells what does not happen."""
    objectives = list(next(iter(next(iter(along.values()))[0].values())))
    parameters = [name for name in next(iter(along.values()))[0] if "." not in name and _matters(along, name)]
    figure = new_figure(12.0, 2.2 + 0.6 * len(parameters))
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    panels = figure.subplots(3, len(objectives), sharex=True, sharey=True, squeeze=False)
    for axes, line in zip(panels, ("slope", "below", "above"), strict=True):
        for panel, objective in zip(axes, objectives, strict=True):
            _slope_map(panel, along, parameters, objective, line)
        axes[0].set_ylabel({"slope": "1 % more", "below": "half", "above": "double"}[line], fontweight="bold")
    for panel, objective in zip(panels[0], objectives, strict=True):
        panel.set_title({"edp_js": "Energy-delay product"}.get(objective, objective.rpartition("_")[0].capitalize()))
    for panel in panels[-1]:
        panel.set_xlabel("Design, fastest first")
    bar = figure.colorbar(panels[0, 0].images[0], ax=panels, pad=0.01, aspect=40, extend="both")
    bar.set_label("slope (% for 1 % more), or log2 of the ratio at half and double, mappings chosen anew")
    handles = [Line2D([], [], ls="", marker="o", ms=5, color="black", mec="white", label="the slope misleads")]
    figure.legend(handles=handles, loc="outside upper right")
    return figure


def _matters(along: Mapping[int, tuple[Slopes, FiniteChanges]], name: str) -> bool:
    """Whether a parameter changes anything in any of the designs."""
    return any(
        abs(number) > LEAST_SLOPE
        for slopes, changes in along.values()
        for number in (
            *slopes[name].values(),
            *(np.log2(c[name].ratio(o)) for c in (changes.below, changes.above) if name in c for o in slopes[name]),
        )
    )


def _slope_map(
    axes: Axes,
    along: Mapping[int, tuple[Slopes, FiniteChanges]],
    parameters: Sequence[str],
    objective: str,
    line: str,
) -> None:
    """One panel: `line` is "slope", "below" or "above"."""
    values = np.full((len(parameters), len(along)), np.nan)
    for column, (slopes, changes) in enumerate(along.values()):
        misleading, known = changes.misleading(slopes), {"below": changes.below, "above": changes.above}.get(line, {})
        for row, name in enumerate(parameters):
            if line == "slope":
                values[row, column] = slopes[name][objective]
            elif name in known:
                values[row, column] = np.log2(known[name].ratio(objective))
                if line in misleading[name][objective]:
                    axes.plot(column, row, "o", ms=4, color="black", mec="white", mew=0.7)
    axes.imshow(values, cmap="PuOr_r", vmin=-1.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(along)), [f"{at}" for at in along], fontsize=7, rotation=90 if len(along) > 8 else 0)
    axes.set_yticks(range(len(parameters)), parameters)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def workloads_figure(shared: Shared, title: str) -> Figure:
    """Energy-delay product over each workload's own optimum: along the shared front, and of the best designs."""
    figure = new_figure(11.0, 4.8)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    front, factors = shared.front(), np.exp(shared.regret)
    heads = [name.partition("@")[0] for name in shared.names]
    names = heads if len(set(heads)) == len(heads) else shared.names
    for at, name in enumerate(names):
        look = {"color": OKABE_ITO[_WORKLOAD_COLOURS[at % len(_WORKLOAD_COLOURS)]], "marker": "osD^vPX"[at % 7]}
        left.plot(shared.area_mm2[front], factors[front, at], ls="", ms=4.5, mec="white", mew=0.4, label=name, **look)
    mean = np.exp(shared.regret[front].mean(axis=1))
    left.plot(shared.area_mm2[front], mean, color="black", lw=1.8, label="geometric mean of the regrets")
    left.axhline(1.0, color="black", lw=0.8, ls=":")
    _ratio_axis(left)
    log_axis(left, "x", "mm2", "Area")
    left.set_ylabel("EDP over the own optimum of no larger area")
    left.set_title("Regret along the shared front")
    place = np.arange(len(shared.names))
    picks = shared.picks
    wide = 0.38 if len(picks) > 1 else 0.6
    for at, (words, row) in enumerate(picks.items()):
        ratio = shared.edp_js[row] / shared.own_best_js
        offset = (at - (len(picks) - 1) / 2) * (wide + 0.02)
        right.bar(place + offset, ratio, wide, color=(LOW, HIGH)[at], label=f"best by {words}")
    right.axhline(1.0, color="black", lw=0.8, ls=":")
    right.set_xticks(place, [name if len(name) < 16 else f"{name[:14]}…" for name in names], rotation=20)
    right.set_ylabel("EDP over the own optimum at any area")
    right.set_title("The best shared designs")
    right.grid(visible=False, axis="x")
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    labels = [*left.get_legend_handles_labels()[1], *right.get_legend_handles_labels()[1]]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    return figure


def _ratio_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    top = axes.get_ylim()[1]
    choice = (1, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5) if top < 3 else (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500)
    ticks = [tick for tick in choice if tick <= top]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
