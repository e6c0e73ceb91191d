"""Element-wise kernels: A * B (intersection) and A + B (union) of sparse matrices (docs/machine.md, section 8)."""

from typing import Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.simulator.accounting import KernelRun, Memory, account
from hwmodels.simulator.actions import unicast_hops
from hwmodels.simulator.concrete_design import PASS_CYCLES, ConcreteDesign
from hwmodels.simulator.counters import ArrayActions, ArrayWork, BusTraffic, DramTraffic, Fates, Fits
from hwmodels.simulator.elementwise_loads import (
    A_DECODE,
    ALL_STEPS,
    B_DECODE,
    MET,
    OPERATIONS,
    RESULTS,
    STEPS,
    merge,
)
from hwmodels.simulator.output_traffic import pointer_bits
from hwmodels.simulator.places import hold_fibers
from hwmodels.simulator.stored_operand import StoredOperand, canonical, store
from hwmodels.simulator.visits import check_count, group
from workloads.errors import InputError

Operation = Literal["multiply", "add"]


class PairVisits(NamedTuple):
    """Places of the tiles in each visit, in the order of the loops, their sizes, and the tiles of A and B.

    `a`, `b`: number among the tiles of the operand that a visit can see, -1 for one that is seen to be empty.
    """

    m: np.ndarray
    n: np.ndarray
    height: np.ndarray
    width: np.ndarray
    a: np.ndarray
    b: np.ndarray


class MergePlan(NamedTuple):
    """What compiled code must know of the machine."""

    lanes: int
    schedule: int
    unit: int
    union: bool
    a_skips: bool
    b_skips: bool
    a_bitmask: bool
    b_bitmask: bool


class FiberPairs(NamedTuple):
    """Tiles of each visit among those with entries (-1: none), its fibers and their length."""

    a: np.ndarray
    b: np.ndarray
    fibers: np.ndarray
    length: np.ndarray


class FiberStreams(NamedTuple):
    """An operand as fibers: see `tile_cutting.cut_rows`, and position along its fiber and value of each entry."""

    fibers_of: np.ndarray
    number: np.ndarray
    first: np.ndarray
    position: np.ndarray
    value: np.ndarray


def run_elementwise(
    design: ConcreteDesign, a: csr_array, b: csr_array, operation: Operation, memory: Memory
) -> KernelRun:
    """Run Z = A * B or A + B on a design; arguments and errors as `simulate_elementwise`."""
    a, b = canonical(a, "A"), canonical(b, "B")
    if a.shape != b.shape:
        raise InputError(f"A is {a.shape} and B {b.shape}; give both the same shape.")
    union, tile, widths = operation == "add", (design.tile_m, design.tile_n), design.widths("m", "n")
    left, right = store(a, tile, design.a_format, widths), store(b, tile, design.b_format, widths)
    visits = _visit(design, left, right, union)
    found, result = _merge(design, left, right, visits, union)
    work, fates = _work(design, left, right, visits, found), _fates(design, left, right, visits, union, found)
    bus = _bus_traffic(design, left, right, visits, fates)
    places = hold_fibers(design, min(design.tile_n, a.shape[1]))
    return account(
        design,
        memory,
        places=(visits.m, np.zeros_like(visits.m), visits.n),
        work=work,
        fates=fates,
        bus=bus,
        dram=_dram_traffic(design, memory, left, right, visits, fates),
        array=_array_actions(design, left, right, visits, fates, bus, int(found[:, ALL_STEPS].sum())),
        fits=Fits(_glb_need(design, left, right, union), places.pe_buffer, places.accumulator, design.bus_need),
        positions=a.shape[0] * a.shape[1],
        adds_partials=False,
        result=result,
    )


def _at(values: np.ndarray, tiles: np.ndarray, missing: int = 0) -> np.ndarray:
    """Values of the tiles; `missing` where there is none (-1)."""
    return np.where(tiles >= 0, np.append(values, missing)[tiles], missing)


def _visit(design: ConcreteDesign, a: StoredOperand, b: StoredOperand, union: bool) -> PairVisits:
    """Visits to the places where, for a union, either tile is not seen to be empty, else neither."""
    across = a.trips[1]
    keys = [operand.i * across + operand.j for operand in (a, b)]
    places = np.union1d(*keys) if union else np.intersect1d(*keys)
    check_count(len(places))
    m, n = np.divmod(places, across)
    if design.loop_order.index("n") < design.loop_order.index("m"):
        order = np.lexsort((m, n))
        m, n, places = m[order], n[order], places[order]
    tiles = []
    for key in keys:
        at = np.searchsorted(key, places)
        there = np.append(key, -1)[at] == places
        tiles.append(np.where(there, at, -1))
    sizes = (np.minimum(size, shape - at * size) for size, shape, at in zip(a.tile, a.shape, (m, n), strict=True))
    return PairVisits(m, n, *sizes, *tiles)


def _merge(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: PairVisits, union: bool
) -> tuple[np.ndarray, csr_array]:
    """What the busiest lane does in each visit, by the columns of `elementwise_loads.merge`; and Z."""
    plan = MergePlan(
        lanes=design.active_rows * design.active_columns * design.active_lanes,
        schedule=design.schedule_index(alike=not (design.a_skips and design.b_skips)),
        unit=design.intersection_index,
        union=union,
        a_skips=design.a_skips,
        b_skips=design.b_skips,
        a_bitmask=a.format.has_mask,
        b_bitmask=b.format.has_mask,
    )
    pairs = FiberPairs(_at(a.index, visits.a, -1), _at(b.index, visits.b, -1), visits.height, visits.width)
    found, of_visit, row, column, value = merge(plan, pairs, _streams(a), _streams(b))
    place = (visits.m[of_visit] * a.tile[0] + row, visits.n[of_visit] * a.tile[1] + column)
    return found, csr_array((value, place), shape=a.shape)


def _streams(operand: StoredOperand) -> FiberStreams:
    return FiberStreams(*operand.rows, operand.column, operand.value)


def _work(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: PairVisits, found: np.ndarray
) -> ArrayWork:
    """What keeps the lanes busy in each visit."""
    zero = np.zeros_like(visits.m)
    return ArrayWork(
        compute=np.maximum(found[:, OPERATIONS], found[:, STEPS]) + PASS_CYCLES,
        decode=np.maximum(found[:, A_DECODE], found[:, B_DECODE]) + PASS_CYCLES,
        buffer_port=zero,
        passes=zero + 1,
        entries=_entries(a, visits, visits.a, design.a_skips),
        decoded=_at(a.entries, visits.a),
        word_steps=zero,
        words=zero,
    )


def _entries(operand: StoredOperand, visits: PairVisits, tiles: np.ndarray, skips: bool) -> np.ndarray:
    """Entries of an operand that are worked on in each visit."""
    return _at(operand.entries, tiles) if skips else visits.height * visits.width * (tiles >= 0)


def _fates(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: PairVisits,
    union: bool,
    found: np.ndarray,
) -> Fates:
    """What becomes of each position worked on."""
    results, met, positions = found[:, RESULTS], found[:, MET], visits.height * visits.width
    a_entries, b_entries = _at(a.entries, visits.a), _at(b.entries, visits.b)
    a_nonzeros, b_nonzeros = _at(a.nonzeros, visits.a), _at(b.nonzeros, visits.b)
    both = design.a_skips and design.b_skips
    padding, a_zeros, b_zeros = (np.zeros_like(positions) for _ in range(3))
    if union and both:
        padding = a_entries + b_entries - met - results
    elif union and design.a_skips:
        b_zeros = positions - results
    elif union:
        a_zeros = positions - results
    elif both:
        padding = met - results
    elif design.a_skips:
        padding, b_zeros = a_entries - a_nonzeros, a_nonzeros - results
    elif design.b_skips:
        padding, a_zeros = b_entries - b_nonzeros, b_nonzeros - results
    else:
        a_zeros, b_zeros = positions - a_nonzeros, a_nonzeros - results
    ineffectual, gated = design.unskipped(padding, a_zeros, b_zeros)
    return Fates(results, ineffectual, gated, results, results)


def _bus_traffic(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: PairVisits, fates: Fates
) -> BusTraffic:
    """What crosses the buses in each visit."""
    return BusTraffic(
        a_value=_at(a.value_bits, visits.a),
        a_index=_at(a.metadata_bits, visits.a),
        b_value=_at(b.value_bits, visits.b),
        b_index=_at(b.metadata_bits, visits.b),
        z_value=fates.results * design.accumulator_bits,
        z_index=fates.results * a.widths.column,
        b_decoded=b.decoded(_at(b.entries, visits.b)),
    )


def _dram_traffic(
    design: ConcreteDesign, memory: Memory, a: StoredOperand, b: StoredOperand, visits: PairVisits, fates: Fates
) -> DramTraffic:
    """Bits from and to DRAM in each visit; a pointer for each row of a visited row block is spread over its visits."""
    pointers = pointer_bits(memory, group(visits.m), visits.height * a.widths.pointer)
    return DramTraffic(
        a=_at(memory.fetched_bits(a), visits.a).astype(float),
        b=_at(memory.fetched_bits(b), visits.b).astype(float),
        z_read=np.zeros(len(visits.m)),
        z_write=memory.in_bursts(fates.results * (design.value_bits + a.widths.column)) + pointers,
    ).of_moved(design)


def _array_actions(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: PairVisits,
    fates: Fates,
    bus: BusTraffic,
    steps: int,
) -> ArrayActions:
    """Actions of the lanes, whose parts of the operand buffers serve as queues: each reads what it works on once."""
    read, written = 0, 0
    for operand, tiles, skips, sent in ((a, visits.a, design.a_skips, bus.a), (b, visits.b, design.b_skips, bus.b)):
        entry_bits = design.value_bits + (operand.widths.column if skips else 0)
        read += int(_entries(operand, visits, tiles, skips).sum()) * entry_bits
        written += operand.taken_bits(int(_at(operand.entries, tiles).sum()), int(sent.sum()))
    decoded = a.decoded(_at(a.entries, visits.a)) + bus.b_decoded
    return ArrayActions(
        tree_adds=0,
        queue_bits=0,
        pe_buffer_read_bits=read,
        pe_buffer_write_bits=written,
        accumulator_accesses=2 * int(fates.results.sum()),
        intersection_steps=steps,
        decoded_entries=int(decoded.sum()),
        bus_hops=unicast_hops(design) * int((bus.a + bus.b + bus.results).sum()),
    )


def _glb_need(design: ConcreteDesign, a: StoredOperand, b: StoredOperand, union: bool) -> float:
    """Need of operands and of the most results over what the GLB has."""
    keys = [operand.i * a.trips[1] + operand.j for operand in (a, b)]
    places = np.union1d(*keys)
    nonzeros = np.zeros((2, len(places)), np.int64)
    for which, (key, operand) in enumerate(zip(keys, (a, b), strict=True)):
        nonzeros[which, np.searchsorted(places, key)] = operand.nonzeros
    most = int((nonzeros.sum(axis=0) if union else nonzeros.min(axis=0)).max(initial=0))
    words = min(most, min(design.tile_m, a.shape[0]) * min(design.tile_n, a.shape[1]))
    word_bits = design.accumulator_bits + a.widths.row + a.widths.column
    held = [int(operand.nonzeros.sum()) for operand in (a, b)]
    all_words = min(sum(held) if union else min(held), a.shape[0] * a.shape[1])
    return design.glb_need(
        {"a": a.peak_bits, "b": b.peak_bits, "z": words * word_bits},
        {"a": int(a.bits.sum()), "b": int(b.bits.sum()), "z": all_words * word_bits},
    )
