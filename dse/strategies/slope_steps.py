"""Machines by slopes: of a design's neighbours those that the models' derivatives predict to be better.

One pull back through the models at a member of the front gives the slopes of its own trade-off (`scalarise`) by log2 of
every number of the hardware and of every tile, limits counted in. Costs are close to power laws, so the slopes tell
what a step of the lattice does, with the mappings held. The mapper then chooses mappings for the machines that they
lead to, so what a larger buffer or array is good for is not lost: tiles move down their own slopes, too.
"""

import numpy as np

from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.operators import Operator, front_points
from dse.strategies.scalarise import Scalarisation, outputs_of
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

LEAST = 0.02
"""Distance from the ideal, in widths of the front, below which an objective is as preferred as it can be."""
CHILDREN = 4
"""Machines from the slopes of one design."""


class SlopeSteps(Operator):
    """The single steps of the hardware that are predicted to be best, and all good ones at once."""

    least, together = 0.25, 96  # slopes take long, those of a few designs as long as those of many

    def __init__(self) -> None:
        self._tiles = np.zeros((0, 0), np.int32)

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Of `CHILDREN` machines of a parent one takes the best step, one the second best, ..., the last all good
        ones."""
        encoding, rows = run.problem.encoding, archive.rows[parents]
        own, which = np.unique(parents, return_inverse=True)
        self._tiles = rows
        if run.remaining <= 2 * len(own):
            return rows
        by_hardware, by_tiles = slopes(run, archive, own)
        self._tiles = self._down_the_tiles(run, archive.rows[own], by_tiles)[which]
        columns = np.array([encoding.column(-1, name) for name in HARDWARE_NUMBERS])
        gains, up = _gains(run, archive.rows[own], columns, by_hardware)
        rank = (-gains).argsort(axis=1).argsort(axis=1)[which]
        place = (np.arange(len(parents)) % CHILDREN)[:, None]
        taken = (gains[which] > 0) & ((rank == place) | (place == CHILDREN - 1))
        hardware = rows.copy()
        hardware[:, columns] += np.where(taken, up[which], 0)
        return hardware

    def mappings(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """The parent's, of each kernel the tile size moved that is predicted to gain most."""
        return self._tiles

    def _down_the_tiles(self, run: SearchRun, rows: np.ndarray, by_tiles: np.ndarray) -> np.ndarray:
        encoding, rows, each = run.problem.encoding, rows.copy(), np.arange(len(rows))
        for kernel in range(len(encoding.kernels)):
            columns = np.array([encoding.column(kernel, name) for name in MAPPING_NUMBERS])
            gain, step = _gains(run, rows, columns, by_tiles[:, kernel])
            best = gain.argmax(axis=1)
            rows[each, columns[best]] += np.where(gain[each, best] > 0, step[each, best], 0)
        return rows


def slopes(run: SearchRun, archive: ParetoArchive, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the trade-off of members of the front by log2 of numbers of the hardware, shape [n, numbers], and of
    mappings, shape [n, K, numbers].

    Each counts as two evaluations.
    """
    problem = run.problem
    assert archive.scores is not None
    outputs = outputs_of(problem, archive.scores.take(members))
    pull, _ = Scalarisation()(problem, archive.scores.objectives, outputs, preferences(run, archive, members))
    _, found = problem.batcher.gradients(problem.encoding.batch(archive.rows[members]), pull)
    problem.evaluations += 2 * len(members)
    return found.hardware, found.tiles


def preferences(run: SearchRun, archive: ParetoArchive, members: np.ndarray) -> np.ndarray:
    """Weights of the objectives under which each member of the front is the best known, shape [n, d].

    A point $z$ of the normalised front is what Chebyshev's scalarisation with weights $1 / z$ prefers.
    """
    weights = 1.0 / np.maximum(front_points(run, archive)[members], LEAST)
    return weights / weights.sum(axis=1, keepdims=True)


def _gains(run: SearchRun, rows: np.ndarray, columns: np.ndarray, by_log2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the better one of a step up or down is predicted to gain in each column, and which it is; [n, columns]."""
    encoding = run.problem.encoding
    gains, steps = np.full(by_log2.shape, -np.inf), np.zeros(by_log2.shape, int)
    for at, column in enumerate(columns):
        values = np.log2(np.array(encoding.genes[column].values, float))
        position = rows[:, column]
        for step in (-1, 1):
            to = np.clip(position + step, 0, len(values) - 1)
            gain = np.where(to == position, -np.inf, -by_log2[:, at] * (values[to] - values[position]))
            gain = np.where(np.isfinite(gain), gain, -np.inf)
            steps[:, at] = np.where(gain > gains[:, at], step, steps[:, at])
            gains[:, at] = np.maximum(gains[:, at], gain)
    return gains, steps
