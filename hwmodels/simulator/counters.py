"""What a visit takes of the array, and what it sends: the figures that memory, time and counts follow from."""

import dataclasses

import numpy as np
from jaxtyping import Float, Integer

from hwmodels.simulator.concrete_design import ConcreteDesign

PerVisit = Integer[np.ndarray, " visits"]
Bits = Float[np.ndarray, " visits"]


@dataclasses.dataclass(frozen=True)
class ArrayWork:
    """What keeps the array busy in each visit, and what its PEs read, write and decode."""

    compute: PerVisit
    """Steps of the most loaded PE or lane, and the cycles of column passes."""
    decode: PerVisit
    """Cycles of the decoder that has most to do, and those of column passes."""
    buffer_port: PerVisit
    """Words that the operand buffer of a PE takes, of what is sent to it of B."""
    passes: PerVisit
    """Column passes."""
    entries: PerVisit
    """Entries of A worked on, once for each column pass."""
    decoded: PerVisit
    """Stored entries of A that are worked on, once for each column pass."""
    word_steps: PerVisit
    """Steps that read a word of B, of all queues together."""
    words: PerVisit
    """Words of B that are written, of all columns of PEs that hold different ones."""


@dataclasses.dataclass(frozen=True)
class Fates:
    """What becomes of each MAC in each visit, and the results."""

    effectual: PerVisit
    ineffectual: PerVisit
    gated: PerVisit
    results: PerVisit
    """Accumulator words that leave the array."""
    fresh: PerVisit
    """Distinct outputs of a sparse Z that no earlier visit had."""

    @property
    def processed(self) -> int:
        """MACs of all visits that are not skipped."""
        return int(self.effectual.sum()) + int(self.ineffectual.sum()) + int(self.gated.sum())


@dataclasses.dataclass(frozen=True)
class FetchedRows:
    """Rows of B that entries of A ask for one by one: whole cycles of each bus, and pointers read in the GLB."""

    value_cycles: PerVisit
    index_cycles: PerVisit
    pointer_bits: PerVisit


@dataclasses.dataclass(frozen=True)
class BusTraffic:
    """Bits that cross the buses in each visit, and stored entries of B that are sent and decoded."""

    a_value: PerVisit
    a_index: PerVisit
    b_value: PerVisit
    b_index: PerVisit
    z_value: PerVisit
    z_index: PerVisit
    b_decoded: PerVisit
    fetched: FetchedRows | None = None

    @property
    def a(self) -> PerVisit:
        """Bits of A; of B likewise."""
        return self.a_value + self.a_index

    @property
    def b(self) -> PerVisit:
        """See `a`."""
        return self.b_value + self.b_index

    @property
    def read(self) -> PerVisit:
        """Bits of operands read from the GLB."""
        return self.a + self.b + (0 if self.fetched is None else self.fetched.pointer_bits)

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

    def cycles(self, value_bus_bits: int, index_bus_bits: int) -> tuple[Bits, Bits]:
        """Cycles of the value bus and of the index bus, whose widths are given."""
        if self.fetched is None:
            return self.value / value_bus_bits, self.index / index_bus_bits
        values = (self.a_value + self.z_value) / value_bus_bits + self.fetched.value_cycles
        return values, (self.a_index + self.z_index) / index_bus_bits + self.fetched.index_cycles


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

    def of_moved(self, design: ConcreteDesign) -> "DramTraffic":
        """Without what stays on the chip."""
        a, b, z = (design.off_chip(operand) for operand in "abz")
        return DramTraffic(a * self.a, b * self.b, z * self.z_read, z * self.z_write)


@dataclasses.dataclass(frozen=True)
class Fits:
    """Need over capacity."""

    glb: float
    pe_buffer: float
    accumulator: float
    bus: float


@dataclasses.dataclass(frozen=True)
class ArrayActions:
    """Actions inside the array, all visits together; the others follow from what is moved."""

    tree_adds: int
    queue_bits: int
    pe_buffer_read_bits: int
    pe_buffer_write_bits: int
    accumulator_accesses: int
    intersection_steps: int
    decoded_entries: int
    bus_hops: float
