"""Size in bits from counts alone: the table of docs/machine.md, section 2, as rates per entry and per row of a tile.

`tests/test_encoders.py` holds these to what `encode` really makes; the simulator prices each tile it moves with them.
"""

import dataclasses

from hwmodels.formats.encoders.coordinates import RUN_BITS
from hwmodels.formats.encoders.encoded import Widths, bits_for
from hwmodels.formats.encoders.tile import GROUPS
from workloads.errors import InputError

DIRECTORY_BITS = 64
"""Base address and length of one compressed tile."""


@dataclasses.dataclass(frozen=True)
class Rates:
    """Bits of a tile: so many for each stored entry (non-zeros, and padding of RLE), for each row, and fixed."""

    value_entry: int
    value_row: int
    metadata_entry: int
    metadata_row: int
    metadata_fixed: int

    def value_bits(self, entries, rows):
        """Bits of values of a tile (numbers or arrays)."""
        return self.value_entry * entries + self.value_row * rows

    def metadata_bits(self, entries, rows):
        """Bits of metadata of a tile (numbers or arrays)."""
        return self.metadata_entry * entries + self.metadata_row * rows + self.metadata_fixed

    def bits(self, entries, rows):
        """Bits of a tile (numbers or arrays)."""
        return self.value_bits(entries, rows) + self.metadata_bits(entries, rows)


def rates(format: str, widths: Widths, columns: int, slots: int = 0) -> Rates:
    """Rates of a format for tiles of `columns` columns; `slots` in each group of N:M. InputError for other formats."""
    v, pointer = widths.value, widths.pointer
    if format == "dense":
        return Rates(0, columns * v, 0, 0, 0)
    if format == "bitmask":
        return Rates(v, 0, 0, columns, 0)
    if format == "rle":
        return Rates(v, 0, RUN_BITS, pointer, pointer)
    if format == "csr":
        return Rates(v, 0, widths.column, pointer, pointer)
    if format == "csc":
        return Rates(v, 0, widths.row, 0, (columns + 1) * pointer)
    if format == "coo":
        return Rates(v, 0, widths.row + widths.column, 0, 0)
    if format not in GROUPS:
        raise InputError(f"the size of format '{format}' does not follow from counts of entries and rows.")
    stored = -(-columns // GROUPS[format]) * slots
    return Rates(0, stored * v, 0, stored * bits_for(GROUPS[format]), 0)
