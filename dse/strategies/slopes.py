"""Machines by slopes: of a design's neighbours those that the models' derivatives predict to be better.

One pull back through the models at a member of the front gives the slopes of its own trade-off (`scalarise`) by log2 of
every number of the hardware and of every tile, limits counted in. Costs are close to power laws, so the slopes tell
what a step of the lattice does, with the mappings held. The mapper then chooses mappings for the machines that they
lead to, so what a larger buffer or array is good for is not lost: tiles move down their own slopes, too.
"""

import numpy as np

from dse.strategies.archive import ParetoArchive
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.operators import Operator, front_points, lent
from dse.strategies.scalarise import Scalarisation, outputs_of
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

LEAST = 0.02
"""Distance from the ideal, in widths of the front, below which an objective is as preferred as it can be."""
CHILDREN = 4
"""Machines from the slopes of one design."""


class SlopeSteps(Operator):
    """The single steps of the hardware that are predicted to be best, and all good ones at once."""

    def machines(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> np.ndarray:
        """Of `CHILDREN` machines the last takes all steps that are predicted to be good, each other one of them."""
        return self._children(run, archive, parents)[0]

    def propose(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray, designs: int) -> np.ndarray:
        """See `machines`; the last design tried on each has its tiles moved down their slopes."""
        hardware, tiles = self._children(run, archive, parents)
        rows = np.where(run.problem.encoding.of_kernel < 0, hardware[:, None], lent(run, archive, parents, designs))
        rows[:, -1] = np.where(run.problem.encoding.of_kernel < 0, hardware, tiles)
        return rows

    def _children(self, run: SearchRun, archive: ParetoArchive, parents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows with steps of the hardware, and with steps of the tiles; shape [n, genes] each."""
        encoding = run.problem.encoding
        own, which = np.unique(parents, return_inverse=True)
        if run.remaining <= 2 * len(own):
            return archive.rows[parents], archive.rows[parents]
        by_hardware, by_tiles = slopes(run, archive, own)
        rows = archive.rows[own]
        columns = np.array([encoding.column(-1, name) for name in HARDWARE_NUMBERS])
        gains, up = _gains(run, rows, columns, by_hardware)
        place = np.arange(len(parents)) % CHILDREN
        hardware = archive.rows[parents]
        better = np.sort(gains, axis=1)[:, ::-1]
        good = gains[which] >= np.maximum(better[which, np.minimum(place, gains.shape[1] - 1)], 1e-9)[:, None]
        good &= (place == CHILDREN - 1)[:, None] | (
            gains[which] <= better[which, np.minimum(place, gains.shape[1] - 1)][:, None]
        )
        hardware[:, columns] += np.where(good, up[which], 0)
        tiles = archive.rows[parents]
        for kernel in range(len(encoding.kernels)):
            own_columns = np.array([encoding.column(kernel, name) for name in MAPPING_NUMBERS])
            gain, step = _gains(run, rows, own_columns, by_tiles[:, kernel])
            best = gain.argmax(axis=1)
            each = np.arange(len(rows))
            move = np.where(gain[each, best] > 0, step[each, best], 0)
            tiles[np.arange(len(parents)), own_columns[best][which]] += move[which]
        return hardware, tiles


def slopes(run: SearchRun, archive: ParetoArchive, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the trade-off of members of the front by log2 of hardware numbers, [n, 11], and tiles, [n, K, 3].

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
