"""What every strategy returns."""

import dataclasses

import numpy as np

from dse.problem.pareto import Box, hypervolume


@dataclasses.dataclass(frozen=True)
class Result:
    """A Pareto front of buildable designs, scored exactly, in order of the first objective."""

    genomes: np.ndarray
    """Designs as rows of the problem's `Encoding`, shape [n, genes]."""
    objectives: np.ndarray
    """Shape [n, d], in the problem's order. Empty if no feasible design was found."""
    evaluations: int
    """Designs evaluated: every forward, gradient and local-search call."""
    seconds: float
    strategy: str
    seed: int
    trace: tuple[tuple[int, np.ndarray], ...] = ()
    """(evaluations so far, objectives of the front so far), for curves of progress."""
    replayed: int = 0
    """Those of the evaluations that were made before the search was interrupted, and found in its checkpoint."""
    converged: bool = False
    """Whether the search ended because its last stretch won next to nothing, before the budget was spent."""
    restarts: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    """Genomes and objectives of the fronts that the restarts of the search came to, each by itself."""

    @property
    def last_half_gain(self) -> float:
        """Share of the front's hypervolume that the last half of the evaluations won, in the front's own box."""
        before = [front for spent, front in self.trace if 2 * spent <= self.evaluations]
        if len(self.objectives) == 0 or not before:
            return 1.0
        box = Box.of(self.objectives)
        return 1.0 - hypervolume(before[-1], box) / hypervolume(self.objectives, box)

    @property
    def restart_shares(self) -> tuple[float, ...]:
        """Share of the front's hypervolume that each restart reached by itself, in the front's own box."""
        box = Box.of(self.objectives) if len(self.objectives) else None
        if box is None:
            return ()
        whole = hypervolume(self.objectives, box)
        return tuple(hypervolume(front, box) / whole for _, front in self.restarts)
