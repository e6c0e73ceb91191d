"""Where the machines of a generation come from, and which mappings are tried on each; array code on all at once.

A machine's first design is its parent's, with the machine's own hardware. The others lend their mappings: designs near
the parent on the front, any of the front, and the parent's with steps taken.
"""

import abc
from collections.abc import Sequence

import numpy as np
import scipy

from dse.problem.pareto import Box
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.lattice_steps import buildable, hardware_steps, mapping_steps, random_mappings, scaled_hardware

NEAR, ANYONE = 0.4, 0.2
"""Of the designs that are tried on a machine besides its parent's: shares that are near it on the front, and any of the
front; the rest is the parent's with steps taken."""
MORE_STEPS = 0.35
"""Chance of one more step, and another one after it."""
UNITS_OF = 3
"""Designs of a machine whose own units are a set that it may have."""
FEWER = 2
"""Sets of units that are the parent's but for one."""


class Operator(abc.ABC):
    """One source of machines."""

    least = 1.0
    """What it gets of a generation at least, relative to others."""
    together = 1
    """Machines that it is asked for at once, at least, or half of a generation; fewer are saved up."""
    remaps = False
    """Whether all mappings tried on its machines are the parent's with steps taken, none of them lent."""

    @abc.abstractmethod
    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Genomes of which the hardware counts, one for each parent (a row of the archive)."""

    def mappings(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Genomes whose mappings are tried on the machines, too: the parent's with steps taken."""
        return stepped(run, archive.rows[parents])


class HardwareSteps(Operator):
    """One step of one parameter."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Up or down."""
        return hardware_steps(run.problem.encoding, archive.rows[parents], run.rng)


class Scaling(Operator):
    """Several numbers that keep up with each other, such as PEs and buses, all larger or all smaller."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """A step each."""
        return scaled_hardware(run.problem.encoding, archive.rows[parents], run.rng)


class Mutation(Operator):
    """Two to four steps at once."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Steps of any parameters."""
        rows = hardware_steps(run.problem.encoding, archive.rows[parents], run.rng)
        for chance in (1.0, 0.5, 0.5):
            moving = run.rng.random(len(rows)) < chance
            rows[moving] = hardware_steps(run.problem.encoding, rows[moving], run.rng)
        return rows


class Crossover(Operator):
    """Each parameter from one of two parents."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """The other parent is any member of the front, half of them near."""
        mothers = archive.rows[parents]
        fathers = archive.rows[run.rng.integers(len(archive.rows), size=len(parents))]
        near = archive.rows[nearest(run, archive, parents, 1)[:, 0]]
        fathers = np.where(run.rng.random((len(parents), 1)) < 0.5, fathers, near)
        return np.where(run.rng.random(mothers.shape) < 0.5, mothers, fathers)


class Remapping(Operator):
    """The parents' own machines: mappings are all that changes."""

    remaps = True

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """As they are."""
        return archive.rows[parents]

    def mappings(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Mappings drawn anew."""
        return random_mappings(run.problem.encoding, archive.rows[parents], run.rng)


def with_any_unit(run: SearchRun, rows: np.ndarray) -> np.ndarray:
    """Rows with an intersection unit drawn where none is run, so that mappings which run one can be tried."""
    encoding, rows = run.problem.encoding, rows.copy()
    column = encoding.column(-1, "intersection")
    free = ~encoding.intersects(rows)
    rows[free, column] = run.rng.integers(encoding.radix[column], size=int(free.sum()))
    return rows


def generation(
    run: SearchRun, archive: ParetoArchive, operators: Sequence[Operator], parents: Sequence[np.ndarray], designs: int
) -> np.ndarray:
    """Designs to be tried on a machine for each parent of each operator, its parent's first; [n, designs, genes]."""
    some = [(operator, own) for operator, own in zip(operators, parents, strict=True) if len(own)]
    machines, more = (
        np.concatenate([getattr(operator, part)(run, archive, own) for operator, own in some])
        for part in ("machines", "mappings")
    )
    remaps = np.concatenate([np.full(len(own), operator.remaps) for operator, own in some])
    every = np.concatenate(parents)
    others = designs - 2
    near = np.where(remaps, 0, int(NEAR * others))[:, None]
    mutated = np.where(remaps, others, others - int(NEAR * others) - int(ANYONE * others))[:, None]
    at = np.arange(others)
    lenders = np.where(
        at < near, nearest(run, archive, every, others), run.rng.integers(len(archive.rows), size=(len(every), others))
    )
    steps = at >= others - mutated
    lenders[steps] = np.broadcast_to(every[:, None], lenders.shape)[steps]
    rows = archive.rows[np.concatenate([every[:, None], lenders], axis=1)]
    rows[:, 1:][steps] = stepped(run, rows[:, 1:][steps])
    rows = np.concatenate([rows, more[:, None]], axis=1)
    machines = buildable(run.problem.encoding, with_any_unit(run, machines))
    return np.where(run.problem.encoding.of_kernel < 0, machines[:, None], rows)


def stepped(run: SearchRun, rows: np.ndarray) -> np.ndarray:
    """Rows with one step or more in the mapping of every kernel."""
    rows = mapping_steps(run.problem.encoding, rows, run.rng)
    for _ in range(2):
        more = run.rng.random(len(rows)) < MORE_STEPS
        rows[more] = mapping_steps(run.problem.encoding, rows[more], run.rng)
    return rows


def nearest(run: SearchRun, archive: ParetoArchive, parents: np.ndarray, count: int) -> np.ndarray:
    """Other members of the front that lie near each parent, shape [n, count]; more than there are come again."""
    points = front_points(run, archive)
    among = min(2 * count + 1, len(points))
    _, order = scipy.spatial.cKDTree(points).query(points[parents], k=[*range(1, among + 1)])  # the first is the parent
    picked = run.rng.integers(min(1, among - 1), among, size=(len(parents), count))
    return np.take_along_axis(order, picked, axis=1)


def front_points(run: SearchRun, archive: ParetoArchive) -> np.ndarray:
    """Members of the front in its own box, shape [N, d]; anything where none is feasible yet."""
    assert archive.scores is not None
    if not archive.has_feasible:
        return run.rng.random((len(archive.rows), len(run.problem.objectives)))
    return Box.of(archive.scores.objectives).normalise(archive.scores.objectives)


def unit_sets(run: SearchRun, rows: np.ndarray) -> np.ndarray:
    """Sets of units that a machine may have: any, those of each of its first designs, and the first's but for one."""
    n, _, genes = rows.shape
    encoding = run.problem.encoding
    some = rows[:, :UNITS_OF].reshape(-1, genes)
    used = np.bitwise_or.reduce(encoding.unit_bits(some), axis=1).reshape(n, -1)
    fewer = np.repeat(used[:, :1], FEWER, axis=1)
    places = np.arange(64)
    has = ((fewer[..., None] >> places) & 1) * run.rng.random((*fewer.shape, len(places)))
    fewer &= ~(np.int64(1) << has.argmax(axis=2))
    return np.concatenate([np.full((n, 1), -1, np.int64), used, fewer], axis=1)
