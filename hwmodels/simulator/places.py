"""Where operands and results of a visit lie in a PE, and so how many groups of columns are worked on in a pass.

Sizes are of the nominal tile (docs/machine.md, section 4): what the firmware can guarantee before it runs.
"""

from typing import NamedTuple

from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER
from hwmodels.formats.encoders.encoded import bits_for
from hwmodels.formats.encoders.rates import rates_of
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import PerVisit
from hwmodels.simulator.stored_operand import StoredOperand

SLOTS = 4
"""Rows whose sums a PE has begun or is sending away; the outer product keeps the sums of all rows twice."""


class QueueShare(NamedTuple):
    """The most stored entries and the most queued rows that a queue of A has in any visit, and their bits as stored."""

    entries: int
    rows: int
    bits: int


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


def share_of(design: ConcreteDesign, a: StoredOperand, entries: PerVisit, rows: PerVisit) -> QueueShare:
    """The share of a queue, of the most stored entries and the most non-empty rows that one has in each visit."""
    most, queued = int(entries.max(initial=0)), int(rows.max(initial=0))
    if not design.a_skips:
        queued = ceil_div(min(a.tile[0], a.shape[0]), design.queues)
    bits = rates_of("csr" if a.format.block else a.format.name, a.widths, _depth(a), a.slots).bits(most, queued, 0)
    if a.format.pointers == "columns":
        bits = most * (a.widths.value + a.widths.row + a.widths.column)
        if design.a_in_pes:  # numbers of a queue's own rows, and pointers
            own = bits_for(ceil_div(min(a.tile[0], a.shape[0]), design.queues))
            pointer = own + bits_for(a.tile[1]) + 1
            bits = most * (a.widths.value + max(own, 1)) + (_depth(a) + 1) * pointer
    return QueueShare(most, queued, bits if len(entries) else 0)


def _held(design: ConcreteDesign, a: StoredOperand, bits: int) -> float:
    """What A, of so many bits in a visit, takes of half the buffer: where it stays it needs no second one, but has all
    its tiles beside each other."""
    return bits * a.trips[0] * a.trips[1] / 2 if design.a_in_pes else float(bits)


def hold_unskipped_b(design: ConcreteDesign, a: StoredOperand, columns: int, share: QueueShare) -> Places:
    """Places where B does not skip, and is at most so many columns wide: words of L values."""
    depth, groups, word_bits = _depth(a), groups_of(design, columns), design.active_lanes * design.value_bits
    held = _held(design, a, share.bits) if design.holds_a else 0.0
    sums = results_words(design, share) * design.active_lanes
    if design.is_inner:
        one_lane = design.lanes_are_on_k and not design.a_skips
        b_bits = depth * (design.value_bits if one_lane else word_bits)
        return _places(design, 1, held + b_bits, sums)
    if design.fetches_rows:
        return _places(design, groups, 0.0, groups * sums)
    room = design.half_buffer_bits - held
    most = min(groups, int(room // (depth * word_bits)), design.accumulators // (sums or design.active_lanes))
    groups_a_pass = max(1, most)
    return _places(design, groups_a_pass, held + groups_a_pass * depth * word_bits, groups_a_pass * sums)


def hold_slots(design: ConcreteDesign, a: StoredOperand, b: StoredOperand, share: QueueShare, b_bits: int) -> Places:
    """Places where B skips and its fullest tile takes so many bits as rows of slots: a tile is one pass."""
    groups = groups_of(design, min(b.tile[1], b.shape[1]))
    held = _held(design, a, share.bits) if design.holds_a else 0.0
    buffer_bits = 0.0 if design.fetches_rows else held + b_bits
    return _places(design, groups, buffer_bits, results_words(design, share) * design.active_lanes * groups)


def hold_pairs(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, share: QueueShare, entries: int, columns: int
) -> Places:
    """Places in the inner product where B skips: each lane has its own copy of A, and at most so many entries and
    non-empty columns of B."""
    depth, v = _depth(a), design.value_bits
    unit = design.intersection_index if design.a_skips else -1
    a_bits = share.entries * (v + a.widths.column) + share.rows * a.widths.pointer
    b_bits = entries * (v + b.widths.row) + (columns + 1) * b.widths.pointer
    if not design.a_skips:
        a_bits = share.rows * depth * v
    elif unit == LEADER_FOLLOWER:
        b_bits = columns * depth * (v + 1)
    elif unit == BITMASK_AND:
        a_bits, b_bits = share.entries * v + share.rows * depth, entries * v + columns * depth
    groups = groups_of(design, min(b.tile[1], b.shape[1]))
    return _places(design, groups, design.active_lanes * (a_bits + b_bits), SLOTS * design.active_lanes)


def hold_dot_products(design: ConcreteDesign, depth: int, columns: int) -> Places:
    """Places of an SDDMM whose tiles have so many k's and columns: a row of A, and the columns of B of a PE."""
    held = (1 + groups_of(design, columns)) * depth * design.value_bits
    return _places(design, 1, held, SLOTS * design.active_lanes)


def hold_fibers(design: ConcreteDesign, length: int) -> Places:
    """Places of an element-wise kernel whose fibers are so long: a unit led by A probes an expanded fiber of B."""
    probes = design.a_skips and design.b_skips and design.intersection_index == LEADER_FOLLOWER
    held = design.active_lanes * length * (design.value_bits + 1) if probes else 0
    return _places(design, 1, held, SLOTS * design.active_lanes)


def results_words(design: ConcreteDesign, share: QueueShare) -> int:
    """Accumulator words that a PE needs for each lane and each group of columns of a pass."""
    return 2 * share.rows if design.is_outer else SLOTS


def _places(design: ConcreteDesign, groups_a_pass: int, buffer_bits: float | int, words: int) -> Places:
    words = max(words, SLOTS * design.lanes)
    return Places(groups_a_pass, buffer_bits / design.half_buffer_bits, words / design.accumulators)


def _depth(a: StoredOperand) -> int:
    """Columns of a nominal tile of A."""
    return min(a.tile[1], a.shape[1])
