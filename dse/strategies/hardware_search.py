"""The search over hardware with the mapper inside, a generation of machines at a time.

Parents are members of the front, the lonelier the likelier. Several operators make machines of them; each gets the
share of the evaluations that it has lately earned: members of the front that it gave for what it took. On each machine
a few mappings of every kernel are tried and put together (`dse.mapper.composition`).
"""

from collections.abc import Sequence

import numpy as np

from dse.mapper.composition import Tried
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.lattice_steps import random_mappings, shrink_tiles
from dse.strategies.operators import (
    Crossover,
    HardwareSteps,
    Mutation,
    Operator,
    Remapping,
    front_points,
    unit_sets,
)
from dse.strategies.sobol import sobol
from hwmodels.cost import TOLERANCE
from hwmodels.design.choices import DATAFLOWS

DESIGNS = (4, 8)
"""Designs tried on a machine, at least and at most."""
BUDGET_OF_A_DESIGN = 2000
"""Evaluations of the budget for one more of them."""
GENERATIONS = 30
"""Generations to double what is spent, as far as their bounds allow."""
SMALLEST, LARGEST = 384, 4096
"""Evaluations of a generation."""
SAMPLE, LARGEST_SAMPLE = 0.15, 16_384
"""Share of the budget for the random designs that a search begins with, and evaluations at most."""
LEAST = 0.06
"""Share of a generation that every operator gets."""
MEMORY = 0.8
"""Weight of what was before a generation in what an operator has earned after it."""
EVENNESS = 0.7
"""Of the Dirichlet distribution of preferences: below 1, more of them are for single objectives."""
AUGMENTED = 0.05
"""Weight of the sum of objectives beside the largest."""
WORTH_REPAIR = 2.0**8
"""Need over capacity above which a design is given up."""
REPAIRS = 2
"""Times that the tiles of the first designs are shrunk."""
IDLE = 20
"""Generations without anything new, after which a space counts as searched."""


class HardwareSearch:
    """Operators, what they have earned, and what is to be tried again."""

    def __init__(self, run: SearchRun, archive: ParetoArchive, operators: Sequence[Operator] = ()):
        """`operators` come on top of steps, mutation, crossover and remapping."""
        self._run, self._archive = run, archive
        self._operators: list[Operator] = [HardwareSteps(), Mutation(), Crossover(), Remapping(), *operators]
        self._earned, self._spent = np.ones(len(self._operators)), np.full(len(self._operators), 8.0)
        self._designs = designs_of(run)
        self._repaired = np.zeros((0, self._designs, len(run.problem.encoding.genes)), np.int32)

    def improve(self, until: int = 0) -> None:
        """Improve the front until only `until` evaluations remain, or nothing new is found to try."""
        run, idle = self._run, 0
        while run.remaining > until and self._archive.scores is not None and idle < IDLE:
            before = run.spent
            self._generation()
            idle = 0 if run.spent > before else idle + 1

    def _generation(self) -> None:
        run = self._run
        machines = int(np.clip(run.spent / GENERATIONS, SMALLEST, LARGEST)) // self._designs
        rate = self._earned / self._spent
        shares = LEAST + (1.0 - LEAST * len(rate)) * rate / rate.sum()
        counts = run.rng.multinomial(machines, shares)
        rows, owners = [self._repaired], [np.full(len(self._repaired), -1)]
        for at, parents in enumerate(np.split(self._parents(machines), np.cumsum(counts)[:-1])):
            if len(parents):
                rows.append(self._operators[at].propose(run, self._archive, parents, self._designs))
                owners.append(np.full(len(parents), at))
        self._try(np.concatenate(rows), np.concatenate(owners))

    def _try(self, rows: np.ndarray, owners: np.ndarray) -> None:
        """Evaluate a generation, shape [n, m, genes]; what does not fit comes again with smaller tiles."""
        if len(rows) == 0 or self._run.remaining == 0:
            return
        tried, entered = self._run.try_on(rows, unit_sets(self._run, rows), [self._archive])
        self._repaired = shrunk(self._run, tried)
        for at in range(len(self._operators)):
            mine = owners == at
            self._earned[at] = MEMORY * self._earned[at] + entered[mine].sum() + 0.05
            self._spent[at] = MEMORY * self._spent[at] + mine.sum() + 0.2

    def _parents(self, count: int) -> np.ndarray:
        """Members of the front, each the best for a preference that is drawn."""
        points = front_points(self._run, self._archive)
        weights = self._run.rng.dirichlet(np.full(points.shape[1], EVENNESS), size=count)
        return np.concatenate(
            [chebyshev(points, some).argmin(axis=1) for some in np.array_split(weights, -(-count // 256))]
        )


def sample(run: SearchRun, archives: Sequence[ParetoArchive]) -> None:
    """Random machines, a few random mappings on each; those that do not fit come again with smaller tiles."""
    encoding, each = run.problem.encoding, designs_of(run)
    count = int(np.clip(SAMPLE * run.budget, each, LARGEST_SAMPLE))
    machines = -(-count // (2 * each))
    hardware = encoding.random(run.rng, machines, sobol(encoding, machines, run.rng))
    rows = np.repeat(hardware[:, None], each, axis=1)
    rows = random_mappings(encoding, rows.reshape(-1, rows.shape[2]), run.rng).reshape(rows.shape)
    for _ in range(1 + REPAIRS):
        if len(rows) == 0:
            return
        tried, _ = run.try_on(rows, unit_sets(run, rows), archives)
        rows = shrunk(run, tried)


def designs_of(run: SearchRun) -> int:
    """Designs tried on a machine."""
    return int(np.clip(run.budget // BUDGET_OF_A_DESIGN, *DESIGNS))


def shrunk(run: SearchRun, tried: Tried) -> np.ndarray:
    """Machines on which a kernel fits in no mapping, all with smaller tiles; shape [j, m, genes]."""
    encoding, need = run.problem.encoding, tried.need
    least = need.min(axis=1)  # [n, K]
    short = np.flatnonzero((least > 1.0 + TOLERANCE).any(axis=1) & (least < WORTH_REPAIR).all(axis=1))
    if len(short) == 0:
        return tried.rows[:0]
    rows, need = tried.rows[short], need[short].reshape(-1, need.shape[2])
    return shrink_tiles(encoding, rows.reshape(-1, rows.shape[2]), need, run.rng).reshape(rows.shape)


def dataflow_archives(run: SearchRun) -> list[ParetoArchive]:
    """One for each dataflow that any kernel can use; none where there is only one.

    Kernels that cannot use it use what they can. A dataflow comes with formats, buffers and tiles of its own, so a good
    design in one is many steps from a good one in another, and all between are worse than both; apart, each has the
    time to become good.
    """
    encoding = run.problem.encoding
    able = [encoding.dataflows(at) for at in range(len(encoding.kernels))]
    flows = sorted({flow for own in able for flow in own})
    if len(flows) == 1:
        return []
    every = (1 << len(DATAFLOWS)) - 1
    others = [{flow for own in able if only not in own for flow in own} for only in flows]
    units = [~every | (1 << only) | sum(1 << flow for flow in more) for only, more in zip(flows, others, strict=True)]
    return [ParetoArchive(len(encoding.genes), bits) for bits in units]


def chebyshev(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Augmented Chebyshev distance of points, shape [n, d], from the ideal by preferences, shape [w, d]; [w, n]."""
    distance = AUGMENTED * weights @ points.T
    farthest = np.full(distance.shape, -np.inf)
    for own, weight in zip(points.T, weights.T, strict=True):
        np.maximum(farthest, weight[:, None] * own, out=farthest)
    return distance + farthest
