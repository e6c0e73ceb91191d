"""A design in plain numbers and names, what a run of it returns, and which designs are legal."""

from dataclasses import dataclass

import numpy as np

RESOURCES = ("compute", "intersect", "index_bus", "value_bus", "glb", "dram")
ROW_ORDER = ("csr", "rle")
COLUMN_ORDER = ("csc",)


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
    a_format: str
    b_format: str
    a_zero: str
    b_zero: str
    schedule: str

    @property
    def width(self) -> int:
        """Columns of B worked on at once: W = C L."""
        return self.pe_cols * self.lanes

    @property
    def accumulators(self) -> int:
        """Accumulator words of a PE."""
        return self.accumulator_bytes * 8 // self.accumulator_bits

    @property
    def buffer_half_bits(self) -> int:
        """Half the operand buffer of a PE."""
        return self.pe_buffer_bytes * 8 // 2

    @property
    def a_is_resident(self) -> bool:
        """The outer product streams both operands: there nothing is resident."""
        return self.dataflow != "outer_product" and self.residency == "a"

    @property
    def b_is_resident(self) -> bool:
        """See `a_is_resident`."""
        return self.dataflow != "outer_product" and self.residency == "b"


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


def ceil_div(count: int, size: int) -> int:
    """Groups of `size` that `count` things fill; none if there is nothing."""
    return -(-count // size)


def bits_to_number(count: int) -> int:
    """Bits of the numbers 0 .. count - 1."""
    return (count - 1).bit_length()


def illegal(design: Design, b_is_dense: bool) -> str | None:
    """Why this design cannot run, None if it can."""
    for operand, stored, zero in (("A", design.a_format, design.a_zero), ("B", design.b_format, design.b_zero)):
        if stored == "dense" and zero == "skip":
            return f"{operand} is stored dense and cannot skip"
    if b_is_dense and design.b_format != "dense":
        return "a dense B is stored dense"
    if design.a_format in (COLUMN_ORDER if design.dataflow != "outer_product" else ROW_ORDER):
        return f"{design.dataflow} cannot walk A stored as {design.a_format}"
    if design.b_format in (COLUMN_ORDER if design.dataflow != "inner_product" else ROW_ORDER):
        return f"{design.dataflow} cannot walk B stored as {design.b_format}"
    if design.accumulators < 1:
        return "a PE has no accumulator word"
    return None
