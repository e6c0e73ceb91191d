"""What every strategy returns."""

import dataclasses

import numpy as np


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
