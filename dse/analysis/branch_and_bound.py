"""How far a known front can be from the true one, in a space whose machines are too many to try.

Branch and bound over boxes of hardware. In a box each mapping of each kernel has a least latency, energy and area
(`dse.analysis.box_costs`); sums over kernels, put together as in `dse.analysis.front_bound`, are points that no design
of the box gets beyond. What known designs dominate is dropped: whole boxes, and mappings that could at best give such a
design. The box whose points stand out furthest beyond the known front comes next: its mappings are bounded, or it is
cut into boxes that keep these bounds until their turn comes. At any time

    known front + points of the boxes that are left

is a bound on the true front, and the proven gap is the share of its hypervolume that the known front lacks. It never
grows. Points of a kernel are put together where they differ by less than `THIN`, rounded down.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dse.analysis.box_costs import ROUNDING, KernelBounds
from dse.analysis.certificate import Certificate, Standing
from dse.analysis.front_bound import ahead_of, check_bounded, feasible_objectives, objectives_of
from dse.analysis.machine_box import WIDTHS, MachineBox
from dse.problem.batched_models import AREA, OUTPUTS
from dse.problem.pareto import Box, hypervolume, nondominated
from dse.problem.search_problem import Problem, Scores
from hwmodels.design.hardware import HARDWARE_NUMBERS
from workloads.errors import InputError

THIN = 0.005
"""Relative width of the cells in which a kernel's points are put together."""
FEW, MANY = 100_000, 600_000
"""Mappings of a kernel up to which they are bounded anew in every box, and in one with a single array; more of them
keep the bounds of the larger box, which take no time."""


class _Mappings(NamedTuple):
    """Mappings of a kernel that may be on the front, in a box or a larger one."""

    which: np.ndarray
    """Shape [n]."""
    costs: np.ndarray
    """Their bounds, shape [n, 3]."""
    front: np.ndarray
    """Points that none of these gets beyond, shape [j, 3]."""

    @staticmethod
    def of(which: np.ndarray, costs: np.ndarray) -> "_Mappings":
        """With their front."""
        return _Mappings(which, costs, _thinned(costs))

    def take(self, kept: np.ndarray) -> "_Mappings":
        """Some of them; the front stays one of more."""
        return _Mappings(self.which[kept], self.costs[kept], self.front)


class _Node(NamedTuple):
    """A box that is left."""

    box: MachineBox
    mappings: list[_Mappings]
    """Of each kernel."""
    floors: np.ndarray
    """Latency, energy and area of each kernel that none of its mappings has less of in the box, shape [K, 3]."""
    bounded: bool
    """Whether its mappings were bounded in this box, else in the one that it was cut from."""
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
    """Bound the true front of the problem's space: the whole first, which compiles, then boxes of it for so many
    seconds or until nothing is left to cut.

    **Arguments**: scores of `known` designs, such as a search's front; `report` is called with the standing about
    `every` so many seconds. **Raises** `InputError` as `upper_bound` does, and if no known design is feasible.
    """
    check_bounded(problem)
    if len(problem.encoding.hardware_choices) > 1:
        raise InputError("Boxes of machines are of one type of DRAM and one SRAM cell; hold dram and glb_cell.")
    search = _Search(problem, known)
    history: list[Standing] = []

    def note() -> None:
        history.append(search.standing())
        if report is not None:
            report(history[-1])

    search.begin()
    note()
    end = search.seconds + seconds
    while search.open and search.seconds < end:
        search.go_on()
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
        return all(kernel.proven() for kernel in self.kernels)

    def begin(self) -> None:
        """Bound the whole space."""
        whole = MachineBox.of(self.problem.encoding)
        for box in whole.cut() if (whole.high > whole.low)[WIDTHS].any() else [whole]:
            mappings = []
            for kernel in self.kernels:
                costs = kernel.costs(box, np.arange(len(kernel)))
                fits = np.flatnonzero(np.isfinite(costs[:, 0]))
                if len(fits) == 0:
                    break
                mappings.append(_Mappings.of(fits, costs[fits]))
            else:
                self._boxes += 1
                self._keep(box, mappings, np.zeros((len(self.kernels), 3)), bounded=True)

    def go_on(self) -> None:
        """Bound the mappings of the most promising box that is left; cut it if that was done."""
        _, _, node = heapq.heappop(self.open)
        if not node.bounded:
            self._bound(node)
            return
        boxes = node.box.cut()
        if not boxes:
            self._settled.append(node.points)
        for box, area in zip(boxes, self._least_areas(boxes), strict=True):
            if not self._dominated(np.maximum(node.points, [0.0, 0.0, area])).all():
                floors = np.array([[kernel.least_seconds(box), 0.0, area] for kernel in self.kernels])
                self._keep(box, node.mappings, floors, bounded=False)

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

    def _bound(self, node: _Node) -> None:
        """Bound the mappings that a box has left; forget it if the known front dominates all of it."""
        self._boxes += 1
        box, floors, mappings = node.box, node.floors, list(node.mappings)
        sizes = [len(own.which) for own in mappings]
        for at in np.argsort(sizes).tolist():  # what is dropped of the many hangs on what is known of the few
            own = mappings[at]
            if sizes[at] > FEW and not box.one_array:
                continue
            own = own.take(self._hopeful(at, mappings, floors))
            if len(own.which) <= (MANY if box.one_array else FEW):
                costs = np.maximum(own.costs, self.kernels[at].costs(box, own.which))
                fits = np.isfinite(costs[:, 0])
                own = _Mappings(own.which[fits], costs[fits], own.front)
            if len(own.which) == 0:
                return
            mappings[at] = _Mappings.of(own.which, own.costs)
        for at in range(len(mappings)):
            if sizes[at] <= FEW:
                mappings[at] = mappings[at].take(self._hopeful(at, mappings, floors))
        self._keep(box, mappings, floors, bounded=True)

    def _keep(self, box: MachineBox, mappings: list[_Mappings], floors: np.ndarray, *, bounded: bool) -> None:
        """Put a box among those that are left, unless the known front dominates all of it."""
        fronts = [np.maximum(own.front, floor) for own, floor in zip(mappings, floors, strict=True)]
        points = ahead_of(self.problem, self.front, fronts)
        if len(points):
            together = objectives_of(self.problem, np.concatenate([self.front, points]))
            gain = hypervolume(together, self._region) - self._volume
            heapq.heappush(self.open, (-gain, next(self._number), _Node(box, mappings, floors, bounded, points)))

    def _hopeful(self, at: int, mappings: list[_Mappings], floors: np.ndarray) -> np.ndarray:
        """Mask of the mappings of a kernel that, with the least of all others, no known design dominates."""
        least = np.maximum([own.front.min(axis=0) for own in mappings], floors)
        others = np.delete(least, at, axis=0)
        best = np.maximum(mappings[at].costs, floors[at])
        best[:, :2] += others[:, :2].sum(axis=0)
        best[:, 2] = np.maximum(best[:, 2], others[:, 2].max(initial=0.0))
        return ~self._dominated(best)

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
    cells = np.floor(np.log(costs) / THIN).astype(np.int64)
    first = cells.min(axis=0)
    shape = tuple(cells.max(axis=0) - first + 1)
    held = np.unique(np.ravel_multi_index(tuple((cells - first).T), shape))
    corners = np.exp((np.stack(np.unravel_index(held, shape), axis=1) + first) * THIN) * (1.0 - ROUNDING)
    return corners[nondominated(corners)]
