"""Local search that looks before it leaps: gradients foretell every neighbour of a design, the best are tried.

Costs are close to power laws in each number and linear in the weights of the choices, so the slopes of log latency, log
energy and log area at a design foretell what one lattice step, or another format, does to it. Six evaluations (a
forward pass and a pull back for each) order all neighbours of a design; those are tried first that are foretold to lie
farthest beyond the front. A dataflow is structure, so what a change of it does cannot be foretold.
"""

import dataclasses

import numpy as np

from dse.problem.batched_models import GRADIENTS_OF_TOTALS
from dse.problem.pareto import Box
from dse.problem.search_problem import Problem
from dse.strategies.archive import Front
from dse.strategies.bookkeeping import Run
from dse.strategies.neighbours import hardware_neighbours, mapping_neighbours
from dse.strategies.operators import Operator, choose_parents

WORTHWHILE = 8 * GRADIENTS_OF_TOTALS
"""Evaluations for which slopes are asked for."""
PREFERENCES = 6
"""Combinations of the best foretold steps of all kernels, for as many preferences, if there are several kernels."""


@dataclasses.dataclass
class Steps:
    """Neighbours of one design that have not been tried, and the change of log latency, energy and area foretold."""

    rows: np.ndarray
    change: np.ndarray
    """Shape [j, 3]."""

    def drop(self, tried: list[int]) -> None:
        """Forget rows that have been tried."""
        self.rows, self.change = np.delete(self.rows, tried, 0), np.delete(self.change, tried, 0)


UNKNOWN = Steps(np.zeros((1, 0)), np.zeros((1, 0)))
"""Stands for what has not been foretold yet."""


class Foretold(Operator):
    """The neighbours that slopes foretell to lie farthest beyond the front."""

    def __init__(self) -> None:
        self._known: dict[bytes, Steps] = {}
        self._saved = 0

    def propose(self, run: Run, front: Front, count: int) -> np.ndarray:
        """Half of the count, at most, goes to the slopes of members of the front, the rest to their neighbours.

        Small counts are saved up, since a call for the slopes of one design takes as long as one for several.
        """
        nothing = front.rows[:0]
        self._saved += count
        if self._saved < WORTHWHILE or not front.found or run.remaining <= GRADIENTS_OF_TOTALS:
            return nothing
        count, self._saved = self._saved, 0
        most = max(count // (2 * GRADIENTS_OF_TOTALS), 1)
        parents = choose_parents(
            run, front, 2 * most, lambda row: len(self._known.get(row.tobytes(), UNKNOWN).rows) > 0
        )
        fresh = np.array([at for at in parents if front.rows[at].tobytes() not in self._known], int)
        fresh = fresh[: min(most, run.remaining // (GRADIENTS_OF_TOTALS + 1))]
        _foretell(run, front, fresh, self._known)
        best = self._most_promising(run, front, parents, max(count - GRADIENTS_OF_TOTALS * len(fresh), 1))
        if not best:
            return nothing
        children = np.array([self._known[front.rows[parent].tobytes()].rows[at] for parent, at in best])
        for parent in {parent for parent, _ in best}:
            self._known[front.rows[parent].tobytes()].drop([at for owner, at in best if owner == parent])
        return children

    def _most_promising(self, run: Run, front: Front, parents: np.ndarray, count: int) -> list[tuple[int, int]]:
        """(parent, row) of the neighbours foretold to lie farthest beyond the front, best first."""
        entries = []
        for parent in parents.tolist():
            steps = self._known.get(front.rows[parent].tobytes())
            if steps is not None and len(steps.rows):
                hope = _escape(run.problem, front, parent, steps.change)
                entries += [(float(hope[at]), parent, at) for at in np.flatnonzero(hope > 0).tolist()]
        return [(parent, at) for _, parent, at in sorted(entries, reverse=True)[:count]]


def _escape(problem: Problem, front: Front, parent: int, change: np.ndarray) -> np.ndarray:
    """How far each foretold neighbour lies beyond the front, in widths of it: negative where it would be dominated."""
    scores = front.scores
    assert scores is not None
    exponents = np.array([objective.exponents for objective in problem.objectives])
    box = Box.of(scores.objectives)
    points = box.normalise(scores.objectives)
    step = change @ exponents.T / np.log(10) / (box.reference - box.ideal)
    return (points[None] - (points[parent] + step)[:, None]).max(axis=2).min(axis=1)


def _foretell(run: Run, front: Front, parents: np.ndarray, known: dict[bytes, Steps]) -> None:
    """Neighbours of members of the front with what is foretold of them."""
    if len(parents) == 0:
        return
    problem, encoding, scores = run.problem, run.problem.encoding, front.scores
    assert scores is not None
    rows = front.rows[parents]
    mine = scores.take(parents)
    slopes = problem.batcher.slopes_of_totals(encoding.batch(rows), mine.latency_s, mine.energy_pj)
    problem.evaluations += GRADIENTS_OF_TOTALS * len(rows)
    for at, row in enumerate(rows):
        own = (slopes.hardware[at], slopes.tiles[at], slopes.weights[at])
        hardware = hardware_neighbours(encoding, row)
        mappings = [mapping_neighbours(encoding, row, kernel) for kernel in range(len(encoding.kernels))]
        steps = mappings[0] if len(mappings) == 1 else _composed(run, row, hardware, mappings, own)
        candidates = np.concatenate([hardware, steps, _banked(run, row)])
        known[row.tobytes()] = Steps(candidates, _changes(problem, row, candidates, own))


def _changes(
    problem: Problem, row: np.ndarray, rows: np.ndarray, slopes: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Foretold change of log latency, energy and area from `row` to each of `rows`, shape [j, 3]."""
    by_hardware, by_tiles, by_weights = slopes
    both = problem.encoding.batch(np.concatenate([row[None], rows]))
    same_flow = (both.dataflow[1:] == both.dataflow[0])[:, :, None]
    hardware, tiles = np.log2(both.hardware), np.log2(both.tiles)
    weights = both.weights()
    change = (hardware[1:] - hardware[0]) @ by_hardware.T
    change += np.einsum("jkt,pkt->jp", (tiles[1:] - tiles[0]) * same_flow, by_tiles)
    mixed = np.einsum("jkw,pkw->jkp", weights[1:] - weights[0], by_weights)
    return change + np.log(np.maximum(1.0 + np.where(same_flow, mixed, 0.0).sum(axis=1), 0.05))


def _composed(
    run: Run,
    row: np.ndarray,
    hardware: np.ndarray,
    mappings: list[np.ndarray],
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """For random preferences: every kernel's best foretold step together, alone and with the hardware's best."""
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


def _banked(run: Run, row: np.ndarray) -> np.ndarray:
    """The row with the best mappings known of one kernel after the other."""
    children = []
    for kernel, columns in enumerate(run.bank.columns):
        for genes in run.bank.mappings(kernel):
            child = row.copy()
            child[columns] = genes
            children.append(child)
    return np.array(children, row.dtype).reshape(-1, len(row))
