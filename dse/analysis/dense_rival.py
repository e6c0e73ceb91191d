"""The accelerator that takes no notice of sparsity, beside which a sparse one must pay: its space, and equal area."""

import dataclasses

import numpy as np

from dse.space.design_space import DesignSpace
from hwmodels.design.legality import DENSE_A, DENSE_B

DENSE_CHOICES = {
    name: [value, "gate"] if name.endswith("_zero") else [value] for name, value in (DENSE_A | DENSE_B).items()
}
"""What is left to it; like Eyeriss, it may gate a zero's MAC."""
EQUAL_AREA = 1.05
"""Up to so many times the area counts as equal."""


def dense_space(space: DesignSpace) -> DesignSpace:
    """The space without compression and without skipping, everything else as it is."""
    own = {
        kernel: {name: values for name, values in table.items() if name not in DENSE_CHOICES}
        for kernel, table in space.per_kernel.items()
    }
    return dataclasses.replace(space, per_kernel=own).fix(**DENSE_CHOICES)


def equal_area(area_mm2: float, candidates: np.ndarray, slack: float = EQUAL_AREA) -> int:
    """Row of the candidates, shape [n, (latency, energy, area)], with the least energy-delay product at an area.

    Up to 5 % more area counts as equal. Where all are larger, the smallest.
    """
    fitting = np.flatnonzero(candidates[:, 2] <= slack * area_mm2)
    if len(fitting) == 0:
        return int(np.argmin(candidates[:, 2]))
    return int(fitting[np.argmin(candidates[fitting, 0] * candidates[fitting, 1])])
