"""Size in bits from counts alone: what the records say, as rates per entry and per row of a tile.

`tests/test_encoders.py` holds these to what `encode` really makes; the simulator prices each tile it moves with them.
"""

import dataclasses

from hwmodels.formats.encoders.encoded import Widths
from hwmodels.formats.records import FORMAT_OF
from workloads.errors import InputError


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


def rates_of(format: str, widths: Widths, columns: int, slots: int = 0) -> Rates:
    """Rates of a format for tiles of `columns` columns; `slots` in each group of N:M. InputError for other formats."""
    if format not in FORMAT_OF:
        raise InputError(f"the size of format '{format}' does not follow from counts of entries and rows.")
    record = FORMAT_OF[format]
    side_bits = {"row": widths.row, "column": widths.column}
    by_group = -(-columns // record.group) * slots if record.group else 0
    places = columns if record.values == "position" else by_group  # of values in a row, filled or not
    fixed = {None: 0, "rows": widths.pointer, "columns": (columns + 1) * widths.pointer}
    return Rates(
        value_entry=widths.value if record.values == "nonzero" else 0,
        value_row=places * widths.value,
        metadata_entry=record.run_bits + sum(side_bits[side] for side in record.coordinates),
        metadata_row=columns * record.position_bits
        + by_group * record.offset_bits
        + (widths.pointer if record.pointers == "rows" else 0),
        metadata_fixed=fixed[record.pointers],
    )
