"""Steps from a design to its lattice neighbours, and the repair of designs that do not fit."""

import numpy as np

from dse.problem.search_problem import Scores
from dse.space.encoding import Encoding
from hwmodels.cost import within_limit
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


def random_steps(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row after one random step of one random gene; rows whose step leads nowhere legal stay as they are."""
    new = rows.copy()
    each = np.arange(len(rows))
    column = rng.choice(np.flatnonzero(encoding.radix > 1), size=len(rows))
    radix, old = encoding.radix[column], rows[each, column]
    number = np.clip(old + rng.choice([-1, 1], size=len(rows)), 0, radix - 1)
    choice = (old + 1 + (rng.random(len(rows)) * (radix - 1)).astype(int)) % radix
    new[each, column] = np.where(encoding.is_number[column], number, choice)
    for kernel, combinations in enumerate(encoding.combinations):
        columns = encoding.combined_columns(kernel)
        index = encoding.settled[kernel][np.ravel_multi_index(tuple(new[:, columns].T), tuple(encoding.radix[columns]))]
        new[:, columns] = np.where((index >= 0)[:, None], combinations[index], rows[:, columns])
    return new


def shrink_tiles(encoding: Encoding, rows: np.ndarray, scores: Scores, rng: np.random.Generator) -> np.ndarray:
    """Rows with the tiles of each kernel that does not fit made smaller, by about as much as they are too large."""
    rows = rows.copy()
    need = np.nan_to_num(scores.fits[:, :, :3].max(axis=2), nan=4.0, posinf=2.0**12)
    for at, kernel in np.argwhere(~within_limit(need)):
        columns = np.array([encoding.column(int(kernel), name) for name in MAPPING_NUMBERS])
        for _ in range(int(np.ceil(np.log2(need[at, kernel])))):
            can = np.flatnonzero(rows[at, columns] > 0)
            if len(can) == 0:
                break
            sizes = rows[at, columns[can]] + rng.random(len(can))  # ties at random
            rows[at, columns[can[np.argmax(sizes)]]] -= 1
    return rows
