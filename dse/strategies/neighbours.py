"""All steps from a design to its neighbours on the lattice."""

import numpy as np

from dse.space.encoding import Encoding
from hwmodels.design.hardware import MAPPING_NUMBERS


def hardware_neighbours(encoding: Encoding, row: np.ndarray) -> np.ndarray:
    """Rows one hardware step away, shape [j, genes]: a number one position up or down, another intersection unit."""
    rows = []
    for column in np.flatnonzero((encoding.of_kernel < 0) & (encoding.radix > 1)):
        positions = (
            (row[column] - 1, row[column] + 1) if encoding.is_number[column] else range(int(encoding.radix[column]))
        )
        for position in positions:
            if 0 <= position < encoding.radix[column] and position != row[column]:
                new = row.copy()
                new[column] = position
                rows.append(new)
    return np.array(rows, np.int32).reshape(-1, len(row))


def mapping_neighbours(encoding: Encoding, row: np.ndarray, kernel: int) -> np.ndarray:
    """Rows one step of one kernel's mapping away: a tile size doubled or halved, or one choice changed.

    A choice that the change makes illegal follows it (a new dataflow takes CSC for CSR); shape [j, genes].
    """
    rows = []
    for name in MAPPING_NUMBERS:
        column = encoding.column(kernel, name)
        for position in (row[column] - 1, row[column] + 1):
            if 0 <= position < encoding.radix[column]:
                new = row.copy()
                new[column] = position
                rows.append(new)
    columns = encoding.combined_columns(kernel)
    radix = encoding.radix[columns]
    raw = []
    for at, count in enumerate(radix):
        for position in range(int(count)):
            if position != row[columns[at]]:
                changed = row[columns].copy()
                changed[at] = position
                raw.append(np.ravel_multi_index(tuple(changed), tuple(radix)))
    for index in dict.fromkeys(encoding.settled[kernel][raw] if raw else []):
        settled = encoding.combinations[kernel][index]
        if index >= 0 and not np.array_equal(settled, row[columns]):
            new = row.copy()
            new[columns] = settled
            rows.append(new)
    return np.array(rows, np.int32).reshape(-1, len(row))
