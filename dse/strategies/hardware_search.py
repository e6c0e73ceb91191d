"""The search over hardware with the mapper inside, a generation of machines at a time.

Each parent is the member of the front that is best for a preference which is drawn, some of them for one objective
alone. Several operators make machines of the parents; each gets the share of the evaluations that it has lately earned:
members of the front that it gave for what it took. On each machine a few mappings of every kernel are tried and put
together (`dse.mapper.composition`).

A better design may differ from the front's in several choices of a mapping and several sizes of the hardware at once,
each of which alone is worse. So besides, whole blocks of mappings are tried on machines that leap.
"""

from collections.abc import Sequence

import numpy as np

from dse.mapper.composition import Tried
from dse.problem.pareto import Box, hypervolume
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.lattice_steps import buildable, leaping_hardware, mappings_around, shrink_tiles
from dse.strategies.operators import (
    Crossover,
    HardwareSteps,
    Mutation,
    Operator,
    Remapping,
    Scaling,
    front_points,
    generation,
    unit_sets,
    with_any_unit,
)
from hwmodels.cost import TOLERANCE
from hwmodels.design.choices import DATAFLOWS

DESIGNS = (4, 8)
"""Designs tried on a machine, at least and at most."""
BUDGET_OF_A_DESIGN = 2000
"""Evaluations of the budget for one more of them."""
GENERATIONS = 20
"""Generations to double what is spent, as far as their bounds allow."""
SMALLEST, LARGEST = (192, 1024), 4096
"""Evaluations of a generation: at least the one of a small budget and the one of a large one, and at most."""
BUDGET_OF_SMALLEST = 300
"""Evaluations of the budget for one more of the smallest generation."""
LEAST = 0.06
"""Share of a generation that an operator gets at least."""
MEMORY = 0.8
"""Weight of what was before a generation in what an operator has earned after it."""
EVENNESS = 0.7
"""Of the Dirichlet distribution of preferences: below 1, more of them are for single objectives."""
ENDS = 0.3
"""Share of preferences for one objective alone, so that the ends of the front are polished."""
AT_LIMITS = 0.7
"""Share of preferences that are for what meets the limits, which then counts as good enough."""
AUGMENTED = 0.05
"""Weight of the sum of objectives beside the largest."""
WORTH_REPAIR = 2.0**8
"""Need over capacity above which a design is given up."""
GRADIENT_COST = 40.0
"""Time of an evaluation for a gradient in that of one for costs, about: what an operator must earn it back by."""
STRETCH, LEAST_STRETCH = 0.3, 15_000
"""Share of the evaluations, and number of them, in which a front that has settled wins next to nothing."""
SETTLED = 1e-3
"""That is: this share of its hypervolume."""
AROUND, BLOCK = 0.2, 128
"""Evaluations of blocks of mappings, beside each of a generation; mappings of a block."""
IDLE = 20
"""Generations without anything new, after which a space counts as searched."""


class HardwareSearch:
    """Operators, what they have earned, what is to be tried again, and how the front has grown."""

    def __init__(
        self,
        run: SearchRun,
        archive: ParetoArchive,
        operators: Sequence[Operator] = (),
        also: ParetoArchive | None = None,
    ):
        """`operators` come on top of the usual ones; what is found is kept `also` there."""
        self._run, self._archive, self._also = run, archive, also
        self._operators: list[Operator] = [HardwareSteps(), Scaling(), Mutation(), Crossover(), Remapping(), *operators]
        self._earned, self._spent = np.ones(len(self._operators)), np.full(len(self._operators), 8.0)
        self._saved = np.zeros(len(self._operators), int)
        self._designs = designs_of(run)
        self._repaired = np.zeros((0, self._designs, len(run.problem.encoding.genes)), np.int32)
        self._begin = run.spent
        self._history: list[tuple[int, np.ndarray]] = []

    def improve(self, until: int = 0) -> bool:
        """Improve the front until only `until` evaluations remain, it has settled, or nothing new is found to try.

        Whether it has settled or been searched through.
        """
        run, idle = self._run, 0
        while run.remaining > until and self._archive.scores is not None:
            before = run.spent
            self._generation()
            idle = 0 if run.spent > before else idle + 1
            if idle == IDLE or self._settled():
                return True
        return False

    def _settled(self) -> bool:
        """Whether the last stretch has won next to nothing of the front's hypervolume."""
        scores, spent = self._archive.scores, self._run.spent - self._begin
        if scores is None or (self._history and spent < 1.05 * self._history[-1][0]):
            return False
        strict = self._run.problem.strictly(scores)
        front = strict.objectives[strict.feasible]
        if len(front) == 0:
            return False
        self._history.append((spent, front))
        past = [known for when, known in self._history if when <= min((1 - STRETCH) * spent, spent - LEAST_STRETCH)]
        if not past:
            return False
        box = Box.of(front)
        return hypervolume(past[-1], box) > (1 - SETTLED) * hypervolume(front, box)

    def _generation(self) -> None:
        run = self._run
        size = np.clip((run.spent - self._begin) / GENERATIONS, smallest_generation(run), LARGEST)
        machines = int(size) // self._designs
        rate = self._earned / self._spent
        least = LEAST * np.array([operator.least for operator in self._operators])
        shares = least + (1.0 - least.sum()) * rate / rate.sum()
        counts = run.rng.multinomial(machines, shares) + self._saved
        few = counts < [min(operator.together, machines // 2) for operator in self._operators]
        self._saved, counts = np.where(few, counts, 0), np.where(few, 0, counts)
        if not counts.any():
            return
        parents = np.split(self._parents(int(counts.sum())), np.cumsum(counts)[:-1])
        before = run.spent
        rows = generation(run, self._archive, self._operators, parents, self._designs)
        owners = np.repeat(np.arange(len(counts)), counts)
        self._spent[-1] += GRADIENT_COST * (run.spent - before) / self._designs  # slopes, of the last operator
        again = np.full(len(self._repaired), -1)
        self._try(np.concatenate([self._repaired, rows]), np.concatenate([again, owners]))
        self._look_around(int(run.rng.random() + AROUND * size / BLOCK))

    def _look_around(self, count: int) -> None:
        """Try all mappings of a block on the machines of so many members of the front, most of them with a leap."""
        if count == 0 or self._run.remaining == 0:
            return
        run, encoding = self._run, self._run.problem.encoding
        members = self._archive.rows[self._parents(count)]
        machines = buildable(encoding, with_any_unit(run, leaping_hardware(encoding, members, run.rng)))
        rows = mappings_around(encoding, members, BLOCK, run.rng)
        rows = np.where(encoding.of_kernel < 0, machines[:, None], rows)
        run.try_on(rows, unit_sets(run, rows), [self._archive], self._also)

    def _try(self, rows: np.ndarray, owners: np.ndarray) -> None:
        """Evaluate a generation, shape [n, m, genes]; what does not fit comes again with smaller tiles."""
        if len(rows) == 0 or self._run.remaining == 0:
            return
        tried, entered = self._run.try_on(rows, unit_sets(self._run, rows), [self._archive], self._also)
        self._repaired = shrunk(self._run, tried)
        for at in range(len(self._operators)):
            mine = owners == at
            self._earned[at] = MEMORY * self._earned[at] + entered[mine].sum() + 0.05
            self._spent[at] = MEMORY * self._spent[at] + mine.sum() + 0.2

    def _parents(self, count: int) -> np.ndarray:
        """Members of the front, each the best for a preference that is drawn; the best for one objective alone is that
        of the machines with one of the dataflows, drawn too."""
        run, archive = self._run, self._archive
        points, problem, rng = front_points(run, archive), run.problem, run.rng
        objectives, own = points.shape[1], points.shape[1] - problem.means
        assert archive.scores is not None
        weights = rng.dirichlet(np.full(objectives, EVENNESS), size=count)
        ends = rng.random(count) < ENDS
        weights[ends] = np.eye(objectives)[rng.integers(objectives, size=int(ends.sum()))]
        within = problem.strictly(archive.scores).feasible
        strict = rng.random(count) < (AT_LIMITS if problem.limits and within.any() else 0.0)
        weights[strict, own:] = 0.0
        weights[strict & ~weights.any(axis=1), :own] = 1.0
        units = np.bitwise_or.reduce(problem.encoding.unit_bits(archive.rows), axis=1)
        flows = ((units >> np.arange(len(DATAFLOWS))[:, None]) & 1) == 1  # [dataflow, N]
        flows = flows[flows.any(axis=1)]
        flow = rng.integers(len(flows), size=count)
        found = np.zeros(count, int)
        for some in np.array_split(np.arange(count), -(-count // 256)):
            out = (strict[some, None] & ~within) | (ends[some, None] & ~flows[flow[some]])
            out &= ~out.all(axis=1, keepdims=True)
            found[some] = np.where(out, np.inf, chebyshev(points, weights[some])).argmin(axis=1)
        return found


def designs_of(run: SearchRun) -> int:
    """Designs tried on a machine."""
    return int(np.clip(run.budget // BUDGET_OF_A_DESIGN, *DESIGNS))


def smallest_generation(run: SearchRun) -> int:
    """Evaluations of a generation, at least."""
    return int(np.clip(run.budget // BUDGET_OF_SMALLEST, *SMALLEST))


def shrunk(run: SearchRun, tried: Tried) -> np.ndarray:
    """Machines on which a kernel fits in no mapping, all with smaller tiles; shape [j, m, genes]."""
    encoding, need = run.problem.encoding, tried.need
    least = need.min(axis=1)  # [n, K]
    short = np.flatnonzero((least > 1.0 + TOLERANCE).any(axis=1) & (least < WORTH_REPAIR).all(axis=1))
    if len(short) == 0:
        return tried.rows[:0]
    rows, need = tried.rows[short], need[short].reshape(-1, need.shape[2])
    return shrink_tiles(encoding, rows.reshape(-1, rows.shape[2]), need, run.rng).reshape(rows.shape)


def chebyshev(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Augmented Chebyshev distance of points, shape [n, d], from the ideal by preferences, shape [w, d]; [w, n]."""
    distance = AUGMENTED * weights @ points.T
    farthest = np.full(distance.shape, -np.inf)
    for own, weight in zip(points.T, weights.T, strict=True):
        np.maximum(farthest, weight[:, None] * own, out=farthest)
    return distance + farthest
