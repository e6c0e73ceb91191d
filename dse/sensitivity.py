"""What matters: elasticities of a design's objectives by gradients."""

from typing import Any

import numpy as np

from dse.batch import OUTPUTS, Batcher
from dse.design import Design
from dse.encoding import batch_of
from dse.problem import Problem
from hwmodels.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS
from hwmodels.numerics import Smooth


def elasticities(problem: Problem, design: Design, *, temperature: float = 0.05) -> dict[str, dict[str, float]]:
    """Per cent change of each objective for one per cent more of each number, everything else held.

    **Returns** parameter (`pe_rows`, `conv1.tile_m`) -> objective -> d log objective / d log parameter, under
    `Smooth(temperature)`: steps of `ceil` are blurred over that share of a unit, so report the temperature with the
    figures. Counts as two evaluations for each of latency, energy and area.
    """
    batch = batch_of([design.checked(problem.families)] * 3)
    batcher = problem.batcher
    if problem.relaxed != Smooth(temperature):
        batcher = Batcher(
            problem.evaluate,
            problem.technology,
            problem.kernels,
            problem.statistics,
            relaxed=Smooth(temperature),
        )
    problem.evaluations += 2 * len(batch)
    count = len(problem.kernels)
    outputs = problem.batcher.values(batch)[0]
    pull = np.zeros((3, count, OUTPUTS))
    for row in range(2):  # latency and energy of the workload are sums over kernels; every kernel reports the same area
        totals = outputs[:, row] * problem.repeats
        pull[row, :, row] = totals / totals.sum()
    pull[2, 0, 2] = 1.0
    _, by_hardware, by_tile = batcher.gradients(batch, pull)
    slopes = np.concatenate([by_hardware, by_tile.reshape(3, -1)], axis=1) / np.log(2)
    names = list(HARDWARE_NUMBERS) + [f"{k.name}.{tile}" for k in problem.kernels for tile in MAPPING_NUMBERS]
    exponents: Any = np.array([objective.exponents for objective in problem.objectives])
    table = exponents @ slopes
    return {
        name: {objective: float(table[at, column]) for at, objective in enumerate(problem.objective_names)}
        for column, name in enumerate(names)
    }
