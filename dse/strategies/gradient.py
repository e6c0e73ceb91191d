r"""Gradient descent from many starts along many preferences at once, then the polish.

Numbers move freely in log2 (one unit is a step of the lattice), choices stay as sampled and improve in the polish.
Start s minimises the augmented smooth Chebyshev scalarisation of the normalised log objectives $z_i$ under its
preference $w$,

$$\tau \log \sum_i \exp(w_i z_i / \tau) + \rho \sum_i w_i z_i + \lambda \sum_c \max(0, \log c),$$

(Lin et al., ICML 2024, arXiv:2402.19078), where $c$ runs over need over capacity and over value over maximum of each
limit. Its slope by the log outputs of each kernel is known in closed form from the step before, so one pull-back a step
serves any number of objectives.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dse.batch import OUTPUTS
from dse.encoding import Batch
from dse.moves import shrink_tiles
from dse.problem import TOLERANCE, Problem
from dse.strategies.polish import polish
from dse.strategies.random_search import sample
from dse.strategies.run import Run
from dse.strategies.strategy import Strategy
from hwmodels.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS

MOST_STARTS = 256
"""Starts of one descent, at most."""
MARGIN = 0.02
"""Relative distance to a limit from which on it pushes."""


class Gradient(Strategy):
    """Sample, descend, snap to the lattice, polish."""

    sample_share: float = 0.1
    """Share of the budget for the random designs that the search begins with."""
    polish_share: float = 0.3
    """Share for a first polish, which settles the choices; meanwhile the gradients are compiled."""
    descent_share: float = 0.25
    """Share for the descents; each step of a start counts as two evaluations. The rest is for the last polish."""
    rounds: int = 2
    """Descents, with a polish after each."""
    steps: int = 8
    """Of one descent."""
    renewed: float = 0.5
    """Share of the starts that draw a new combination of choices for some of their kernels."""
    learning_rate: float = 0.4
    """Of Adam, in steps of the lattice."""
    temperature: float = 0.05
    """tau, in widths of the front."""
    augmentation: float = 0.05
    """rho."""
    penalty: float = 3.0
    """lambda."""

    def search(self, run: Run) -> None:
        """Spend the run's budget."""
        problem, encoding = run.problem, run.problem.encoding
        starts = int(run.budget * self.descent_share) // (2 * self.steps * max(self.rounds, 1))
        if starts:
            flows = [sorted({str(encoding.genes[c[0]].values[f]) for f in rows[:, 0]}) for c, rows in _combined(run)]
            problem.batcher.prepare_gradients(encoding.batch(encoding.random(run.rng, 1)), flows)
        sample(run, max(int(run.budget * self.sample_share), min(run.budget, 32)))
        rest = run.budget - run.spent
        polish(run, until=rest - int(run.budget * self.polish_share))
        for left in reversed(range(self.rounds if starts else 0)):
            if run.scores is not None:
                descend(run, self, min(starts, MOST_STARTS))
            polish(run, until=run.remaining * left // (left + 1))
        polish(run)


def _combined(run: Run) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each kernel: the columns of its choices, and their legal combinations."""
    encoding = run.problem.encoding
    return [(encoding.combined_columns(at), rows) for at, rows in enumerate(encoding.combinations)]


@dataclasses.dataclass
class _Point:
    """Where the descent stands: choices as in `rows`, numbers anywhere."""

    rows: np.ndarray
    log2: np.ndarray
    """Shape [n, 11 + 3 K]."""
    weights: np.ndarray
    """Preferences, shape [n, d]."""

    def take(self, keep: np.ndarray) -> "_Point":
        return _Point(self.rows[keep], self.log2[keep], self.weights[keep])


def descend(run: Run, settings: Gradient, starts: int) -> None:
    """Move numbers down the gradient from designs of the run, drop the worse half on the way, snap and score."""
    problem = run.problem
    encoding = problem.encoding
    point, outputs = _starts(run, settings, starts)
    low, high = _bounds(problem)
    optimiser = optax.inject_hyperparams(optax.adam)(settings.learning_rate, b1=0.8, b2=0.95)
    state = optimiser.init(jnp.asarray(point.log2))
    schedule = optax.cosine_decay_schedule(settings.learning_rate, settings.steps, alpha=0.2)
    for step in range(settings.steps):
        if run.remaining < 2 * len(point.rows):
            break
        pull, _ = _pull(problem, settings, outputs, point.weights, run)
        outputs, by_hardware, by_tile = problem.batcher.gradients(_batch(problem, point), pull)
        problem.evaluations += 2 * len(point.rows)
        slope = np.concatenate([by_hardware, by_tile.reshape(len(by_tile), -1)], axis=1)
        slope = np.where(np.isfinite(slope) & (low < high), slope, 0.0)
        slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
        state.hyperparams["learning_rate"] = schedule(step)  # pyright: ignore[reportAttributeAccessIssue]
        update, state = optimiser.update(jnp.asarray(slope), state)
        point.log2 = np.clip(point.log2 + np.asarray(update), low, high)
        if step == settings.steps // 3:
            _, loss = _pull(problem, settings, outputs, point.weights, run)
            keep = np.sort(np.argsort(loss, kind="stable")[: max(len(loss) // 2, 1)])
            point, outputs = point.take(keep), outputs[keep]
            state = _kept(state, keep, len(loss))
    rows = _snap(problem, point)
    for _ in range(3):
        kept, scores = run.score(encoding.canonical(rows))
        if scores is None:
            return
        misfit = np.flatnonzero(scores.fits[:, :, :3].max(axis=(1, 2)) > 1 + TOLERANCE)
        rows = shrink_tiles(encoding, rows[kept][misfit], scores.take(misfit), run.rng)


def _kept(state, keep: np.ndarray, count: int):
    """The optimiser's state for some of the rows."""
    return jax.tree.map(lambda leaf: leaf[keep] if jnp.ndim(leaf) == 2 and len(leaf) == count else leaf, state)


def _starts(run: Run, settings: Gradient, count: int) -> tuple[_Point, np.ndarray]:
    """The best known designs under each preference, each at most once while there are others nearly as good.

    A share of them draws new choices for about a third of its kernels; the outputs of its parent serve the first step.
    """
    problem, pool, scores = run.problem, run.front, run.scores
    assert scores is not None
    dimensions = len(problem.objectives)
    weights = run.rng.dirichlet(np.ones(dimensions), size=count)
    weights[:dimensions] = np.eye(dimensions)[: len(weights)] * 0.98 + 0.02 / dimensions
    each = (scores.latency_s / problem.repeats, scores.energy_pj / problem.repeats)
    outputs = _outputs(*each, scores.area_mm2, scores.fits)
    taken = np.zeros(len(pool))
    chosen = []
    for weight in weights:
        loss = _pull(problem, settings, outputs, np.tile(weight, (len(pool), 1)), run)[1]
        at = int(np.argmin(loss + 0.1 * taken))
        taken[at] += 1
        chosen.append(at)
    rows = pool[chosen]
    for row in np.flatnonzero(run.rng.random(count) < settings.renewed):
        change = run.rng.random(len(problem.kernels)) < 1 / 3
        change[run.rng.integers(len(change))] = True
        for at, (columns, combinations) in enumerate(_combined(run)):
            if change[at]:
                rows[row, columns] = combinations[run.rng.integers(len(combinations))]
    rows = problem.encoding.canonical(rows)
    batch = problem.encoding.batch(rows)
    numbers = np.concatenate([batch.hardware, batch.tiles.reshape(len(rows), -1)], axis=1)
    return _Point(rows, np.log2(numbers), weights), outputs[chosen]


def _outputs(latency, energy, area, fits) -> np.ndarray:
    """Scores in the layout of the batcher's outputs."""
    outputs = np.zeros((*latency.shape, OUTPUTS))
    outputs[:, :, 0], outputs[:, :, 1], outputs[:, :, 2], outputs[:, :, 3:] = latency, energy, area[:, None], fits
    return outputs


def _pull(
    problem: Problem, settings: Gradient, outputs: np.ndarray, weights: np.ndarray, run: Run
) -> tuple[np.ndarray, np.ndarray]:
    """Slope of the loss by the log of each output, shape [n, K, OUTPUTS], and the loss itself, shape [n]."""
    outputs = np.maximum(np.nan_to_num(outputs, nan=1e30, posinf=1e30), 1e-30)
    latency, energy = outputs[:, :, 0] * problem.repeats, outputs[:, :, 1] * problem.repeats
    totals = np.log(np.stack([latency.sum(axis=1), energy.sum(axis=1), outputs[:, :, 2].max(axis=1)], axis=1))
    exponents = np.array([o.exponents for o in problem.objectives])
    factors = np.log([o.factor for o in problem.objectives])
    assert run.scores is not None
    known = np.log(run.scores.objectives)
    ideal, width = known.min(axis=0), np.maximum(np.ptp(known, axis=0), 0.5)
    scaled = weights * (totals @ exponents.T + factors - ideal) / width
    top = scaled.max(axis=1, keepdims=True)
    soft = np.exp((scaled - top) / settings.temperature)
    loss = top[:, 0] + settings.temperature * np.log(soft.sum(axis=1)) + settings.augmentation * scaled.sum(axis=1)
    by_objective = (soft / soft.sum(axis=1, keepdims=True) + settings.augmentation) * weights / width
    by_total = by_objective @ exponents
    for constraint in problem.constraints:
        own = np.array(constraint.objective.exponents)
        excess = totals @ own + np.log(constraint.objective.factor / constraint.maximum) + MARGIN
        by_total += settings.penalty * (excess > 0)[:, None] * own
        loss += settings.penalty * np.maximum(excess, 0)
    excess = np.log(outputs[:, :, 3:]) + MARGIN
    loss += settings.penalty * np.maximum(excess, 0).sum(axis=(1, 2))
    pull = np.zeros_like(outputs)
    pull[:, :, 0] = by_total[:, :1] * latency / latency.sum(axis=1, keepdims=True)
    pull[:, :, 1] = by_total[:, 1:2] * energy / energy.sum(axis=1, keepdims=True)
    pull[:, 0, 2] = by_total[:, 2]  # every kernel reports the same area
    pull[:, :, 3:] = settings.penalty * (excess > 0)
    return pull, loss


def _bounds(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """log2 of the smallest and of the largest value of every number."""
    encoding = problem.encoding
    columns = _columns(problem)
    first, last = np.zeros((1, len(encoding.genes)), np.int32), (encoding.radix - 1)[None].astype(np.int32)
    return tuple(np.log2([encoding.values(end, c)[0] for c in columns]) for end in (first, last))  # pyright: ignore


def _columns(problem: Problem) -> list[int]:
    """Columns of the genome in the order of `_Point.log2`."""
    column = problem.encoding.column
    tiles = [column(at, name) for at in range(len(problem.kernels)) for name in MAPPING_NUMBERS]
    return [column(-1, name) for name in HARDWARE_NUMBERS] + tiles


def _batch(problem: Problem, point: _Point) -> Batch:
    """The point's numbers with its rows' choices."""
    ours = len(HARDWARE_NUMBERS)
    numbers = np.exp2(point.log2).astype(np.float32)
    tiles = numbers[:, ours:].reshape(len(numbers), len(problem.kernels), len(MAPPING_NUMBERS))
    return dataclasses.replace(problem.encoding.batch(point.rows), hardware=numbers[:, :ours], tiles=tiles)


def _snap(problem: Problem, point: _Point) -> np.ndarray:
    """The nearest lattice value, by ratio, of every number."""
    rows = point.rows.copy()
    for at, column in enumerate(_columns(problem)):
        values = np.log2(np.array(problem.encoding.genes[column].values, float))
        rows[:, column] = np.argmin(np.abs(point.log2[:, at, None] - values), axis=1)
    return rows
