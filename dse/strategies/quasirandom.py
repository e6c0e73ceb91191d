"""Scrambled Sobol points for the numbers of designs (Owen, 1998)."""

import warnings

import numpy as np
import scipy

from dse.space.encoding import Encoding


def sobol(encoding: Encoding, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points in the unit cube, shape [count, number_columns]."""
    dimensions = len(encoding.number_columns)
    if dimensions == 0:
        return np.zeros((count, 0))
    with warnings.catch_warnings():  # a count that is no power of two is less even, and does no harm
        warnings.simplefilter("ignore")
        return scipy.stats.qmc.Sobol(dimensions, rng=rng).random(count)
