"""SpMSpM: both operands are sparse, and what they make of each other is found by walking them."""

import numpy as np
from scipy.sparse import csr_array

from hwmodels.simulator.accounting import Memory
from hwmodels.simulator.actions import array_actions
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, BusTraffic, Fates, FetchedRows, PerVisit
from hwmodels.simulator.fiber_pairs import visit_pairs
from hwmodels.simulator.meetings import MetRows, meetings_of, pairs_of_entries
from hwmodels.simulator.multiplication import EFFECTUAL, FRESH, OUTPUTS
from hwmodels.simulator.output_traffic import traffic_appended
from hwmodels.simulator.product_visits import ProductVisits
from hwmodels.simulator.skipped_b import leaves_columns_out, slot_word_bits, work_on_skipped_b
from hwmodels.simulator.sparse_operands import a_entries_of, a_tiles_of, b_row_parts_of, product_sparse
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.unskipped_b import queued_rows, rows_to_send, work_on_unskipped_b
from hwmodels.simulator.visits import Numbering, TileVisits

POINTER_WORD_BITS = 64
"""What the GLB reads to find a row of B that is fetched."""


def visit_sparse_b(
    design: ConcreteDesign,
    memory: Memory,
    matrices: tuple[csr_array, csr_array],
    stored: tuple[StoredOperand, StoredOperand],
    visits: TileVisits,
    numbering: Numbering,
) -> ProductVisits:
    """What each visit does in the array, sends, and reads and writes of Z in DRAM; and Z."""
    a, b = stored
    tiles, left, right = a_tiles_of(a, b, numbering), a_entries_of(a), b_row_parts_of(design, b, numbering)
    z, found = product_sparse(matrices, a, tiles, right)
    found = numbering.in_order(found)
    meetings = meetings_of(design, (a, b), (tiles, left, right), visits, numbering)
    pairs = pairs_of_entries(a, b, meetings, found)
    fates = _fates(design, a, b, visits, found, pairs)
    z_traffic = traffic_appended(design, memory, visits, fates, a.height[visits.a])
    if design.is_inner and design.b_skips:
        return visit_pairs(design, (a, b), (tiles, left, right), visits, numbering, fates, pairs, z_traffic, z)
    if design.b_skips:
        work, places = work_on_skipped_b(design, (a, b), (tiles, left, right), visits, numbering, meetings)
    else:
        work, places = work_on_unskipped_b(design, a, b, visits)
    bus = _bus_traffic(design, a, b, visits, work, fates, meetings)
    actions = array_actions(
        design,
        a,
        work,
        fates,
        bus,
        word_bits=slot_word_bits(design) if design.b_skips else design.active_lanes * design.value_bits,
        sums_in_accumulators=places.sums_in_accumulators(design),
    )
    return ProductVisits(work, fates, bus, z_traffic, places, actions, z)


def _fates(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    found: np.ndarray,
    pairs: PerVisit,
) -> Fates:
    """What becomes of each MAC (docs/machine.md, section 3): padding is gated; of other zeros, A decides first."""
    effectual = found[:, EFFECTUAL]
    a_nonzeros, b_nonzeros = a.nonzeros[visits.a], b.nonzeros[visits.b]
    a_entries, b_entries = a.entries[visits.a], b.entries[visits.b]
    rows, columns = a.height[visits.a], b.width[visits.b]
    positions = rows * a.width[visits.a]
    padding, a_zeros, b_zeros = (np.zeros_like(effectual) for _ in range(3))
    if design.a_skips and design.b_skips:
        padding = pairs - effectual
    elif design.a_skips:
        padding, b_zeros = (a_entries - a_nonzeros) * columns, a_nonzeros * columns - effectual
    elif design.b_skips:
        padding, a_zeros = rows * (b_entries - b_nonzeros), rows * b_nonzeros - effectual
    else:
        a_zeros, b_zeros = (positions - a_nonzeros) * columns, a_nonzeros * columns - effectual
    ineffectual, gated = design.unskipped(padding, a_zeros, b_zeros)
    return Fates(effectual, ineffectual, gated, found[:, OUTPUTS], found[:, FRESH])


def _bus_traffic(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    work: ArrayWork,
    fates: Fates,
    meetings: MetRows,
) -> BusTraffic:
    """What crosses the buses in each visit."""
    a_value, a_index = _sent_of_a(design, a, b, visits, work)
    a_times = design.sends_of_a(work.passes)
    rates, entries, fetched = {name: values[visits.b] for name, values in b.rates.items()}, meetings.sent.entries, None
    if design.fetches_rows:
        rows = meetings.met.rows if design.b_skips else work.entries
        entries, row_bits = meetings.met.entries, meetings.row_index_bits[visits.b] * rows
        looked_up = work.entries if b.format.pointers == "rows" else np.zeros_like(rows)
        fetched = FetchedRows(
            value_cycles=meetings.met.value_cycles + meetings.empty_value_cycles[visits.b] * rows,
            index_cycles=meetings.met.index_cycles + meetings.empty_index_cycles[visits.b] * rows,
            pointer_bits=looked_up * POINTER_WORD_BITS,
        )
    else:
        rows = rows_to_send(design, a, b, visits)
        row_bits = rates["metadata_row"] * rows + rates["metadata_fixed"]
    b_value = rates["value_entry"] * entries + rates["value_row"] * rows
    b_index = rates["metadata_entry"] * entries + row_bits
    if b.format.block:  # in whole tiles
        b_value, b_index = b.value_bits[visits.b], b.metadata_bits[visits.b]
    return BusTraffic(
        a_value=a_times * a_value,
        a_index=a_times * a_index,
        b_value=b_value,
        b_index=b_index,
        z_value=fates.results * design.accumulator_bits,
        z_index=fates.results * design.widths("m", "n").column,
        b_decoded=b.decoded(entries),
        fetched=fetched,
    )


def _sent_of_a(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits, work: ArrayWork
) -> tuple[PerVisit, PerVisit]:
    """Bits of values and of metadata of A that go to the queues in a pass of each visit."""
    if not leaves_columns_out(design, a):
        return a.value_bits[visits.a], a.streamed_index_bits(queued_rows(design, a))[visits.a]
    if a.format.has_mask:
        metadata = b.rows_touched[visits.b] * a.height[visits.a]
    else:
        metadata = work.entries * (a.widths.row + a.widths.column)
    return work.entries * design.value_bits, metadata


def most_products(design: ConcreteDesign, a: csr_array, b: csr_array) -> int:
    """Products of the row block of A with the most: what a tile of Z can hold at most."""
    pattern = csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape)
    products = pattern @ np.diff(b.indptr).astype(float)
    return int(np.bincount(np.arange(a.shape[0]) // design.tile_m, products).max(initial=0))
