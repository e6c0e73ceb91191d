"""Where operands and results of a visit lie in a PE, and so how many groups of columns are worked on in a pass.

Sizes are of the nominal tile (docs/machine.md, section 4): what the firmware can guarantee before it runs.
"""

from typing import NamedTuple

from hwmodels.formats.encoders.rates import rates_of
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import PerVisit
from hwmodels.simulator.stored_operand import StoredOperand

SLOTS = 4
"""Rows whose sums a PE has begun or is sending away; the outer product keeps the sums of all rows twice."""


class QueueShare(NamedTuple):
    """The most stored entries, and the most queued rows, that a queue of A has in any visit."""

    entries: int
    rows: int


class Places(NamedTuple):
    """Groups of columns that a pass works on, and needs over capacity of the operand buffer and the accumulators."""

    groups_a_pass: int
    pe_buffer: float
    accumulator: float

    def sums_in_accumulators(self, design: ConcreteDesign) -> bool:
        """Whether partial sums are read and written for each MAC, not kept in registers until a row is done."""
        return design.is_outer or (design.dataflow == "gustavson" and self.groups_a_pass > 1)


def ceil_div(count, size):
    """Groups of `size` that `count` things fill (numbers or arrays); none if there is nothing."""
    return -(-count // size)


def groups_of(design: ConcreteDesign, columns):
    """Groups of W columns (numbers or arrays)."""
    return ceil_div(columns, design.width)


def passes_of(design: ConcreteDesign, columns: PerVisit, places: Places) -> PerVisit:
    """Column passes of visits with so many columns of B."""
    return ceil_div(groups_of(design, columns), places.groups_a_pass)


def share_bits(design: ConcreteDesign, a: StoredOperand, share: QueueShare) -> int:
    """Bits of a queue's share of A in A's format."""
    if a.format.pointers == "columns":
        return share.entries * (a.widths.value + a.widths.row + a.widths.column)
    return rates_of(a.format.name, a.widths, _depth(a), a.slots).bits(share.entries, share.rows)


def hold_unskipped_b(design: ConcreteDesign, a: StoredOperand, columns: int, share: QueueShare) -> Places:
    """Places where B does not skip, and is at most so many columns wide: words of L values."""
    depth, groups, word_bits = _depth(a), groups_of(design, columns), design.active_lanes * design.value_bits
    held = share_bits(design, a, share) if design.holds_a else 0
    sums = results_words(design, share) * design.active_lanes
    if design.is_inner:
        one_lane = design.lanes_are_on_k and not design.a_skips
        b_bits = depth * (design.value_bits if one_lane else word_bits)
        return _places(design, 1, held + b_bits, sums)
    if design.fetches_rows:
        return _places(design, groups, 0, groups * sums)
    room = design.half_buffer_bits - held
    most = min(groups, room // (depth * word_bits), design.accumulators // max(sums, 1))
    passes_over = max(1, most)
    return _places(design, passes_over, held + passes_over * depth * word_bits, passes_over * sums)


def results_words(design: ConcreteDesign, share: QueueShare) -> int:
    """Accumulator words that a PE needs for each lane and each group of columns of a pass."""
    return 2 * share.rows if design.is_outer else SLOTS


def _places(design: ConcreteDesign, groups_a_pass: int, buffer_bits: int, words: int) -> Places:
    words = max(words, SLOTS * design.lanes)
    return Places(groups_a_pass, buffer_bits / design.half_buffer_bits, words / design.accumulators)


def _depth(a: StoredOperand) -> int:
    """Columns of a nominal tile of A."""
    return min(a.tile[1], a.shape[1])
