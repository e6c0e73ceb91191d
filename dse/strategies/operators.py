"""Where the children of a generation of the local search come from: neighbours, crossover, mutation, recombination.

Each operator proposes rows, none of which need be new, from the members of an archive.
"""

import abc
from collections.abc import Callable

import moocore
import numpy as np

from dse.problem.pareto import Box
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.neighbours import hardware_neighbours, mapping_neighbours, random_steps

PER_PARENT = 4
"""Neighbours of one member of the front in one generation."""
STEPS = (2, 5)
"""Random steps taken at once, at least, and one more than at most."""


class Operator(abc.ABC):
    """One source of children."""

    @abc.abstractmethod
    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """At most `count` rows; the operator may spend evaluations to find them."""


class UntriedNeighbours(Operator):
    """Pareto local search (Paquete, Chiarandini and Stuetzle, 2004): neighbours not tried yet, in random order.

    Kernels share nothing but the hardware, so a step in every kernel's mapping is tried in one evaluation.
    """

    def __init__(self) -> None:
        self._untried: dict[bytes, list[np.ndarray]] = {}

    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """The lonelier a member of the front, the likelier its neighbours."""
        most = -(-count // PER_PARENT)
        parents = choose_parents(run, archive, most, lambda row: self._untried.get(row.tobytes()) != [])
        per_parent = -(-count // max(len(parents), 1))
        children = []
        for parent in parents:
            queue = self._queue(run, archive.rows[parent])
            children += [queue.pop() for _ in range(min(per_parent, len(queue)))]
        return np.array(children, archive.rows.dtype).reshape(-1, archive.rows.shape[1])[:count]

    def _queue(self, run: SearchRun, row: np.ndarray) -> list[np.ndarray]:
        key = row.tobytes()
        if key not in self._untried:
            self._untried[key] = _neighbours(run, row)
        return self._untried[key]


class Crossover(Operator):
    """Children of two members of the front: genes of the hardware one by one, mappings kernel by kernel.

    Several coupled changes at once, each good somewhere.
    """

    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """Every pair is as likely."""
        encoding, rng = run.problem.encoding, run.rng
        mothers, fathers = (archive.rows[rng.integers(len(archive.rows), size=count)] for _ in range(2))
        genes = rng.random((count, len(encoding.genes))) < 0.5
        single = encoding.is_number[None] | (encoding.of_kernel < 0)[None]
        blocks = (rng.random((count, len(encoding.kernels) + 1)) < 0.5)[:, encoding.of_kernel]
        return np.where(np.where(single, genes, blocks), mothers, fathers)


class Mutation(Operator):
    """Several random steps at once from members of the front."""

    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """Every member is as likely."""
        rows = archive.rows[run.rng.integers(len(archive.rows), size=count)]
        steps = run.rng.integers(*STEPS, size=count)
        for step in range(int(steps.max(initial=0))):
            moving = np.flatnonzero(steps > step)
            rows[moving] = random_steps(run.problem.encoding, rows[moving], run.rng)
        return rows


class Recombination(Operator):
    """Mappings tried on the same hardware, put together kernel by kernel to designs beyond the front."""

    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """Those that promise most."""
        if not archive.has_feasible:
            return archive.rows[:0]
        assert archive.scores is not None
        rows = run.problem.encoding.canonical(run.recombiner.recombined(archive.scores))
        return rows[run.unseen(rows)][:count]


def choose_parents(
    run: SearchRun, archive: ParetoArchive, count: int, usable: Callable[[np.ndarray], bool]
) -> np.ndarray:
    """Members of the front to take the next steps from: at most `count` usable ones, the lonelier the likelier."""
    candidates = np.flatnonzero([usable(row) for row in archive.rows])
    if len(candidates) <= count:
        return candidates
    share = np.full(len(candidates), 1.0 / len(candidates))
    if archive.has_feasible:
        assert archive.scores is not None
        points = Box.of(archive.scores.objectives).normalise(archive.scores.objectives)
        gains = moocore.hv_contributions(points, ref=np.full(points.shape[1], 1.0))[candidates]
        if gains.sum() > 0:
            share = 0.3 * share + 0.7 * gains / gains.sum()
    return run.rng.choice(candidates, count, replace=False, p=share / share.sum())


def _neighbours(run: SearchRun, row: np.ndarray) -> list[np.ndarray]:
    """All neighbours of a row in random order, and the best mappings known of its kernels (last, so tried first).

    Mapping steps of different kernels are taken together.
    """
    encoding, rng = run.problem.encoding, run.rng
    rows = list(hardware_neighbours(encoding, row))
    lists = [mapping_neighbours(encoding, row, kernel) for kernel in range(len(encoding.kernels))]
    together = [row.copy() for _ in range(max(len(steps) for steps in lists))]
    for kernel, steps in enumerate(lists):
        columns = encoding.of_kernel == kernel
        for child, step in zip(together, rng.permutation(len(steps)), strict=False):
            child[columns] = steps[step][columns]
    rows += together
    known = [run.mapping_archive.mappings(kernel) for kernel in range(len(lists))]
    best = [row.copy() for _ in range(max(len(mappings) for mappings in known))]
    for kernel, mappings in enumerate(known):
        for child, at in zip(best, rng.permutation(len(mappings)), strict=False):
            child[run.mapping_archive.columns[kernel]] = mappings[at]
    return [rows[i] for i in rng.permutation(len(rows))] + best
