"""The best design at each number of PEs: on hardware that is held, searched, or taken over from other counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from dse import Design, DesignSpace, Gradient, Objective, Problem
from dse.analysis.remapper import Remapper
from dse.space.design_space import Value
from experiments.common.progress import show_progress
from hwmodels.design.hardware import HARDWARE_NUMBERS

MOST_ELONGATED = 4.0
"""Rows over columns of an array, or columns over rows, up to which it is tried."""
PASSES = 4
"""Times at most that counts improve their designs and try those of their neighbours."""
STEPS = 24
"""Steps at most of one number each, before mappings are enumerated again."""
ALIKE = 0.02
"""Relative difference up to which counts are told as alike and the fewest PEs are taken: another seed may exchange
them (two seeds on `embedded` differ by up to 1.8 % at a count)."""
GAIN = 1e-3
"""Relative gain from which on a neighbour's design is taken."""


def held(problem: Problem, base: Design, counts: Sequence[int], objective: Objective) -> dict[int, Design]:
    """The best mappings on the base's hardware at each number of PEs and the best of its array shapes."""
    found = {}
    for count in tqdm(counts, desc="mapping", unit="count", disable=not show_progress()):
        square, *others = arrays(base, count)
        remapper = Remapper(problem, Design(square, base.mappings, base.kernels))
        offers = remapper.best([square, *others], objective)
        problem.evaluations += remapper.problem.evaluations
        best = least(problem, offers, objective)
        if best is not None:
            found[count] = best
    return found


def searched(
    problem: Problem, counts: Sequence[int], objective: Objective, budget: int, seed: int
) -> dict[int, list[Design | None]]:
    """The best design that a search finds at each number of PEs on its squarest array, None where none is feasible."""
    found: dict[int, list[Design | None]] = {}
    for count in tqdm(counts, desc=f"searching, seed {seed}", unit="count", disable=not show_progress()):
        rows, columns = shapes(count)[0]
        space = problem.encoding.space.fix(pe_rows=rows, pe_cols=columns)
        local = problem.within(space, objectives=(objective.name,))
        result = Gradient()(local, budget=budget, seed=seed)
        problem.evaluations += local.evaluations
        found[count] = [least(problem, local.designs(result.genomes), objective)]
    return found


def exchanged(
    problem: Problem, offers: Mapping[int, Sequence[Design | None]], objective: Objective
) -> dict[int, Design]:
    """The best design at each number of PEs, of those offered and of what neighbouring counts make of them.

    A better design goes, one number of the hardware at a time, to where no step of the space gains anything, at its own
    count and at its neighbours', always with the best mappings there; where it is better again it is tried further on.
    """
    counts, best = sorted(offers), {}
    for _ in range(PASSES):
        better = improved(problem, best, offers, objective)
        best |= better
        found: dict[int, list[Design | None]] = {count: [] for count in counts}
        for count, design in tqdm(better.items(), desc="improving", unit="count", disable=not show_progress()):
            at = counts.index(count)
            near = counts[max(at - 1, 0) : at + 2]
            for other, some in remapped(problem, design, count, near, objective).items():
                found[other] += some
        offers = found
    best |= improved(problem, best, offers, objective)
    return {count: best[count] for count in counts if count in best}


def improved(
    problem: Problem, best: Mapping[int, Design], offers: Mapping[int, Sequence[Design | None]], objective: Objective
) -> dict[int, Design]:
    """Count -> the best of what is offered there, where that is better than what there is."""
    found = {count: least(problem, some, objective) for count, some in offers.items()}
    designs = {count: design for count, design in found.items() if design is not None}
    return {
        count: design
        for count, design in designs.items()
        if count not in best
        or values(problem, [design], objective)[0] < values(problem, [best[count]], objective)[0] * (1 - GAIN)
    }


def remapped(
    problem: Problem, design: Design, count: int, others: Sequence[int], objective: Objective
) -> dict[int, list[Design | None]]:
    """A design at each of some counts, improved in steps there and brought to every array shape; mappings are
    enumerated at `count`."""
    remapper = Remapper(problem, Design(arrays(design, count)[0], design.mappings, design.kernels))
    offers: dict[int, list[Design | None]] = {}
    for other in others:
        found = stepped(problem, remapper, arrays(design, other)[0], objective)
        offers[other] = [found, *remapper.best(arrays(found, other), objective)] if found else []
    problem.evaluations += remapper.problem.evaluations
    return offers


def stepped(problem: Problem, remapper: Remapper, hardware: Mapping[str, Value], objective: Objective) -> Design | None:
    """From one hardware to the best step of a number but the array's, and on, until none gains; None if none fits."""
    best = least(problem, remapper.best([hardware], objective), objective)
    for _ in range(STEPS):
        around = steps(problem.encoding.space, best.hardware if best else hardware)
        one = least(problem, [best, *remapper.best(around, objective)], objective) if around else best
        if one is None or one is best:
            break
        if best and values(problem, [one], objective)[0] > values(problem, [best], objective)[0] * (1 - GAIN):
            break
        best = one
    return best


def steps(space: DesignSpace, hardware: Mapping[str, Value]) -> list[dict[str, Value]]:
    """The hardware with one number but the array's at the next lower or higher value of the space."""
    found = []
    for name in HARDWARE_NUMBERS:
        if name not in ("pe_rows", "pe_cols"):
            listed, now = [float(value) for value in space.values(name)], float(hardware[name])
            lower, higher = [v for v in listed if v < now], [v for v in listed if v > now]
            found += [{**hardware, name: value} for value in (*lower[-1:], *higher[:1])]
    return found


def arrays(design: Design, count: int) -> list[dict[str, Any]]:
    """The design's hardware with each array of `count` PEs, the squarest first."""
    return [{**design.hardware, "pe_rows": float(rows), "pe_cols": float(cols)} for rows, cols in shapes(count)]


def values(problem: Problem, designs: Sequence[Design], objective: Objective) -> np.ndarray:
    """The objective of each design, infinite where it breaks a limit."""
    scores = problem.score_designs(designs)
    value = objective.value(scores.latency_s.sum(axis=1), scores.energy_pj.sum(axis=1), scores.area_mm2)
    return np.where(scores.feasible, value, np.inf)


def least(problem: Problem, designs: Sequence[Design | None], objective: Objective) -> Design | None:
    """The design of the least objective; None where none is feasible."""
    some = [design for design in designs if design is not None]
    if not some:
        return None
    found = values(problem, some, objective)
    return some[int(found.argmin())] if np.isfinite(found).any() else None


def shapes(count: int) -> list[tuple[int, int]]:
    """Arrays of `count` PEs, squarest first: rows x columns up to 4:1 either way, or the squarest there is."""
    pairs = [(rows, count // rows) for rows in range(1, count + 1) if count % rows == 0]
    pairs.sort(key=lambda pair: (max(pair) / min(pair), -pair[0]))
    return [pair for pair in pairs if max(pair) / min(pair) <= MOST_ELONGATED] or pairs[:2]
