"""An evolutionary search in the manner of NSGA-II (Deb et al., 2002), with crossover kernel by kernel."""

import moocore
import numpy as np

from dse.problem.search_problem import Scores
from dse.strategies.bookkeeping import Run
from dse.strategies.neighbours import random_steps
from dse.strategies.random_search import sobol
from dse.strategies.strategy import Strategy


class Evolutionary(Strategy):
    """Rank, cross, mutate."""

    population: int = 128
    mutations: float = 2.0
    """Mean number of single steps a child takes."""

    def search(self, run: Run) -> None:
        """Spend the run's budget."""
        encoding = run.problem.encoding
        rows = encoding.random(run.rng, self.population, sobol(encoding, self.population, run.rng))
        kept, scores = run.score(rows)
        rows, idle = rows[kept], 0
        while run.remaining and scores is not None and idle < 40:
            children = self._children(run, rows, _order(scores))
            kept, new = run.score(children)
            idle = idle + 1 if new is None else 0
            if new is not None:
                rows, scores = np.concatenate([rows, children[kept]]), Scores.join([scores, new])
                best = np.argsort(_order(scores), kind="stable")[: self.population]
                rows, scores = rows[best], scores.take(best)

    def _children(self, run: Run, rows: np.ndarray, order: np.ndarray) -> np.ndarray:
        """A new population: winners of tournaments crossed kernel by kernel (hardware gene by gene), then mutated."""
        rng, encoding, count = run.rng, run.problem.encoding, self.population
        rivals = rng.integers(len(rows), size=(2, count, 2))
        mothers, fathers = (pair[np.arange(count), np.argmin(order[pair], axis=1)] for pair in rivals)
        genes = rng.random((count, len(encoding.genes))) < 0.5
        blocks = rng.random((count, len(encoding.kernels))) < 0.5
        of_kernel = encoding.of_kernel
        swap = np.where(of_kernel < 0, genes, blocks[:, np.maximum(of_kernel, 0)])
        children = np.where(swap, rows[fathers], rows[mothers])
        steps = rng.poisson(self.mutations, size=count)
        for step in range(int(steps.max(initial=0))):
            moving = np.flatnonzero(steps > step)
            children[moving] = random_steps(encoding, children[moving], rng)
        return encoding.canonical(children)


def _order(scores: Scores) -> np.ndarray:
    """Place of each design, best first: feasible ones by front and then by crowding, the others by violation."""
    place = np.zeros(len(scores))
    good = np.flatnonzero(scores.feasible)
    if len(good):
        ranks = moocore.pareto_rank(scores.objectives[good])
        crowding = np.zeros(len(good))
        for rank in np.unique(ranks):
            crowding[ranks == rank] = _crowding(np.log(scores.objectives[good][ranks == rank]))
        place[good[np.lexsort((-crowding, ranks))]] = np.arange(len(good))
    bad = np.flatnonzero(~scores.feasible)
    place[bad[np.argsort(scores.violation[bad], kind="stable")]] = len(good) + np.arange(len(bad))
    return place


def _crowding(logs: np.ndarray) -> np.ndarray:
    """Crowding distance of each row: the gap between its neighbours, added up over objectives."""
    distance = np.zeros(len(logs))
    for column in logs.T:
        order = np.argsort(column, kind="stable")
        gaps = np.full(len(order), np.inf)
        gaps[1:-1] = (column[order[2:]] - column[order[:-2]]) / max(column.max() - column.min(), 1e-12)
        distance[order] += gaps
    return distance
