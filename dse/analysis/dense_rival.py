"""The accelerator that takes no notice of sparsity, beside which a sparse one must pay: its space, and the rival.

A design's rival may be up to 5 % larger (areas without the DRAM's PHY). It is the one that is hardest on the design of
what a search for latency, energy and area finds within that area, of the design's own hardware put to dense work, and
of the best of these grown off the lattice until they are no smaller than the design. One that fills the area comes
before a smaller one that is a little harder, and before any where it is itself ahead of the design in both. One search
serves many designs.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from dse.mapper.dense_mappings import densified
from dse.problem.costed_design import Costed
from dse.problem.result import Result
from dse.problem.search_problem import Problem, Scores
from dse.space.design import Design
from dse.space.design_space import DesignSpace
from dse.space.encoding import Batch, design_of
from hwmodels.cost import within_limit
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.design.legality import DENSE_A, DENSE_B
from workloads.errors import InputError

DENSE_CHOICES = {
    name: [value, "gate"] if name.endswith("_zero") else [value] for name, value in (DENSE_A | DENSE_B).items()
}
"""What is left to it; like Eyeriss, it may gate a zero's MAC."""
EQUAL_AREA = 1.05
"""Up to so many times the area counts as equal."""
FACTORS = 2.0 ** (np.arange(1, 73) / 12)
"""By which they are tried to grow: up to 64 times, by 6 %."""
MOST_GROWN = 4
"""Designs that are grown: those that are hardest on the design."""
PRICE_OF_SIZE = 0.01
"""A rival that fills the area is taken if it is behind a smaller one by no more, or behind the design in nothing."""


@dataclasses.dataclass(frozen=True)
class DenseRival:
    """A dense accelerator and what it takes against a design; each number is the rival's over the design's."""

    costed: Costed
    times_latency: float
    times_energy: float
    times_area: float
    """Below 1 only where more area helps no dense accelerator that is behind the design."""
    between: dict[str, float]
    """Sizes of its hardware that the space has not, since it was grown: where a search has no designs."""


def dense_space(space: DesignSpace) -> DesignSpace:
    """The space without compression and without skipping, everything else as it is."""
    own = {
        kernel: {name: values for name, values in table.items() if name not in DENSE_CHOICES}
        for kernel, table in space.per_kernel.items()
    }
    return dataclasses.replace(space, per_kernel=own).fix(**DENSE_CHOICES)


def find_dense_rivals(
    problem: Problem, designs: Sequence[Design], search: Callable[[Problem], Result]
) -> list[DenseRival | None]:
    """The dense accelerator beside each design of a problem; None where none meets the problem's limits, of which the
    one of area is the design's.

    **Arguments**: `search` finds a front of latency, energy and area; it is called once, with the problem in
    `dense_space`, no larger than the largest design allows. The hardest rival is that of the least
    `max(times_latency, times_energy)`.
    """
    if not designs:
        return []
    ours = problem.score_designs(designs)
    most = EQUAL_AREA * ours.area_mm2
    limits = {constraint.objective.name: constraint.maximum for constraint in problem.constraints}
    try:
        dense = problem.within(
            dense_space(problem.encoding.space),
            objectives=("latency_s", "energy_pj", "area_mm2"),
            constraints=limits | {"area_mm2": float(most.max())},
        )
    except InputError:  # the space holds no legal mapping without compression
        return [None] * len(designs)
    found = _Field.of(dense, dense.encoding.batch(search(dense).genomes))
    return [_beside(dense, found, design, float(area)) for design, area in zip(designs, most, strict=True)]


def _beside(dense: Problem, found: "_Field", design: Design, most_mm2: float) -> DenseRival | None:
    """The hardest rival of a design, of those that were found and what follows from them, no larger than `most_mm2`."""
    ours = _totals(dense.score_designs([design]))[0]
    own = _put_to_dense_work(dense, design)
    field = found.with_more(dense, dense.encoding.batch_of(own)) if own else found
    free = [name for name in HARDWARE_NUMBERS if len(dense.encoding.space.values(name)) > 1]
    for row in field.hardest(MOST_GROWN, ours, most_mm2):
        field = field.with_more(dense, _grown(field.batch.take(np.array([row])), free))
    row = field.chosen(ours, most_mm2)
    if row is None:
        return None
    hardest = design_of(field.batch, row, design.kernels)
    times = map(float, field.totals[row] / ours)
    return DenseRival(dense.costed([hardest])[0], *times, _between(dense.encoding.space, hardest))


def _between(space: DesignSpace, design: Design) -> dict[str, float]:
    return {
        name: float(design.hardware[name])
        for name in HARDWARE_NUMBERS
        if float(design.hardware[name]) not in map(float, space.values(name))
    }


@dataclasses.dataclass(frozen=True)
class _Field:
    """Dense designs, their latency, energy and area, shape [n, 3], and which of them break no limit, shape [n].

    Methods judge them beside a design by what it takes itself, `ours`, shape [3], within an area.
    """

    batch: Batch
    totals: np.ndarray
    feasible: np.ndarray

    @staticmethod
    def of(dense: Problem, batch: Batch) -> "_Field":
        scores = dense.score_batch(batch)
        return _Field(batch, _totals(scores), scores.feasible)

    def with_more(self, dense: Problem, batch: Batch) -> "_Field":
        """These and others."""
        more = _Field.of(dense, batch)
        joined = (np.concatenate(pair) for pair in ((self.totals, more.totals), (self.feasible, more.feasible)))
        return _Field(self.batch.joined(more.batch), *joined)

    def behind(self, ours: np.ndarray, most_mm2: float) -> np.ndarray:
        """The worse of latency and energy over the design's, infinite for what breaks a limit; shape [n]."""
        kept = self.feasible & within_limit(self.totals[:, 2], most_mm2)
        return np.where(kept, (self.totals[:, :2] / ours[:2]).max(axis=1), np.inf)

    def hardest(self, count: int, ours: np.ndarray, most_mm2: float) -> np.ndarray:
        """Rows of the designs that are least behind."""
        behind = self.behind(ours, most_mm2)
        order = np.argsort(behind, kind="stable")[:count]
        return order[np.isfinite(behind[order])]

    def chosen(self, ours: np.ndarray, most_mm2: float) -> int | None:
        """The row of the hardest design, of those that fill the area if one of them is as good; None for none."""
        behind = self.behind(ours, most_mm2)
        if not np.isfinite(behind).any():
            return None
        full = np.where(within_limit(ours[2], self.totals[:, 2]), behind, np.inf)
        if full.min() <= max((1 + PRICE_OF_SIZE) * behind.min(), 1.0):
            return int(np.argmin(full))
        return int(np.argmin(behind))


def _totals(scores: Scores) -> np.ndarray:
    """Latency, energy and area of designs, shape [n, 3]."""
    return np.column_stack([scores.latency_s.sum(axis=1), scores.energy_pj.sum(axis=1), scores.area_mm2])


def _put_to_dense_work(dense: Problem, design: Design) -> list[Design]:
    """The design's own hardware with its mappings on dense operands, computing or gating the zeros of A, each kernel's
    tiles as large as fit; none where nothing fits."""
    sizes = [(kernel.m, kernel.k, kernel.n) for kernel in dense.kernels]
    steps = [densified(mapping, shape) for mapping, shape in zip(design.mappings, sizes, strict=True)]
    found = []
    for mode in DENSE_CHOICES["a_zero"]:
        tried = [[{**mapping, "a_zero": mode} for mapping in own] for own in steps]
        rows = [
            Design(design.hardware, tuple(own[min(at, len(own) - 1)] for own in tried), design.kernels)
            for at in range(max(map(len, tried)))
        ]
        fits = dense.score_designs(rows).kernel_fits
        if fits.any(axis=0).all():
            mappings = tuple(
                own[min(int(at), len(own) - 1)] for own, at in zip(tried, fits.argmax(axis=0), strict=True)
            )
            found.append(Design(design.hardware, mappings, design.kernels))
    return found


def _grown(design: Batch, names: Sequence[str]) -> Batch:
    """A batch of one design with one of some numbers of its hardware larger, whole numbers on or off the lattice."""
    larger = []
    for column in map(HARDWARE_NUMBERS.index, names):
        value = design.hardware[0, column]
        sizes = np.setdiff1d(np.ceil(value * FACTORS), value)
        hardware = np.tile(design.hardware, (len(sizes), 1))
        hardware[:, column] = sizes
        larger.append(hardware)
    hardware = np.concatenate(larger) if larger else design.hardware[:0]
    return dataclasses.replace(design.take(np.zeros(len(hardware), int)), hardware=hardware)
