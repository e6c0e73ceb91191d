"""Designs mapped to the optimum: no kernel's mapping can be exchanged for a better one on the same machine.

Every mapping of a kernel that the machine can run is evaluated, less those that cannot be best (`KernelMappings`). The
machine can run what its units allow, and whatever takes no unit: units that cost neither area nor power. An exchange
may leave a unit without use, which the machine then does without.
"""

from typing import NamedTuple

import numpy as np

from dse.mapper.enumeration import KernelMappings
from dse.problem.batched_models import AREA, ENERGY, FIT, LATENCY, OUTPUTS, PHY, priced
from dse.problem.search_problem import Problem, die_of
from dse.problem.unpacking import OWN_WEIGHTS, UNITS
from hwmodels.cost import TOLERANCE, within_limit

CAPABILITIES = UNITS - OWN_WEIGHTS
"""Bits of `Encoding.unit_bits`."""
GAIN = 1e-6
"""Relative gain of an exchange that rounding cannot cause."""
PASSES = 8
"""Times that the kernels of a design are gone through, at most: what one leaves unused may free another one."""


def optimally_mapped(problem: Problem, genomes: np.ndarray) -> np.ndarray:
    """Designs, shape [n, genes], with each kernel's mapping exchanged for the best that is nowhere worse.

    Best is what gains most in the kernel's latency, in energy and in area, all multiplied. What would break a limit or
    make an objective worse is not taken (power is, by a run that is faster than it saves energy).
    """
    if len(genomes) == 0:
        return genomes
    rows = _exchanged(problem, genomes)
    before, after = problem.score(genomes), problem.score(rows)
    better = after.feasible & (after.objectives <= before.objectives * (1 + TOLERANCE)).all(axis=1)
    return np.where(better[:, None], rows, genomes)


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


class _Mappings(NamedTuple):
    """j mappings of one kernel on one machine."""

    outputs: np.ndarray
    """Those of `Batcher.alone`, shape [j, OUTPUTS]."""
    bits: np.ndarray
    """Units that each uses, shape [j]."""
    genes: np.ndarray
    """Shape [j, genes of a mapping]."""


def _exchanged(problem: Problem, genomes: np.ndarray) -> np.ndarray:
    """Designs of which no single exchange gains anything."""
    encoding = problem.encoding
    rows = genomes.copy()
    bits = encoding.unit_bits(rows)
    units = np.bitwise_or.reduce(bits, axis=1) | free_units(problem, rows)
    shared = np.column_stack([rows[:, encoding.of_kernel < 0], units])
    _, machine = np.unique(shared, axis=0, return_inverse=True)
    alone = problem.mappings_alone(rows)
    most = _most(problem, rows, units, alone)
    kernels = [_Kernel(problem, kernel) for kernel in range(len(encoding.kernels))]
    for number in range(machine.max() + 1):
        mine = np.flatnonzero(machine.ravel() == number)
        first = rows[mine[0]]
        others = [own.on(first, int(units[mine[0]]), most[mine, own.kernel].max(axis=0)) for own in kernels]
        unit_costs = _UnitCosts(problem, first)
        for design in mine:
            picks = _picked(problem, unit_costs, alone[design], bits[design], others)
            for own, found, pick in zip(kernels, others, picks, strict=True):
                if pick >= 0:
                    rows[design, own.columns] = found.genes[pick]
    return encoding.canonical(rows)


def _most(problem: Problem, rows: np.ndarray, units: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """Latency of each kernel's mapping, and an energy that one without units cannot exceed if the exchange gains:
    what it takes now and all that units take of the other kernels; shape [n, K, 2]."""
    now = problem.on_machines(alone, rows, units)[:, :, ENERGY]
    saved = ((now - alone[:, :, ENERGY]) * problem.repeats).sum(axis=1, keepdims=True) / problem.repeats
    return np.stack([alone[:, :, LATENCY], alone[:, :, ENERGY] + saved], axis=2) * (1 + GAIN)


class _Kernel:
    """One kernel's mappings, machine by machine."""

    def __init__(self, problem: Problem, kernel: int):
        self.kernel, self._whole, self._mappings = kernel, problem, KernelMappings(problem, kernel)
        self.columns = np.flatnonzero(problem.encoding.of_kernel == kernel)
        """Genes of the kernel's mapping."""

    def on(self, machine: np.ndarray, units: int, most: np.ndarray) -> _Mappings:
        """Those that fit and take at `most` some latency and energy, shape [2]."""
        own = self._mappings.problem
        mapping = own.encoding.of_kernel == 0
        row = np.concatenate([machine[self._whole.encoding.of_kernel < 0], np.zeros(mapping.sum(), machine.dtype)])
        found = []
        for some in self._mappings.on(row, units, lambda latency, energy: (latency > most[0]) | (energy > most[1])):
            usable = within_limit(some.outputs[:, FIT].max(axis=1))
            good = np.flatnonzero(usable & (some.outputs[:, [LATENCY, ENERGY]] <= most).all(axis=1))
            if len(good):
                found.append(_Mappings(some.outputs[good], some.bits[good], some.rows[good][:, mapping]))
        self._whole.evaluations += own.evaluations
        own.evaluations = 0
        none = _Mappings(np.zeros((0, OUTPUTS)), np.zeros(0, np.int64), np.zeros((0, len(self.columns)), row.dtype))
        return _Mappings(*map(np.concatenate, zip(none, *found, strict=True)))


class _UnitCosts:
    """What units take on one machine, each set of them worked out once."""

    def __init__(self, problem: Problem, machine: np.ndarray):
        self._problem, self._machine = problem, machine
        self._known: dict[int, np.ndarray] = {}

    def of(self, units: np.ndarray) -> np.ndarray | None:
        """Area, and additions to energy and power (`Batcher.unit_costs`), of sets of units, shape [n, 3]."""
        different, which = np.unique(units, return_inverse=True)
        missing = np.array([some for some in different.tolist() if some not in self._known], np.int64)
        encoding, batcher = self._problem.encoding, self._problem.batcher
        if len(missing):
            machines = np.tile(self._machine, (len(missing), 1))
            costs = batcher.unit_costs(encoding.batch(machines), encoding.units_of(machines, missing))
            if costs is None:
                return None
            self._known.update(zip(missing.tolist(), costs, strict=True))
        return np.stack([self._known[some] for some in different.tolist()])[which]


def _picked(
    problem: Problem, unit_costs: _UnitCosts, alone: np.ndarray, bits: np.ndarray, others: list[_Mappings]
) -> list[int]:
    """Which of the other mappings each kernel of a design takes, -1 for its own.

    **Arguments**: what its mappings take, shape [K, OUTPUTS], and the units that they use, shape [K].
    """
    alone, bits, picks = alone.copy(), bits.copy(), [-1] * len(others)
    runs, allowed = problem.repeats, None
    for _ in range(PASSES):
        changed = False
        for kernel, found in enumerate(others):
            rest = np.arange(len(others)) != kernel
            bits_of, outputs = np.append(found.bits, bits[kernel]), np.vstack([found.outputs, alone[kernel]])
            costs = unit_costs.of(bits_of | np.bitwise_or.reduce(bits[rest], initial=np.int64(0)))
            own = outputs * runs[kernel]
            own, whole = (priced(some[:, None], costs)[:, 0] for some in (own, own + runs[rest] @ alone[rest]))
            whole[:, PHY] = alone[kernel, PHY]  # which is the machine's, and does not add up
            worth = _worth(problem, whole)
            if allowed is None:
                most = np.array([limit.maximum for limit in problem.constraints])
                allowed = worth[-1] * (1 + GAIN)
                allowed[len(allowed) - len(most) :] = np.maximum(allowed[len(allowed) - len(most) :], most)
            energy = own[-1, ENERGY] + whole[:, ENERGY] - whole[-1, ENERGY]  # what units save the others, too
            gained = own[:, LATENCY] * energy * whole[:, AREA]
            gained = np.where((worth <= allowed).all(axis=1), gained, np.inf)
            best = int(gained.argmin())
            if gained[best] < gained[-1] * (1 - GAIN):
                alone[kernel], bits[kernel], picks[kernel], changed = outputs[best], bits_of[best], best, True
        if not changed:
            break
    return picks


def _worth(problem: Problem, whole: np.ndarray) -> np.ndarray:
    """Latency, energy, area, objectives and what is limited, of workloads that take `whole`, shape [n, OUTPUTS]."""
    totals = [whole[:, at] for at in (LATENCY, ENERGY, AREA)]
    values = [*problem.objectives, *(limit.objective for limit in problem.constraints)]
    die = die_of(totals[1], totals[2], whole[:, None], np.ones(1))
    return np.column_stack([*totals, *(value.value(*totals, die) for value in values)])
