"""Scores as searches of other libraries take them: log10 of objectives and how far limits are exceeded, finite."""

import numpy as np

from dse.problem.search_problem import Scores

WORST = 300.0
"""log10 of an objective that is not finite."""


def log_objectives(scores: Scores) -> np.ndarray:
    """log10 of the objectives, shape [n, d]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.log10(scores.objectives), nan=WORST, posinf=WORST, neginf=-WORST)


def violations(scores: Scores) -> np.ndarray:
    """How far limits are exceeded, shape [n]."""
    return np.nan_to_num(scores.violation, nan=WORST, posinf=WORST)
