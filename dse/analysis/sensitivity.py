"""What matters: slopes of a design's objectives by gradients, and what doubling and halving really do."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dse.analysis.remapper import Remapper
from dse.problem.batched_models import GRADIENTS_OF_TOTALS
from dse.problem.objectives import find_objectives
from dse.problem.search_problem import Problem
from dse.space.design import Design, change_design
from dse.space.design_space import DesignSpace, Value
from hwmodels.cost import FITS, misfit_words
from hwmodels.design.hardware import HARDWARE_NUMBERS, TILE_SIZES, own_fields
from hwmodels.numerics import Smooth

LEAST = 0.01
"""Log ratio up to which an objective is said not to change."""
CLOSE = 0.03
"""Difference of log ratios up to which a forecast is close to what happens, whatever their signs."""


def elasticities(problem: Problem, design: Design, *, temperature: float = 0.05) -> dict[str, dict[str, float]]:
    """Per cent change of each objective for one per cent more of each number, everything else held.

    **Returns** parameter (`pe_rows`, `conv1.tile_m`) -> objective -> d log objective / d log parameter, under
    `Smooth(temperature)`: steps of `ceil` are blurred over that share of a unit, so report the temperature with the
    figures. Counts as six evaluations.
    """
    batch = problem.encoding.batch_of([design.checked(problem.families)])
    batcher = problem.batcher
    if problem.relaxed != Smooth(temperature):
        batcher = batcher.changed(relaxed=Smooth(temperature))
    outputs = problem.batcher.values(batch)
    problem.evaluations += GRADIENTS_OF_TOTALS * len(batch)
    slopes = batcher.slopes_of_totals(batch, outputs[:, :, 0] * problem.repeats, outputs[:, :, 1] * problem.repeats)
    by_number = np.concatenate([slopes.hardware[0], slopes.tiles[0].reshape(3, -1)], axis=1) / np.log(2)
    names = list(HARDWARE_NUMBERS) + [f"{k.name}.{tile}" for k in problem.kernels for tile in TILE_SIZES]
    exponents = np.array([objective.exponents for objective in problem.objectives])
    table = exponents @ by_number
    own = _numbers(design)
    return {
        name: {objective: float(table[at, column]) for at, objective in enumerate(problem.objective_names)}
        for column, name in enumerate(names)
        if name in own
    }


@dataclasses.dataclass(frozen=True)
class FiniteChange:
    """What becomes of the objectives when one number of a design takes another value that can be built."""

    value: float
    factor: float
    """Over the design's."""
    held: dict[str, float]
    """Objective -> its ratio to the design's where nothing else changes; not a number where that does not fit."""
    misfit: str
    """What does not fit then, in words; empty where all does."""
    anew: dict[str, float]
    """Objective -> its ratio to that of the best mappings on the design's hardware, mappings chosen anew here too; not
    a number where none fits. Empty for tiles, which are a part of the mapping."""
    design: Design | None
    """The changed design, with the mappings chosen anew; None where none fits."""

    def ratio(self, objective: str) -> float:
        """With mappings chosen anew; of a tile with the rest held."""
        return (self.anew or self.held)[objective]

    def agrees(self, objective: str, slope: float) -> bool:
        """Whether a slope (d log / d log) foretells the direction of this change: up, down, or none within 1 %.

        A forecast that is off by no more than 3 % agrees in any case, and so does one of what cannot be built.
        """
        with np.errstate(divide="ignore"):
            found = np.log(self.ratio(objective))
        foretold = slope * np.log(self.factor)
        close = not abs(foretold - found) > CLOSE
        return close or _direction(foretold) == _direction(found)


@dataclasses.dataclass(frozen=True)
class FiniteChanges:
    """Finite changes of a design by parameter, and the design's best mappings."""

    tuned: Design | None
    """The design with its mappings chosen anew on its own hardware; None where none fits."""
    gain: dict[str, float]
    """Objective -> its ratio to the design's with the mappings it came with."""
    below: dict[str, FiniteChange]
    """Parameter (`pe_rows`, `conv1.tile_m`) -> change to half its value, or to the next lower one of a space; left out
    where there is none of at least 1."""
    above: dict[str, FiniteChange]
    """To double, or to the next higher one of a space."""

    def misleading(self, slopes: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Parameter -> objective -> directions ("below", "above") in which a slope foretells what does not happen."""
        sides = {"below": self.below, "above": self.above}
        return {
            name: {
                objective: tuple(
                    side
                    for side, changes in sides.items()
                    if name in changes and not changes[name].agrees(objective, slope)
                )
                for objective, slope in row.items()
            }
            for name, row in slopes.items()
        }


def finite_changes(
    problem: Problem,
    design: Design,
    *,
    objective: str = "edp_js",
    space: DesignSpace | None = None,
    held: Mapping[str, Value] | None = None,
    progress: bool = False,
) -> FiniteChanges:
    """Each number of the design doubled and halved, one at a time: ratios of the objectives with the mappings held, and
    for the hardware's numbers with the mappings chosen anew by `objective`.

    Beside `elasticities`, which see no step that lies between a value and its double (a larger tile that begins to fit,
    a round of rows that is no longer needed). Mappings are chosen by `dse.analysis.remapper`, which says how far they
    can be from the best; the hardware keeps its units.

    **Arguments**: `space`, whose next values below and above are taken instead of half and double where it has some;
    `held`, parameters of mappings that are not chosen anew. **Raises** `InputError` for an objective that no mapping is
    chosen by.
    """
    design, (chosen,) = design.checked(problem.families), find_objectives([objective])
    remapper = Remapper(problem, design, held=held, progress=progress)
    steps = _steps(design, space)
    changed = [change_design(design, problem.families, {name: value}) for _, name, value in steps]
    scores = remapper.problem.score_designs([design, *changed])
    held_ratios = _ratios(problem, scores.objectives, scores.design_fits)
    anew = [at for at, (_, name, _) in enumerate(steps) if name in HARDWARE_NUMBERS]
    best = remapper.best([design.hardware, *(changed[at].hardware for at in anew)], chosen)
    best_scores = remapper.problem.score_designs([one or design for one in best])
    best_ratios = _ratios(problem, best_scores.objectives, np.array([one is not None for one in best]))
    problem.evaluations += remapper.problem.evaluations

    row_of, numbers = {at: row + 1 for row, at in enumerate(anew)}, _numbers(design)
    found: dict[str, dict[str, FiniteChange]] = {"below": {}, "above": {}}
    for at, (side, name, value) in enumerate(steps):
        misfit = "" if scores.design_fits[at + 1] else _misfit(design.kernels, scores.fits[at + 1])
        row = row_of.get(at)
        mapped = ({}, changed[at]) if row is None else (best_ratios[row], best[row])
        found[side][name] = FiniteChange(value, value / numbers[name], held_ratios[at + 1], misfit, *mapped)
    both = np.stack([scores.objectives[0], best_scores.objectives[0]])
    gain = _ratios(problem, both, np.array([scores.design_fits[0], best[0] is not None]))[1]
    return FiniteChanges(best[0], gain, found["below"], found["above"])


def _steps(design: Design, space: DesignSpace | None) -> list[tuple[str, str, float]]:
    """Every change: its side ("below" or "above"), parameter and value."""
    return [
        (side, name, value)
        for name, now in _numbers(design).items()
        for side, value in zip(("below", "above"), _neighbours(name, now, space), strict=True)
        if value is not None
    ]


def _numbers(design: Design) -> dict[str, float]:
    """Every number that is the design's own, by the names of `elasticities`: not channels of the scenario's DRAM."""
    own = own_fields(design.hardware)
    numbers = {name: float(own[name]) for name in HARDWARE_NUMBERS if name in own}
    for kernel, mapping in zip(design.kernels, design.mappings, strict=True):
        numbers |= {f"{kernel}.{tile}": float(mapping[tile]) for tile in TILE_SIZES}
    return numbers


def _neighbours(name: str, now: float, space: DesignSpace | None) -> tuple[float | None, float]:
    """The next lower and the next higher value of the space, else half (whole, at least 1) and double."""
    kernel, _, short = name.rpartition(".")
    values = [float(value) for value in space.values(short, kernel)] if space else []
    half = float(now // 2) or None
    lower = [value for value in values if value < now]
    higher = [value for value in values if value > now]
    return max(lower) if lower else half, min(higher) if higher else 2 * now


def _ratios(problem: Problem, objectives: np.ndarray, possible: np.ndarray) -> list[dict[str, float]]:
    """Objectives of each design over those of the first, shape [n, d]; not a number where one is not `possible`."""
    ratios = np.where((possible & possible[0])[:, None], objectives / objectives[0], np.nan)
    return [dict(zip(problem.objective_names, map(float, row), strict=True)) for row in ratios]


def _misfit(kernels: Sequence[str], fits: np.ndarray) -> str:
    """The worst need over capacity, shape [kernel, needs], in words."""
    kernel, what = np.unravel_index(int(np.argmax(np.where(np.isnan(fits), np.inf, fits))), fits.shape)
    return f"{kernels[kernel]} {misfit_words(FITS[what], float(fits[kernel, what]))}"


def _direction(log_ratio: float) -> int:
    """1 up, -1 down, 0 within `LEAST`."""
    return 0 if abs(log_ratio) <= LEAST else int(np.sign(log_ratio))
