"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S, A and B dense (docs/machine.md, section 7)."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from hwmodels.simulator.accounting import KernelRun, Memory, account, array_actions
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, BusTraffic, DramTraffic, Fits
from hwmodels.simulator.dense_loads import LANE_STEPS, MASK_DECODE, MASK_ENTRIES, MASK_ROWS, busiest_mask_rows
from hwmodels.simulator.multiplication import multiply_masked
from hwmodels.simulator.output_traffic import traffic_in_place
from hwmodels.simulator.passes import buffer_fills, ceil_div
from hwmodels.simulator.stored_operand import StoredOperand, canonical, store, store_dense
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
    passes, depth = 1, left.width[visits.a]
    if design.b_stays:
        passes = ceil_div(right.peak_bits, design.pe_cols * design.half_buffer_bits)
    work = _work(design, s, tiles, depth, passes)
    bus = _bus_traffic(design, s, tiles, depth, work, passes)
    finished, partial = s.nonzeros[tiles] * design.value_bits, work.results * design.accumulator_bits
    fetched = visits.spread(s.fetched_bits[tiles], "z") + visits.spread(left.bits[visits.a], "a")
    return account(
        design,
        memory,
        places=(visits.m, visits.k, visits.n),
        work=work,
        bus=bus,
        dram=DramTraffic(
            fetched, visits.spread(right.bits[visits.b], "b"), *traffic_in_place(visits, finished, partial)
        ),
        array=array_actions(design, s, work, bus, passes, reads_a_mac=2, scatters=False),
        fits=_fits(design, s, left, right, int(work.results.max(initial=0))),
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


def _work(design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, depth: np.ndarray, passes: int) -> ArrayWork:
    """What the array does in each visit; `depth`: length of its dot products."""
    loads, positions = _loads(design, s)[tiles], s.height[tiles] * s.width[tiles]
    entries = s.entries[tiles] if design.a_skips else positions
    nonzeros, zero = s.nonzeros[tiles], np.zeros_like(depth)
    zeros = (entries - nonzeros) * depth
    padding, a_zeros = (zeros, zero) if design.a_skips else (zero, zeros)
    ineffectual, gated = design.unskipped(padding, a_zeros, zero)
    return ArrayWork(
        compute=_compute(design, s, tiles, loads, depth),
        intersect=zero if design.dataflow == "outer_product" else loads[:, MASK_DECODE] * passes,
        intersection_steps=zero,
        effectual=nonzeros * depth,
        ineffectual=ineffectual,
        gated=gated,
        results=nonzeros if design.a_skips else positions,
        outputs=zero,
        fresh=zero,
        share_bits=loads[:, MASK_ROWS] * depth * design.value_bits,
        entries_worked=entries,
    )


def _loads(design: ConcreteDesign, s: StoredOperand) -> np.ndarray:
    """What the most loaded PE row has of each tile of S, by the columns of `dense_loads.busiest_mask_rows`."""
    return busiest_mask_rows(
        s.index,
        s.rows,
        s.row_nonzeros,
        s.height,
        s.width,
        design.pe_rows,
        design.schedule_index(alike=not design.a_skips),
        design.a_skips,
        s.format.has_mask,
        design.width,
    )


def _compute(
    design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, loads: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """Cycles of the most loaded PE."""
    if design.dataflow == "inner_product":
        return loads[:, MASK_ENTRIES] * ceil_div(depth, design.width)
    if design.dataflow == "gustavson":
        return loads[:, LANE_STEPS] * depth
    if not design.a_skips:
        return ceil_div(s.height[tiles], design.pe_rows) * ceil_div(s.width[tiles], design.width) * depth
    tile = np.repeat(np.arange(len(s.start) - 1), np.diff(s.start))
    across = ceil_div(s.tile[1], design.width)
    block = s.row // design.pe_rows * across + s.column // design.width
    in_tile = ceil_div(s.tile[0], design.pe_rows) * across
    blocks = np.bincount(np.unique(tile * in_tile + block) // in_tile, minlength=len(s.start) - 1)
    return s.per_tile(blocks)[tiles] * depth


def _bus_traffic(
    design: ConcreteDesign, s: StoredOperand, tiles: np.ndarray, depth: np.ndarray, work: ArrayWork, passes: int
) -> BusTraffic:
    """What crosses the buses in each visit: the rows of A and the columns of B that S touches, if it skips."""
    rows = (s.rows_touched if design.a_skips else s.height)[tiles]
    columns = (s.columns_touched if design.a_skips else s.width)[tiles]
    zero = np.zeros_like(rows)
    return BusTraffic(
        a_value=passes * (s.value_bits[tiles] + rows * depth * design.value_bits),
        a_index=passes * s.metadata_bits[tiles],
        b_value=buffer_fills(design, work.share_bits) * columns * depth * design.value_bits,
        b_index=zero,
        z_value=work.results * design.accumulator_bits,
        z_index=zero,
        a_decoded=s.decoded(s.entries[tiles] * passes),
        b_decoded=zero,
    )


def _fits(design: ConcreteDesign, s: StoredOperand, a: StoredOperand, b: StoredOperand, most_results: int) -> Fits:
    """Need over capacity; a row of A or a column of B is the least that a buffer holds."""
    words, depth = 0, min(a.tile[1], a.shape[1])
    if design.dataflow == "gustavson":
        words = ceil_div(min(design.tile_n, s.shape[1]), design.pe_cols)
    elif design.dataflow == "outer_product":
        words = design.lanes
    need = s.peak_bits + a.peak_bits + b.peak_bits + most_results * design.accumulator_bits
    resident = design.a_stays or design.b_stays
    return Fits(
        glb=need / design.half_glb_bits,
        pe_buffer=depth * design.value_bits / design.half_buffer_bits if resident else 0.0,
        accumulator=words / design.accumulators,
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
