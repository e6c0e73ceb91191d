"""Section 5, buses: what crosses them in a visit, in how many cycles, and how far each bit is sent."""

from dataclasses import dataclass, field

from .design import Design, bits_to_number, ceil_div
from .placement import queued_rows, sent_columns, sent_rows
from .storage import BLOCK, Encoded, Tile, block_widths

POINTER_READ_BITS = 64


@dataclass
class Stream:
    """Bits of values and of metadata."""

    value: float = 0.0
    index: float = 0.0

    @property
    def bits(self) -> float:
        return self.value + self.index


@dataclass
class Sent:
    """What crosses the buses in a visit; rows that are fetched, each by itself; entries that are decoded."""

    a: Stream = field(default_factory=Stream)
    a_times: int = 1
    a_taken: float = 0.0
    """Bits of A that are written to a queue, or to part A, each time."""
    b: Stream = field(default_factory=Stream)
    z: Stream = field(default_factory=Stream)
    rows_of_a: Stream = field(default_factory=Stream)
    """Rows of the dense A of an SDDMM, whose S takes the place of A."""
    fetched: list[Stream] = field(default_factory=list)
    pointer_reads: int = 0
    a_entries: int = 0
    passes: int = 1
    b_entries: int = 0

    def total(self, bus: str) -> float:
        """All bits of a bus, "value" or "index"."""
        return self._packed(bus) + sum(getattr(row, bus) for row in self.fetched)

    def cycles(self, bus: str, width: int) -> float:
        """Cycles of a bus: rows that are fetched take whole ones."""
        rows = sum(ceil_div(getattr(row, bus), width) for row in self.fetched)
        return self._packed(bus) / width + rows

    def _packed(self, bus: str) -> float:
        once = sum(getattr(stream, bus) for stream in (self.b, self.z, self.rows_of_a))
        return self.a_times * getattr(self.a, bus) + once

    @property
    def fetched_bits(self) -> float:
        return sum(row.bits for row in self.fetched)


def stored_entries(tile: Encoded) -> int:
    """Entries that a decoder turns into coordinates: non-zeros, and the padding of RLE; none of a dense tile."""
    if tile.stored_as == "dense":
        return 0
    return len(tile.values) if tile.stored_as == "rle" else sum(value != 0 for value in tile.values)


def stream_of_a(a: Tile, columns: list[int]) -> Stream:
    """A as its queues take it, of the columns that are sent: pointers of queued rows, or numbers of columns."""
    v = a.widths.value
    entries = sum(a.stored_in_column[k] for k in columns)
    if a.stored_as == "csc":
        return Stream(entries * v, entries * (a.widths.row + a.widths.column))
    if a.stored_as == "bitmask":
        return Stream(entries * v, len(columns) * a.shape[0])
    if a.stored_as == "bcsr":
        column_bits, pointer_bits = block_widths(a.widths)
        rows_of_blocks = len(a.encoded.values) // BLOCK
        return Stream(a.encoded.value_bits, rows_of_blocks * column_bits + len(queued_rows(a)) * pointer_bits)
    index = a.encoded.metadata_bits
    if a.stored_as in ("csr", "rle"):
        index += (len(queued_rows(a)) - a.shape[0] - 1) * a.widths.pointer
    return Stream(a.encoded.value_bits, index)


def taken(tile: Tile, sent: float) -> float:
    """Bits that are written of a tile of which so many are sent: BCSR is decoded where it arrives."""
    return len(tile.stored) * (tile.widths.value + tile.widths.column) if tile.stored_as == "bcsr" else sent


def row_of_b(b: Tile, k: int) -> Stream:
    """A row of B that is fetched: its pointers stay behind."""
    row = b.part_of((k,))
    pointers = 2 * b.widths.pointer if b.stored_as in ("csr", "rle") else 0
    return Stream(row.value_bits, row.metadata_bits - pointers)


def send(a: Tile, b: Tile, results: int, passes: int, dense_z: bool, design: Design) -> Sent:
    """Bits on the buses in one visit of a product."""
    d, sent = design, Sent(passes=passes)
    columns, rows = sent_columns(a, b, d), sent_rows(a, b, d)
    sent.a = stream_of_a(a, columns)
    sent.a_taken = taken(a, sent.a.bits)
    sent.a_times = 1 if d.holds_a(b.skips) or d.residency == "fetch" else passes
    if d.a_kept == "pe":
        sent.a_times = 0
    if a.stored_as != "dense":
        sent.a_entries = sum(a.stored_in_column[k] for k in columns)
    if d.residency == "fetch":
        asked = [k for _, k, _, _ in a.worked]
        met = [k for k in asked if b.in_row[k]]
        sent.fetched = [row_of_b(b, k) for k in met]
        sent.pointer_reads = len(asked) * POINTER_READ_BITS if b.stored_as in ("csr", "rle") else 0
        sent.b_entries = sum(stored_entries(b.part_of((k,))) for k in met)
    else:
        part = b.encoded if len(rows) == b.shape[0] else b.part_of(tuple(rows))
        sent.b = Stream(part.value_bits, part.metadata_bits)
        sent.b_entries = stored_entries(part)
    coordinate = 0 if dense_z else max(1, bits_to_number(d.tile_n))
    sent.z = Stream(results * d.accumulator_bits, results * coordinate)
    return sent


def hops(bits: dict[str, float], design: Design) -> float:
    """Bits by those who hear them, "one", "row", "column" or "all" PEs, times the pitches of PEs that they travel."""
    rows, columns = design.pe_rows, design.pe_cols
    pitches = {
        "one": (rows + columns) / 2,
        "row": columns + rows / 2,
        "column": rows + columns / 2,
        "all": rows + rows * columns,
    }
    return sum(pitches[who] * count for who, count in bits.items())


def product_hops(sent: Sent, design: Design) -> float:
    """A goes to those who share its queue, B to those who hold the same columns; all else to one PE."""
    a_to, b_to = ("one", "all") if design.columns_on == "m" else ("row", "column")
    a_bits = sent.a_times * sent.a.bits + sent.rows_of_a.bits
    sums = [(a_to, a_bits), (b_to, sent.b.bits), ("one", sent.z.bits + sent.fetched_bits)]
    return sum(hops({who: bits}, design) for who, bits in sums)
