"""Steps on the lattice for many designs at once, and the repair of designs that do not fit; all array code."""

import numpy as np

from dse.space.design_space import MAPPING_NAMES
from dse.space.encoding import Encoding
from hwmodels.analytical.accounting import widest_buses
from hwmodels.analytical.passes import DRAIN_SLOTS
from hwmodels.cost import within_limit
from hwmodels.design.hardware import HARDWARE_NUMBERS, TILE_SIZES

NUMBER_SHARE = 0.5
"""Chance that a step of a mapping is one of a number, not of a choice."""

THROUGHPUT = ("pe_rows", "pe_cols", "lanes", "glb_banks", "index_bus_bits", "value_bus_bits")
"""Numbers of the hardware that say how much it does in a cycle."""
WIDTHS = ("value_bits", "accumulator_bits")
"""Those of the words that it works on, which are no sizes."""
LEAP, LEAPING, UP, MOVED = 4, 0.7, 0.7, 0.6
"""Most steps of a leap; chances of one, that it goes up, and that a size takes part, by any number of steps."""


def hardware_steps(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row one step of one gene of its hardware away: a number one position up or down, another unit."""
    columns = np.flatnonzero((encoding.of_kernel < 0) & (encoding.radix > 1))
    if len(columns) == 0:
        return rows
    new, each, column = rows.copy(), np.arange(len(rows)), rng.choice(columns, size=len(rows))
    new[each, column] = _next(rows[each, column], encoding.radix[column], encoding.is_number[column], rng)
    return new


def scaled_hardware(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with about half of what its hardware does in a cycle one step up, or one step down."""
    columns = np.array([encoding.column(-1, name) for name in THROUGHPUT])
    moved = np.where(rng.random((len(rows), 1)) < 0.5, 1, -1) * (rng.random((len(rows), len(columns))) < 0.5)
    new = rows.copy()
    new[:, columns] = np.clip(rows[:, columns] + moved, 0, encoding.radix[columns] - 1)
    return new


def leaping_hardware(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Most rows with about half of the sizes of their hardware up to `LEAP` steps up, or down."""
    named = np.array([encoding.column(-1, name) for name in HARDWARE_NUMBERS if name not in WIDTHS])
    columns = named[encoding.radix[named] > 1]
    each, every = (len(rows), 1), (len(rows), len(columns))
    way = np.where(rng.random(each) < UP, 1, -1) * (rng.random(each) < LEAPING)
    new = rows.copy()
    moved = way * rng.integers(LEAP + 1, size=every) * (rng.random(every) < MOVED)
    new[:, columns] = np.clip(rows[:, columns] + moved, 0, encoding.radix[columns] - 1)
    return new


def buildable(encoding: Encoding, rows: np.ndarray) -> np.ndarray:
    """Rows with buses no wider than the PEs take, and accumulators for what each lane drains, as far as the space goes
    (docs/machine.md, section 4)."""

    def numbers(*names: str) -> list[np.ndarray]:
        return [encoding.values(rows, encoding.column(-1, name)) for name in names]

    pe_rows, pe_cols, lanes, sum_bits = numbers("pe_rows", "pe_cols", "lanes", "accumulator_bits")
    new = rows.copy()
    widest = widest_buses(pe_rows * pe_cols, lanes, sum_bits, np.maximum)
    for name, most in zip(("value_bus_bits", "index_bus_bits"), widest, strict=True):
        column = encoding.column(-1, name)
        values = np.array(encoding.genes[column].values, float)
        last = np.searchsorted(values, most, side="right") - 1
        new[:, column] = np.minimum(rows[:, column], np.maximum(last, 0))
    column = encoding.column(-1, "accumulator_bytes")
    values = np.array(encoding.genes[column].values, float)
    first = np.searchsorted(values, DRAIN_SLOTS * lanes * sum_bits / 8.0)
    new[:, column] = np.maximum(rows[:, column], np.minimum(first, len(values) - 1))
    return new


def mapping_steps(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with a step in the mapping of every kernel: a tile size doubled or halved, or one choice changed.

    A choice that the change makes illegal follows it (a new dataflow takes CSC for CSR); where nothing legal is near,
    the mapping stays.
    """
    mapped = encoding.of_kernel >= 0
    shape = len(encoding.kernels), len(MAPPING_NAMES)
    mappings = rows[:, mapped].reshape(len(rows), *shape)
    radix, is_number = (values[mapped].reshape(shape) for values in (encoding.radix, encoding.is_number))
    by_tile = rng.random(mappings.shape[:2]) < NUMBER_SHARE
    wish = rng.random(mappings.shape) + 2.0 * (is_number == by_tile[:, :, None]) + 4.0 * (radix > 1)
    gene = wish.argmax(axis=2)[:, :, None]
    count, number = (
        np.take_along_axis(np.broadcast_to(values, mappings.shape), gene, 2)[..., 0] for values in (radix, is_number)
    )
    new = mappings.copy()
    old = np.take_along_axis(mappings, gene, 2)[..., 0]
    np.put_along_axis(new, gene, _next(old, count, number, rng)[..., None], 2)
    stepped = rows.copy()
    stepped[:, mapped] = encoding.settled_mappings(new, mappings).reshape(rows[:, mapped].shape)
    return stepped


def mappings_around(encoding: Encoding, rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """A block of mappings of every kernel of each row: one number and a few choices, drawn, with all their values
    together, as far as `count` goes; all else is as in the row. Shape [n, count, genes].

    Steps do not find a better mapping that differs in several ways, each of which alone is worse.
    """
    mapped = encoding.of_kernel >= 0
    shape = len(encoding.kernels), len(MAPPING_NAMES)
    mappings = rows[:, mapped].reshape(len(rows), *shape)
    radix, is_number = (values[mapped].reshape(shape) for values in (encoding.radix, encoding.is_number))
    order = (rng.random(mappings.shape) + 2.0 * is_number).argsort(axis=2)[:, :, ::-1]  # numbers, then choices
    stride, size = np.zeros(mappings.shape, np.int64), np.ones(mappings.shape[:2], np.int64)
    for place in (0, *range(is_number[0].sum(), shape[1])):
        gene = order[:, :, place, None]
        values = np.take_along_axis(np.broadcast_to(radix, mappings.shape), gene, 2)[..., 0]
        fits = size * values <= count
        np.put_along_axis(stride, gene, np.where(fits, size, 0)[..., None], 2)  # 0: held
        size = np.where(fits, size * values, size)
    each, stride = np.arange(count)[:, None, None], stride[:, None]
    block = np.where(stride > 0, each // np.maximum(stride, 1) % radix, mappings[:, None])
    before = np.broadcast_to(mappings[:, None], block.shape)
    settled = encoding.settled_mappings(block.reshape(-1, *shape), before.reshape(-1, *shape))
    around = np.repeat(rows[:, None], count, axis=1)
    around[:, :, mapped] = settled.reshape(len(rows), count, -1)
    return around


def random_mappings(encoding: Encoding, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each row with mappings drawn anew."""
    return np.where(encoding.of_kernel >= 0, encoding.random(rng, len(rows)), rows)


def _next(old: np.ndarray, count: np.ndarray, number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another position of each gene of `count` values: a number's next one up or down, any of a choice."""
    up = np.where(old == 0, 1, np.where(old == count - 1, -1, 2 * rng.integers(2, size=old.shape) - 1))
    choice = (old + 1 + (rng.random(old.shape) * (count - 1)).astype(int)) % count
    return np.where(count > 1, np.where(number, old + up, choice), old)


def shrink_tiles(encoding: Encoding, rows: np.ndarray, need: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows with the tiles of each kernel that does not fit made smaller, by about as much as they are too large.

    **Arguments**: `need`, largest need over capacity of each kernel's buffers, shape [n, K].
    """
    rows = rows.copy()
    steps = np.where(within_limit(need), 0, np.ceil(np.log2(np.clip(np.nan_to_num(need, nan=4.0), 1.0, 2.0**12))))
    columns = np.array([[encoding.column(at, name) for name in TILE_SIZES] for at in range(len(encoding.kernels))])
    for step in range(int(steps.max(initial=0))):
        at, kernel = np.nonzero(steps > step)
        own = columns[kernel]
        sizes = rows[at[:, None], own]
        largest = np.argmax(sizes + rng.random(sizes.shape), axis=1)  # ties at random
        column = own[np.arange(len(own)), largest]
        rows[at, column] = np.maximum(rows[at, column] - 1, 0)
    return rows
