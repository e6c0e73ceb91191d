"""Size in bits from counts alone: what the records say, as rates per entry, row and block of a tile.

`tests/test_encoders.py` holds these to what `encode` really makes; the simulator prices each tile it moves with them.
"""

import dataclasses

from hwmodels.formats.encoders.encoded import Widths
from hwmodels.formats.records import FORMAT_OF
from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class Rates:
    """Bits of a tile: so many for each stored entry (non-zeros, and padding of RLE), for each row, for each block and
    each row of blocks, and fixed."""

    value_entry: int
    value_row: int
    metadata_entry: int
    metadata_row: int
    metadata_fixed: int
    value_block: int
    metadata_block: int
    metadata_block_row: int
    side: int
    """Of a block; 1 if there are none."""

    def value_bits(self, entries, rows, blocks):
        """Bits of values of a tile (numbers or arrays)."""
        return self.value_entry * entries + self.value_row * rows + self.value_block * blocks

    def metadata_bits(self, entries, rows, blocks):
        """Bits of metadata of a tile (numbers or arrays)."""
        of_blocks = self.metadata_block * blocks + self.metadata_block_row * -(-rows // self.side)
        return self.metadata_entry * entries + self.metadata_row * rows + of_blocks + self.metadata_fixed

    def bits(self, entries, rows, blocks):
        """Bits of a tile (numbers or arrays)."""
        return self.value_bits(entries, rows, blocks) + self.metadata_bits(entries, rows, blocks)


def rates_of(format: str, widths: Widths, columns: int, slots: int = 0) -> Rates:
    """Rates of a format for tiles of `columns` columns; `slots` in each group of N:M. InputError for other formats."""
    if format not in FORMAT_OF:
        raise InputError(f"the size of format '{format}' does not follow from counts of entries and rows.")
    record = FORMAT_OF[format]
    side = max(record.block, 1)
    widths = widths.of_blocks(side) if record.block else widths
    side_bits = {"row": widths.row, "column": widths.column}
    coordinates = sum(side_bits[of] for of in record.coordinates)
    by_group = -(-columns // record.group) * slots if record.group else 0
    places = columns if record.values == "position" else by_group  # of values in a row, filled or not
    fixed = {None: 0, "rows": widths.pointer, "columns": (columns + 1) * widths.pointer}
    row_pointer = widths.pointer if record.pointers == "rows" else 0
    return Rates(
        value_entry=widths.value if record.values == "nonzero" else 0,
        value_row=places * widths.value,
        metadata_entry=0 if record.block else record.run_bits + coordinates,
        metadata_row=columns * record.position_bits
        + by_group * record.offset_bits
        + (0 if record.block else row_pointer),
        metadata_fixed=fixed[record.pointers],
        value_block=record.block**2 * widths.value,
        metadata_block=coordinates if record.block else 0,
        metadata_block_row=row_pointer if record.block else 0,
        side=side,
    )
