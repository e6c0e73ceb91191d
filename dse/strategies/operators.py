"""Where the machines of a generation come from, and which mappings are tried on each; array code on all at once.

A machine's first design is its parent's, with the machine's own hardware. The others lend their mappings: designs near
the parent on the front, any of the front, and the parent's with steps taken.
"""

import abc

import numpy as np
import scipy

from dse.problem.pareto import Box
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.lattice_steps import hardware_steps, mapping_steps, random_mappings

MUTATED, NEAR = 0.4, 0.4
"""Of the designs that are tried on a machine besides its parent's: shares that are its parent's with steps taken, and
those near it; the rest is any of the front."""
MORE_STEPS = 0.35
"""Chance of one more step, and another one after it."""
UNITS_OF = 3
"""Designs of a machine whose own units are a set that it may have."""
FEWER = 2
"""Sets of units that are the parent's but for one."""


class Operator(abc.ABC):
    """One source of machines."""

    @abc.abstractmethod
    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Genomes of which the hardware counts, one for each parent (a row of the archive)."""

    def propose(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray, designs: int) -> np.ndarray:
        """A machine for each parent, with so many designs to be tried on it; shape [n, designs, genes]."""
        hardware = with_any_unit(run, self.machines(run, archive, parents))
        return np.where(run.problem.encoding.of_kernel < 0, hardware[:, None], lent(run, archive, parents, designs))


class HardwareSteps(Operator):
    """One step of one parameter."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Up or down."""
        return hardware_steps(run.problem.encoding, archive.rows[parents], run.rng)


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

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """As they are."""
        return archive.rows[parents]

    def propose(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray, designs: int) -> np.ndarray:
        """All designs but the first with steps taken, the last with mappings drawn anew."""
        own = with_any_unit(run, archive.rows[parents])
        rows = np.repeat(own[:, None], designs, axis=1)
        rows[:, 1:] = stepped(run, rows[:, 1:])
        rows[:, -1] = random_mappings(run.problem.encoding, own, run.rng)
        return rows


def with_any_unit(run: SearchRun, rows: np.ndarray) -> np.ndarray:
    """Rows with an intersection unit drawn where none is run, so that mappings which run one can be tried."""
    encoding, rows = run.problem.encoding, rows.copy()
    column = encoding.column(-1, "intersection")
    free = ~encoding.intersects(rows)
    rows[free, column] = run.rng.integers(encoding.radix[column], size=int(free.sum()))
    return rows


def lent(run: SearchRun, archive: ParetoArchive, parents: np.ndarray, designs: int) -> np.ndarray:
    """Designs to be tried on a machine, the parent's own first; shape [n, designs, genes]."""
    others = designs - 1
    mutated, near = int(np.ceil(MUTATED * others)), int(NEAR * others)
    own = archive.rows[parents]
    neighbours = archive.rows[nearest(run, archive, parents, near)]
    anyone = archive.rows[run.rng.integers(len(archive.rows), size=(len(parents), others - mutated - near))]
    steps = stepped(run, np.repeat(own[:, None], mutated, axis=1))
    return np.concatenate([own[:, None], neighbours, anyone, steps], axis=1)


def stepped(run: SearchRun, rows: np.ndarray) -> np.ndarray:
    """Rows, shape [n, m, genes], with one step or more in the mapping of every kernel."""
    flat = mapping_steps(run.problem.encoding, rows.reshape(-1, rows.shape[2]), run.rng)
    for _ in range(2):
        more = run.rng.random(len(flat)) < MORE_STEPS
        flat[more] = mapping_steps(run.problem.encoding, flat[more], run.rng)
    return flat.reshape(rows.shape)


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
