"""Fullest group of neighbours along a row, which is what fixed-structured formats must provide for."""

import numpy as np

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.statistics.closed_form.row_distributions import matched_below, row_laws
from workloads.statistics.operand_counts import GROUPS


def fullest_groups(density: Density, rows: int, columns: int) -> np.ndarray:
    """Expected non-zeros of the fullest aligned group of each of `GROUPS` columns in all rows, [4, 1]."""
    return np.array([[_fullest(density, rows, columns, group)] for group in GROUPS])


def _fullest(density: Density, rows: int, columns: int, group: int) -> float:
    below = np.ones(group + 1)
    if isinstance(density, Banded):
        return _fullest_in_band(density, rows, min(group, columns))
    for one in row_laws(density, rows, columns, min(group, columns)):
        above = np.array([one.law.probability[one.law.points > held].sum() for held in range(group + 1)])
        below *= np.maximum(1 - above, 0.0) ** (float(one.count) * rows)
    return float(group - below[:-1].sum())


def _fullest_in_band(density: Banded, side: int, group: int) -> float:
    """Each row has a group with its diagonal, and those that the band covers beside it."""
    inside = min(group, 2 * density.half_width + 1)
    beside = max(2 * density.half_width + 1 - group, 0) / group
    held, share = np.arange(group), density.density
    with_diagonal = matched_below(held - 1, (inside - 1) * share, (inside - 1) * share * (1 - share))
    without = matched_below(held, inside * share, inside * share * (1 - share))
    return float(group - (np.where(held < 1, 0.0, with_diagonal) ** side * without ** (beside * side)).sum())
