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
    found = dense.designs(search(dense).genomes)
    return [
        _beside(dense.within(dense.encoding.space, constraints=limits | {"area_mm2": float(most[row])}), found, design)
        for row, design in enumerate(designs)
    ]


def _beside(dense: Problem, found: Sequence[Design], design: Design) -> DenseRival | None:
    """The hardest rival of a design, of those that were found and what follows from them within the area."""
    found = [*found, *_put_to_dense_work(dense, design)]
    if not found:
        return None
    ours = dense.score_designs([design])
    first = _Field.of(dense, found, ours)
    free = [name for name in HARDWARE_NUMBERS if len(dense.encoding.space.values(name)) > 1]
    grown = [one for row in first.hardest(MOST_GROWN) for one in _grown(found[row], free)]
    field = _Field.of(dense, [*found, *grown], ours)
    row = field.chosen()
    if row is None:
        return None
    return DenseRival(dense.costed([field.designs[row]])[0], *map(float, field.times[row]))


@dataclasses.dataclass(frozen=True)
class _Field:
    """Dense designs and their latency, energy and area over those of the design, shape [n, 3]; infinite where a limit
    is broken."""

    designs: list[Design]
    times: np.ndarray

    @staticmethod
    def of(dense: Problem, designs: Sequence[Design], ours: Scores) -> "_Field":
        scores = dense.score_designs(designs)
        times = _totals(scores) / _totals(ours)
        return _Field(list(designs), np.where(scores.feasible[:, None], times, np.inf))

    @property
    def behind(self) -> np.ndarray:
        """The worse of latency and energy, shape [n]."""
        return self.times[:, :2].max(axis=1)

    def hardest(self, count: int) -> np.ndarray:
        """Rows of the designs that are least behind."""
        order = np.argsort(self.behind, kind="stable")[:count]
        return order[np.isfinite(self.behind[order])]

    def chosen(self) -> int | None:
        """The row of the hardest design, of those that fill the area if one of them is as good."""
        if not np.isfinite(self.behind).any():
            return None
        full = np.where(within_limit(1.0, self.times[:, 2]), self.behind, np.inf)
        if full.min() <= max((1 + PRICE_OF_SIZE) * self.behind.min(), 1.0):
            return int(np.argmin(full))
        return int(np.argmin(self.behind))


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


def _grown(design: Design, names: Sequence[str]) -> list[Design]:
    """The design with one of some numbers of its hardware larger, whole numbers on or off the lattice."""
    found = []
    for name in names:
        value = float(design.hardware[name])
        larger = sorted({float(np.ceil(value * factor)) for factor in FACTORS} - {value})
        found += [dataclasses.replace(design, hardware={**design.hardware, name: size}) for size in larger]
    return found
