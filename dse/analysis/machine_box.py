"""A box of machines: a range of positions for each number of the hardware, and how it is cut into smaller ones."""

import dataclasses
import itertools

import numpy as np

from dse.space.encoding import Encoding
from hwmodels.design.hardware import HARDWARE_NUMBERS

ARRAY = np.array([HARDWARE_NUMBERS.index(name) for name in ("pe_rows", "pe_cols", "lanes")])
BUFFERS = np.array([HARDWARE_NUMBERS.index(name) for name in ("pe_buffer_bytes", "accumulator_bytes")])
WIDTHS = np.array([HARDWARE_NUMBERS.index(name) for name in ("value_bits", "accumulator_bits", "lanes")])
"""What words in a PE are wide."""
BUSES = np.array([HARDWARE_NUMBERS.index(name) for name in ("value_bus_bits", "index_bus_bits")])
AROUND = np.append(BUSES, [HARDWARE_NUMBERS.index(name) for name in ("glb_banks", "glb_bytes", "dram_channels")])
"""What lies around the PE array."""


@dataclasses.dataclass(frozen=True)
class MachineBox:
    """Machines whose number i of `HARDWARE_NUMBERS` is one of `lists[i][low[i] : high[i] + 1]`."""

    lists: tuple[np.ndarray, ...]
    """All values of each number in the space, rising."""
    low: np.ndarray
    high: np.ndarray
    follows: tuple[tuple[int, int], ...] = ()
    """Numbers whose position is that of another (`Parameter.follows`), and these."""

    @staticmethod
    def of(encoding: Encoding) -> "MachineBox":
        """All machines of a space."""
        genes = [encoding.genes[encoding.column(-1, name)] for name in HARDWARE_NUMBERS]
        lists = [np.array(gene.values, float) for gene in genes]
        follows = tuple(
            (HARDWARE_NUMBERS.index(own), HARDWARE_NUMBERS.index(other)) for own, other in encoding.follows.items()
        )
        for own, _ in follows:
            lists[own] = np.array(encoding.space[HARDWARE_NUMBERS[own]].values, float)
        return MachineBox(tuple(lists), np.zeros(len(lists), int), np.array([len(v) - 1 for v in lists]), follows)

    @property
    def least(self) -> np.ndarray:
        """Smallest value of each number, shape [numbers]."""
        return np.array([values[at] for values, at in zip(self.lists, self.low, strict=True)])

    @property
    def most(self) -> np.ndarray:
        """Largest value of each number, shape [numbers]."""
        return np.array([values[at] for values, at in zip(self.lists, self.high, strict=True)])

    @property
    def count(self) -> float:
        """Machines in the box, intersection units apart."""
        ranges = self.high - self.low + 1.0
        ranges[[own for own, _ in self.follows]] = 1.0
        return float(np.prod(ranges))

    @property
    def one_array(self) -> bool:
        """Whether all machines have the same PE array."""
        return not (self.high > self.low)[np.append(ARRAY, WIDTHS)].any()

    @property
    def one_pe(self) -> bool:
        """Whether all machines have the same PE array and buffers in it."""
        return self.one_array and not (self.high > self.low)[BUFFERS].any()

    def values(self, at: int) -> np.ndarray:
        """Values of number `at` in the box."""
        return self.lists[at][self.low[at] : self.high[at] + 1]

    def cut(self) -> list["MachineBox"]:
        """Smaller boxes that make up this one; none if it is a single machine.

        Widths and lanes first, one by one; then the longest range of the array in halves; then the sizes of the buffers
        one by one, since no order of them is proven; then the longest range of what lies around the array in halves.
        """
        ranges = self.high - self.low
        for group in (WIDTHS, BUFFERS) if self.one_array else (WIDTHS,):
            if ranges[group].any():
                return self._one_by_one(group)
        inner = ARRAY if ranges[ARRAY].any() else AROUND
        at = int(inner[np.argmax(ranges[inner])])
        if ranges[at] == 0:
            return []
        first, last = int(self.low[at]), int(self.high[at])
        middle = (first + last) // 2
        return [self._with({at: (first, middle)}), self._with({at: (middle + 1, last)})]

    def _one_by_one(self, group: np.ndarray) -> list["MachineBox"]:
        spans = [range(self.low[at], self.high[at] + 1) for at in group]
        boxes = [
            self._with({int(at): (place, place) for at, place in zip(group, places, strict=True)})
            for places in itertools.product(*spans)
        ]
        return [box for box in boxes if all(box.low[own] == box.low[other] for own, other in self.follows)]

    def _with(self, ranges: dict[int, tuple[int, int]]) -> "MachineBox":
        low, high = self.low.copy(), self.high.copy()
        for at, (first, last) in ranges.items():
            low[at], high[at] = first, last
        return MachineBox(self.lists, low, high, self.follows)
