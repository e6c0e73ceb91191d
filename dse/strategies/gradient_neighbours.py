"""Neighbours by first-order prediction: gradients rank all lattice neighbours of a design, the best are evaluated.

Costs are close to power laws in each number and linear in the weights of the choices, so the slopes of log latency, log
energy and log area at a design predict what one lattice step, or another format, does to it. Six evaluations (a
forward pass and a pull back for each) order all neighbours of a design; those are tried first that are predicted to lie
farthest beyond the front. A dataflow is structure, so what a change of it does cannot be predicted.
"""

import dataclasses

import numpy as np

from dse.problem.batched_models import GRADIENTS_OF_TOTALS
from dse.problem.pareto import Box
from dse.problem.search_problem import Problem
from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.neighbours import hardware_neighbours, mapping_neighbours
from dse.strategies.operators import Operator, choose_parents

WORTHWHILE = 8 * GRADIENTS_OF_TOTALS
"""Evaluations for which slopes are asked for."""
PREFERENCES = 6
"""Combinations of the best predicted steps of all kernels, for as many preferences, if there are several kernels."""


@dataclasses.dataclass
class PredictedNeighbours:
    """Neighbours of one design that have not been tried, and their predicted change of log latency, energy and area."""

    rows: np.ndarray
    change: np.ndarray
    """Shape [j, 3]."""

    def drop(self, tried: list[int]) -> None:
        """Forget rows that have been tried."""
        self.rows, self.change = np.delete(self.rows, tried, 0), np.delete(self.change, tried, 0)


NOT_PREDICTED = PredictedNeighbours(np.zeros((1, 0)), np.zeros((1, 0)))
"""Stands for the neighbours of a design whose slopes have not been asked for."""


class GradientNeighbours(Operator):
    """The neighbours that slopes predict to lie farthest beyond the front."""

    def __init__(self) -> None:
        self._known: dict[bytes, PredictedNeighbours] = {}
        self._saved = 0

    def propose(self, run: SearchRun, archive: ParetoArchive, count: int) -> np.ndarray:
        """Half of the count, at most, goes to the slopes of members of the front, the rest to their neighbours.

        Small counts are saved up, since a call for the slopes of one design takes as long as one for several.
        """
        nothing = archive.rows[:0]
        self._saved += count
        if self._saved < WORTHWHILE or not archive.has_feasible or run.remaining <= GRADIENTS_OF_TOTALS:
            return nothing
        count, self._saved = self._saved, 0
        most = max(count // (2 * GRADIENTS_OF_TOTALS), 1)
        parents = choose_parents(
            run, archive, 2 * most, lambda row: len(self._known.get(row.tobytes(), NOT_PREDICTED).rows) > 0
        )
        fresh = np.array([at for at in parents if archive.rows[at].tobytes() not in self._known], int)
        fresh = fresh[: min(most, run.remaining // (GRADIENTS_OF_TOTALS + 1))]
        _predict(run, archive, fresh, self._known)
        best = self._most_promising(run, archive, parents, max(count - GRADIENTS_OF_TOTALS * len(fresh), 1))
        if not best:
            return nothing
        children = np.array([self._known[archive.rows[parent].tobytes()].rows[at] for parent, at in best])
        for parent in {parent for parent, _ in best}:
            self._known[archive.rows[parent].tobytes()].drop([at for owner, at in best if owner == parent])
        return children

    def _most_promising(
        self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray, count: int
    ) -> list[tuple[int, int]]:
        """(parent, row) of the neighbours predicted to lie farthest beyond the front, best first."""
        entries = []
        for parent in parents.tolist():
            steps = self._known.get(archive.rows[parent].tobytes())
            if steps is not None and len(steps.rows):
                lead = _lead(run.problem, archive, parent, steps.change)
                entries += [(float(lead[at]), parent, at) for at in np.flatnonzero(lead > 0).tolist()]
        return [(parent, at) for _, parent, at in sorted(entries, reverse=True)[:count]]


def _lead(problem: Problem, archive: ParetoArchive, parent: int, change: np.ndarray) -> np.ndarray:
    """How far each predicted neighbour lies beyond the front, in widths of it: negative where it would be dominated."""
    scores = archive.scores
    assert scores is not None
    exponents = np.array([objective.exponents for objective in problem.objectives])
    box = Box.of(scores.objectives)
    points = box.normalise(scores.objectives)
    step = change @ exponents.T / np.log(10) / (box.reference - box.ideal)
    return (points[None] - (points[parent] + step)[:, None]).max(axis=2).min(axis=1)


def _predict(
    run: SearchRun, archive: ParetoArchive, parents: np.ndarray, known: dict[bytes, PredictedNeighbours]
) -> None:
    """Add to `known` the neighbours of members of the front with what is predicted of them."""
    if len(parents) == 0:
        return
    problem, encoding, scores = run.problem, run.problem.encoding, archive.scores
    assert scores is not None
    rows = archive.rows[parents]
    mine = scores.take(parents)
    slopes = problem.batcher.slopes_of_totals(encoding.batch(rows), mine.latency_s, mine.energy_pj)
    problem.evaluations += GRADIENTS_OF_TOTALS * len(rows)
    for at, row in enumerate(rows):
        own = (slopes.hardware[at], slopes.tiles[at], slopes.weights[at])
        hardware = hardware_neighbours(encoding, row)
        mappings = [mapping_neighbours(encoding, row, kernel) for kernel in range(len(encoding.kernels))]
        steps = mappings[0] if len(mappings) == 1 else _combined(run, row, hardware, mappings, own)
        candidates = np.concatenate([hardware, steps, _with_best_mappings(run, row)])
        known[row.tobytes()] = PredictedNeighbours(candidates, _changes(problem, row, candidates, own))


def _changes(
    problem: Problem, row: np.ndarray, rows: np.ndarray, slopes: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Predicted change of log latency, energy and area from `row` to each of `rows`, shape [j, 3]."""
    by_hardware, by_tiles, by_weights = slopes
    both = problem.encoding.batch(np.concatenate([row[None], rows]))
    same_flow = (both.dataflow[1:] == both.dataflow[0])[:, :, None]
    hardware, tiles = np.log2(both.hardware), np.log2(both.tiles)
    weights = both.weights()
    change = (hardware[1:] - hardware[0]) @ by_hardware.T
    change += np.einsum("jkt,pkt->jp", (tiles[1:] - tiles[0]) * same_flow, by_tiles)
    mixed = np.einsum("jkw,pkw->jkp", weights[1:] - weights[0], by_weights)
    return change + np.log(np.maximum(1.0 + np.where(same_flow, mixed, 0.0).sum(axis=1), 0.05))


def _combined(
    run: SearchRun,
    row: np.ndarray,
    hardware: np.ndarray,
    mappings: list[np.ndarray],
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """For random preferences: every kernel's best predicted step together, alone and with the hardware's best."""
    encoding, problem = run.problem.encoding, run.problem
    exponents = np.array([objective.exponents for objective in problem.objectives])
    owner = np.repeat(np.arange(-1, len(mappings)), [len(hardware), *(len(steps) for steps in mappings)])
    steps = np.concatenate([hardware, *mappings])
    change = _changes(problem, row, steps, slopes)
    children = []
    for weight in run.rng.dirichlet(np.ones(len(exponents)), size=PREFERENCES):
        gain = -change @ exponents.T @ weight
        child = row.copy()
        for kernel in range(len(mappings)):
            choices = np.flatnonzero(owner == kernel)
            best = choices[np.argmax(gain[choices])] if len(choices) else -1
            if best >= 0 and gain[best] > 0:
                columns = encoding.of_kernel == kernel
                child[columns] = steps[best][columns]
        children.append(child)
        if len(hardware) and gain[np.argmax(gain[: len(hardware)])] > 0:
            columns = encoding.of_kernel < 0
            children.append(np.where(columns, steps[np.argmax(gain[: len(hardware)])], child))
    return np.unique(np.array(children), axis=0)


def _with_best_mappings(run: SearchRun, row: np.ndarray) -> np.ndarray:
    """The row with the best mappings known of one kernel after the other."""
    children = []
    for kernel, columns in enumerate(run.mapping_archive.columns):
        for genes in run.mapping_archive.mappings(kernel):
            child = row.copy()
            child[columns] = genes
            children.append(child)
    return np.array(children, row.dtype).reshape(-1, len(row))
