"""An upper bound on the front of a space too large to enumerate: no design of it lies beyond what is given here.

Kernels share nothing but the hardware and what they cost adds up. On one hardware the designs are all combinations of
the kernels' mappings, but each kernel's mappings can be tried alone: a sum over kernels where the designs are a
product. Alone, a kernel pays only for what its own mapping uses of what a machine can do (area, leakage); beside others
it pays for what they use as well. So what kernels cost alone, put together, is at most what a design costs:

$$ L = \\sum_k L_k(m_k), \\quad E \\ge \\sum_k E_k(m_k), \\quad A \\ge \\max_k A_k(m_k). $$
"""

import dataclasses

import numpy as np
from tqdm import tqdm

from dse.mapper.candidates import every_mapping
from dse.problem.batched_models import FIT
from dse.problem.multi_workload import alone
from dse.problem.pareto import nondominated
from dse.problem.search_problem import Problem
from hwmodels.cost import within_limit
from workloads.errors import InputError

BLOCK = 32_768
"""Designs of one kernel evaluated at a time, about."""


@dataclasses.dataclass(frozen=True)
class Bound:
    """What no design of a space can beat."""

    objectives: np.ndarray
    """Points in front of every design: each design is at most as good as one of them; shape [j, d]."""
    designs: float
    """Of the space."""
    evaluations: int
    """Of single kernels."""


def upper_bound(problem: Problem, *, most: int = 100_000_000, progress: bool = False) -> Bound:
    """Points that no design of the problem's space gets beyond; the true front itself if there is only one kernel.

    `hypervolume(found, box) / hypervolume(bound.objectives, box)` is a share of the true front's hypervolume that a
    front has at least. **Raises** `InputError` if the objectives or limits do not all grow with latency, energy and
    area (power does not), if several workloads are put together in another way than by sums, and if more than `most`
    evaluations of kernels are needed.
    """
    kinds = [*problem.objectives, *(constraint.objective for constraint in problem.constraints)]
    if not problem.adds_up or any(min(kind.exponents) < 0 for kind in kinds):
        raise InputError(
            "An upper bound needs objectives and limits that grow with latency, energy and area of a single workload; "
            "leave out power_w, and bound each workload alone."
        )
    encoding = problem.encoding
    numbers = np.flatnonzero(encoding.is_number & (encoding.of_kernel < 0))
    shared = np.append(numbers, encoding.column(-1, "intersection"))
    machines = int(np.prod(encoding.radix[shared]))
    kernels = [_KernelAlone(problem, at) for at in range(len(problem.kernels))]
    work = machines * sum(len(kernel.mappings) for kernel in kernels)
    if work > most:
        raise InputError(
            f"An upper bound takes {work:,} evaluations of kernels, more than {most:,}; fix parameters of the space."
        )
    block = max(BLOCK // max(len(kernel.mappings) for kernel in kernels), 1)
    totals = np.zeros((0, 3))
    with tqdm(total=machines, unit="machine", disable=not progress) as bar:
        for first in range(0, machines, block):
            index = np.arange(first, min(first + block, machines))
            hardware = np.stack(np.unravel_index(index, tuple(encoding.radix[shared])), axis=1)
            alone_costs = [kernel.costs(shared, hardware) for kernel in kernels]
            for at in range(len(index)):
                totals = _joined(problem, totals, [costs[at] for costs in alone_costs])
            bar.update(len(index))
    values = np.stack([objective.value(*totals.T) for objective in problem.objectives], axis=1)
    return Bound(values[nondominated(values)], encoding.size, work)


class _KernelAlone:
    """One kernel alone: all its mappings."""

    def __init__(self, problem: Problem, at: int):
        self._problem = alone(problem, [at])
        self._repeats = problem.kernels[at].repeats
        self.mappings = every_mapping(self._problem.encoding)

    def costs(self, columns: np.ndarray, hardware: np.ndarray) -> np.ndarray:
        """Latency, energy and area of every mapping on every hardware, shape [h, m, 3]; infinite where it does not
        fit."""
        rows = np.tile(self.mappings, (len(hardware), 1))
        rows[:, columns] = np.repeat(hardware, len(self.mappings), axis=0)
        encoding = self._problem.encoding
        outputs = self._problem.batcher.values(encoding.batch(encoding.canonical(rows)))[:, 0]
        costs = outputs[:, :3] * [self._repeats, self._repeats, 1.0]
        costs[~within_limit(outputs[:, FIT]).all(axis=1) | ~np.isfinite(costs).all(axis=1)] = np.inf
        return costs.reshape(len(hardware), len(self.mappings), 3)


def _joined(problem: Problem, known: np.ndarray, costs: list[np.ndarray]) -> np.ndarray:
    """The nondominated of the known totals and of sums of the kernels' costs on one hardware, shape [j, 3]."""
    least = np.array([cost.min(axis=0) for cost in costs])
    if not np.isfinite(least).all():
        return known
    totals = np.zeros((1, 3))
    for at, cost in enumerate(costs):
        totals = _ahead(totals, _together(least[at:]), known)
        own = cost[np.isfinite(cost[:, 0])]
        own = own[nondominated(own)]
        totals = _added(totals[:, None], own[None]).reshape(-1, 3)
        totals = totals[nondominated(totals)]
    for constraint in problem.constraints:
        totals = totals[within_limit(constraint.objective.value(*totals.T), constraint.maximum)]
    every = np.concatenate([known, totals])
    return every[nondominated(every)]


def _added(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Latency and energy add up, area is that of the larger; shape [..., 3]."""
    return np.concatenate([one[..., :2] + other[..., :2], np.maximum(one[..., 2:], other[..., 2:])], axis=-1)


def _together(costs: np.ndarray) -> np.ndarray:
    """All of the costs, shape [k, 3], added."""
    return np.array([*costs[:, :2].sum(axis=0), costs[:, 2].max()])


def _ahead(totals: np.ndarray, rest: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Totals of some kernels that with the `rest` added, at best, no known point dominates."""
    best = _added(totals, rest[None])
    return totals[~(known[None] <= best[:, None]).all(axis=2).any(axis=1)]
