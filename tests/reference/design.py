"""A design in plain numbers and names, what a run of it returns, and which designs are legal."""

from dataclasses import dataclass

import numpy as np

RESOURCES = ("compute", "decode", "index_bus", "value_bus", "buffer_port", "glb", "dram")
ROW_ORDER = ("csr", "rle", "bcsr")
COLUMN_ORDER = ("csc",)
ROWS_ADDRESSABLE = ("dense", "bitmask", "rle", "csr", "nm4", "nm8")
COLUMNS_ADDRESSABLE = ("dense", "bitmask", "csc")
SLOTS = 4
"""Rows whose sums leave or are formed at once."""
MASK_BITS = 64
ALL = 2**16


@dataclass(frozen=True)
class Design:
    """Hardware and mapping, as plain numbers and the names of `hwmodels.design.choices`."""

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
    rows_used: int = ALL
    cols_used: int = ALL
    lanes_used: int = ALL
    a_kept: str = "no"
    b_kept: str = "no"
    z_kept: str = "no"
    glb_room: int = 2**32

    @property
    def glb_bits(self) -> int:
        """What the kernel may use of the GLB."""
        return 8 * min(self.glb_bytes, self.glb_room)

    @property
    def R(self) -> int:
        """PE rows in use."""
        return min(self.pe_rows, self.rows_used)

    @property
    def C(self) -> int:
        """PE columns in use."""
        return min(self.pe_cols, self.cols_used)

    @property
    def L(self) -> int:
        """Lanes of a PE in use."""
        return min(self.lanes, self.lanes_used)

    @property
    def P(self) -> int:
        """Queues of A."""
        return self.R * self.C if self.columns_on == "m" else self.R

    @property
    def c(self) -> int:
        """PE columns that hold different columns of B."""
        return 1 if self.columns_on == "m" else self.C

    @property
    def q(self) -> int:
        """Columns of B that a PE works on at once."""
        return 1 if self.lanes_on == "k" else self.L

    @property
    def W(self) -> int:
        """Columns of B worked on at once: a group."""
        return self.c * self.q

    @property
    def sharing(self) -> int:
        """PEs that share a queue of A."""
        return self.C if self.columns_on == "n" else 1

    @property
    def holding(self) -> int:
        """PEs that hold the same columns of B."""
        return self.R if self.columns_on == "n" else self.R * self.C

    @property
    def mask_word(self) -> int:
        """Bits of mask that a decoder looks at in a cycle."""
        return max(MASK_BITS, 16 * self.L) if self.lanes_on == "k" else MASK_BITS

    @property
    def pass_cycles(self) -> int:
        """Cycles that each column pass takes beside its steps."""
        return 8 + (bits_to_number(self.L) if self.lanes_on == "k" else 0)

    @property
    def accumulators(self) -> int:
        """Accumulator words of a PE, in a bank for each lane that there is."""
        return self.lanes * (self.accumulator_bytes * 8 // (self.accumulator_bits * self.lanes))

    @property
    def buffer_half_bits(self) -> int:
        """Half the operand buffer of a PE."""
        return self.pe_buffer_bytes * 8 // 2

    def holds_a(self, b_skips: bool) -> bool:
        """Whether A is in part A of the operand buffer."""
        return self.residency == "ab" or (self.dataflow == "inner_product" and b_skips)


@dataclass(frozen=True)
class Outcome:
    """What one run took. Bits in `actions`, bytes in `traffic`, need over capacity in `fits`."""

    z: np.ndarray
    cycles: float
    resource_cycles: dict[str, float]
    bound_cycles: dict[str, float]
    fill_cycles: float
    actions: dict[str, float]
    traffic: dict[str, float]
    computes: dict[str, float]
    fits: dict[str, float]
    visits: int
    waits: int = 0
    """Cycles in which a PE waited for a drain slot, summed over PEs: in no law."""


def ceil_div(count: int, size: int) -> int:
    """Groups of `size` that `count` things fill; none if there is nothing."""
    return -(-count // size)


def bits_to_number(count: int) -> int:
    """Bits of the numbers 0 .. count - 1; ceil(log2 count)."""
    return (count - 1).bit_length()


def illegal(design: Design, b_is_dense: bool) -> str | None:
    """Why this design cannot run a product, None if it can."""
    d = design
    for operand, stored, zero in (("A", d.a_format, d.a_zero), ("B", d.b_format, d.b_zero)):
        if stored == "dense" and zero == "skip":
            return f"{operand} is stored dense and cannot skip"
    if b_is_dense and d.b_format != "dense":
        return "a dense B is stored dense"
    if d.a_format in (COLUMN_ORDER if d.dataflow != "outer_product" else ROW_ORDER):
        return f"{d.dataflow} cannot walk A stored as {d.a_format}"
    if d.b_format in (COLUMN_ORDER if d.dataflow != "inner_product" else ROW_ORDER):
        return f"{d.dataflow} cannot walk B stored as {d.b_format}"
    if d.lanes_on == "k" and (d.dataflow != "inner_product" or d.b_zero == "skip"):
        return "lanes on k add up the products of an inner product whose B does not skip"
    if d.residency == "fetch" and (d.dataflow != "gustavson" or d.b_format not in ROWS_ADDRESSABLE):
        return "rows of B are fetched in Gustavson's dataflow, from a format whose rows have addresses"
    if d.a_kept == "pe" and (d.residency != "ab" or (d.b_zero == "skip" and d.schedule == "balanced")):
        return "A stays in PEs that hold it, and whose rows are dealt alike in all visits"
    if d.a_kept == "pe" and d.dataflow == "inner_product" and d.b_zero == "skip":
        return "lanes that walk fibers hold A decoded"
    if d.z_kept != "no" and not b_is_dense:
        return "nobody knows the places of a sparse Z before it is made"
    if d.accumulators < 1:
        return "a lane has no accumulator word"
    return None
