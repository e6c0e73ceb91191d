"""Section 4, where everything lives: shares of A and of B, groups of a column pass, need over capacity, sizes of stores."""

from dataclasses import dataclass
from math import inf

from .design import MASK_BITS, SLOTS, Design, bits_to_number, ceil_div
from .pe import Limits
from .placement import conflicts
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
        return self.entries * (v + (RUN_BITS if stored_as == "rle" else widths.column)) + (self.rows + 1) * widths.pointer


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
    design: Design,
) -> Plan:
    """Places of a product; `extents` are h, w and n' of the nominal tile, `b_tiles` all tiles of B."""
    d, (h, w, columns) = design, extents
    b_skips = d.b_zero == "skip"
    groups = ceil_div(columns, d.W)
    share = share_of(pairs, hands, h, d)
    held = d.residency == "ab"
    share_a = share.bits(d.a_format, w, pairs[0][0].widths, pairs[0][0].occupancy) if held and pairs else 0
    acc, half, word = d.accumulators, d.buffer_half_bits, d.L * d.value_bits
    rows = {"inner_product": None, "gustavson": SLOTS, "outer_product": 2 * share.rows}[d.dataflow]
    if d.dataflow == "inner_product":
        u = 1
    elif b_skips or d.residency == "fetch":
        u = groups
    else:
        u = max(1, min(groups, (half - share_a) // (w * word), acc // (max(rows, 1) * d.L)))
    part_b = part_b_bits(b_tiles, w, u, d)
    words = max((rows * u if rows is not None else SLOTS) * d.L, 1)
    fits = {
        "pe_buffer": (share_a + part_b) / half,
        "accumulator": max(words, SLOTS * d.lanes) / acc,
        "bus": bus_need(d),
    }
    room = half - share_a if fits["pe_buffer"] <= 1 else inf
    limits = Limits(share_a if room < inf else inf, room, acc if words <= acc else inf)
    sums_in = "passes" if d.dataflow == "outer_product" else "rows" if rows == SLOTS and u > 1 else "registers"
    return Plan(u, fits, sums_in, limits)


def part_b_bits(b_tiles: list[Tile], w: int, u: int, design: Design) -> int:
    """Bits that part B needs, but for an inner product whose B skips."""
    d = design
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
    pes = d.pe_rows * d.pe_cols if d.columns_on == "m" else max(d.pe_rows, d.pe_cols)
    return max(
        d.value_bus_bits / (d.lanes * d.accumulator_bits * pes),
        d.index_bus_bits / (max(MASK_BITS, 16 * d.lanes) * pes),
    )
