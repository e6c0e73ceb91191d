"""An evolutionary search in the manner of NSGA-II (Deb et al., 2002), with crossover kernel by kernel."""

import moocore
import numpy as np

from dse.moves import hardware_neighbours, mapping_neighbours
from dse.problem import Scores
from dse.strategies.random_search import sobol
from dse.strategies.run import Run
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
            children = np.array([self._child(run, rows, _order(scores)) for _ in range(self.population)])
            children = encoding.canonical(children)
            kept, new = run.score(children)
            idle = idle + 1 if new is None else 0
            if new is not None:
                rows, scores = np.concatenate([rows, children[kept]]), Scores.join([scores, new])
                best = np.argsort(_order(scores), kind="stable")[: self.population]
                rows, scores = rows[best], scores.take(best)

    def _child(self, run: Run, rows: np.ndarray, order: np.ndarray) -> np.ndarray:
        rng, encoding = run.rng, run.problem.encoding
        mother, father = (min(rng.integers(len(rows), size=2), key=lambda i: order[i]) for _ in range(2))
        child = rows[mother].copy()
        for kernel in range(-1, len(encoding.kernels)):
            block = encoding.of_kernel == kernel
            if kernel < 0:  # numbers of the hardware cross one by one, a mapping as a whole
                block = block & (rng.random(len(block)) < 0.5)
            if kernel < 0 or rng.random() < 0.5:
                child[block] = rows[father][block]
        for _ in range(rng.poisson(self.mutations)):
            kernel = int(rng.integers(-1, len(encoding.kernels)))
            steps = hardware_neighbours(encoding, child) if kernel < 0 else mapping_neighbours(encoding, child, kernel)
            if len(steps):
                child = steps[rng.integers(len(steps))]
        return child


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
