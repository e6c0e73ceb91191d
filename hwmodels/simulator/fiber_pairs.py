"""The inner product where B skips: lanes work on pairs of a row of A and a column of B."""

import numpy as np
from scipy.sparse import csr_array

from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER
from hwmodels.simulator.actions import bus_hops
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayActions, ArrayWork, Bits, BusTraffic, Fates, PerVisit
from hwmodels.simulator.pair_loads import walk_pairs
from hwmodels.simulator.places import QueueShare, ceil_div, hold_pairs, share_of
from hwmodels.simulator.product_visits import ProductVisits
from hwmodels.simulator.skipped_b import plan_of
from hwmodels.simulator.sparse_loads import COMPUTE, DECODE, ROWS, STEPS, STORED
from hwmodels.simulator.sparse_operands import AEntries, ATiles, BRowParts, b_lanes_of
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.unskipped_b import queued_rows
from hwmodels.simulator.visits import Numbering, TileVisits


def visit_pairs(
    design: ConcreteDesign,
    stored: tuple[StoredOperand, StoredOperand],
    operands: tuple[ATiles, AEntries, BRowParts],
    visits: TileVisits,
    numbering: Numbering,
    fates: Fates,
    pairs: PerVisit,
    z_traffic: tuple[Bits, Bits],
    z: csr_array,
) -> ProductVisits:
    """What each visit does in the array and sends: all of both operands, once. `pairs` of entries that meet."""
    (a, b), (tiles, left, right) = stored, operands
    lanes, fullest = b_lanes_of(design, b)
    h = a.height[visits.a]
    zero = np.zeros_like(h)
    if design.a_skips:
        found = numbering.in_order(walk_pairs(plan_of(design, a), tiles, left, right, lanes, len(visits)))
        compute, decode, steps = found[:, COMPUTE], found[:, DECODE], int(found[:, STEPS].sum())
        share = share_of(design, a, found[:, STORED], found[:, ROWS])
    else:
        rows = ceil_div(h, design.queues)
        compute, decode, steps = rows * fullest[visits.b], zero, 0
        share = QueueShare(0, int(ceil_div(min(a.tile[0], a.shape[0]), design.queues)) if len(h) else 0, 0)
    work = ArrayWork(
        compute=compute + design.pass_cycles,
        decode=decode + design.pass_cycles,
        buffer_port=fullest[visits.b],
        passes=np.ones_like(h),
        entries=a.entries[visits.a] if design.a_skips else h * a.width[visits.a],
        decoded=a.entries[visits.a],
        word_steps=zero,
        words=zero,
    )
    bus = BusTraffic(
        a_value=a.value_bits[visits.a],
        a_index=a.streamed_index_bits(queued_rows(design, a))[visits.a],
        b_value=b.value_bits[visits.b],
        b_index=b.metadata_bits[visits.b],
        z_value=fates.results * design.accumulator_bits,
        z_index=fates.results * design.widths("m", "n").column,
        b_decoded=b.decoded(b.entries[visits.b]),
    )
    places = hold_pairs(design, a, b, share, int(lanes.entries.max(initial=0)), int(lanes.columns.max(initial=0)))
    actions = _actions(design, a, b, visits, work, fates, bus, int(pairs.sum()), steps)
    return ProductVisits(work, fates, bus, z_traffic, places, actions, z)


def _actions(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    work: ArrayWork,
    fates: Fates,
    bus: BusTraffic,
    matches: int,
    steps: int,
) -> ArrayActions:
    """Actions of the lanes, whose units take so many steps and find so many matches."""
    v, coordinate = design.value_bits, a.widths.column
    unit = design.intersection_index if design.a_skips else -1
    a_entries, b_entries = int(work.entries.sum()), int(b.entries[visits.b].sum())
    if not design.a_skips:
        a_written, read = a_entries * v, fates.processed * (coordinate + 2 * v)
    elif unit == LEADER_FOLLOWER:
        a_written, read = a_entries * (v + coordinate), steps * (coordinate + v + 1) + matches * v
    else:
        a_written, read = a_entries * (v + coordinate), steps * 2 * coordinate + matches * 2 * v
    b_written = b_entries * (v + coordinate)
    if unit == LEADER_FOLLOWER:
        b_written = b_entries * (v + 1)
    elif unit == BITMASK_AND:
        masks = int((b.columns_touched[visits.b] * b.height[visits.b]).sum())
        a_written = a_entries * v + int((a.rows_touched * a.width)[visits.a].sum())
        b_written = b_entries * v + masks
    a_decoded, b_decoded = int(a.decoded(work.decoded).sum()), int(bus.b_decoded.sum())
    return ArrayActions(
        tree_adds=0,
        queue_bits=0,
        pe_buffer_read_bits=read,
        pe_buffer_write_bits=a_written * design.active_lanes * design.queue_sharers + b_written * design.queues,
        accumulator_accesses=2 * int(fates.results.sum()),
        intersection_steps=steps,
        decoded_entries=a_decoded * design.queue_sharers + b_decoded * design.queues,
        bus_hops=bus_hops(design, bus),
    )
