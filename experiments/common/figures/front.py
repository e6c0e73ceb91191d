"""The figure of a front: energy against latency, and what the designs along it are made of."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from dse import Costed, DenseRival
from experiments.common.design_words import main_format
from experiments.common.figures.style import FORMAT_COLOURS, FORMAT_MARKERS, RESOURCE_COLOURS, log_axis, new_figure

_PICOJOULES = 1e-12
_LABEL_OFFSETS = ((-9, 12), (-10, -11), (10, -12), (12, 8))
"""Of letters from their points; they differ because named designs may lie close together."""
_AREA_TICKS = [digit * 10.0**power for power in range(-3, 4) for digit in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7)]


def front_figure(
    front: Sequence[Costed],
    named: Mapping[str, int],
    rivals: Mapping[str, DenseRival],
    title: str,
    sparse_b: Sequence[bool],
) -> Figure:
    """The whole figure.

    **Arguments**: the front; the designs to point out, letter and words -> row of the front; by the same words the
    dense accelerators beside them; a title; for each kernel whether its B is sparse.
    """
    figure = new_figure(11.5, 6.0)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.1, 1.0))
    left, right = halves
    _trade_off(left, front, named, rivals)
    _make_up(right, front, named, sparse_b)
    return figure


def _trade_off(
    figure: SubFigure, front: Sequence[Costed], named: Mapping[str, int], rivals: Mapping[str, DenseRival]
) -> None:
    axes = figure.subplots()
    points = np.array([costed.point for costed in front])
    formats = [main_format(costed.design, "a", costed.latencies_s) for costed in front]
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    norm = LogNorm(low, max(high, low * 1.01))
    axes.set_title("Energy and latency; colour is area")
    for name in dict.fromkeys(formats):
        of = np.array([entry == name for entry in formats])
        shown = axes.scatter(
            points[of, 0],
            points[of, 1] * _PICOJOULES,
            c=points[of, 2],
            marker=FORMAT_MARKERS[name],
            s=30,
            norm=norm,
            edgecolors="black",
            linewidths=0.35,
            zorder=3,
        )
    for words, rival in rivals.items():
        pair = np.array([points[named[words]], rival.costed.point])
        axes.plot(pair[:, 0], pair[:, 1] * _PICOJOULES, color="black", lw=0.7, ls=":", zorder=2)
        axes.scatter(pair[1:, 0], pair[1:, 1] * _PICOJOULES, c=pair[1:, 2], marker="x", s=36, norm=norm, zorder=2)
    log_axis(axes, "x", "s", "Latency")
    log_axis(axes, "y", "J", "Energy")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom / (top / bottom) ** 0.06, top)
    for (words, row), offset in zip(named.items(), cycle(_LABEL_OFFSETS), strict=False):
        axes.annotate(
            words[0],
            (points[row, 0], points[row, 1] * _PICOJOULES),
            xytext=offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": "black", "lw": 0.7},
            zorder=5,
        )
    bar = figure.colorbar(shown, ax=axes, pad=0.01, aspect=35)  # pyright: ignore[reportPossiblyUnbound]
    bar.set_label("Area without the DRAM's PHY (mm²)")
    ticks = [t for t in _AREA_TICKS if low <= t <= high]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    handles = [
        Line2D([], [], ls="", marker=FORMAT_MARKERS[name], mfc="white", mec="black", ms=6, label=f"A mostly {name}")
        for name in FORMAT_MARKERS
        if name in formats
    ]
    if rivals:
        handles.append(Line2D([], [], ls=":", marker="x", color="black", lw=0.8, ms=5, label="dense, of equal area"))
    figure.legend(handles=handles, loc="outside lower left", ncols=2, columnspacing=1.2)
    words_only = [Line2D([], [], ls="", label=words) for words in named]
    figure.legend(handles=words_only, loc="outside lower right", handlelength=0, handletextpad=0)


def _make_up(figure: SubFigure, front: Sequence[Costed], named: Mapping[str, int], sparse_b: Sequence[bool]) -> None:
    """Rows of colour, a column for each design by latency: formats of each operand, then the bottleneck."""
    axes = figure.subplots()
    order = np.argsort([costed.point[0] for costed in front], kind="stable")
    designs = [front[at] for at in order]
    kernels = designs[0].design.kernels
    rows: list[tuple[str, list[str], dict[str, str]]] = []
    for at, kernel in enumerate(kernels):
        for operand in "ab" if sparse_b[at] else "a":
            used = [str(costed.design.mappings[at][f"{operand}_format"]) for costed in designs]
            rows.append((f"{operand.upper()} of {_short(kernel)}", used, FORMAT_COLOURS))
    rows.append(("bottleneck", [costed.total.bottleneck for costed in designs], RESOURCE_COLOURS))
    axes.set_title("Formats and bottleneck by design")
    for at, (_, used, colours) in enumerate(rows):
        palette = ListedColormap(list(colours.values()))
        index = [[list(colours).index(name) for name in used]]
        extent = (0.0, len(designs), at + 0.44, at - 0.44)
        axes.imshow(
            index, cmap=palette, vmin=-0.5, vmax=len(colours) - 0.5, aspect="auto", extent=extent, interpolation="none"
        )
    axes.axhline(len(rows) - 1.5, color="black", lw=0.8)
    axes.set_ylim(len(rows) - 0.5, -0.9)
    axes.set_xlim(0, len(designs))
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.set_xlabel("Designs of the front, fastest first")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    place = {row: rank for rank, row in enumerate(order)}
    for words, row in named.items():
        axes.text(place[row] + 0.5, -0.7, words[0], ha="center", va="center", fontsize=8, fontweight="bold")
    seen = [name for name in FORMAT_COLOURS if any(name in used for _, used, _ in rows[:-1])]
    handles = [Patch(color=FORMAT_COLOURS[name], label=name) for name in seen]
    handles += [
        Patch(fc=RESOURCE_COLOURS[name], ec="black", lw=0.6, label=f"{name} binds")
        for name in dict.fromkeys(rows[-1][1])
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=4, columnspacing=1.0)


def _short(kernel: str) -> str:
    """A kernel's name cut in the middle to fit an axis."""
    return kernel if len(kernel) <= 22 else f"{kernel[:10]}…{kernel[-11:]}"
