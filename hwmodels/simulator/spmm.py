"""SpMV and SpMM: B and Z are dense, so every column of B is alike and A's tiles decide."""

import numpy as np
from jaxtyping import Float

from hwmodels.simulator.accounting import Memory
from hwmodels.simulator.actions import array_actions
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import BusTraffic, Fates, FetchedRows, PerVisit
from hwmodels.simulator.multiplication import multiply_dense
from hwmodels.simulator.output_traffic import traffic_in_place
from hwmodels.simulator.places import ceil_div
from hwmodels.simulator.product_visits import ProductVisits
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.unskipped_b import queued_rows, rows_to_send, work_on_unskipped_b
from hwmodels.simulator.visits import TileVisits


def visit_dense_b(
    design: ConcreteDesign,
    memory: Memory,
    b: Float[np.ndarray, "k n"],
    stored: tuple[StoredOperand, StoredOperand],
    visits: TileVisits,
) -> ProductVisits:
    """What each visit does in the array, sends, and reads and writes of Z in DRAM; and Z."""
    a, right = stored
    columns, rows = right.width[visits.b], rows_to_send(design, a, right, visits)
    work, places = work_on_unskipped_b(design, a, right, visits)
    fates = _fates(design, a, visits, columns)
    bus = _bus_traffic(design, a, visits, columns, rows, fates, design.sends_of_a(work.passes))
    words = a.height[visits.a] * columns
    z_traffic = traffic_in_place(memory, visits, words * design.value_bits, words * design.accumulator_bits)
    actions = array_actions(
        design,
        a,
        work,
        fates,
        bus,
        word_bits=design.active_lanes * design.value_bits,
        sums_in_accumulators=places.sums_in_accumulators(design),
    )
    return ProductVisits(work, fates, bus, z_traffic, places, actions, _result(design, a, visits, b))


def _fates(design: ConcreteDesign, a: StoredOperand, visits: TileVisits, columns: PerVisit) -> Fates:
    """What becomes of each MAC, and the results: those of rows that are queued."""
    entries, nonzeros = a.entries[visits.a], a.nonzeros[visits.a]
    worked = entries if design.a_skips else (a.height * a.width)[visits.a]
    zeros, zero = (worked - nonzeros) * columns, np.zeros_like(columns)
    padding, a_zeros = (zeros, zero) if design.a_skips else (zero, zeros)
    ineffectual, gated = design.unskipped(padding, a_zeros, zero)
    return Fates(nonzeros * columns, ineffectual, gated, queued_rows(design, a)[visits.a] * columns, zero)


def _bus_traffic(
    design: ConcreteDesign,
    a: StoredOperand,
    visits: TileVisits,
    columns: PerVisit,
    rows: PerVisit,
    fates: Fates,
    a_times: PerVisit | int,
) -> BusTraffic:
    """What crosses the buses in each visit, A so many times."""
    row_bits, zero, fetched = columns * design.value_bits, np.zeros_like(columns), None
    if design.fetches_rows:
        rows = (a.entries if design.a_skips else a.height * a.width)[visits.a]
        fetched = FetchedRows(rows * ceil_div(row_bits, design.value_bus_bits), zero, zero)
    return BusTraffic(
        a_value=a_times * a.value_bits[visits.a],
        a_index=a_times * a.streamed_index_bits(queued_rows(design, a))[visits.a],
        b_value=rows * row_bits,
        b_index=zero,
        z_value=fates.results * design.accumulator_bits,
        z_index=zero,
        b_decoded=zero,
        fetched=fetched,
    )


def _result(
    design: ConcreteDesign, a: StoredOperand, visits: TileVisits, b: Float[np.ndarray, "k n"]
) -> Float[np.ndarray, "m n"]:
    """Z = A B, added up visit by visit."""
    z = np.zeros((a.shape[0], b.shape[1]))
    tiles = (visits.m, visits.k, visits.n)
    sizes = (design.tile_m, design.tile_k, design.tile_n)
    multiply_dense(a.index[visits.a], *tiles, a.start, a.row, a.column, a.value, b, z, *sizes)
    return z
