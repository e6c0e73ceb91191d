"""Adam from many starts along many preferences at once: numbers move freely in log2, choices stay as they are."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dse.problem.pareto import Box
from dse.problem.search_problem import Problem
from dse.space.encoding import Batch
from dse.space.log_numbers import LogNumbers
from dse.strategies.bookkeeping import SearchRun
from dse.strategies.neighbours import shrink_tiles
from dse.strategies.operators import choose_parents
from dse.strategies.scalarise import Scalarisation, outputs_of

LEAST = 0.02
"""Distance from the ideal, in widths of the front, below which an objective is as preferred as it can be."""
REPAIRS = 2
"""Times that the tiles of a design that does not fit are shrunk."""


@dataclasses.dataclass
class _Iterate:
    """Where the descent stands: choices as in `rows`, numbers anywhere."""

    rows: np.ndarray
    log2: np.ndarray
    """Shape [n, h + 3 K]."""
    weights: np.ndarray
    """Preferences, shape [n, d]."""

    def take(self, keep: np.ndarray) -> "_Iterate":
        return _Iterate(self.rows[keep], self.log2[keep], self.weights[keep])


def descend(run: SearchRun, scalarisation: Scalarisation, *, starts: int, steps: int, learning_rate: float) -> None:
    """Move numbers down the gradient from designs of the run, drop the worse half on the way, snap and score.

    One unit of log2 is one step of the lattice, so the learning rate is in steps. Each step of a start counts as two
    evaluations.
    """
    problem = run.problem
    iterate, outputs = _starts(run, starts)
    numbers = LogNumbers(problem.encoding)
    initial, advance = _adam(steps, learning_rate)
    state = initial(jnp.asarray(iterate.log2))
    for step in range(steps):
        if run.remaining < 2 * len(iterate.rows):
            break
        slopes, _ = scalarisation(run, outputs, iterate.weights)
        outputs, pulled = problem.batcher.gradients(_batch(problem, numbers, iterate), slopes)
        problem.evaluations += 2 * len(iterate.rows)
        slope = np.concatenate([pulled.hardware, pulled.tiles.reshape(len(slopes), -1)], axis=1)
        update, state = advance(jnp.asarray(numbers.unit_slopes(slope)), state)
        iterate.log2 = numbers.moved(iterate.log2, np.asarray(update))
        if step == steps // 3:
            _, loss = scalarisation(run, outputs, iterate.weights)
            keep = np.sort(np.argsort(loss, kind="stable")[: max(len(loss) // 2, 1)])
            iterate, outputs, state = iterate.take(keep), outputs[keep], _kept(state, keep, len(loss))
    rows = numbers.nearest(iterate.rows, iterate.log2)
    for _ in range(REPAIRS + 1):
        scored, scores = run.score(rows)
        if scores is None:
            return
        misfit = np.flatnonzero(scores.buffers_overflow)
        rows = shrink_tiles(problem.encoding, rows[scored][misfit], scores.take(misfit), run.rng)


def _kept(state, keep: np.ndarray, count: int):
    """The optimiser's state for some of the rows."""
    return jax.tree.map(lambda leaf: leaf[keep] if jnp.ndim(leaf) == 2 and len(leaf) == count else leaf, state)


@functools.cache
def _adam(steps: int, learning_rate: float) -> tuple[Callable, Callable]:
    """Adam's first state and its update, compiled once for all searches."""
    schedule = optax.cosine_decay_schedule(learning_rate, steps, alpha=0.2)
    optimiser = optax.adam(schedule, b1=0.8, b2=0.95)
    return jax.jit(optimiser.init), jax.jit(optimiser.update)


def _starts(run: SearchRun, count: int) -> tuple[_Iterate, np.ndarray]:
    """Members of the front, each with the preference under which it is the best known, and their outputs.

    Those that contribute most hypervolume are the likeliest: around them the front is thin. A point $z$ of the
    normalised front is what Chebyshev's scalarisation with weights $1 / z$ prefers, so from there the descent heads for
    the ideal along the point's own trade-off. A front smaller than the count gives its members again, each with another
    preference.
    """
    problem, rows, scores = run.problem, run.archive.rows, run.archive.scores
    assert scores is not None
    chosen = choose_parents(run, run.archive, count, lambda row: True)
    again = run.rng.integers(len(rows), size=count - len(chosen))
    preferences = np.maximum(Box.of(scores.objectives).normalise(scores.objectives[chosen]), LEAST) ** -1.0
    preferences /= preferences.sum(axis=1, keepdims=True)
    weights = np.concatenate([preferences, run.rng.dirichlet(np.ones(preferences.shape[1]), size=len(again))])
    chosen = np.concatenate([chosen, again]).astype(int)
    iterate = _Iterate(rows[chosen], LogNumbers(problem.encoding).of(rows[chosen]), weights)
    return iterate, outputs_of(problem, scores)[chosen]


def _batch(problem: Problem, numbers: LogNumbers, iterate: _Iterate) -> Batch:
    """The iterate's numbers with its rows' choices."""
    hardware, tiles = numbers.apart(np.exp2(iterate.log2).astype(np.float32))
    return dataclasses.replace(problem.encoding.batch(iterate.rows), hardware=hardware, tiles=tiles)
