"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S, A and B dense (docs/machine.md, section 7)."""

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from hwmodels.simulator.accounting import KernelRun, Memory, account
from hwmodels.simulator.actions import bus_hops
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayActions, ArrayWork, BusTraffic, DramTraffic, Fates, Fits, PerVisit
from hwmodels.simulator.dense_loads import DECODE, ROWS, WORK
from hwmodels.simulator.multiplication import multiply_masked
from hwmodels.simulator.output_traffic import traffic_in_place
from hwmodels.simulator.places import ceil_div, groups_of, hold_dot_products
from hwmodels.simulator.sparse_loads import conflicts_of
from hwmodels.simulator.stored_operand import StoredOperand, canonical, store, store_dense
from hwmodels.simulator.unskipped_b import queue_loads, queued_rows
from hwmodels.simulator.visits import TileVisits, check_count
from workloads.errors import InputError

Dense = Float[np.ndarray, "_ _"]


def run_sddmm(design: ConcreteDesign, mask: csr_array, a: Dense, b: Dense, memory: Memory) -> KernelRun:
    """Run Z = S * (A B) on a design; arguments and errors as `simulate_sddmm`."""
    mask = canonical(mask, "S")
    a, b = np.ascontiguousarray(a, float), np.ascontiguousarray(b, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or mask.shape != (a.shape[0], b.shape[1]):
        raise InputError(f"S is {mask.shape}, A {a.shape} and B {b.shape}; give S [M, N], A [M, K] and B [K, N].")
    s = store(mask, (design.tile_m, design.tile_n), design.a_format, design.widths("m", "n"))
    left = store_dense(a.shape, (design.tile_m, design.tile_k), design.widths("m", "k"))
    right = store_dense(b.shape, (design.tile_k, design.tile_n), design.widths("k", "n"))
    visits, tiles = _visit(design, s, a.shape[1])
    depth = left.width[visits.a]
    fates, work = _fates(design, s, tiles, depth), _work(design, s, tiles, depth)
    bus = _bus_traffic(design, s, tiles, depth, fates)
    finished, partial = s.nonzeros[tiles] * design.value_bits, fates.results * design.accumulator_bits
    of_s, of_a, of_b = (memory.fetched_bits(operand) for operand in (s, left, right))
    places = hold_dot_products(design, min(design.tile_k, a.shape[1]), min(design.tile_n, b.shape[1]))
    z_bits = [int(count) * design.accumulator_bits for count in (fates.results.max(initial=0), _all_results(design, s))]
    need = design.glb_need(
        {"a": left.peak_bits, "b": right.peak_bits, "z": z_bits[0]},
        {"a": int(left.bits.sum()), "b": int(right.bits.sum()), "z": z_bits[1]},
        beside=s.peak_bits,
    )
    operands = DramTraffic(
        visits.spread(of_a[visits.a], "a"),
        visits.spread(of_b[visits.b], "b"),
        *traffic_in_place(memory, visits, finished, partial),
    ).of_moved(design)
    return account(
        design,
        memory,
        places=(visits.m, visits.k, visits.n),
        work=work,
        fates=fates,
        bus=bus,
        dram=dataclasses.replace(operands, a=operands.a + visits.spread(of_s[tiles], "z")),
        array=_actions(design, s, tiles, depth, work, fates, bus),
        fits=Fits(need, places.pe_buffer, places.accumulator, design.bus_need),
        positions=mask.shape[0] * a.shape[1] * mask.shape[1],
        adds_partials=visits.trips["k"] > 1,
        result=_result(design, s, visits, tiles, a, b),
    )


def _visit(design: ConcreteDesign, s: StoredOperand, k: int) -> tuple[TileVisits, np.ndarray]:
    """Every tile of S that can be seen, at every k, in the order of the loops; and the tile of S of each visit."""
    trips = {"m": s.trips[0], "k": ceil_div(k, design.tile_k), "n": s.trips[1]}
    check_count(len(s.i) * trips["k"])
    tiles = np.repeat(np.arange(len(s.i)), trips["k"])
    places = {"m": s.i[tiles], "k": np.tile(np.arange(trips["k"]), len(s.i)), "n": s.j[tiles]}
    order = design.loop_order
    sort = np.lexsort([places[loop] for loop in reversed(order)])
    places = {loop: place[sort] for loop, place in places.items()}
    a, b = places["m"] * trips["k"] + places["k"], places["k"] * trips["n"] + places["n"]
    return TileVisits(**places, a=a, b=b, order=order, trips=trips), tiles[sort]


def _all_results(design: ConcreteDesign, s: StoredOperand) -> int:
    """Results of the whole kernel."""
    return int((s.nonzeros if design.a_skips else s.height * s.width).sum())


def _entries(design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray) -> PerVisit:
    """Entries of S worked on in each visit."""
    return s.entries[tiles] if design.a_skips else (s.height * s.width)[tiles]


def _fates(design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, depth: PerVisit) -> Fates:
    """What becomes of each MAC, and the results; `depth`: length of the dot products of each visit."""
    entries, nonzeros, zero = _entries(design, s, tiles), s.nonzeros[tiles], np.zeros_like(depth)
    zeros = (entries - nonzeros) * depth
    padding, a_zeros = (zeros, zero) if design.a_skips else (zero, zeros)
    ineffectual, gated = design.unskipped(padding, a_zeros, zero)
    return Fates(nonzeros * depth, ineffectual, gated, nonzeros if design.a_skips else entries, zero)


def _work(design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, depth: PerVisit) -> ArrayWork:
    """What keeps the array busy in each visit: rows of S wait for their fullest PE column."""
    loads = queue_loads(design, s, conflicts_of(s.rows, s.column, design.width))
    words, columns = ceil_div(depth, design.active_lanes), groups_of(design, s.width)
    steps, port = loads[:, ROWS] * columns, columns
    if design.a_skips:
        steps, port = loads[:, WORK], s.columns_of_owners(design.width)
    return ArrayWork(
        compute=steps[tiles] * words + design.pass_cycles,
        decode=loads[tiles, DECODE] + design.pass_cycles,
        buffer_port=port[tiles] * words,
        passes=np.ones_like(depth),
        entries=_entries(design, s, tiles),
        decoded=s.entries[tiles],
        word_steps=_entries(design, s, tiles) * words,
        words=_columns_sent(design, s, tiles) * words,
    )


def _columns_sent(design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray) -> PerVisit:
    """Columns of B that are sent in each visit: those that S touches, if it skips."""
    return (s.columns_touched if design.a_skips else s.width)[tiles]


def _bus_traffic(
    design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, depth: PerVisit, fates: Fates
) -> BusTraffic:
    """What crosses the buses in each visit: S, and the rows of A and the columns of B that it touches, if it skips."""
    rows, zero = queued_rows(design, s), np.zeros_like(depth)
    return BusTraffic(
        a_value=s.value_bits[tiles] + rows[tiles] * depth * design.value_bits,
        a_index=s.streamed_index_bits(rows)[tiles],
        b_value=_columns_sent(design, s, tiles) * depth * design.value_bits,
        b_index=zero,
        z_value=fates.results * design.accumulator_bits,
        z_index=zero,
        b_decoded=zero,
    )


def _actions(
    design: ConcreteDesign,
    s: StoredOperand,
    tiles: np.ndarray,
    depth: PerVisit,
    work: ArrayWork,
    fates: Fates,
    bus: BusTraffic,
) -> ArrayActions:
    """Actions of the PEs: S streams by, a row of A is written to the PEs of its queue, a column of B to one of each."""
    word_bits = design.active_lanes * design.value_bits
    s_sent = int((s.value_bits + s.streamed_index_bits(queued_rows(design, s)))[tiles].sum())
    s_taken = s.taken_bits(int(work.decoded.sum()), s_sent)
    a_words = int((queued_rows(design, s)[tiles] * ceil_div(depth, design.active_lanes)).sum())
    written = a_words * design.queue_sharers + int(work.words.sum()) * design.queues
    return ArrayActions(
        tree_adds=fates.processed,
        queue_bits=2 * s_taken * design.queue_sharers,
        pe_buffer_read_bits=2 * int(work.word_steps.sum()) * word_bits,
        pe_buffer_write_bits=written * word_bits,
        accumulator_accesses=2 * int(fates.results.sum()),
        intersection_steps=0,
        decoded_entries=int(s.decoded(work.decoded).sum()) * design.queue_sharers,
        bus_hops=bus_hops(design, bus),
    )


def _result(
    design: ConcreteDesign, s: StoredOperand, visits: TileVisits, tiles: np.ndarray, a: Dense, b: Dense
) -> csr_array:
    """Z, added up visit by visit."""
    sums = np.zeros(s.value.size)
    sizes = (design.tile_m, design.tile_k, design.tile_n)
    places, transposed = (visits.m, visits.k, visits.n), np.ascontiguousarray(b.T)
    multiply_masked(s.index[tiles], *places, s.start, s.row, s.column, s.value, a, transposed, sums, *sizes)
    stored, entries = s.index >= 0, np.diff(s.start)
    row = np.repeat(s.i[stored] * s.tile[0], entries) + s.row
    column = np.repeat(s.j[stored] * s.tile[1], entries) + s.column
    kept = s.value != 0
    return csr_array(((sums * s.value)[kept], (row[kept], column[kept])), shape=s.shape)
