"""Tiles of a band: how many of each kind there are, and what they hold.

What a tile holds depends on where its corner lies from the diagonal: tiles at the same offset are alike. Each of their
rows crosses some cells of the band; non-zeros fall on the cells independently, and always on the diagonal.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy

from workloads.densities.banded import Banded
from workloads.statistics.closed_form.blocks import blocks_given, blocks_in_band
from workloads.statistics.closed_form.load_balance import fullest_parts, none_on, widest_parts
from workloads.statistics.closed_form.row_assignment import dealt_longest_first
from workloads.statistics.closed_form.row_distributions import binomial_row, matched_below
from workloads.statistics.closed_form.row_stacks import MOST_DEALT, MOST_ROWS_A_PART, EntryWork
from workloads.statistics.closed_form.sum_distributions import PARTS, Law
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.row_segments import RLE_RUN
from workloads.statistics.schedules import BALANCED, CYCLIC, IN_ORDER, ROW_BLOCKS, SCHEDULES

MOST_KINDS, MOST_FULL = 32, 96
"""Offsets that are told apart, of a full band, which is quick, more; of more, neighbours are taken as alike."""
MOST_OFFSETS = 1 << 18
"""Offsets that are looked at one by one; of more, so many that are spaced alike stand for all."""
MOST_LINES = 512
"""Rows or columns of a tile that are told apart."""
POINTS = 8
"""Numbers of non-zeros of a kind that are told apart."""


@dataclass(frozen=True)
class BandTile:
    """Tiles whose first column lies `offset` right of their first row; `count` of them."""

    offset: int
    height: int
    width: int
    count: float


def band_tiles(density: Banded, side: int, height: int, width: int) -> list[BandTile]:
    """Kinds of tiles that the band crosses, with their exact counts; if they are many, of groups of them."""
    reach = min(density.half_width, side - 1)
    most_kinds = MOST_FULL if density.density == 1 else MOST_KINDS
    tall, wide = side // height, side // width
    found = []
    step = min(height, width)
    span, alike = _crossed(0, step, height, width, reach)
    # Tiles inside: corners (i height, j width) with j width - i height = offset.
    if width >= height:
        least, most = -(-np.maximum(span, 0) // width), np.minimum((tall - 1) * height + span, (wide - 1) * width)
        counts = np.maximum(most // width - least + 1, 0)
    else:
        least, most = -(-np.maximum(-span, 0) // height), np.minimum((wide - 1) * width - span, (tall - 1) * height)
        counts = np.maximum(most // height - least + 1, 0)
    found += _grouped(span, counts * alike, height, width, reach, most_kinds)
    below, beside = side % height, side % width
    if below:
        offsets = _crossed(-tall * height, width, below, width, reach, wide)
        found += _grouped(*offsets, below, width, reach, most_kinds)
    if beside:
        offsets = _crossed(wide * width - (tall - 1) * height, height, height, beside, reach, tall)
        found += _grouped(*offsets, height, beside, reach, most_kinds)
    if below and beside:
        found.append(BandTile(wide * width - tall * height, below, beside, 1.0))
    return [tile for tile in found if tile.count > 0]


def _crossed(
    first: int, step: int, height: int, width: int, reach: int, count: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of tiles that the band crosses, and for how many each stands: of `first`, `first + step`, ..., so many or
    without end both ways."""
    low, high = -((width - 1 + reach + first) // step), (height - 1 + reach - first) // step
    if count is not None:
        low, high = max(low, 0), min(high, count - 1)
    number = max(high - low + 1, 0)
    kept = min(number, MOST_OFFSETS)
    at = low + (2 * np.arange(kept) + 1) * number // (2 * max(kept, 1))
    return first + at * step, np.full(kept, number / max(kept, 1))


def _grouped(
    offsets: np.ndarray, counts: np.ndarray, height: int, width: int, reach: int, most_kinds: int
) -> list[BandTile]:
    """Tiles inside the band and off the diagonal are all alike; of the others, neighbours where they are many."""
    offsets, counts = offsets[counts > 0], counts[counts > 0]
    crossed = (offsets > -width) & (offsets < height)
    inside = (offsets + width - 1 <= reach) & (height - 1 - offsets <= reach) & ~crossed
    found = []
    for alike in (inside, crossed & ~inside, ~crossed & ~inside):
        at = np.flatnonzero(alike)
        most = 1 if alike is inside else most_kinds
        for part in np.array_split(at, min(most, at.size)) if at.size else ():
            found.append(BandTile(int(offsets[part[part.size // 2]]), height, width, float(counts[part].sum())))
    return found


@dataclass(frozen=True)
class _Lines:
    """Rows of a tile that the band crosses: cells of each, cells before them in the tile, whether one is diagonal, how
    many rows each stands for, its place."""

    cells: np.ndarray
    before: np.ndarray
    diagonal: np.ndarray
    weight: np.ndarray
    place: np.ndarray


def _lines(offset: int, height: int, width: int, reach: int) -> _Lines:
    first, last = max(0, offset - reach), min(height - 1, offset + width - 1 + reach)
    number = last - first + 1
    kept = min(number, MOST_LINES)
    place = first + (np.arange(kept) * number) // kept
    low = np.maximum(place - offset - reach, 0)
    high = np.minimum(place - offset + reach, width - 1)
    inside = (place >= offset) & (place < offset + width)
    return _Lines(high - low + 1, low, inside.astype(float), np.full(kept, number / kept), place)


def band_quantities(
    density: Banded, tile: BandTile, side: int, weights: EntryWork | None
) -> tuple[Law, np.ndarray, tuple[float, float]]:
    """Law of the non-zeros of a tile, its quantities given them [n, q], and mean and variance of its padding."""
    reach = min(density.half_width, side - 1)
    rows = _lines(tile.offset, tile.height, tile.width, reach)
    columns = _lines(-tile.offset, tile.width, tile.height, reach)
    cells, sure = float(rows.weight @ rows.cells), float(rows.weight @ rows.diagonal)
    law = _free_law(round(cells - sure), density.density)
    extra, held = law.points, law.points + sure
    each = weights.mean if weights else 1.0
    one = np.ones(held.size)
    apart, longest, some = fullest_parts(
        rows.cells.astype(float), rows.diagonal, rows.weight, rows.place, tile.height, extra
    )
    share = np.where(cells > sure, extra / max(cells - sure, 1e-300), 0.0)
    padding = np.array([_padding(rows, chance, filled) for chance, filled in zip(share, some, strict=True)])
    used = _used_columns(columns, extra, cells - sure)
    mean_blocks, crossed = blocks_in_band(density, reach, (tile.offset, tile.height, tile.width))
    basics = (
        one,
        held,
        some @ rows.weight,
        padding,
        held * each,
        one * tile.height,
        blocks_given(held, law.probability, mean_blocks, max(crossed, 1.0), max(cells, 1.0)),
        used,
        used * each,
        one * tile.width,
        one * tile.height * tile.width,
    )
    loads = _loads(rows, density.density, apart, longest, some, each, 2 if weights is None else 3)
    quantities = np.concatenate([np.stack(basics, axis=1), loads.reshape(held.size, -1)], axis=1)
    mean = float(padding @ law.probability)
    free = (cells - sure) * density.density
    whole = Law(held, law.parts, free + sure, free * (1 - density.density), held)
    return whole, quantities, (mean, mean * (1 - density.density))


def band_shares(density: Banded, side: int, height_level: int, width: int, peak: float) -> np.ndarray:
    """The most rows and non-zeros of the parts of any tile, expected, [P, schedules, 2]; `peak`: of a tile's.

    Of each kind of tiles only the parts that reach over most of the band count, as independent of each other.
    """
    reach, height = min(density.half_width, side - 1), min(1 << height_level, side)
    parts = 1 << np.arange(PARTITION_LEVELS)
    found, counts, fullest, most = [], [], None, 0.0
    for tile in band_tiles(density, side, height, width):
        rows = _lines(tile.offset, tile.height, tile.width, reach)
        found.append(
            widest_parts(rows.cells * 1.0, rows.diagonal, rows.weight, rows.place, tile.height, density.density)
        )
        counts.append(tile.count)
        if fullest is None or rows.cells @ rows.weight > most:
            fullest, most = rows, float(rows.cells @ rows.weight)
    assert fullest is not None
    uneven = np.array([_unevenness(fullest, density.density, number) for number in parts.tolist()])
    shares = _most_of_parts(np.stack(found), np.array(counts))
    whole = shares[0, CYCLIC]
    even = np.ceil(np.array([whole[0], peak])[None, :] / parts[:, None] - 1e-6)
    shares[:, BALANCED] = np.minimum(np.maximum(even, shares[-1, CYCLIC]), shares[:, CYCLIC])
    shares[:, BALANCED, 1] = np.minimum(shares[:, BALANCED, 1] * uneven, shares[:, CYCLIC, 1])
    shares[0, :, 1] = peak
    return shares


def _most_of_parts(found: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The most of the widest parts of kinds of tiles, [kinds, 2, schedules, P, 4], so many tiles of each."""
    shares = np.full((PARTITION_LEVELS, len(SCHEDULES), 2), np.nan)
    for way in IN_ORDER:
        for p in range(PARTITION_LEVELS):
            for kind in range(2):
                sure, mean, variance, ties = found[:, kind, way, p].T
                whole = sure + mean
                high = np.ceil((whole + 7 * np.sqrt(variance) + 3 * (variance > 0)).max())
                low = np.floor(max((whole - 6 * np.sqrt(variance)).max() - 1, 0.0))
                at = np.unique(np.rint(np.linspace(low, high, 64)))
                middle = np.floor((at[1:] + at[:-1] - 1) / 2)
                below = matched_below(middle - sure[:, None], mean[:, None], variance[:, None])
                below = np.where(middle < sure[:, None], 0.0, below) ** (ties * counts)[:, None]
                shares[p, way, kind] = at[-1] - below.prod(axis=0) @ np.diff(at)
    return shares


@lru_cache(maxsize=4096)
def _free_law(cells: int, share: float) -> Law:
    """Non-zeros on so many cells, on few points: neighbours are joined at their mean."""
    if cells < 1:
        return Law(np.zeros(1), np.ones((1, len(PARTS))), 0.0, 0.0, np.zeros(1))
    law = binomial_row(cells, share)
    if law.points.size <= POINTS:
        return law
    if law.points[-1] - law.points[0] <= 2 * POINTS:
        return law
    below = np.cumsum(law.probability) - law.probability / 2
    group = np.minimum((below * POINTS).astype(int), POINTS - 1)
    chance = np.bincount(group, law.probability, POINTS)
    points = np.bincount(group, law.probability * law.points, POINTS)[chance > 0] / chance[chance > 0]
    parts = np.zeros((points.size, law.parts.shape[1]))
    parts[:, 0] = chance[chance > 0]
    return Law(points, parts, law.mean, law.variance, points)


def _padding(rows: _Lines, share: float, some: np.ndarray) -> float:
    """RLE padding: whole runs before the band, and runs of zeros in it.

    At cell t of a row, z zeros precede with the chance that z cells are empty, or that all t are and z - t lie before
    the band.
    """
    before, cells = rows.before, rows.cells
    found = (before // RLE_RUN) * some
    if share < 1:
        density = (rows.diagonal + (cells - rows.diagonal) * share) / cells
        none = 1 - density
        zeros = RLE_RUN * np.arange(1, int(cells.max()) // RLE_RUN + 1)[:, None]
        inside = np.maximum(cells - zeros, 0) * density * none**zeros
        found = found + (inside - np.where(zeros < cells, none**zeros - none**cells, 0.0)).sum(axis=0)
        first = (before // RLE_RUN + 1) * RLE_RUN
        for run in range(int(cells.max()) // RLE_RUN + 2):
            zeros = first + run * RLE_RUN
            more = none ** np.minimum(np.maximum(zeros - before, 0), cells) - none ** np.minimum(zeros, cells)
            found = found + np.maximum(more, 0) + np.where(zeros < cells, none**zeros - none**cells, 0.0)
    return float(found @ rows.weight)


def _used_columns(columns: _Lines, held: np.ndarray, total: float) -> np.ndarray:
    """Non-empty columns for each number of non-zeros that are not sure, [n]."""
    free, kind = np.unique((columns.cells - columns.diagonal)[columns.diagonal < 0.5], return_inverse=True)
    number = np.bincount(kind, columns.weight[columns.diagonal < 0.5], free.size)
    some = np.array([[1.0 - none_on(cells, n, total) for cells in free] for n in held]).reshape(held.size, free.size)
    return some @ number + columns.weight @ columns.diagonal


def _loads(
    rows: _Lines, share: float, apart: np.ndarray, longest: np.ndarray, some: np.ndarray, each: float, kinds: int
) -> np.ndarray:
    """Fullest of P parts for each number of non-zeros, [n, kinds, schedules, P]; `apart`: see `fullest_parts`."""
    loads = np.empty((longest.size, 3, len(SCHEDULES), PARTITION_LEVELS))
    loads[:, :2] = apart
    filled, held = apart[:, 0, ROW_BLOCKS, 0], apart[:, 1, ROW_BLOCKS, 0]
    # All non-zeros in rows of their own: their number is the rows'.
    shared = 1 - filled / np.maximum(held, 1e-300)
    deviation = np.sqrt(np.maximum((some * (1 - some)) @ rows.weight * shared, 1e-9))
    number = float(rows.weight.sum())
    for p in range(PARTITION_LEVELS):
        parts = 1 << p
        levels = np.arange(min(int(number / parts) + 1, 40)) * parts
        more = scipy.special.ndtr((filled[:, None] - levels - 0.5) / deviation[:, None]) * (levels < number)
        more[:, 0] = np.minimum(filled, 1.0)
        even = more.sum(axis=1) if number / parts < 40 else filled / parts + 0.5
        loads[:, 0, BALANCED, p] = even if p else filled
        least = np.maximum(np.ceil(held / parts - 1e-6), longest) if p else held
        loads[:, 1, BALANCED, p] = np.minimum(least * _unevenness(rows, share, parts), apart[:, 1, CYCLIC, p])
    loads[:, 2] = loads[:, 1] * each
    return loads[:, :kinds]


def _unevenness(rows: _Lines, share: float, parts: int) -> float:
    """Rows dealt longest first, over the larger of the longest row and the mean of the parts."""
    number = float(rows.weight.sum())
    if parts == 1 or parts >= number or number >= MOST_ROWS_A_PART * parts:
        return 1.0
    while number > MOST_DEALT / 4:
        number, parts = number / 2, parts // 2
    at = np.linspace(0, rows.cells.size - 1, max(round(number), 1)).round().astype(int)
    free = (rows.cells - rows.diagonal)[at].astype(int)
    return _dealt_rows(tuple(free.tolist()), tuple(rows.diagonal[at].tolist()), share, max(parts, 1))


@lru_cache(maxsize=4096)
def _dealt_rows(free: tuple[int, ...], sure: tuple[float, ...], share: float, parts: int) -> float:
    samples = 1 if share == 1 else max(MOST_DEALT // 4 // len(free), 1)
    drawn = np.array(sure) + np.random.default_rng(0).binomial(free, share, (samples, len(free)))
    dealt, least = dealt_longest_first(drawn, parts)
    return max(dealt / max(least, 1e-300), 1.0)
