"""Hardware and mapping in whole numbers and names: what the simulator runs."""

import dataclasses
from typing import Any

import numpy as np

from hwmodels.design.choices import (
    CYCLIC,
    INTERSECTION_RECORDS,
    INTERSECTIONS,
    SCHEDULE_RECORDS,
    SCHEDULES,
    name_of,
)
from hwmodels.design.hardware import (
    ALL_BYTES,
    ALL_PARTS,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    Hardware,
    Mapping,
)
from hwmodels.design.legality import illegality
from hwmodels.formats.encoders.encoded import Widths, bits_for, widths_of
from workloads.errors import InputError

MASK_BITS = 64
"""Bits of a bitmask that decoders and units take a cycle."""
MASK_BITS_A_LANE = 16
"""The same for each lane of a decoder of lanes on k, where these are more."""
PASS_CYCLES = 8
"""1 of the queue, 3 of the pipeline, 4 to drain (docs/machine.md, section 5)."""


@dataclasses.dataclass(frozen=True)
class ConcreteDesign:
    """One design that can be built, and how it runs one kernel."""

    pe_rows: int
    pe_cols: int
    lanes: int
    glb_bytes: int
    glb_banks: int
    pe_buffer_bytes: int
    accumulator_bytes: int
    index_bus_bits: int
    value_bus_bits: int
    value_bits: int
    accumulator_bits: int
    intersection: str
    dataflow: str
    tile_m: int
    tile_k: int
    tile_n: int
    loop_order: str
    residency: str
    columns_on: str
    lanes_on: str
    a_format: str
    b_format: str
    a_zero: str
    b_zero: str
    schedule: str
    a_kept: str = "no"
    b_kept: str = "no"
    z_kept: str = "no"
    glb_room: int = ALL_BYTES
    rows_used: int = ALL_PARTS
    cols_used: int = ALL_PARTS
    lanes_used: int = ALL_PARTS
    dram_channels: int = 1

    @property
    def active_rows(self) -> int:
        """PE rows in use; PE columns and lanes likewise."""
        return min(self.pe_rows, self.rows_used)

    @property
    def active_columns(self) -> int:
        """See `active_rows`."""
        return min(self.pe_cols, self.cols_used)

    @property
    def active_lanes(self) -> int:
        """See `active_rows`."""
        return min(self.lanes, self.lanes_used)

    @property
    def lanes_are_on_k(self) -> bool:
        """Whether the lanes of a PE work on entries of A that follow each other, summed by a tree."""
        return self.lanes_on == "k"

    @property
    def queues(self) -> int:
        """Queues of A, P: one a PE row, or one a PE. A word of B is heard by a PE of each."""
        return self.active_rows * (self.active_columns if self.columns_on == "m" else 1)

    @property
    def queue_sharers(self) -> int:
        """PEs that hear each queue of A."""
        return 1 if self.columns_on == "m" else self.active_columns

    @property
    def entries_a_step(self) -> int:
        """Entries that a queue gives to a PE at once."""
        return self.active_lanes if self.lanes_are_on_k else 1

    @property
    def width(self) -> int:
        """Columns of B worked on at once, W: a group."""
        return self.queue_sharers * (1 if self.lanes_are_on_k else self.active_lanes)

    @property
    def mask_word_bits(self) -> int:
        """Bits of a bitmask that a decoder takes a cycle."""
        return max(MASK_BITS, MASK_BITS_A_LANE * self.active_lanes) if self.lanes_are_on_k else MASK_BITS

    @property
    def pass_cycles(self) -> int:
        """Cycles of a column pass beside its steps: from the queue to the last sum that leaves."""
        return PASS_CYCLES + (bits_for(self.active_lanes) if self.lanes_are_on_k else 0)

    @property
    def accumulators(self) -> int:
        """Accumulator words of a PE, as many in the bank of each lane that there is."""
        return self.accumulator_bytes * 8 // (self.accumulator_bits * self.lanes) * self.lanes

    @property
    def half_buffer_bits(self) -> int:
        """Half the operand buffer of a PE: the other half is filled meanwhile."""
        return self.pe_buffer_bytes * 4

    @property
    def half_glb_bits(self) -> int:
        """Half of what the kernel may use of the GLB."""
        return min(self.glb_bytes, self.glb_room) * 4

    def glb_need(self, tiles: dict[str, int], whole: dict[str, Any], beside: int = 0) -> float:
        """Need over capacity of the GLB: of each of "a", "b" and "z" bits of the largest tile, twice, or of all of it
        where it stays; `beside`: bits of other tiles, those of a B that is unfolded from what stays among them."""
        kept = {"a": self.a_kept, "b": self.b_kept, "z": self.z_kept}
        need = sum({"no": 2 * tiles[name], "glb": whole[name], "pe": 0}[place] for name, place in kept.items())
        return (2 * beside + need) / (2 * self.half_glb_bits)

    @property
    def a_in_pes(self) -> bool:
        """Whether A stays in the PEs."""
        return self.a_kept == "pe"

    def off_chip(self, operand: str) -> int:
        """1 if "a", "b" or "z" comes from DRAM, or goes there; 0 if it stays on the chip."""
        return int(getattr(self, f"{operand}_kept") == "no")

    @property
    def bus_need(self) -> float:
        """The wider bus over the words that PEs can take or give at once."""
        ports = self.pe_rows * self.pe_cols * self.lanes
        mask_word = max(MASK_BITS, MASK_BITS_A_LANE * self.lanes)
        values = self.value_bus_bits / (ports * self.accumulator_bits)
        return max(values, self.index_bus_bits * self.lanes / (ports * mask_word))

    @property
    def holds_a(self) -> bool:
        """Whether A is held in the PEs beside B."""
        return self.residency == "ab"

    def sends_of_a(self, passes: np.ndarray) -> np.ndarray | int:
        """How often A's tile is sent to the array in visits of so many column passes."""
        if self.a_in_pes:
            return 0
        return 1 if self.holds_a else passes

    @property
    def fetches_rows(self) -> bool:
        """Whether each entry of A asks the GLB for its row of B."""
        return self.residency == "fetch"

    @property
    def is_inner(self) -> bool:
        """Whether each result comes from a row of A and a column of B; likewise the outer product."""
        return self.dataflow == "inner_product"

    @property
    def is_outer(self) -> bool:
        """See `is_inner`."""
        return self.dataflow == "outer_product"

    @property
    def deals_evenly(self) -> bool:
        """Whether, by `balanced`, no queue gets more rows than others must: the sums of all its rows are stored."""
        return self.is_outer

    @property
    def a_skips(self) -> bool:
        """Whether A's zeros take no time."""
        return self.a_zero == "skip"

    @property
    def b_skips(self) -> bool:
        """Whether B's zeros take no time."""
        return self.b_zero == "skip"

    @property
    def works_by_rows(self) -> bool:
        """Whether the work of every row that is not empty is one: the units walk it against whole columns."""
        return self.is_inner and INTERSECTION_RECORDS[self.intersection_index].rows_alike

    @property
    def intersection_index(self) -> int:
        """Place of the intersection unit in `INTERSECTIONS`, for compiled code."""
        return INTERSECTIONS.index(self.intersection)

    def schedule_index(self, alike: bool = False) -> int:
        """Place of the schedule in `SCHEDULES`, for compiled code; rows all `alike` go around if dealt by work."""
        schedule = SCHEDULES.index(self.schedule)
        return CYCLIC if alike and SCHEDULE_RECORDS[schedule].by_work else schedule

    def unskipped(self, padding: np.ndarray, a_zeros: np.ndarray, b_zeros: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ineffectual, gated) of the MACs that meet padding of a compressed operand, which is gated, a zero of A, or
        a non-zero of A and a zero of B (docs/machine.md, section 3)."""
        gated = padding + a_zeros * (self.a_zero == "gate") + b_zeros * (self.b_zero == "gate")
        return padding + a_zeros + b_zeros - gated, gated

    def tile(self, loop: str) -> int:
        """Tile size of a loop, "m", "k" or "n"."""
        return getattr(self, f"tile_{loop}")

    def widths(self, rows: str, columns: str) -> Widths:
        """Widths of the metadata of an operand indexed by two loops."""
        return widths_of(self.value_bits, self.tile(rows), self.tile(columns))


def make_concrete_design(hardware: Hardware, mapping: Mapping) -> ConcreteDesign:
    """The design in whole numbers and names, the heaviest name of each choice; InputError for a broken size."""
    numbers = {name: _whole(name, getattr(hardware, name)) for name in HARDWARE_NUMBERS}
    numbers |= {name: _whole(name, getattr(mapping, name)) for name in MAPPING_NUMBERS}
    words = {name: name_of(getattr(mapping, name), names) for name, names in MAPPING_CHOICES.items()}
    words |= {"dataflow": mapping.dataflow, "intersection": name_of(hardware.intersection, INTERSECTIONS)}
    design = ConcreteDesign(**numbers, **words)
    if design.accumulators < 1:
        raise InputError(
            f"accumulator_bytes is {design.accumulator_bytes}, less than a word of {design.accumulator_bits} bits for "
            f"each of {design.lanes} lanes; give each lane of a PE room for one."
        )
    return design


def require_legal(design: ConcreteDesign, family: str) -> ConcreteDesign:
    """The design; InputError where its mapping is not legal for kernels of a family (`legality.FAMILIES`)."""
    words = {name: value for name, value in dataclasses.asdict(design).items() if isinstance(value, str)}
    wrong = illegality(words, family)
    if wrong:
        raise InputError(f"The mapping cannot run: {wrong}.")
    return design


def _whole(name: str, value) -> int:
    number = float(np.asarray(value))
    if not number.is_integer() or number < 1:
        raise InputError(f"{name} is {number:g}; the simulator builds designs in whole numbers of at least 1.")
    return int(number)
