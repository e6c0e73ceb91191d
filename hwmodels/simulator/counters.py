"""What a visit takes of the array, and what it sends: the figures that memory, time and counts follow from."""

import dataclasses

import numpy as np
from jaxtyping import Float, Integer

PerVisit = Integer[np.ndarray, " visits"]
Bits = Float[np.ndarray, " visits"]


@dataclasses.dataclass(frozen=True)
class ArrayWork:
    """What the array does in each visit."""

    compute: PerVisit
    """Cycles of the most loaded PE."""
    intersect: PerVisit
    """Cycles of the most loaded PE row's decoder or intersection units, whichever takes longer."""
    intersection_steps: PerVisit
    effectual: PerVisit
    ineffectual: PerVisit
    gated: PerVisit
    results: PerVisit
    """Accumulator words that leave the array."""
    outputs: PerVisit
    """Distinct outputs of a sparse Z; those that no earlier visit had: `fresh`. Zero for a dense Z."""
    fresh: PerVisit
    share_bits: PerVisit
    """Stored bits of A in the most loaded PE row."""
    entries_worked: PerVisit
    """Entries of A worked on."""

    @property
    def processed(self) -> int:
        """MACs of all visits that are not skipped."""
        return int(self.effectual.sum()) + int(self.ineffectual.sum()) + int(self.gated.sum())


@dataclasses.dataclass(frozen=True)
class BusTraffic:
    """Bits that cross the buses in each visit, and compressed entries that are decoded (each counted once)."""

    a_value: PerVisit
    a_index: PerVisit
    b_value: PerVisit
    b_index: PerVisit
    z_value: PerVisit
    z_index: PerVisit
    a_decoded: PerVisit
    b_decoded: PerVisit

    @property
    def operands(self) -> PerVisit:
        """Bits read from the GLB and sent to the array."""
        return self.a_value + self.a_index + self.b_value + self.b_index

    @property
    def results(self) -> PerVisit:
        """Bits that leave the array."""
        return self.z_value + self.z_index

    @property
    def value(self) -> PerVisit:
        """Bits on the value bus."""
        return self.a_value + self.b_value + self.z_value

    @property
    def index(self) -> PerVisit:
        """Bits on the index bus."""
        return self.a_index + self.b_index + self.z_index


@dataclasses.dataclass(frozen=True)
class DramTraffic:
    """Bits from and to DRAM in each visit."""

    a: Bits
    b: Bits
    z_read: Bits
    z_write: Bits

    @property
    def read(self) -> Bits:
        """All that comes in."""
        return self.a + self.b + self.z_read


@dataclasses.dataclass(frozen=True)
class Fits:
    """Need over capacity; 0 where there is no limit."""

    glb: float
    pe_buffer: float
    accumulator: float
