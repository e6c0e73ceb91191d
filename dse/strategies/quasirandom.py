"""Scrambled Sobol points for the numbers of designs (Owen, 1998)."""

import numpy as np
import scipy

from dse.space.encoding import Encoding


def sobol(encoding: Encoding, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points in the unit cube, shape [count, number_columns]."""
    dimensions = len(encoding.number_columns)
    if dimensions == 0:
        return np.zeros((count, 0))
    more = max(count - 1, 0).bit_length()  # the library warns of counts that are no power of two
    return scipy.stats.qmc.Sobol(dimensions, rng=rng).random_base2(more)[:count]
