"""What matters: elasticities of a design's objectives by gradients."""

import numpy as np

from dse.problem.batched_models import GRADIENTS_OF_TOTALS
from dse.problem.search_problem import Problem
from dse.space.design import Design
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS
from hwmodels.numerics import Smooth


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
    names = list(HARDWARE_NUMBERS) + [f"{k.name}.{tile}" for k in problem.kernels for tile in MAPPING_NUMBERS]
    exponents = np.array([objective.exponents for objective in problem.objectives])
    table = exponents @ by_number
    return {
        name: {objective: float(table[at, column]) for at, objective in enumerate(problem.objective_names)}
        for column, name in enumerate(names)
    }
