"""How far a known front can be from the true one, in a space whose machines are too many to try.

Branch and bound over boxes of hardware. In a box each mapping of each kernel has a least latency, energy and area
(`dse.analysis.box_costs`); sums over kernels, put together as in `dse.analysis.front_bound`, are points that no design
of the box gets beyond. What known designs dominate is dropped: whole boxes, and mappings that could at best give such a
design. The box whose points stand out furthest beyond the known front is cut next. At any time

    known front + points of the boxes that are left

is a bound on the true front, and the proven gap is the share of its hypervolume that the known front lacks. It never
grows. Points of a kernel are put together where they differ by less than `THIN`, rounded down.
"""

import dataclasses
import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dse.analysis.box_costs import KernelBounds
from dse.analysis.certificate import Certificate, Standing
from dse.analysis.front_bound import ahead_of, check_bounded, feasible_objectives, objectives_of
from dse.analysis.machine_box import WIDTHS, MachineBox
from dse.problem.batched_models import AREA, OUTPUTS
from dse.problem.pareto import Box, hypervolume, nondominated
from dse.problem.search_problem import Problem, Scores
from hwmodels.design.hardware import HARDWARE_NUMBERS

THIN = 0.005
"""Relative width of the cells in which a kernel's points are put together."""
MANY = 200_000
"""Mappings of a kernel that are bounded anew only where a box has a single array; elsewhere they keep their bounds."""


@dataclasses.dataclass
class _Node:
    """A box that is left."""

    box: MachineBox
    which: list[np.ndarray]
    """Mappings of each kernel that may be on the front, shapes [n]."""
    costs: list[np.ndarray]
    """Their bounds, shapes [n, 3]."""
    points: np.ndarray
    """Latency, energy and area that no design of the box gets beyond, shape [j, 3]."""


def certify(
    problem: Problem,
    known: Scores,
    *,
    seconds: float,
    every: float = 10.0,
    report: Callable[[Standing], None] | None = None,
) -> Certificate:
    """Bound the true front of the problem's space for so many seconds, or until nothing is left to cut.

    **Arguments**: scores of `known` designs, such as a search's front; `report` is called with the standing about
    `every` so many seconds. **Raises** `InputError` as `upper_bound` does, and if no known design is feasible.
    """
    check_bounded(problem)
    search = _Search(problem, known)
    history: list[Standing] = []

    def note() -> None:
        history.append(search.standing())
        if report is not None:
            report(history[-1])

    search.begin()
    note()
    while search.open and search.seconds < seconds:
        search.cut_next()
        if search.seconds > history[-1].seconds + every:
            note()
    note()
    return Certificate(search.bound(), search.objectives, tuple(history), search.proven)


class _Search:
    """The boxes that are left, the most promising first."""

    def __init__(self, problem: Problem, known: Scores):
        self.problem, self._start = problem, time.perf_counter()
        self.objectives = feasible_objectives(known)
        known = known.take(np.flatnonzero(known.feasible))
        totals = np.stack([known.latency_s.sum(axis=1), known.energy_pj.sum(axis=1), known.area_mm2], axis=1)
        self.front = totals[nondominated(totals)]
        self._region = Box.of(self.objectives)
        self._volume = hypervolume(self.objectives, self._region)
        programs: dict[tuple[str, int], Any] = {}
        self.kernels = [KernelBounds(problem, at, programs) for at in range(len(problem.kernels))]
        self.open: list[tuple[float, int, _Node]] = []
        self._settled: list[np.ndarray] = []
        self._number = itertools.count()
        self._boxes = 0
        self._columns = np.array([problem.encoding.column(-1, name) for name in HARDWARE_NUMBERS])

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._start

    @property
    def proven(self) -> bool:
        """Whether no tested rule was needed."""
        return all(kernel.family == "dense_b" for kernel in self.problem.kernels)

    def begin(self) -> None:
        """Bound the whole space."""
        whole = MachineBox.of(self.problem.encoding)
        boxes = whole.cut() if (whole.high > whole.low)[WIDTHS].any() else [whole]
        which = [np.arange(len(kernel)) for kernel in self.kernels]
        costs = [np.zeros((len(kernel), 3)) for kernel in self.kernels]
        root = _Node(whole, which, costs, np.zeros((1, 3)))
        for box, area in zip(boxes, self._least_areas(boxes), strict=True):
            self._add(box, area, root, anew=True)

    def cut_next(self) -> None:
        """Cut the most promising box that is left."""
        _, _, node = heapq.heappop(self.open)
        boxes = node.box.cut()
        if not boxes:
            self._settled.append(node.points)
        for box, area in zip(boxes, self._least_areas(boxes), strict=True):
            raised = np.maximum(node.points, [0.0, 0.0, area])
            if not self._dominated(raised).all():
                self._add(box, area, node)

    def bound(self) -> np.ndarray:
        """Points that no design gets beyond, shape [j, d]."""
        points = [node.points for _, _, node in self.open] + self._settled
        return objectives_of(self.problem, np.concatenate([self.front, *points]))

    def standing(self) -> Standing:
        """What is proven by now."""
        return Standing.of(
            self.objectives,
            self.bound(),
            seconds=self.seconds,
            boxes=self._boxes,
            left=len(self.open) + len(self._settled),
            evaluations=sum(kernel.evaluations for kernel in self.kernels),
        )

    def _add(self, box: MachineBox, area: float, parent: _Node, anew: bool = False) -> None:
        """Bound a box, with what its parent has left; forget it if the known front dominates all of it."""
        self._boxes += 1
        costs = [np.maximum(own, [0.0, 0.0, area]) for own in parent.costs]
        which = list(parent.which)
        for at, kernel in enumerate(self.kernels):
            self._drop(at, which, costs)
            if anew or box.one_array or len(which[at]) <= MANY:
                costs[at] = np.maximum(costs[at], kernel.costs(box, which[at]))
                fits = np.isfinite(costs[at][:, 0])
                which[at], costs[at] = which[at][fits], costs[at][fits]
            if len(which[at]) == 0:
                return
        for at in range(len(self.kernels)):
            self._drop(at, which, costs)
        points = ahead_of(self.problem, self.front, [_thinned(own) for own in costs])
        if len(points):
            together = np.concatenate([self.front, points])
            gain = hypervolume(objectives_of(self.problem, together), self._region) - self._volume
            heapq.heappush(self.open, (-gain, next(self._number), _Node(box, which, costs, points)))

    def _drop(self, at: int, which: list[np.ndarray], costs: list[np.ndarray]) -> None:
        """Leave out mappings of a kernel that with the least of all others are dominated by a known design."""
        if not all(len(own) for own in costs):
            return
        others = np.array([own.min(axis=0) for other, own in enumerate(costs) if other != at]).reshape(-1, 3)
        rest = np.array([*others[:, :2].sum(axis=0), others[:, 2].max(initial=0.0)])
        best = costs[at] + [rest[0], rest[1], 0.0]
        best[:, 2] = np.maximum(best[:, 2], rest[2])
        kept = ~self._dominated(best)
        which[at], costs[at] = which[at][kept], costs[at][kept]

    def _dominated(self, totals: np.ndarray) -> np.ndarray:
        """Mask of the totals, shape [n, 3], that a known design is at least as good as."""
        known = self.front[np.argsort(self.front[:, 2])]
        smaller = np.searchsorted(known[:, 2], totals[:, 2], side="right")  # of no larger area: the first so many
        dominated = np.zeros(len(totals), bool)
        for count in np.unique(smaller[smaller > 0]):
            rows = np.flatnonzero(smaller == count)
            some = known[:count][np.argsort(known[:count, 0])]
            least = np.minimum.accumulate(some[:, 1])
            faster = np.searchsorted(some[:, 0], totals[rows, 0], side="right")
            dominated[rows] = (faster > 0) & (least[np.maximum(faster, 1) - 1] <= totals[rows, 1])
        return dominated

    def _least_areas(self, boxes: Sequence[MachineBox]) -> np.ndarray:
        """Area of the smallest machine of each box without any units, mm2."""
        if not boxes:
            return np.zeros(0)
        rows = np.zeros((len(boxes), len(self.problem.encoding.genes)), np.int32)
        rows[:, self._columns] = [box.low for box in boxes]
        outputs = np.zeros((len(boxes), 1, OUTPUTS))
        return self.problem.on_machines(outputs, rows, np.zeros(len(boxes), np.int64))[:, 0, AREA]


def _thinned(costs: np.ndarray) -> np.ndarray:
    """Points that none of the costs, shape [n, 3], gets beyond: corners of cells of logs that hold any."""
    cells = np.unique(np.floor(np.log(costs) / THIN), axis=0)
    corners = np.exp(cells * THIN)
    return corners[nondominated(corners)]
