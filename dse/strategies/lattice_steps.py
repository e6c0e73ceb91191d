"""Steps on the lattice for many designs at once, and the repair of designs that do not fit; all array code."""

import numpy as np

from dse.space.encoding import Encoding
from hwmodels.cost import within_limit
from hwmodels.design.hardware import MAPPING_NUMBERS

NUMBER_SHARE = 0.5
"""Chance that a step of a mapping is one of a tile size, not of a choice."""


def hardware_steps(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row one step of one gene of its hardware away: a number one position up or down, another unit."""
    columns = np.flatnonzero((encoding.of_kernel < 0) & (encoding.radix > 1))
    return rows if len(columns) == 0 else _stepped(encoding, rows, rng.choice(columns, size=len(rows)), rng)


def mapping_steps(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with a step in the mapping of every kernel: a tile size doubled or halved, or one choice changed.

    A choice that the change makes illegal follows it (a new dataflow takes CSC for CSR); where nothing legal is near,
    the mapping stays.
    """
    new = rows.copy()
    each = np.arange(len(rows))
    for kernel in range(len(encoding.kernels)):
        tiles = np.array([encoding.column(kernel, name) for name in MAPPING_NUMBERS])
        tiles = tiles[encoding.radix[tiles] > 1]
        combined = encoding.combined_columns(kernel)
        choices = combined[encoding.radix[combined] > 1]
        by_tile = rng.random(len(rows)) < NUMBER_SHARE
        if len(tiles) == 0 or len(choices) == 0:
            by_tile[:] = len(tiles) > 0
        for mine, columns in ((by_tile, tiles), (~by_tile, choices)):
            at = each[mine]
            if len(at) and len(columns):
                new[at] = _stepped(encoding, new[at], rng.choice(columns, size=len(at)), rng)
        new[:, combined] = _settled(encoding, kernel, new[:, combined], rows[:, combined])
    return new


def random_mappings(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with mappings drawn anew."""
    return np.where(encoding.of_kernel >= 0, encoding.random(rng, len(rows)), rows)


def _stepped(encoding: Encoding, rows: np.ndarray, column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with one gene changed: a number to the next position, if there is one, a choice to any other."""
    new, each = rows.copy(), np.arange(len(rows))
    radix, old = encoding.radix[column], rows[each, column]
    up = np.where(old == 0, 1, np.where(old == radix - 1, -1, rng.choice([-1, 1], size=len(rows))))
    choice = (old + 1 + (rng.random(len(rows)) * (radix - 1)).astype(int)) % radix
    new[each, column] = np.where(encoding.is_number[column], old + up, choice)
    return new


def _settled(encoding: Encoding, kernel: int, raw: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Legal choices that raw ones of a kernel turn into, shape [n, choices]; those `before` where there are none."""
    radix = tuple(encoding.radix[encoding.combined_columns(kernel)])
    index = encoding.settled[kernel][np.ravel_multi_index(tuple(raw.T), radix)]
    return np.where((index >= 0)[:, None], encoding.combinations[kernel][index], before)


def shrink_tiles(encoding: Encoding, rows: np.ndarray, need: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows with the tiles of each kernel that does not fit made smaller, by about as much as they are too large.

    **Arguments**: `need`, largest need over capacity of each kernel's buffers, shape [n, K].
    """
    rows = rows.copy()
    steps = np.where(within_limit(need), 0, np.ceil(np.log2(np.clip(np.nan_to_num(need, nan=4.0), 1.0, 2.0**12))))
    columns = np.array([[encoding.column(at, name) for name in MAPPING_NUMBERS] for at in range(len(encoding.kernels))])
    for step in range(int(steps.max(initial=0))):
        at, kernel = np.nonzero(steps > step)
        own = columns[kernel]
        sizes = rows[at[:, None], own]
        largest = np.argmax(sizes + rng.random(sizes.shape), axis=1)  # ties at random
        column = own[np.arange(len(own)), largest]
        rows[at, column] = np.maximum(rows[at, column] - 1, 0)
    return rows
