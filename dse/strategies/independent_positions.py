"""Designs as independent positions: of each number, each choice of the hardware, and each kernel's legal combinations.

Every position is legal with every other one, which genes are not.
"""

import numpy as np

from dse.space.encoding import Encoding


def position_counts(encoding: Encoding) -> np.ndarray:
    """How many values each position has."""
    return np.array([*encoding.radix[_columns(encoding)], *(len(rows) for rows in encoding.combinations)])


def rows_at(encoding: Encoding, positions: np.ndarray) -> np.ndarray:
    """Genomes of positions, shape [n, positions]."""
    columns = _columns(encoding)
    rows = np.zeros((len(positions), len(encoding.genes)), np.int32)
    rows[:, columns] = positions[:, : len(columns)]
    for kernel, combinations in enumerate(encoding.combinations):
        rows[:, encoding.combined_columns(kernel)] = combinations[positions[:, len(columns) + kernel]]
    return rows


def _columns(encoding: Encoding) -> np.ndarray:
    return np.array([*encoding.number_columns, *encoding.hardware_choices])
