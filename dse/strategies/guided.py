"""Local search that looks before it leaps: gradients foretell every neighbour of a design, the best are tried.

Costs are close to power laws in each number and linear in the weights of the choices, so the slopes of log latency, log
energy and log area at a design foretell what one lattice step, or another format, does to it. Six evaluations (a
forward pass and a pull back for each) order all neighbours of a design; those are tried first that are foretold to lie
farthest beyond the front. A dataflow is structure, so what a change of it does cannot be foretold.
"""

import dataclasses

import numpy as np

from dse.batch import GRADIENTS_OF_TOTALS
from dse.moves import hardware_neighbours, mapping_neighbours
from dse.pareto import Box
from dse.problem import Problem
from dse.strategies.polish import choose_parents, try_children
from dse.strategies.run import Run

PARENTS = 8
"""Members of the front whose neighbours are foretold in one round."""
BATCH = 32
"""Neighbours tried in one round."""
PREFERENCES = 6
"""Combinations of the best foretold steps of all kernels, for as many preferences, if there are several kernels."""


@dataclasses.dataclass
class Foretold:
    """Neighbours of one design that have not been tried, and the change of log latency, energy and area foretold."""

    rows: np.ndarray
    change: np.ndarray
    """Shape [j, 3]."""

    def drop(self, tried: list[int]) -> None:
        """Forget rows that have been tried."""
        self.rows, self.change = np.delete(self.rows, tried, 0), np.delete(self.change, tried, 0)


def guided_round(run: Run, known: dict[bytes, Foretold]) -> None:
    """Try the most promising neighbours of some members of the front; `known` keeps what is foretold between rounds."""
    if not run.found or run.scores is None or run.remaining <= GRADIENTS_OF_TOTALS:
        return
    parents = choose_parents(run, PARENTS, lambda row: row.tobytes() not in known or len(known[row.tobytes()].rows) > 0)
    fresh = np.array([at for at in parents if run.front[at].tobytes() not in known], int)
    _foretell(run, fresh[: run.remaining // (GRADIENTS_OF_TOTALS + 1)], known)
    best = _most_promising(run, parents, known)
    if not best:
        return
    children = np.array([known[run.front[parent].tobytes()].rows[at] for parent, at in best])
    for parent in {parent for parent, _ in best}:
        known[run.front[parent].tobytes()].drop([at for owner, at in best if owner == parent])
    try_children(run, children)


def _most_promising(run: Run, parents: np.ndarray, known: dict[bytes, Foretold]) -> list[tuple[int, int]]:
    """(parent, row) of the neighbours foretold to lie farthest beyond the front, best first."""
    entries = []
    for parent in parents.tolist():
        foretold = known.get(run.front[parent].tobytes())
        if foretold is not None and len(foretold.rows):
            hope = _escape(run, parent, foretold.change)
            entries += [(float(hope[at]), parent, at) for at in np.flatnonzero(hope > 0).tolist()]
    return [(parent, at) for _, parent, at in sorted(entries, reverse=True)[:BATCH]]


def _escape(run: Run, parent: int, change: np.ndarray) -> np.ndarray:
    """How far each foretold neighbour lies beyond the front, in widths of it: negative where it would be dominated."""
    problem, scores = run.problem, run.scores
    assert scores is not None
    exponents = np.array([objective.exponents for objective in problem.objectives])
    box = Box.of(scores.objectives)
    front = box.normalise(scores.objectives)
    step = change @ exponents.T / np.log(10) / (box.reference - box.ideal)
    return (front[None] - (front[parent] + step)[:, None]).max(axis=2).min(axis=1)


def _foretell(run: Run, parents: np.ndarray, known: dict[bytes, Foretold]) -> None:
    """Neighbours of members of the front with what is foretold of them."""
    if len(parents) == 0:
        return
    problem, encoding, scores = run.problem, run.problem.encoding, run.scores
    assert scores is not None
    rows = run.front[parents]
    mine = scores.take(parents)
    slopes = problem.batcher.slopes_of_totals(encoding.batch(rows), mine.latency_s, mine.energy_pj)
    problem.evaluations += GRADIENTS_OF_TOTALS * len(rows)
    for at, row in enumerate(rows):
        own = (slopes.hardware[at], slopes.tiles[at], slopes.weights[at])
        hardware = hardware_neighbours(encoding, row)
        mappings = [mapping_neighbours(encoding, row, kernel) for kernel in range(len(encoding.kernels))]
        steps = mappings[0] if len(mappings) == 1 else _composed(run, row, hardware, mappings, own)
        candidates = np.concatenate([hardware, steps, _banked(run, row)])
        known[row.tobytes()] = Foretold(candidates, _changes(problem, row, candidates, own))


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
