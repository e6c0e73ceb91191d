"""The picture of a pattern: where its non-zeros are, how they are spread over rows and columns, what they take."""

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from scipy.sparse import csr_array

from experiments.common.figures.style import FORMAT_COLOURS, OKABE_ITO, new_figure
from experiments.common.sparsity.bits import FormatBits

PIXELS = 512
"""Cells of the picture along each side, at most."""
LONGEST = 4.0
"""Ratio of the sides up to which a matrix is drawn to scale."""
SHOWN_BITS = 4.0
"""Bars longer than so many times the shortest are cut."""
PALE = tuple(OKABE_ITO[name] for name in ("yellow", "sky", "orange", "purple", "grey"))
INK = LinearSegmentedColormap.from_list("ink", ["#D6E6F2", OKABE_ITO["blue"], "#00192B"])


def pattern_figure(matrix: csr_array, stored: FormatBits, title: str, words: Sequence[str]) -> Figure:
    """Density of the pattern; counts by row and column, sorted; bits per non-zero by format; what is found."""
    figure = new_figure(11.0, 6.2)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.15))
    draw_pattern(left.subplots(), matrix)
    top, text = right.subfigures(2, 1, height_ratios=(1.0, 0.9))
    counts, bits = top.subplots(1, 2)
    draw_counts(counts, matrix)
    draw_bits(bits, stored)
    lines = [line for word in words for line in textwrap.wrap(word, 86, subsequent_indent="    ")]
    text.text(0.03, 0.97, "\n".join(lines[:17]), va="top", fontsize=8.5, linespacing=1.35)
    return figure


def cell_densities(matrix: csr_array, pixels: int = PIXELS) -> Float[np.ndarray, "rows columns"]:
    """Share of non-zeros in the cells of a grid of at most `pixels` a side; one cell an element where that suffices."""
    (m, k), (high, wide) = matrix.shape, (min(pixels, side) for side in matrix.shape)
    rows = np.repeat(np.arange(m, dtype=np.int64) * high // m, np.diff(matrix.indptr))
    cells = np.bincount(rows * wide + matrix.indices.astype(np.int64) * wide // k, minlength=high * wide)
    sizes = [np.bincount(np.arange(side) * cut // side, minlength=cut) for side, cut in ((m, high), (k, wide))]
    return cells.reshape(high, wide) / np.outer(*sizes)


def draw_pattern(axes: Axes, matrix: csr_array) -> None:
    """The pattern as the density of its cells: white where nothing is."""
    m, k = matrix.shape
    density = np.ma.masked_equal(cell_densities(matrix), 0.0)
    exact = max(m, k) <= PIXELS
    low, high = float(density.min()), float(density.max())
    norm = Normalize(0, 1) if exact else LogNorm(low, high) if high > low * 1.01 else Normalize(0, high)
    to_scale = max(m / k, k / m) <= LONGEST
    image = axes.imshow(
        density,
        cmap=INK,
        norm=norm,
        interpolation="nearest",
        extent=(0, k, m, 0),
        aspect="equal" if to_scale else "auto",
    )
    axes.grid(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    axes.set_title(f"{m:,} x {k:,}, {matrix.nnz:,} non-zeros" + ("" if to_scale else " (not to scale)"))
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_thousands))
    if not exact:
        bar = axes.figure.colorbar(image, ax=axes, location="bottom", shrink=0.7, pad=0.02)
        bar.set_label("non-zeros in a cell")
        steps = (1,) if high > 50 * low else (1, 2, 5)
        ticks = [step * 10.0**power for power in range(-12, 1) for step in steps]
        bar.set_ticks([tick for tick in ticks if low <= tick <= high], minor=False)
        bar.formatter = FuncFormatter(lambda value, _: f"{100 * value:g}%")
        bar.update_ticks()
        bar.ax.minorticks_off()
    axes.set_anchor("N")


def draw_counts(axes: Axes, matrix: csr_array) -> None:
    """Non-zeros by row and by column, the fullest first, against rank: a power law is a straight line."""
    counts = {
        "rows": (np.diff(matrix.indptr), OKABE_ITO["blue"], "-"),
        "columns": (np.bincount(matrix.indices, minlength=matrix.shape[1]), OKABE_ITO["vermilion"], "--"),
    }
    for name, (count, colour, style) in counts.items():
        ordered = np.sort(count[count > 0])[::-1]
        axes.plot(np.arange(1, ordered.size + 1), ordered, style, color=colour, lw=1.6, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 4 * low:
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 2, middle * 2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_thousands))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    low, high = axes.get_ylim()
    if high < 12 * low:
        ticks = [step * 10**power for power in range(8) for step in (1, 2, 5)]
        axes.set_yticks([tick for tick in ticks if low <= tick <= high])
    axes.set_title("Non-zeros of each, fullest first")
    axes.set_xlabel("rank")
    axes.legend()


def draw_bits(axes: Axes, stored: FormatBits) -> None:
    """Bits for each non-zero by format, the best on top; those far off are cut."""
    bits = stored.per_nonzero
    order = sorted(bits, key=lambda name: bits[name])
    limit = SHOWN_BITS * bits[order[0]]
    for at, name in enumerate(order):
        colour, cut = FORMAT_COLOURS.get(name, OKABE_ITO["black"]), bits[name] > limit
        axes.barh(at, min(bits[name], limit), color=colour, height=0.7)
        ink = "black" if colour in PALE else "white"
        text = f"{_number(bits[name])}{' »' if cut else ''}"
        axes.text(0.98 * min(bits[name], limit), at, text, va="center", ha="right", fontsize=7.5, color=ink)
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set_xlim(0, limit)
    axes.set_title("Bits for each non-zero")


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _thousands(value: float, _: object = None) -> str:
    for power, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:g}{letter}"
    return f"{value:g}"
