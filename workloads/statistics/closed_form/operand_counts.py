"""Expected counts of one operand, from the law of its rows instead of a pattern."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.densities.power_law import PowerLawRows
from workloads.densities.uniform import Uniform
from workloads.errors import InputError
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.closed_form.bands import band_quantities, band_shares, band_tiles
from workloads.statistics.closed_form.blocks import blocks_given, blocks_in_mean, spread_of_blocks
from workloads.statistics.closed_form.row_distributions import RowLaw, matched_below, row_laws
from workloads.statistics.closed_form.row_stacks import EntryWork, Stack, StackOfColumns
from workloads.statistics.closed_form.shares import AlikeTiles, expected_shares
from workloads.statistics.closed_form.sum_distributions import Law
from workloads.statistics.closed_form.tile_classes import tiles_by_class
from workloads.statistics.closed_form.transposed import Transposed
from workloads.statistics.closed_form.transposed_stacks import StacksOfRows, used_columns
from workloads.statistics.lattice import levels
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.operand_counts import POINT_QUANTITIES, TILE_QUANTITIES
from workloads.statistics.row_segments import RLE_RUN
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES

NEARLY_NORMAL = 1e4
"""Variance from which a binomial law counts as normal."""
ALMOST_SURE = 0.999

LEAST_SHARE = 1e-12
"""Of non-zeros: chances are differences of numbers near one, which are told apart to 1e-16."""


@dataclass(frozen=True)
class TileGroup:
    """Tiles alike: how many there are, their height and width, and for each number of non-zeros its probability and
    all quantities, [n, q]."""

    count: int
    height: int
    width: int
    points: np.ndarray
    probability: np.ndarray
    quantities: np.ndarray
    padding_moments: tuple[float, float]
    law: Law | None = None
    sure: int = 0
    """Non-zeros that are always there."""


def expected_operand(
    density: Density,
    rows: int,
    columns: int,
    weights: EntryWork | None = None,
    classes: int = CLASSES,
) -> dict[str, np.ndarray]:
    """Expected counts of a density, in the layout of `operand_counts.count_operand` (without errors), and `extents`.

    `weights`: the work of an entry where the other operand is sparse. **Raises** `InputError` for fewer non-zeros than
    chances in float64 tell from none.
    """
    if density.nonzeros(rows, columns) < LEAST_SHARE * rows * columns:
        raise InputError(
            f"{density} of {rows} x {columns}: less than {LEAST_SHARE:g} of the positions are non-zeros, too few for "
            "statistics in closed form; give the pattern itself or a larger density."
        )
    height_levels, width_levels = levels(rows), levels(columns)
    kinds = 2 if weights is None else 3
    tiles = np.zeros((height_levels, width_levels, classes, len(TILE_QUANTITIES)))
    loads = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes, len(SCHEDULES), kinds))
    most = np.zeros((height_levels, width_levels, PARTITION_LEVELS, len(SCHEDULES), 2))
    point = np.zeros((height_levels, width_levels, len(POINT_QUANTITIES)))
    random = isinstance(density.of if isinstance(density, Transposed) else density, PowerLawRows)
    fixed = None if random else density.nonzeros(rows, columns)
    sure = (columns if isinstance(density, Transposed) else rows) if random else density.nonzeros(rows, columns)

    commons = None if not isinstance(density, PowerLawRows) else Stack(row_laws(density, rows, columns, columns)[0])

    extents = np.zeros((height_levels, width_levels, 2, classes))
    rows_of = StacksOfRows(density.of, columns, rows) if isinstance(density, Transposed) else None

    def fill(width_level: int) -> None:
        if isinstance(density, Banded):
            width = min(1 << width_level, columns)
            for height_level in range(height_levels):
                at = (height_level, width_level)
                found = _kinds_of_band(density, rows, min(1 << height_level, rows), width, weights)
                shares = tiles_by_class([(kind.count, kind.points, kind.probability) for kind in found], classes)
                tiles[at], loads[at] = _by_class(found, shares, kinds)
                peak = _peak_of_band(found)
                point[at] = peak, _peak_padding(found), _fullest_blocks(found), rows, columns
                most[at] = band_shares(density, rows, at[0], width, float(point[at][0]))
            return
        laws = row_laws(density, rows, columns, min(1 << width_level, columns))
        stacks = [(one.count, _stack(one, weights, rows_of)) for one in laws]
        empty_columns = sum(
            count * stack.width * float(stack.row.law.probability[stack.row.law.points < 0.5].sum()) ** rows
            for count, stack in stacks
        )
        for height_level in range(height_levels):
            size = min(1 << height_level, rows)
            heights = [(rows // size, size)] + [(1, rows % size)] * (rows % size > 0)
            cut = [(down * across, height, stack) for across, stack in stacks for down, height in heights]
            found = [
                _kind(stack, count, height, weights, blocks_in_mean(density, rows, columns, height, stack.width))
                for count, height, stack in cut
            ]
            if rows_of is not None and random:
                found = [_relaid(kind, rows_of.law(kind.height, kind.width)) for kind in found]
            if fixed is not None and sum(kind.count for kind in found) == 1:
                found = [_settled(found[0], fixed)]
            elif fixed is not None and isinstance(density, Uniform):
                found = [_given_total(kind, fixed, rows * columns) for kind in found]
            at = (height_level, width_level)
            spread = _settled_share(found, sum(down for down, _ in heights), stacks[0][1].row.common)
            found = [_narrowed(kind, spread) for kind in found]
            shares = tiles_by_class([(kind.count, kind.points, kind.probability) for kind in found], classes)
            for kind, share in zip(found, shares, strict=True):
                extents[at][int(kind.width < laws[0].width)] += share.sum(axis=0)
            tiles[at], loads[at] = _by_class(found, shares, kinds)
            least = math.ceil(sure / sum(kind.count for kind in found) - 1e-9)
            peak, point[at][1] = _peaks(found, least)
            if commons is not None and width_level < width_levels - 1:
                peak = max(_peak_of_long_rows(commons.law(size), (rows // size, size), stacks, columns), least)
            point[at][0], point[at][2] = peak, _peak_blocks(found, float(peak))
            alike = zip(cut, found, strict=True)
            most[at] = expected_shares(
                [AlikeTiles(*of, kind.points, kind.probability) for of, kind in alike], float(peak)
            )
            point[at][4] = columns - empty_columns
            if width_level == width_levels - 1:
                empty = float(laws[0].law.probability[laws[0].law.points < 0.5].sum())
                point[height_level, :, 3] = sum(count * height * (1 - empty**height) for count, height in heights)

    in_threads(fill, width_levels)
    mean = loads[..., :2].sum(axis=3) / np.maximum(tiles[..., 0].sum(axis=2), 1.0)[:, :, None, None, None]
    return {
        "tiles": tiles,
        "loads": loads,
        "load_errors": np.zeros_like(loads),
        "shares": np.minimum.accumulate(np.maximum(most, mean), axis=2),
        "point": point,
        "extents": extents,
    }


def _kind(stack: Stack, count: int, height: int, weights: EntryWork | None, blocks: float) -> TileGroup:
    """Tiles of a stack of rows, which have so many blocks on average."""
    law: Law = stack.law(height)
    width, held = stack.width, law.points
    one = np.ones(held.size)
    used = used_columns(law, height, width)
    each = weights.mean if weights else 1.0
    basics = (
        one,
        held,
        law.given("rows"),
        law.given("padding"),
        held * each,
        one * height,
        blocks_given(held, law.probability, blocks, -(-height // BLOCK) * -(-width // BLOCK), height * width),
        used,
        used * each,
        one * width,
        one * height * width,
    )
    quantities = np.concatenate(
        [np.stack(basics, axis=1), stack.loads(height).reshape(held.size, -1)],
        axis=1,
    )
    mean = float(law.parts[:, 5].sum())
    moments = mean, max(float(law.parts[:, 6].sum()) - mean**2, 0.0)
    return TileGroup(count, height, width, held, law.probability, quantities, moments)


def _stack(row: RowLaw, weights: EntryWork | None, rows_of: StacksOfRows | None) -> Stack:
    if rows_of is None or isinstance(rows_of.density, PowerLawRows):
        return Stack(row, weights)
    alone = Stack(row)
    return StackOfColumns(row, weights, lambda height: rows_of.along_columns(height, row.width, alone.law(height)))


def _relaid(kind: TileGroup, law: Law) -> TileGroup:
    """The quantities of a kind given its non-zeros, with another law of these; beyond its points they grow alike."""
    inside = np.clip(law.points, kind.points[0], kind.points[-1])
    quantities = np.stack([np.interp(inside, kind.points, column) for column in kind.quantities.T], axis=1)
    grown = quantities * (law.points / np.maximum(inside, 1e-300))[:, None]
    fixed = [TILE_QUANTITIES.index(name) for name in ("tiles", "heights", "widths", "areas")]
    grown[:, fixed] = quantities[:, fixed]
    return replace(kind, points=law.points, probability=law.probability, quantities=grown)


def _kinds_of_band(density: Banded, side: int, height: int, width: int, weights: EntryWork | None) -> list[TileGroup]:
    found = []
    for tile in band_tiles(density, side, height, width):
        law, quantities, padding = band_quantities(density, tile, side, weights)
        size = tile.height, tile.width
        sure = max(min(tile.height, tile.offset + tile.width) - max(tile.offset, 0), 0)  # its part of the diagonal
        found.append(TileGroup(round(tile.count), *size, law.points, law.probability, quantities, padding, law, sure))
    return found


def _peak_of_band(found: list[TileGroup]) -> float:
    """Expected non-zeros of the fullest tile."""
    laws = [(kind.count, kind.sure, kind.law) for kind in found if kind.law is not None]
    high = max(law.mean + 8 * np.sqrt(law.variance) for *_, law in laws) + 1
    low = max(np.floor(max(law.mean - 6 * np.sqrt(law.variance) for *_, law in laws)), 0)
    at = np.unique(np.rint(np.linspace(low, np.ceil(high), 200)))
    none_above = np.ones(at.size)
    for count, sure, law in laws:
        none_above *= matched_below(at - sure, law.mean - sure, law.variance) ** count
    middle = (none_above[1:] + none_above[:-1]) / 2
    return float(at[-1] + 0.5 - 0.5 * none_above[0] - middle @ np.diff(at))


def _fullest_blocks(found: list[TileGroup]) -> float:
    """Expected blocks of a tile of the band that has most of them."""
    at = TILE_QUANTITIES.index("blocks")
    return max(float(kind.quantities[-1, at]) for kind in found)


def _settled_share(found: list[TileGroup], down: int, common: float) -> float:
    """Standard deviation among the tiles of one matrix over that among all matrices, if tiles side by side have rows in
    common: the variance in common is only seen between row blocks."""
    tiles = sum(kind.count for kind in found)
    if common == 0 or tiles == down:
        return 1.0
    return float(np.sqrt(1 - common + common * (1 - 1 / down) / (1 - 1 / tiles)))


def _narrowed(kind: TileGroup, spread: float) -> TileGroup:
    """A kind whose non-zeros lie nearer to their mean."""
    if spread > 1 - 1e-9 or kind.points.size < 2:
        return kind
    mean = kind.points @ kind.probability / kind.probability.sum()
    at = mean + (kind.points - mean) * spread
    lower = np.clip(np.searchsorted(kind.points, at, side="right") - 1, 0, at.size - 2)
    upper = (at - kind.points[lower]) / (kind.points[lower + 1] - kind.points[lower])
    probability = np.bincount(lower, kind.probability * (1 - upper), at.size)
    probability += np.bincount(lower + 1, kind.probability * upper, at.size)
    return replace(kind, probability=probability)


def _peak_of_long_rows(whole: Law, heights: tuple[int, int], stacks: list[tuple[int, Stack]], columns: int) -> float:
    """Expected non-zeros of the fullest tile where all tiles of a row block are long rows' at once.

    Given the non-zeros of the row block those of its tiles are taken as independent and scaled Poisson, whose law is
    found by Wilson and Hilferty's approximation (PNAS 17(12), 1931).
    """
    blocks, height = heights
    width = max(stack.width for _, stack in stacks)
    across = sum(count for count, _ in stacks)
    mean = np.maximum(whole.points * width / columns, 1e-9)
    narrow = (1 - width / columns) * np.maximum(columns - whole.given("squares") / np.maximum(whole.points, 1), 1e-3)
    ratio = np.clip(narrow / max(columns - 1, 1), 1e-3, 1.0)
    at = np.arange(np.ceil(mean.max() + 8 * np.sqrt(mean.max())) + 9)
    if at.size > 400:
        at = np.unique(np.rint(np.linspace(0, at[-1], 400)))
    shape = (at[:, None] + 0.5) / ratio + 0.5
    below = scipy.special.ndtr((1 - 1 / (9 * shape) - np.cbrt(mean / ratio / shape)) * 3 * np.sqrt(shape))
    below = np.where(at[:, None] >= np.minimum(whole.points, height * width), 1.0, below)
    fullest = (below**across @ whole.probability / whole.probability.sum()) ** blocks
    middle = (fullest[1:] + fullest[:-1]) / 2
    return float(at[-1] + 0.5 - 0.5 * fullest[0] - middle @ np.diff(at))


def _given_total(kind: TileGroup, nonzeros: float, positions: int) -> TileGroup:
    """A kind of many tiles of a pattern whose number of non-zeros is known: hypergeometric instead of binomial.

    P(x in the tile | total) is in proportion to P(x) P(total - x elsewhere), both binomial.
    """
    elsewhere, share = positions - kind.height * kind.width, nonzeros / positions
    rest = nonzeros - kind.points
    mean, variance = elsewhere * share, elsewhere * share * (1 - share)
    if variance > NEARLY_NORMAL:
        logs = -((rest - mean) ** 2) / (2 * variance)
    elif share < 1:
        inside = np.clip(rest, 0, elsewhere)
        odds = inside * np.log(share / (1 - share))
        logs = np.where(rest == inside, odds - scipy.special.betaln(inside + 1, elsewhere - inside + 1), -np.inf)
    else:
        return kind
    chance = kind.probability * np.exp(logs - logs.max())
    return replace(kind, probability=chance / chance.sum() * kind.probability.sum())


def _settled(kind: TileGroup, nonzeros: float) -> TileGroup:
    """A kind of one tile whose number of non-zeros is known."""
    quantities = np.stack([np.interp(nonzeros, kind.points, column) for column in kind.quantities.T])[None]
    return TileGroup(
        kind.count,
        kind.height,
        kind.width,
        np.array([nonzeros]),
        np.ones(1),
        quantities,
        kind.padding_moments,
    )


def _by_class(found: list[TileGroup], tiles: list[np.ndarray], kinds: int) -> tuple[np.ndarray, np.ndarray]:
    classes = tiles[0].shape[1]
    sums = sum(share.T @ kind.quantities for share, kind in zip(tiles, found, strict=True))
    basics, loads = np.split(sums, [len(TILE_QUANTITIES)], axis=1)
    return basics, loads.reshape(classes, kinds, len(SCHEDULES), PARTITION_LEVELS).transpose(3, 0, 2, 1)


def _peaks(found: list[TileGroup], least: int) -> tuple[float, float]:
    """Expected non-zeros and padding of the tile that has most; `least` non-zeros are sure to lie in one."""
    points = np.unique(np.concatenate([kind.points for kind in found]))
    none_above = np.zeros(points.size)
    for kind in found:
        above = np.append(np.cumsum(kind.probability[::-1])[::-1], 0.0) / kind.probability.sum()
        more = above[np.searchsorted(kind.points, points, side="right")]
        none_above += kind.count * np.log1p(-np.minimum(more, 1.0 - 1e-16))
    below = np.exp(none_above)
    impossible = min(below[points < least].max(initial=0.0), ALMOST_SURE)
    below = np.where(points < least, 0.0, np.maximum(below - impossible, 0.0) / (1 - impossible))
    return float(points[-1] - below[:-1] @ np.diff(points)), _peak_padding(found)


def _peak_blocks(found: list[TileGroup], peak: float) -> float:
    """Expected blocks of the tile that has most: the one that has most non-zeros, or the one that spreads them most.

    The largest of so many normal variables is found by Blom's approximation ("Statistical Estimates and Transformed
    Beta-Variables", 1958).
    """
    most = 0.0
    for kind in found:
        blocks, chance = kind.quantities[:, TILE_QUANTITIES.index("blocks")], kind.probability / kind.probability.sum()
        mean, room = float(blocks @ chance), float(-(-kind.height // BLOCK) * -(-kind.width // BLOCK))
        deviation = np.sqrt((blocks - mean) ** 2 @ chance + spread_of_blocks(mean, room))
        largest = mean + deviation * scipy.special.ndtri((kind.count - 0.375) / (kind.count + 0.25))
        most = max(most, min(max(float(np.interp(peak, kind.points, blocks)), largest), room, peak))
    return most


def _peak_padding(found: list[TileGroup]) -> float:
    mean, variance = max((kind.padding_moments for kind in found), key=lambda moments: moments[0])
    if mean <= 0:
        return 0.0
    count = sum(kind.count for kind in found if kind.padding_moments[0] > mean / 2)
    deviation = np.sqrt(variance)
    reach = np.sqrt(2 * np.log(count + 2)) + 3
    low, high = (
        max(np.floor(mean - 6 * deviation), 0.0),
        np.ceil(mean + deviation * reach * 2 + 8),
    )
    bound = max(kind.height * ((kind.width - 1) // RLE_RUN) for kind in found)
    points = np.unique(np.rint(np.linspace(low, min(high, bound), 200)))
    none_above = np.where(points >= bound, 1.0, matched_below(points, mean, variance)) ** count
    middle = (none_above[1:] + none_above[:-1]) / 2
    return float(points[-1] + 0.5 - 0.5 * none_above[0] - middle @ np.diff(points))
