"""Fullest group of neighbours along a row, which is what fixed-structured formats must provide for."""

import numpy as np

from workloads.densities.density import Density
from workloads.densities.row_laws import row_laws

GROUPS = (1, 2, 4, 8)


def fullest_groups(density: Density, rows: int, columns: int) -> np.ndarray:
    """Expected non-zeros of the fullest aligned group of 1, 2, 4 and 8 columns in all rows, [4, 1]."""
    return np.array([[_fullest(density, rows, columns, group)] for group in GROUPS])


def _fullest(density: Density, rows: int, columns: int, group: int) -> float:
    below = np.ones(group + 1)
    for one in row_laws(density, rows, columns, min(group, columns)):
        above = np.array([one.law.probability[one.law.points > held].sum() for held in range(group + 1)])
        below *= np.maximum(1 - above, 0.0) ** (float(one.count) * rows)
    return float(group - below[:-1].sum())
