"""Tables of one operand, like `workloads.tables.operand_tables`, from the law of its rows instead of a pattern."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from workloads.densities.columns import column_passes
from workloads.densities.density import Density
from workloads.densities.laws import Law
from workloads.densities.power_law import PowerLawRows
from workloads.densities.row_laws import matched_below, row_laws
from workloads.densities.stacks import Stack, Weights
from workloads.lattice import levels
from workloads.loads import PARTITION_LEVELS
from workloads.scan import SCHEDULES, class_shares
from workloads.tables import CLASSES, POINT_QUANTITIES, TILE_QUANTITIES, threads


@dataclass(frozen=True)
class Kind:
    """Tiles alike: how many there are, their height and width, and for each number of non-zeros its probability and
    all quantities, [n, q]."""

    count: float
    height: int
    width: int
    points: np.ndarray
    probability: np.ndarray
    quantities: np.ndarray
    padding_moments: tuple[float, float]


def density_tables(
    density: Density, rows: int, columns: int, weights: Weights | None = None, classes: int = CLASSES
) -> dict[str, np.ndarray]:
    """Expected tables of a density, in the layout of `workloads.tables.operand_tables` (without errors).

    `weights`: the work of an entry where the other operand is sparse.
    """
    height_levels, width_levels = levels(rows), levels(columns)
    kinds = 2 if weights is None else 3
    tiles = np.zeros((height_levels, width_levels, classes, len(TILE_QUANTITIES)))
    loads = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes, SCHEDULES, kinds))
    passes = np.zeros((height_levels, width_levels, PARTITION_LEVELS, classes))
    point = np.zeros((height_levels, width_levels, len(POINT_QUANTITIES)))
    fixed = None if isinstance(density, PowerLawRows) else density.nonzeros(rows, columns)

    def fill(width_level: int) -> None:
        laws = row_laws(density, rows, columns, min(1 << width_level, columns))
        stacks = [(count, Stack(law, width, weights)) for count, width, law in laws]
        empty_columns = sum(
            count * stack.width * float(stack.row.probability[stack.row.points < 0.5].sum()) ** rows
            for count, stack in stacks
        )
        for height_level in range(height_levels):
            size = min(1 << height_level, rows)
            heights = [(rows // size, size)] + [(1, rows % size)] * (rows % size > 0)
            found = [
                _kind(stack, down * across, height, weights) for across, stack in stacks for down, height in heights
            ]
            if fixed is not None and sum(kind.count for kind in found) == 1:
                found = [_settled(found[0], fixed)]
            at = (height_level, width_level)
            tiles[at], loads[at], passes[at] = _by_class(found, classes, kinds)
            point[at][:2] = _peaks(found)
            point[at][3] = columns - empty_columns
            if width_level == width_levels - 1:
                empty = float(laws[0][2].probability[laws[0][2].points < 0.5].sum())
                point[height_level, :, 2] = sum(count * height * (1 - empty**height) for count, height in heights)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(fill, range(width_levels)))
    return {"tiles": tiles, "loads": loads, "load_errors": np.zeros_like(loads), "passes": passes, "point": point}


def _kind(stack: Stack, count: float, height: int, weights: Weights | None) -> Kind:
    law: Law = stack.law(height)
    width, held = stack.width, law.points
    one = np.ones(held.size)
    used, dealt = column_passes(law, height, width)
    each = weights.mean if weights else 1.0
    basics = (
        one,
        held,
        law.given("rows"),
        law.given("padding"),
        held * each,
        one * height,
        used,
        used * each,
        one * width,
        one * height * width,
    )
    quantities = np.concatenate([np.stack(basics, axis=1), dealt, stack.loads(height).reshape(held.size, -1)], axis=1)
    mean = float(law.parts[:, 5].sum())
    moments = mean, max(float(law.parts[:, 6].sum()) - mean**2, 0.0)
    return Kind(count, height, width, held, law.probability, quantities, moments)


def _settled(kind: Kind, nonzeros: float) -> Kind:
    """A kind of one tile whose number of non-zeros is known."""
    quantities = np.stack([np.interp(nonzeros, kind.points, column) for column in kind.quantities.T])[None]
    return Kind(kind.count, kind.height, kind.width, np.array([nonzeros]), np.ones(1), quantities, kind.padding_moments)


def _by_class(found: list[Kind], classes: int, kinds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    held = np.concatenate([kind.points for kind in found])
    number = np.concatenate([kind.count * kind.probability for kind in found])
    quantities = np.concatenate([kind.quantities for kind in found])
    order = np.argsort(held, kind="stable")
    order = order[(held * number)[order] > 0]
    shares = class_shares((held * number)[order], classes)
    sums = (shares * number[order, None]).T @ quantities[order]
    basics, dealt, loads = np.split(sums, [len(TILE_QUANTITIES), len(TILE_QUANTITIES) + PARTITION_LEVELS], axis=1)
    loads = loads.reshape(classes, kinds, SCHEDULES, PARTITION_LEVELS).transpose(3, 0, 2, 1)
    return basics, loads, dealt.T


def _peaks(found: list[Kind]) -> tuple[float, float]:
    """Expected non-zeros and padding of the tile that has most."""
    points = np.unique(np.concatenate([kind.points for kind in found]))
    none_above = np.zeros(points.size)
    for kind in found:
        above = np.append(np.cumsum(kind.probability[::-1])[::-1], 0.0) / kind.probability.sum()
        more = above[np.searchsorted(kind.points, points, side="right")]
        none_above += kind.count * np.log1p(-np.minimum(more, 1.0 - 1e-16))
    peak = points[-1] - np.exp(none_above[:-1]) @ np.diff(points)
    return float(peak), _peak_padding(found)


def _peak_padding(found: list[Kind]) -> float:
    mean, variance = max((kind.padding_moments for kind in found), key=lambda moments: moments[0])
    if mean <= 0:
        return 0.0
    count = sum(kind.count for kind in found if kind.padding_moments[0] > mean / 2)
    deviation = np.sqrt(variance)
    reach = np.sqrt(2 * np.log(count + 2)) + 3
    low, high = max(np.floor(mean - 6 * deviation), 0.0), np.ceil(mean + deviation * reach * 2 + 8)
    points = np.unique(np.rint(np.linspace(low, high, 200)))
    none_above = matched_below(points, mean, variance) ** count
    middle = (none_above[1:] + none_above[:-1]) / 2
    return float(points[-1] + 0.5 - 0.5 * none_above[0] - middle @ np.diff(points))
