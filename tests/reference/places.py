"""Section 4, where everything lives: shares of A and B, groups of a pass, need over capacity, sizes of stores."""

from dataclasses import dataclass
from math import inf

from .design import MASK_BITS, SLOTS, Design, bits_to_number, ceil_div
from .pe import Limits
from .placement import conflicts
from .schedule import deal
from .storage import GROUP, RUN_BITS, Tile, Widths


@dataclass
class Plan:
    """Groups of a pass (nominal tile), needs over capacity, where sums are formed, and the sizes that are enforced."""

    u: int
    fits: dict[str, float]
    sums_in: str
    limits: Limits


@dataclass
class Share:
    """The most of A that a queue has in any visit: stored entries, and rows that are queued."""

    entries: int
    rows: int

    def bits(self, stored_as: str, w: int, widths: Widths, occupancy: int) -> int:
        """The same in A's format."""
        v = widths.value
        if stored_as == "dense":
            return self.rows * w * v
        if stored_as == "bitmask":
            return self.entries * v + self.rows * w
        if stored_as in GROUP:
            group = GROUP[stored_as]
            return self.rows * ceil_div(w, group) * occupancy * (v + bits_to_number(group))
        if stored_as in ("csc", "coo"):
            return self.entries * (v + widths.row + widths.column)
        return (
            self.entries * (v + (RUN_BITS if stored_as == "rle" else widths.column)) + (self.rows + 1) * widths.pointer
        )


def share_of(pairs: list[tuple[Tile, Tile]], hands: list[list[list[int]]], h: int, design: Design) -> Share:
    """The largest share of a queue; each number its own maximum."""
    share = Share(0, 0 if design.a_zero == "skip" else ceil_div(h, design.P))
    for (a, _), queues in zip(pairs, hands, strict=True):
        for rows in queues:
            share.entries = max(share.entries, sum(a.stored_in_row[i] for i in rows))
            share.rows = max(share.rows, sum(1 for i in rows if a.in_row[i]))
    return share


def plan(
    pairs: list[tuple[Tile, Tile]],
    hands: list[list[list[int]]],
    b_tiles: list[Tile],
    extents: tuple[int, int, int],
    a_tiles: int,
    design: Design,
) -> Plan:
    """Places of a product; `extents` are h, w and n' of the nominal tile, `b_tiles` all tiles of B."""
    d, (h, w, columns) = design, extents
    share = share_of(pairs, hands, h, d)
    share_a = share_a_bits(share, pairs[0][0], w, d) if pairs and d.holds_a(d.b_zero == "skip") else 0
    if d.a_kept == "pe" and d.a_format == "csc" and pairs:  # a queue numbers its own rows, and has its own pointers
        own = bits_to_number(ceil_div(h, d.P))
        pointer = own + bits_to_number(d.tile_k) + 1
        share_a = share.entries * (d.value_bits + max(own, 1)) + (w + 1) * pointer
    if d.a_kept == "pe":  # all tiles beside each other, but in no second buffer
        share_a = share_a * a_tiles / 2
    slots = 2 * share.rows if d.dataflow == "outer_product" else SLOTS
    u = groups_of_a_pass(ceil_div(columns, d.W), slots, d.buffer_half_bits - share_a, w, d)
    need = share_a + part_b_bits(b_tiles, w, u, d)
    words = slots * d.L * (1 if d.dataflow == "inner_product" else u)
    fits = {
        "pe_buffer": need / d.buffer_half_bits,
        "accumulator": max(words, SLOTS * d.lanes) / d.accumulators,
        "bus": bus_need(d),
    }
    held = fits["pe_buffer"] <= 1
    limits = Limits(
        share_a if held else inf,
        d.buffer_half_bits - share_a if held else inf,
        d.accumulators if words <= d.accumulators else inf,
    )
    if d.dataflow == "outer_product":
        return Plan(u, fits, "passes", limits)
    return Plan(u, fits, "rows" if d.dataflow == "gustavson" and u > 1 else "registers", limits)


def groups_of_a_pass(groups: int, slots: int, room: float, w: int, design: Design) -> int:
    """u: as many groups as part B and the accumulators have room for; all of a B that skips or is fetched."""
    d = design
    if d.b_zero == "skip" or d.residency == "fetch":
        return groups
    if d.dataflow == "inner_product":
        return 1
    return max(1, min(groups, int(room // (w * d.L * d.value_bits)), d.accumulators // (max(slots, 1) * d.L)))


def share_a_bits(share: Share, a: Tile, w: int, design: Design) -> int:
    """Bits of part A: the share in A's format, or for each lane decoded, expanded, or with its masks."""
    d, v = design, a.widths.value
    if not (d.dataflow == "inner_product" and d.b_zero == "skip"):
        return share.bits(d.a_format, w, a.widths, a.occupancy)
    if d.a_zero != "skip":
        return d.L * share.rows * w * v
    if d.intersection == "bitmask":
        return d.L * share.bits("bitmask", w, a.widths, 0)
    return d.L * (share.entries * (v + a.widths.column) + share.rows * a.widths.pointer)


def columns_of_b_bits(b_tiles: list[Tile], w: int, design: Design) -> int:
    """Bits of part B where lanes walk columns: entries and non-empty columns of the fullest lane, each in any tile."""
    d, v = design, design.value_bits
    entries = columns = 0
    for tile in b_tiles:
        for lane in deal(tile.column_nonzeros, d.W, d.schedule):
            entries = max(entries, sum(len(tile.in_column[j]) for j in lane))
            columns = max(columns, sum(1 for j in lane if tile.in_column[j]))
    widths = b_tiles[0].widths
    if d.a_zero == "skip" and d.intersection == "leader_follower":
        return d.L * columns * w * (v + 1)
    if d.a_zero == "skip" and d.intersection == "bitmask":
        return d.L * (entries * v + columns * w)
    return d.L * (entries * (v + widths.row) + (columns + 1) * widths.pointer)


def part_b_bits(b_tiles: list[Tile], w: int, u: int, design: Design) -> int:
    """Bits that part B needs."""
    d = design
    if d.dataflow == "inner_product" and d.b_zero == "skip":
        return columns_of_b_bits(b_tiles, w, d)
    if d.residency == "fetch":
        return 0
    if d.b_zero == "skip":
        fullest = max(sum(conflicts(tile, d)) for tile in b_tiles)
        return fullest * d.L * (d.value_bits + b_tiles[0].widths.column + 1)
    if d.lanes_on == "k":
        return w * d.value_bits * (d.L if d.a_zero == "skip" else 1)
    return u * w * d.L * d.value_bits


def bus_need(design: Design) -> float:
    """The wider bus over what PEs take or give at once, of all PEs and lanes that there are."""
    d = design
    pes = d.pe_rows * d.pe_cols
    return max(
        d.value_bus_bits / (d.lanes * d.accumulator_bits * pes),
        d.index_bus_bits / (max(MASK_BITS, 16 * d.lanes) * pes),
    )
