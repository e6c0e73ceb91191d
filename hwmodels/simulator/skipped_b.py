"""What the array does in Gustavson's dataflow and the outer product where B skips: conflicts of owners decide."""

from typing import NamedTuple

import numpy as np

from hwmodels.simulator.concrete_design import MASK_BITS, ConcreteDesign
from hwmodels.simulator.counters import ArrayWork
from hwmodels.simulator.dense_loads import ROWS as QUEUED_ROWS
from hwmodels.simulator.dense_loads import STORED as STORED_ENTRIES
from hwmodels.simulator.meetings import MetRows
from hwmodels.simulator.places import Places, ceil_div, hold_slots, share_of
from hwmodels.simulator.sparse_loads import COMPUTE, DECODE, ROWS, STORED, walk_rows
from hwmodels.simulator.sparse_operands import AEntries, ATiles, BRowParts
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.unskipped_b import column_mask_cycles, queue_loads
from hwmodels.simulator.visits import Numbering, TileVisits


class WalkPlan(NamedTuple):
    """What compiled code must know of the machine."""

    queues: int
    schedule: int
    evenly: bool
    unit: int
    by_rows: bool
    """The work of a row that is not empty is one."""
    mask_bits: int
    """Positions of a row's mask that a decoder takes a cycle, 0 without masks."""
    least: int
    """Steps of an entry of A that meets no row of B."""


def plan_of(design: ConcreteDesign, a: StoredOperand) -> WalkPlan:
    """The plan of a product of which both operands skip."""
    return WalkPlan(
        queues=design.queues,
        schedule=design.schedule_index(),
        evenly=design.deals_evenly,
        unit=design.intersection_index,
        by_rows=design.works_by_rows,
        mask_bits=MASK_BITS if a.format.has_mask and not design.is_outer else 0,
        least=0 if leaves_columns_out(design, a) else 1,
    )


def leaves_columns_out(design: ConcreteDesign, a: StoredOperand) -> bool:
    """Whether columns of A whose row of B is empty are not sent."""
    by_columns = a.format.pointers == "columns" or a.format.has_mask
    return design.is_outer and design.a_skips and design.b_skips and by_columns


def slot_word_bits(design: ConcreteDesign) -> int:
    """Bits of a word of L slots: a value, its column, and whether it is used."""
    return design.active_lanes * (design.value_bits + design.widths("k", "n").column + 1)


def work_on_skipped_b(
    design: ConcreteDesign,
    stored: tuple[StoredOperand, StoredOperand],
    operands: tuple[ATiles, AEntries, BRowParts],
    visits: TileVisits,
    numbering: Numbering,
    meetings: MetRows,
) -> tuple[ArrayWork, Places]:
    """What keeps the array busy in each visit, all in one column pass, and what is held in the PEs."""
    (a, b), (_, _, right) = stored, operands
    h, stored_entries, met = a.height[visits.a], a.entries[visits.a], meetings.met
    entries = stored_entries if design.a_skips else h * a.width[visits.a]
    if design.a_skips:
        found = numbering.in_order(walk_rows(plan_of(design, a), *operands, len(visits)))
        compute, decode = found[:, COMPUTE], found[:, DECODE]
        if leaves_columns_out(design, a):
            entries = stored_entries = met.rows
            decode = decode + b.rows_touched[visits.b] * column_mask_cycles(design, a)[visits.a]
        most, rows = found[:, STORED], found[:, ROWS]
    else:
        met_a_row = met.steps // h
        empty_rows = a.width[visits.a] - b.rows_touched[visits.b]
        compute = ceil_div(h, design.queues) * (met_a_row + empty_rows)
        decode, loads = np.zeros_like(compute), queue_loads(design, a)[visits.a]
        most, rows = loads[:, STORED_ENTRIES], loads[:, QUEUED_ROWS]
    most_words = int(np.bincount(right.tile, right.steps, 1).max())
    port = np.zeros_like(compute) if design.fetches_rows else meetings.sent.steps
    work = ArrayWork(
        compute=compute + design.pass_cycles,
        decode=decode + design.pass_cycles,
        buffer_port=port,
        passes=np.ones_like(compute),
        entries=entries,
        decoded=stored_entries,
        word_steps=met.steps,
        words=port * design.queue_sharers,
    )
    return work, hold_slots(design, a, b, share_of(design, a, most, rows), most_words * slot_word_bits(design))
