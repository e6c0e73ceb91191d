"""Compression formats, one record each: what a format stores, in what order it is walked, and what decodes it.

Names, named indices, legality, sizes, the decoders' parts and help texts follow from the records; docs/machine.md,
section 2, is the law.
"""

import dataclasses
from typing import Literal, NamedTuple

from workloads.statistics.block_counts import BLOCK
from workloads.statistics.row_segments import RLE_RUN_BITS

DIRECTORY_BITS = 64
"""Base address and length of one compressed tile."""


class DecoderParts(NamedTuple):
    """Circuits that decode one entry a cycle; a design of this project, not a published one."""

    adders: float = 0.0
    comparators: float = 0.0
    encoders: float = 0.0
    """Priority encoders, of a bitmask's word."""
    multiplexers: float = 0.0
    """Two-to-one multiplexers of values."""


@dataclasses.dataclass(frozen=True)
class Format:
    """One format: an entry is a stored value with the metadata beside it."""

    name: str
    help: str
    decoder: DecoderParts
    values: Literal["position", "nonzero", "slot", "block"] = "nonzero"
    """What has places for values: every position, every non-zero, every slot of a group, or every block in full."""
    coordinates: tuple[Literal["row", "column"], ...] = ()
    """What each entry, or block, tells of its place."""
    run_bits: int = 0
    """Width of the run of zeros before each entry; a longer run takes padding entries."""
    pointers: Literal["rows", "columns"] | None = None
    """An array of pointers, one for each row (of blocks) or column of the tile and one for the end."""
    position_bits: int = 0
    """Metadata of every position."""
    group: int = 0
    """Neighbours along a row that share the slots of N:M; 0: no groups."""
    block: int = 0
    """Side of the square blocks that are stored in full; 0: no blocks."""
    order: Literal["rows", "columns", "either"] = "either"
    """In what order the tile can be walked."""
    rows_addressable: bool = True
    """Whether the machine can select single rows."""
    stand_in: str | None = None
    """The format that takes its place where the other order is walked."""

    @property
    def is_dense(self) -> bool:
        """Whether every position has a value."""
        return self.values == "position"

    @property
    def has_mask(self) -> bool:
        """Whether every position has a bit that says whether it is a non-zero."""
        return self.position_bits > 0

    @property
    def has_runs(self) -> bool:
        """Whether entries tell the zeros before them, so that some are padding."""
        return self.run_bits > 0

    @property
    def longest_run(self) -> int:
        """Positions that an entry covers at most; 0 without runs."""
        return 1 << self.run_bits if self.has_runs else 0

    @property
    def block_octaves(self) -> int:
        """Bits by which coordinates of blocks are narrower than those of entries; 0 without blocks."""
        return (max(self.block, 1) - 1).bit_length()

    @property
    def offset_bits(self) -> int:
        """Width of a slot's place in its group; 0 without groups."""
        return (max(self.group, 1) - 1).bit_length()


def n_of_m(group: int) -> Format:
    """Fixed-structured N:M in groups of M: the multiplexer is one of `group` to one."""
    return Format(
        f"nm{group}",
        f"a fixed number of slots in each group of {group} neighbours along a row",
        DecoderParts(multiplexers=group - 1.0),
        values="slot",
        group=group,
    )


FORMAT_RECORDS = (
    Format(
        "dense",
        "every value",
        DecoderParts(multiplexers=1.0),  # a wire; one multiplexer stands for the bypass
        values="position",
    ),
    Format(
        "bitmask",
        "a bit for each position, and the non-zeros",
        DecoderParts(adders=1.0, encoders=1.0),  # priority encoder, position added to the base
        position_bits=1,
    ),
    Format(
        "rle",
        "the run of zeros before each non-zero, rows by pointer",
        DecoderParts(adders=1.0),  # running sum of the zero runs
        run_bits=RLE_RUN_BITS,
        pointers="rows",
        order="rows",
        stand_in="csc",
    ),
    Format(
        "csr",
        "the column of each non-zero, rows by pointer",
        DecoderParts(adders=2.0),  # pointer subtraction, entry counter
        coordinates=("column",),
        pointers="rows",
        order="rows",
        stand_in="csc",
    ),
    Format(
        "csc",
        "the row of each non-zero, columns by pointer",
        DecoderParts(adders=2.0),  # as of csr
        coordinates=("row",),
        pointers="columns",
        order="columns",
        rows_addressable=False,
        stand_in="csr",
    ),
    Format(
        "coo",
        "the row and the column of each non-zero",
        DecoderParts(comparators=2.0),  # row and column compared with the current ones
        coordinates=("row", "column"),
        rows_addressable=False,
    ),
    n_of_m(4),
    n_of_m(8),
    Format(
        "bcsr",
        "blocks of 4 x 4 that hold a non-zero, in full, rows of blocks by pointer",
        # As of csr; of 16 values those that are zero are found (as 8 comparators: a guess), the next other one is
        # encoded and selected.
        DecoderParts(adders=2.0, comparators=8.0, encoders=0.25, multiplexers=15.0),
        values="block",
        coordinates=("column",),
        pointers="rows",
        block=BLOCK,
        order="rows",
        rows_addressable=False,
        stand_in="csc",
    ),
)
"""All formats that the models know, in the order of the weight vectors: append."""

FORMATS = tuple(record.name for record in FORMAT_RECORDS)
FORMAT_OF = {record.name: record for record in FORMAT_RECORDS}

ROW_ORDERED, COLUMN_ORDERED = (
    tuple(record.name for record in FORMAT_RECORDS if record.order == order) for order in ("rows", "columns")
)
BLOCK_SIDES = {record.name: record.block for record in FORMAT_RECORDS if record.block}
GROUPS = {record.name: record.group for record in FORMAT_RECORDS if record.group}
STAND_INS = {record.name: record.stand_in for record in FORMAT_RECORDS if record.stand_in}
"""Format -> the one of the other order that stands in when the dataflow changes."""
DECODER_PARTS = tuple(record.decoder for record in FORMAT_RECORDS)
