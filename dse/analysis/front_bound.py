"""An upper bound on the front of a space too large to enumerate: no design of it lies beyond what is given here.

Kernels share nothing but the hardware and what they cost adds up. On one hardware the designs are all combinations of
the kernels' mappings, but each kernel's mappings can be tried alone: a sum over kernels where the designs are a
product. Alone, a kernel pays only for what its own mapping uses of what a machine can do (area, leakage); beside others
it pays for what they use as well. So what kernels cost alone, put together, is at most what a design costs:

$$ L = \\sum_k L_k(m_k), \\quad E \\ge \\sum_k E_k(m_k), \\quad A \\ge \\max_k A_k(m_k). $$

All of this is proven from the formulas: the exact cuts of `KernelMappings`, then every machine with every mapping that
is left. Spaces whose machines alone are too many are for `dse.analysis.branch_and_bound`.
"""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from dse.analysis.certificate import Certificate, Standing
from dse.mapper.enumeration import GLB, KernelMappings
from dse.problem.batched_models import AREA, BUS_HOPS, ENERGY, FIT, LATENCY, OUTPUTS
from dse.problem.pareto import nondominated
from dse.problem.search_problem import Problem, Scores
from hwmodels.analytical.evaluation import evaluate
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
    seconds: float

    def certificate(self, known: Scores) -> Certificate:
        """What is proven by it of known designs, all of the problem that was bounded."""
        found = feasible_objectives(known)
        every = np.concatenate([found, self.objectives])
        bound = every[nondominated(every)]
        standing = Standing.of(found, bound, seconds=self.seconds, boxes=0, left=0, evaluations=self.evaluations)
        return Certificate(bound, found, (standing,), True)


class TooManyMachines(InputError):
    """A space whose machines cannot all be tried."""


def feasible_objectives(known: Scores) -> np.ndarray:
    """The nondominated objectives of the feasible designs among some; InputError if there is none."""
    found = known.objectives[known.feasible]
    if len(found) == 0:
        raise InputError("No known design is feasible; give the front of a search in this space.")
    return found[nondominated(found)]


def upper_bound(problem: Problem, *, most: int = 100_000_000, progress: bool = False) -> Bound:
    """Points that no design of the problem's space gets beyond; the true front itself if there is only one kernel.

    `hypervolume(found, box) / hypervolume(bound.objectives, box)` is a share of the true front's hypervolume that a
    front has at least. **Raises** `InputError` if the objectives or limits do not all grow with latency, energy and
    area (power does not), if several workloads are put together in another way than by sums, for a model of the user's
    own; `TooManyMachines`, one too, if more than `most` evaluations of kernels are needed.
    """
    start = time.perf_counter()
    check_bounded(problem)
    encoding = problem.encoding
    numbers = np.flatnonzero(encoding.is_number & (encoding.of_kernel < 0))
    shared = np.append(numbers, encoding.hardware_choices)
    machines = int(np.prod(encoding.radix[shared]))
    kernels = [KernelAlone(problem, at) for at in range(len(problem.kernels))]
    work = machines * sum(len(kernel.rows) for kernel in kernels)
    if work > most:
        raise TooManyMachines(
            f"An upper bound takes {work:,} evaluations of kernels, more than {most:,}; fix parameters of the space."
        )
    block = max(BLOCK // max(len(kernel.rows) for kernel in kernels), 1)
    totals = np.zeros((0, 3))
    with tqdm(total=machines, unit="machine", disable=not progress) as bar:
        for first in range(0, machines, block):
            index = np.arange(first, min(first + block, machines))
            hardware = np.stack(np.unravel_index(index, tuple(encoding.radix[shared])), axis=1)
            costs = [kernel.costs(shared, hardware) for kernel in kernels]
            for at in range(len(index)):
                totals = joined(problem, totals, [own[at] for own in costs])
            bar.update(len(index))
    done = sum(kernel.problem.evaluations for kernel in kernels)
    return Bound(objectives_of(problem, totals), encoding.size, done, time.perf_counter() - start)


def check_bounded(problem: Problem) -> None:
    """InputError unless objectives and limits grow with sums over the kernels, by the model's own formulas."""
    if problem.evaluate is not evaluate:
        raise InputError("An upper bound follows from the formulas of hwmodels.evaluate; leave out your own model.")
    kinds = [*problem.objectives, *(constraint.objective for constraint in problem.constraints)]
    if not problem.adds_up or any(min(kind.exponents) < 0 for kind in kinds):
        raise InputError(
            "An upper bound needs objectives and limits that grow with latency, energy and area of a single workload; "
            "leave out power_w, and bound each workload alone."
        )


def objectives_of(problem: Problem, totals: np.ndarray) -> np.ndarray:
    """The nondominated objectives of latencies, energies and areas, shape [j, 3]."""
    values = np.stack([objective.value(*totals.T) for objective in problem.objectives], axis=1)
    return values[nondominated(values)]


class KernelAlone:
    """One kernel alone: all its mappings that may be best on some machine of the space."""

    def __init__(self, problem: Problem, at: int):
        mappings = KernelMappings(problem, at)
        self.problem, self._repeats = mappings.problem, problem.kernels[at].repeats
        encoding = self.problem.encoding
        machine = np.zeros(len(encoding.genes), np.int32)
        glb = encoding.column(-1, "glb_bytes")
        machine[glb] = encoding.radix[glb] - 1  # the largest, and the narrowest values and sums
        self.rows, need = mappings.fitting(machine)
        """Genomes of `problem`, shape [m, genes]; the hardware is to be filled in."""
        if not len(self.rows):
            raise InputError(f"No mapping of kernel '{problem.kernels[at].name}' fits the largest GLB of the space.")
        self.glb_bytes = need * float(encoding.genes[glb].values[-1])
        """What the tiles of each take at least, shape [m]."""
        self.bits = encoding.unit_bits(self.rows)[:, 0]

    def costs(self, columns: np.ndarray, hardware: np.ndarray) -> list[np.ndarray]:
        """Latency, energy and area of all runs of every mapping that fits, on each hardware: shapes [?, 3]."""
        encoding = self.problem.encoding
        machines = np.zeros((len(hardware), len(encoding.genes)), np.int32)
        machines[:, columns] = hardware
        capacity = encoding.batch(machines).hardware[:, GLB]
        machine, mapping = np.nonzero(within_limit(self.glb_bytes[None], capacity[:, None]))
        rows = self.rows[mapping]
        rows[:, columns] = hardware[machine]
        rows = encoding.canonical(rows)
        outputs = self.problem.mappings_alone(rows)[:, 0] if len(rows) else np.zeros((0, OUTPUTS))
        area, hop_pj, watts = self._units(machines, machine, self.bits[mapping]).T
        latency = outputs[:, LATENCY]
        energy = outputs[:, ENERGY] + outputs[:, BUS_HOPS] * hop_pj + latency * watts * 1e12
        costs = np.stack([latency * self._repeats, energy * self._repeats, area], axis=1)
        good = within_limit(outputs[:, FIT]).all(axis=1) & np.isfinite(costs).all(axis=1)
        starts = np.searchsorted(machine[good], np.arange(1, len(hardware)))
        return np.split(costs[good], starts)

    def _units(self, machines: np.ndarray, machine: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Area, and what units add to a bit on the buses (pJ) and to the power (W), for pairs of a machine and units;
        each different pair is priced once. Shape [j, 3]."""
        kinds, kind = np.unique(bits, return_inverse=True)
        pairs, pair = np.unique(machine * len(kinds) + kind, return_inverse=True)
        rows, units = machines[pairs // max(len(kinds), 1)], kinds[pairs % max(len(kinds), 1)]
        probes = np.zeros((len(pairs), 2, OUTPUTS))
        probes[:, 0, BUS_HOPS], probes[:, 1, LATENCY] = 1.0, 1.0
        priced = self.problem.on_machines(probes, rows, units)
        return np.stack([priced[:, 0, AREA], priced[:, 0, ENERGY], priced[:, 1, ENERGY] * 1e-12], axis=1)[pair]


def joined(problem: Problem, known: np.ndarray, costs: Sequence[np.ndarray]) -> np.ndarray:
    """The nondominated of the known totals and of sums of the kernels' costs on one hardware, shape [j, 3]."""
    every = np.concatenate([known, ahead_of(problem, known, costs)])
    return every[nondominated(every)]


def ahead_of(problem: Problem, known: np.ndarray, costs: Sequence[np.ndarray]) -> np.ndarray:
    """The nondominated sums of the kernels' costs, shapes [?, 3], that meet the limits and that no known total
    dominates; shape [j, 3]."""
    if not all(len(cost) for cost in costs):
        return np.zeros((0, 3))
    least = np.array([cost.min(axis=0) for cost in costs])
    totals = np.zeros((1, 3))
    for at, cost in enumerate(costs):
        totals = _ahead(totals, _together(least[at:]), known)
        own = cost[nondominated(cost)]
        totals = _added(totals[:, None], own[None]).reshape(-1, 3)
        totals = totals[nondominated(totals)]
    for constraint in problem.constraints:
        totals = totals[within_limit(constraint.objective.value(*totals.T), constraint.maximum)]
    return totals


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
