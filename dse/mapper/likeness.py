"""Mappings that do the same as a simpler one on a given machine, or nothing better.

Exact under the template's model, since what is left out has a twin that is as fast, fits as well, and takes no more
energy and no dearer unit:

- A tile that is worked on in one column pass is sent to the array once, whether A is held in the PE buffers or streams
  by. So A is not held where there is one pass, if a bit that streams through a queue takes no more than one that is
  written to a buffer. There is one pass where B skips, and where the columns of a tile are no more than the array works
  on at once.
- With as many queues as a tile has rows each queue holds one row, however they are dealt. (Where the inner product
  deals columns of a B that skips, it matters.)
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dse.space.encoding import Batch, KernelShape
from hwmodels.area import QUEUE_ENTRIES
from hwmodels.design.choices import (
    COLUMNS_ON_M,
    DATAFLOWS,
    HOLDS_B,
    HOLDS_BOTH,
    INNER_PRODUCT,
    LANES_ON_K,
    SCHEDULES,
    SKIP,
)
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS

PLACE = {name: at for at, name in enumerate(MAPPING_CHOICES)}
PRODUCTS = ("dense_b", "sparse_b")
"""Families in which column passes are made."""
DEALT = (*PRODUCTS, "sddmm")
"""Families whose rows go to queues."""

Alike = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(`MAPPING_NUMBERS`, shape [n, 6], combinations of choices, shape [n]) -> mask of those that have a simpler twin."""


class Likeness:
    """The twins of one kernel's mappings."""

    def __init__(self, family: str, shape: KernelShape, flows: np.ndarray, choices: np.ndarray, technology: Any):
        """All legal combinations: indices of dataflows, shape [c], and of `MAPPING_CHOICES`, shape [c, 9]."""
        self._family, self._shape, self._flows, self._choices = family, shape, flows, choices
        self._queues_are_cheaper = functools.cache(functools.partial(_queues_are_cheaper, technology.solved()))
        self._b_skips = (family == "sparse_b") & (choices[:, PLACE["b_zero"]] == SKIP)

    def on(self, machine: Batch, able: np.ndarray) -> Alike:
        """Those on the machine of a batch of one, of the combinations that it is `able` to."""
        numbers = dict(zip(HARDWARE_NUMBERS, machine.hardware[0].astype(float), strict=True))
        streams = self._twins(able, {"residency": HOLDS_B}) & (self._column("residency") == HOLDS_BOTH)
        word_bits = numbers["value_bits"] * numbers["lanes"]
        streams &= (self._family in PRODUCTS) & self._queues_are_cheaper(numbers["pe_buffer_bytes"], word_bits)
        dealt = np.zeros(len(self._flows), bool)
        for simpler in range(len(SCHEDULES)):
            dealt |= self._twins(able, {"schedule": simpler}) & (self._column("schedule") > simpler)
        dealt &= (self._family in DEALT) & ~(self._b_skips & (self._flows == INNER_PRODUCT))
        used = [MAPPING_NUMBERS.index(name) for name in ("rows_used", "cols_used", "lanes_used")]
        tile_m, tile_n = MAPPING_NUMBERS.index("tile_m"), MAPPING_NUMBERS.index("tile_n")
        there = np.array([numbers[name] for name in ("pe_rows", "pe_cols", "lanes")])

        def alike(sizes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
            rows, columns, lanes = np.minimum(sizes[:, used], there).T
            on_m, on_k = (
                self._column("columns_on")[chosen] == COLUMNS_ON_M,
                self._column("lanes_on")[chosen] == LANES_ON_K,
            )
            width = np.where(on_m, 1.0, columns) * np.where(on_k, 1.0, lanes)
            queues = rows * np.where(on_m, columns, 1.0)
            one_pass = self._b_skips[chosen] | (np.minimum(sizes[:, tile_n], self._shape.n) <= width)
            even = np.log2(queues) % 1 == 0
            return (streams[chosen] & one_pass) | (dealt[chosen] & even & (sizes[:, tile_m] <= queues))

        return alike

    def _column(self, choice: str) -> np.ndarray:
        return self._choices[:, PLACE[choice]]

    def _twins(self, able: np.ndarray, changes: Mapping[str, int]) -> np.ndarray:
        """Mask of the combinations that the machine is able to with some choices changed."""
        found = np.zeros(len(self._flows), bool)
        places = {PLACE[name]: value for name, value in changes.items()}
        found[able] = same_but(self._choices[able], self._flows[able], places) >= 0
        return found


def same_but(choices: np.ndarray, flows: np.ndarray, changes: Mapping[int, int]) -> np.ndarray:
    """Row of the combination that each one is with some of its choices changed, -1 where there is none; shape [c]."""
    radix = (len(DATAFLOWS), *map(len, MAPPING_CHOICES.values()))
    combined = np.column_stack([flows, choices])
    changed = combined.copy()
    for place, value in changes.items():
        changed[:, 1 + place] = value
    keys, wanted = (np.asarray(np.ravel_multi_index(tuple(rows.T), radix)) for rows in (combined, changed))
    if len(keys) == 0:
        return np.zeros(0, int)
    order = np.argsort(keys)
    at = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1)


def _queues_are_cheaper(technology: Any, buffer_bytes: float, word_bits: float) -> bool:
    """Whether a bit takes no more to be written to a queue of a PE and read again than to be written to its buffer."""
    through = 2.0 * float(technology.queue_pj_per_bit(QUEUE_ENTRIES))
    written = float(technology.buffer_write_pj(np.float32(buffer_bytes), word_bits)) / word_bits
    return bool(through <= written)
