"""Gradient steps on the lattice: one pull-back says which way each number should go, so many can step at once.

Costs are close to power laws in each number, so the slope of a log objective by a log number still holds one lattice
step away. For each design a few children take the steps that promise most: in hardware, in the tiles of every kernel,
in both.
"""

import moocore
import numpy as np

from dse.pareto import Box
from dse.strategies.descent import number_columns
from dse.strategies.polish import PARENTS, try_children
from dse.strategies.run import Run
from dse.strategies.scalarise import Scalarisation, outputs_of
from hwmodels.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

OURS, TILES = len(HARDWARE_NUMBERS), len(MAPPING_NUMBERS)


def lattice_steps(run: Run, scalarisation: Scalarisation, done: set[bytes]) -> bool:
    """Take gradient steps from members of the front that have had none (`done`); False if there are none."""
    problem, encoding, scores = run.problem, run.problem.encoding, run.scores
    if not run.found or scores is None:
        return False
    parents, weights = _parents(run, done)
    if len(parents) == 0 or run.remaining < 2 * len(parents):
        return False
    rows = run.front[parents]
    done.update(row.tobytes() for row in rows)
    slopes, _ = scalarisation(run, outputs_of(problem, scores.take(parents)), weights)
    slopes[:, :, 3:] = 0.0  # all parents fit, and children that do not are repaired
    _, by_hardware, by_tile = problem.batcher.gradients(encoding.batch(rows), slopes)
    problem.evaluations += 2 * len(rows)
    slope = np.nan_to_num(np.concatenate([by_hardware, by_tile.reshape(len(by_tile), -1)], axis=1))
    columns = np.array(number_columns(problem))
    position = rows[:, columns]
    moved = np.clip(position - np.sign(slope).astype(np.int32), 0, encoding.radix[columns] - 1)
    gain = np.where(moved != position, np.abs(slope), 0.0)
    children, origins = [], []
    for at, parent in enumerate(parents):
        for chosen in _sets(gain[at]):
            child = rows[at].copy()
            child[columns[chosen]] = moved[at, chosen]
            children.append(child)
            origins.append(parent)
    if children:
        try_children(run, np.array(children), np.array(origins))
    return True


def _sets(gain: np.ndarray) -> list[list[int]]:
    """Which numbers step together: the best tile of every kernel, the best few of the hardware, and both."""
    hardware = [int(at) for at in np.argsort(-gain[:OURS], kind="stable")]
    by_kernel = gain[OURS:].reshape(-1, TILES)
    tiles = [OURS + kernel * TILES + int(at) for kernel, at in enumerate(np.argmax(by_kernel, axis=1))]
    sets = [tiles, hardware[:1], hardware[:1] + tiles, hardware[:2], hardware[:2] + tiles, hardware[:3]]
    useful = [[at for at in chosen if gain[at] > 0] for chosen in sets]
    return [list(chosen) for chosen in dict.fromkeys(tuple(chosen) for chosen in useful) if chosen]


def _parents(run: Run, done: set[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Members of the front that have not stepped yet, lonely ones first, each with a preference near its own."""
    assert run.scores is not None
    objectives = run.scores.objectives
    fresh = np.array([at for at, row in enumerate(run.front) if row.tobytes() not in done], int)
    points = Box.of(objectives).normalise(objectives)
    share = np.full(len(fresh), 1.0)
    if len(fresh) > PARENTS:
        gains = moocore.hv_contributions(points, ref=np.ones(points.shape[1]))[fresh]
        share = 0.3 / len(fresh) + 0.7 * gains / max(gains.sum(), 1e-12)
    parents = fresh
    if len(fresh):
        parents = run.rng.choice(fresh, min(PARENTS, len(fresh)), replace=False, p=share / share.sum())
    weights = run.rng.dirichlet(np.full(points.shape[1], 2.0), size=len(parents)) / np.maximum(points[parents], 0.05)
    return parents, weights / weights.sum(axis=1, keepdims=True)
