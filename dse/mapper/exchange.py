"""Designs mapped to the optimum: no kernel's mapping can be exchanged for a better one on the same machine.

Every mapping of a kernel that the machine can run is evaluated, less those that cannot be best (`KernelMappings`). The
machine can run what its units allow, and whatever takes no unit: units that cost neither area nor power.
"""

import numpy as np

from dse.mapper.enumeration import KernelMappings
from dse.problem.batched_models import AREA, ENERGY, FIT, LATENCY, OUTPUTS, UNITS, priced
from dse.problem.pareto import nondominated
from dse.problem.search_problem import Problem
from hwmodels.cost import TOLERANCE, within_limit
from hwmodels.design.choices import INTERSECTIONS

CAPABILITIES = UNITS - len(INTERSECTIONS)
"""Bits of `Encoding.unit_bits`."""
GAIN = 1e-6
"""Relative gain of an exchange that rounding cannot cause."""


def optimally_mapped(problem: Problem, genomes: np.ndarray) -> np.ndarray:
    """Designs, shape [n, genes], with each kernel's mapping exchanged for the best that is nowhere worse.

    Best is what gains most in latency times energy; area stays or falls. A design stays as it is where the exchange
    would break a limit or make an objective worse (power is, by a run that is faster than it saves energy).
    """
    if len(genomes) == 0:
        return genomes
    rows = _exchanged(problem, genomes)
    before, after = problem.score(genomes), problem.score(rows)
    better = after.feasible & (after.objectives <= before.objectives * (1 + TOLERANCE)).all(axis=1)
    return np.where(better[:, None], rows, genomes)


def _exchanged(problem: Problem, genomes: np.ndarray) -> np.ndarray:
    """Designs with the best mapping of each kernel that takes no longer and no more energy."""
    encoding = problem.encoding
    rows = genomes.copy()
    units = np.bitwise_or.reduce(encoding.unit_bits(rows), axis=1) | free_units(problem, rows)
    shared = np.column_stack([rows[:, encoding.of_kernel < 0], units])
    _, machine = np.unique(shared, axis=0, return_inverse=True)
    fronts = [_Fronts(problem, kernel) for kernel in range(len(encoding.kernels))]
    costs = problem.batcher.unit_costs(encoding.batch(rows), encoding.units_of(rows, units))
    now = priced(problem.mappings_alone(rows), costs)[:, :, [LATENCY, ENERGY]]
    for number in range(machine.max() + 1):
        mine = np.flatnonzero(machine.ravel() == number)
        first = mine[0]
        own_costs = None if costs is None else costs[first : first + 1]
        for kernel, own in enumerate(fronts):
            mappings, found = own.on(rows[first], int(units[first]), own_costs)
            if len(found) == 0:
                continue
            ratio = found[None] / now[mine, None, kernel]
            better = (ratio <= 1 + GAIN).all(axis=2)
            gain = np.where(better, ratio.prod(axis=2), np.inf)
            best = gain.argmin(axis=1)
            improved = np.flatnonzero(gain[np.arange(len(mine)), best] < 1 - GAIN)
            columns = np.flatnonzero(encoding.of_kernel == kernel)
            rows[mine[improved][:, None], columns] = mappings[best[improved]]
    return encoding.canonical(rows)


def free_units(problem: Problem, rows: np.ndarray) -> np.ndarray:
    """Units that the machines of genomes have for nothing: bits that all together add neither area nor energy;
    shape [n]."""
    encoding = problem.encoding
    used = np.bitwise_or.reduce(encoding.unit_bits(rows), axis=1)
    outputs = np.ones((len(rows), 1, OUTPUTS))
    before = problem.on_machines(outputs, rows, used)[:, 0]
    free = np.zeros(len(rows), np.int64)
    for bit in range(CAPABILITIES):
        more = problem.on_machines(outputs, rows, used | free | (np.int64(1) << bit))[:, 0]
        same = (more[:, [ENERGY, AREA]] == before[:, [ENERGY, AREA]]).all(axis=1)
        free |= np.where(same, np.int64(1) << bit, 0)
    return free


class _Fronts:
    """Fronts of one kernel's mappings in latency and energy, machine by machine."""

    def __init__(self, problem: Problem, kernel: int):
        self._mappings, self._whole = KernelMappings(problem, kernel), problem
        self._columns = np.flatnonzero(self._mappings.problem.encoding.of_kernel == 0)

    def on(self, machine: np.ndarray, units: int, unit_costs: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Genes of the mappings, shape [j, genes of a mapping], and their latency and energy, shape [j, 2].

        `unit_costs` are those of the machine, shape [1, 3].
        """
        own = self._mappings.problem
        row = np.concatenate([machine[self._whole.encoding.of_kernel < 0], np.zeros(len(self._columns), machine.dtype)])
        genes, costs = [np.zeros((0, len(self._columns)), machine.dtype)], [np.zeros((0, 2))]
        for found in self._mappings.on(row, units):
            usable = within_limit(found.outputs[:, FIT].max(axis=1))
            (outputs,) = priced(found.outputs[usable][None], unit_costs)
            front = np.flatnonzero(nondominated(outputs[:, [LATENCY, ENERGY]]))
            genes.append(found.rows(np.flatnonzero(usable)[front])[:, self._columns])
            costs.append(outputs[front][:, [LATENCY, ENERGY]])
        self._whole.evaluations += own.evaluations
        own.evaluations = 0
        return np.concatenate(genes), np.concatenate(costs)
