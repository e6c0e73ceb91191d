"""What one row of a tile holds under each density model: the laws that everything else is summed from."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.errors import InputError
from workloads.statistics.closed_form.sum_distributions import BINS, Law, law_of_row, law_points
from workloads.statistics.closed_form.transposed import Transposed
from workloads.statistics.row_segments import RLE_RUN

LEAST = 1e-13
"""Probabilities below this are left out."""


@dataclass(frozen=True)
class RowLaw:
    """What a row holds in each of `count` tile columns of a width; `common`: share of the variance that tile columns
    beside each other have in common, since their rows are as long."""

    count: int
    width: int
    law: Law
    common: float = 0.0


def row_laws(density: Density, rows: int, columns: int, width: int) -> list[RowLaw]:
    """Laws of the rows of tiles of a width, by tile columns that are alike.

    Rows are independent of each other. Tile columns differ at the edge, and where groups of N:M straddle them.
    """
    whole, edge = divmod(columns, width)
    extents = [(whole, width)] * (whole > 0) + [(1, edge)] * (edge > 0)
    if isinstance(density, Banded):
        raise InputError("Banded: products of two sparse operands are not in closed form; use the kernel's `sample`.")
    if isinstance(density, Transposed):
        share = density.nonzeros(rows, columns) / (rows * columns)
        return [RowLaw(count, size, binomial_row(size, share)) for count, size in extents]
    if isinstance(density, NM):
        return _of_groups(density, columns, width)
    if isinstance(density, PowerLawRows):
        lengths, chance = lengths_of(density, columns)
        return [RowLaw(count, size, *_mixed(lengths, chance, columns, size)) for count, size in extents]
    share = density.nonzeros(rows, columns) / (rows * columns)
    return [RowLaw(count, size, binomial_row(size, share)) for count, size in extents]


def binomial_row(width: int, share: float) -> Law:
    """Each of `width` positions is a non-zero with probability `share`."""
    if share >= 1:
        return _with_padding(np.array([float(width)]), np.ones(1), width)
    return _row(
        width,
        lambda at: matched_below(at, width * share, width * share * (1 - share)),
        width,
    )


def matched_below(at: np.ndarray, mean: np.ndarray | float, variance: np.ndarray | float) -> np.ndarray:
    """P(count <= at) of the binomial, Poisson or negative binomial law of a mean and variance (Katz's family).

    Source: Johnson, Kemp, Kotz, "Univariate Discrete Distributions", 3rd ed., 2005, section 2.3.1.
    """
    at, mean, variance = np.broadcast_arrays(np.floor(np.asarray(at, float)), mean, variance)
    found = np.where(at >= np.rint(mean), 1.0, 0.0)
    ratio = np.divide(variance, mean, out=np.zeros_like(at), where=mean > 0)
    under, over = (mean > 0) & (ratio > 1e-9) & (ratio < 1 - 1e-6), ratio > 1 + 1e-6
    poisson = (mean > 0) & ~under & ~over & (ratio > 1e-9)
    if under.any():
        chance = 1 - ratio[under]
        trials = mean[under] / chance
        rest = trials - at[under]
        inside = scipy.special.betainc(np.maximum(rest, 1e-9), np.maximum(at[under], -1) + 1 + 1e-300, 1 - chance)
        found[under] = np.where(rest <= 1e-6, 1.0, np.where(at[under] < 0, 0.0, inside))
    if over.any():
        size = mean[over] / (ratio[over] - 1)
        inside = scipy.special.betainc(size, np.maximum(at[over], 0) + 1, 1 / ratio[over])
        found[over] = np.where(at[over] < 0, 0.0, inside)
    if poisson.any():
        inside = scipy.special.gammaincc(np.maximum(at[poisson], 0) + 1, mean[poisson])
        found[poisson] = np.where(at[poisson] < 0, 0.0, inside)
    return found


def gap_tails(width: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and mean square of the RLE padding of a row of `width` that holds so many non-zeros at uniform places.

    The zeros before an entry are at least g with probability C(width - g, held) / C(width, held), before two entries
    at least g and g' with that of g + g'; padding takes floor(zeros / 16) before each entry.
    """
    last = (width - 1) // RLE_RUN
    if last < 1:
        return np.zeros(held.size), np.zeros(held.size)
    runs = np.unique(
        np.minimum(
            np.concatenate([np.arange(1, 33), np.geomspace(33, max(last, 34), 160).round()]),
            last,
        )
    )
    weight = np.gradient(np.append(runs, last + 1))[:-1] if runs.size < last else np.ones(runs.size)
    weight = np.where(runs <= 31, 1.0, weight)
    zeros = RLE_RUN * runs[:, None]
    room = width - zeros - held
    tail = scipy.special.gammaln(np.maximum(width - zeros, 0) + 1) - scipy.special.gammaln(np.maximum(room, 0) + 1)
    tail = (
        np.where(
            room >= 0,
            np.exp(tail + scipy.special.gammaln(width - held + 1) - scipy.special.gammaln(width + 1)),
            0.0,
        )
        * weight[:, None]
    )
    first, double = tail.sum(axis=0), (tail * (runs[:, None] - 1)).sum(axis=0)
    return held * first, held * (first + 2 * double) + held * np.maximum(held - 1, 0) * double


def _row(width: int, below, most: int) -> Law:
    """A row of `width` with at most `most` non-zeros, given P(count <= n)."""
    if most < BINS:
        candidates = np.arange(most + 1.0)
    else:
        low, high, near = np.zeros(1), np.full(1, float(most)), np.arange(32.0)
        spread = np.geomspace(1, most, 2 * BINS)
        wide = np.unique(np.rint(np.concatenate([low, near, spread, high])))
        chance = below(wide)
        edges = np.interp([LEAST, 1 - LEAST], np.maximum.accumulate(chance), wide)
        inside = np.linspace(np.floor(edges[0]), np.ceil(edges[1]) + 1, 4 * BINS)
        candidates = np.unique(np.rint(np.concatenate([wide, inside])).clip(0, most))
    cumulated = np.maximum.accumulate(np.clip(below(candidates), 0, 1))
    points = candidates if most < BINS else law_points(0, most, candidates, cumulated)
    return _with_padding(points, _masses(points, below), width)


def _masses(points: np.ndarray, below) -> np.ndarray:
    """Probability of each point, with what lies between two points shared by them."""
    if points.size == 1:
        return np.ones(1)
    cuts = np.floor((points[1:] + points[:-1]) / 2)
    cumulated = np.concatenate([[0.0], np.maximum.accumulate(np.clip(below(cuts), 0, 1)), [1.0]])
    return np.diff(cumulated)


def _with_padding(points: np.ndarray, probability: np.ndarray, width: int) -> Law:
    keep = probability > LEAST
    points, probability = points[keep], probability[keep] / probability[keep].sum()
    return law_of_row(points, probability, width, gap_tails(width, points))


@lru_cache(maxsize=64)
def lengths_of(density: PowerLawRows, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Row lengths and their probabilities, on few points."""

    def below(at: np.ndarray) -> np.ndarray:
        return 1 - density.longer(at, columns)

    candidates = np.unique(np.rint(np.geomspace(1, columns, 8 * BINS)))
    points = law_points(1, columns, candidates, below(candidates))
    return points, _masses(points, below)


def _mixed(lengths: np.ndarray, chance: np.ndarray, columns: int, width: int) -> tuple[Law, float]:
    """A stretch of a row at uniform places: hypergeometric, mixed over the row's length."""
    if width == columns:
        return _with_padding(lengths, chance, width), 1.0
    mean = lengths * width / columns
    variance = mean * (1 - width / columns) * (columns - lengths) / (columns - 1)

    def below(at: np.ndarray) -> np.ndarray:
        return matched_below(np.minimum(at, width)[:, None], mean, variance) @ chance

    within = float(variance @ chance)
    total = within + float((mean - mean @ chance) ** 2 @ chance)
    return _row(width, below, width), 1 - within / max(total, 1e-300)


def _of_groups(density: NM, columns: int, width: int) -> list[RowLaw]:
    m, whole, edge = density.m, columns // width, columns % width
    before, period = (columns - columns % m) // width, m // math.gcd(width, m)  # tiles that end in whole groups
    kinds = [(at * width % m, width, False, (before - at + period - 1) // period) for at in range(min(period, before))]
    kinds += [(at * width % m, width, True, 1) for at in range(before, whole)]
    if edge:
        kinds.append((whole * width % m, edge, columns % m > 0, 1))
    found: dict[bytes, RowLaw] = {}
    for start, size, last, count in kinds:
        law = _stretch(density, start, size, columns % m if last else 0)
        key = law.points.tobytes() + np.round(law.probability, 12).tobytes() + size.to_bytes(8, "little")
        found[key] = RowLaw(count + (found[key].count if key in found else 0), size, law)
    return list(found.values())


def _stretch(density: NM, start: int, size: int, rest: int) -> Law:
    """`size` columns from `start` columns into a group; the last group has only `rest` of them, if any."""
    n, m = density.n, density.m
    head = min(-start % m, size)
    full, tail = divmod(size - head, m)
    cut = rest if rest and tail else m
    whole, pieces = (
        full * n,
        [(m if head < size or not rest else max(rest, head), head), (cut, tail)],
    )
    probability = np.ones(1)
    for group, overlap in pieces:
        if 0 < overlap < group:
            probability = np.convolve(probability, _hypergeometric(group, min(n, group), overlap))
        elif overlap:
            whole += min(n, group)
    points = whole + np.arange(probability.size, dtype=float)
    padding = gap_tails(size, points) if size <= m else _group_padding(density, size / m, points.size)
    keep = probability > LEAST
    return law_of_row(
        points[keep],
        probability[keep] / probability[keep].sum(),
        size,
        (padding[0][keep], padding[1][keep]),
    )


def _hypergeometric(population: int, marked: int, drawn: int) -> np.ndarray:
    """Probabilities of 0, 1, ... marked ones among those drawn."""
    k = np.arange(min(marked, drawn) + 1.0)

    def log_choose(n, k):
        return np.where(
            (k >= 0) & (k <= n), scipy.special.gammaln(n + 1) - scipy.special.gammaln(np.clip(k, 0, n) + 1), -np.inf
        ) - scipy.special.gammaln(np.maximum(n - k, 0) + 1)

    chance = np.exp(
        log_choose(marked, k) + log_choose(population - marked, drawn - k) - log_choose(population, np.float64(drawn))
    )
    return chance / chance.sum()


def _group_padding(density: NM, groups: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Padding of a row of whole groups: before the first entry, between groups, and between the entries of a group."""
    n, m = density.n, density.m
    zeros = np.arange(m - n + 1.0)
    at_edge = np.exp(_log_choose(m - 1 - zeros, n - 1) - _log_choose(m, n))
    across = np.convolve(at_edge, at_edge)
    terms = ((1.0, at_edge), (groups - 1, across), (groups * (n - 1), at_edge))
    mean = square = 0.0
    for times, chance in terms:
        padding = np.arange(chance.size) // RLE_RUN
        one, two = float(chance @ padding), float(chance @ padding**2)
        mean, square = mean + times * one, square + times * (two - one**2)
    return np.full(points, mean), np.full(points, square + mean**2)


def _log_choose(n: np.ndarray | int, k: int) -> np.ndarray:
    count = np.asarray(n, float)
    return np.asarray(
        scipy.special.gammaln(count + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(count - k + 1)
    )
