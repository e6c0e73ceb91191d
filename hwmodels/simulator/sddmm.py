"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S, A and B dense (docs/machine.md, section 7)."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.simulator.accounting import Charges, Memory, Run, Simulation, conclude, priced
from hwmodels.simulator.concrete_design import Machine, checked, machine_of
from hwmodels.simulator.counters import Dram, Fits, Sent, Work
from hwmodels.simulator.dense_loads import busiest_mask_rows
from hwmodels.simulator.multiply import multiply_masked
from hwmodels.simulator.passes import buffer_fills, ceil_div
from hwmodels.simulator.products import canonical
from hwmodels.simulator.schedules import BALANCED, CYCLIC
from hwmodels.simulator.stored_operand import Operand, store, store_dense
from hwmodels.simulator.visits import Visits, check_count, group
from hwmodels.technology import Technology
from workloads.errors import InputError

Dense = Float[np.ndarray, "_ _"]


def simulate_sddmm(
    hardware: Hardware, mapping: Mapping, mask: csr_array, a: Dense, b: Dense, technology: Technology
) -> Simulation:
    """Run Z = S * (A B) on a design: `mask` S a SciPy sparse matrix [M, N], `a` [M, K] and `b` [K, N] dense.

    The mapping's choices for A are those of S; it stores B dense. Returns a `Simulation` whose result is a `csr_array`
    with the pattern of S. **Raises** as `simulate`.
    """
    machine = checked(machine_of(hardware, mapping), "dense_b")
    return priced(run_sddmm(machine, mask, a, b, Memory.of(technology)), machine, hardware, mapping, technology)


def run_sddmm(machine: Machine, mask: csr_array, a: Dense, b: Dense, memory: Memory) -> Run:
    """As `simulate_sddmm`, for a design in whole numbers and names, without energy and area."""
    mask = canonical(mask, "S")
    a, b = np.ascontiguousarray(a, float), np.ascontiguousarray(b, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or mask.shape != (a.shape[0], b.shape[1]):
        raise InputError(f"S is {mask.shape}, A {a.shape} and B {b.shape}; give S [M, N], A [M, K] and B [K, N].")
    (m, k), n = a.shape, b.shape[1]
    s = store(mask, (machine.tile_m, machine.tile_n), machine.a_format, machine.widths("m", "n"))
    left = store_dense((m, k), (machine.tile_m, machine.tile_k), machine.widths("m", "k"))
    right = store_dense((k, n), (machine.tile_k, machine.tile_n), machine.widths("k", "n"))
    visits, tiles = _visit(machine, s, k)
    h, w, columns = s.height[tiles], left.width[visits.a], s.width[tiles]
    depth, value_bits = min(machine.tile_k, k), machine.value_bits
    passes = 1
    if machine.b_stays:
        passes = ceil_div(depth * min(machine.tile_n, n) * value_bits, machine.pe_cols * machine.half_buffer_bits)

    loads = _loads(machine, s)[tiles]
    entries = s.entries[tiles] if machine.a_skips else h * columns
    nonzeros, zero = s.nonzeros[tiles], np.zeros_like(h)
    zeros = (entries - nonzeros) * w
    gates = machine.a_skips or machine.a_zero == "gate"
    results = nonzeros if machine.a_skips else h * columns
    outer = machine.dataflow == "outer_product"
    work = Work(
        compute=_compute(machine, s, tiles, loads, h, w, columns),
        intersect=zero if outer else loads[:, 1] * passes,
        intersection_steps=zero,
        effectual=nonzeros * w,
        ineffectual=zero if gates else zeros,
        gated=zeros if gates else zero,
        results=results,
        outputs=zero,
        fresh=zero,
        share_bits=loads[:, 2] * w * value_bits,
        entries_worked=entries,
    )
    rows_touched = s.rows_touched[tiles] if machine.a_skips else h
    columns_touched = s.columns_touched[tiles] if machine.a_skips else columns
    sent = Sent(
        a_value=passes * (s.value_bits[tiles] + rows_touched * w * value_bits),
        a_index=passes * s.metadata_bits[tiles],
        b_value=buffer_fills(machine, work.share_bits) * columns_touched * w * value_bits,
        b_index=zero,
        z_value=results * machine.accumulator_bits,
        z_index=zero,
        a_decoded=zero if s.format == "dense" else s.entries[tiles] * passes,
        b_decoded=zero,
    )
    z_read, z_write = _z_traffic(machine, visits, results, nonzeros)
    fetched = visits.spread(s.fetched_bits[tiles], "z") + visits.spread(left.bits[visits.a], "a")
    dram = Dram(fetched, visits.spread(right.bits[visits.b], "b"), z_read, z_write)
    return conclude(
        machine,
        memory,
        places=(visits.m, visits.k, visits.n),
        work=work,
        sent=sent,
        dram=dram,
        charges=_charges(machine, s, work, sent, passes),
        fits=_fits(machine, s, depth, left.peak_bits + right.peak_bits, int(results.max(initial=0))),
        positions=m * k * n,
        adds_partials=visits.trips["k"] > 1,
        result=_product(machine, s, visits, tiles, a, b),
    )


def _visit(machine: Machine, s: Operand, k: int) -> tuple[Visits, np.ndarray]:
    """Every tile of S that can be seen, at every k, in the order of the loops; and the tile of S of each visit."""
    trips = {"m": s.trips[0], "k": ceil_div(k, machine.tile_k), "n": s.trips[1]}
    check_count(len(s.i) * trips["k"])
    tiles = np.repeat(np.arange(len(s.i)), trips["k"])
    places = {"m": s.i[tiles], "k": np.tile(np.arange(trips["k"]), len(s.i)), "n": s.j[tiles]}
    order = machine.loop_order
    sort = np.lexsort([places[loop] for loop in reversed(order)])
    places = {loop: place[sort] for loop, place in places.items()}
    a, b = places["m"] * trips["k"] + places["k"], places["k"] * trips["n"] + places["n"]
    return Visits(**places, a=a, b=b, order=order, trips=trips), tiles[sort]


def _loads(machine: Machine, s: Operand) -> np.ndarray:
    schedule = machine.schedule_code
    return busiest_mask_rows(
        s.index,
        s.rows,
        s.row_nonzeros,
        s.height,
        s.width,
        machine.pe_rows,
        schedule if machine.a_skips or schedule != BALANCED else CYCLIC,
        machine.a_skips,
        s.format == "bitmask",
        machine.width,
    )


def _compute(
    machine: Machine,
    s: Operand,
    tiles: np.ndarray,
    loads: np.ndarray,
    h: np.ndarray,
    w: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Cycles of the most loaded PE."""
    if machine.dataflow == "inner_product":
        return loads[:, 0] * ceil_div(w, machine.width)
    if machine.dataflow == "gustavson":
        return loads[:, 3] * w
    if not machine.a_skips:
        return ceil_div(h, machine.pe_rows) * ceil_div(columns, machine.width) * w
    tile = np.repeat(np.arange(len(s.start) - 1), np.diff(s.start))
    across = ceil_div(s.tile[1], machine.width)
    block = s.row // machine.pe_rows * across + s.column // machine.width
    in_tile = ceil_div(s.tile[0], machine.pe_rows) * across
    blocks = np.bincount(np.unique(tile * in_tile + block) // in_tile, minlength=len(s.start) - 1)
    return s.per_tile(blocks)[tiles] * w


def _z_traffic(
    machine: Machine, visits: Visits, results: np.ndarray, nonzeros: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(read, written) bits of each visit."""
    tiles = group(visits.m * visits.trips["n"] + visits.n)
    finished, partial = nonzeros * machine.value_bits, results * machine.accumulator_bits
    if visits.z_stays:
        return np.zeros(len(visits)), tiles.mean(finished * tiles.first)
    return np.where(tiles.first, 0.0, partial), np.where(tiles.last, finished, partial).astype(float)


def _charges(machine: Machine, s: Operand, work: Work, sent: Sent, passes: int) -> Charges:
    coordinate = (s.widths.row if machine.dataflow == "outer_product" else s.widths.column) if machine.a_skips else 0
    processed, worked = work.processed, int(work.entries_worked.sum())
    a_sent, b_sent = int((sent.a_value + sent.a_index).sum()), int(sent.b_value.sum())
    inner = machine.dataflow == "inner_product"
    return Charges(
        pe_buffer_read_bits=2 * processed * machine.value_bits
        + worked * machine.pe_cols * passes * (machine.value_bits + coordinate),
        pe_buffer_write_bits=a_sent * machine.pe_cols + b_sent * machine.pe_rows,
        accumulator_accesses=int(work.results.sum()) if inner else 2 * processed,
        intersection_steps=0,
        decoded_entries=int(sent.a_decoded.sum()) * machine.pe_cols,
        crossbar_words=0,
    )


def _fits(machine: Machine, s: Operand, depth: int, operand_bits: int, most_results: int) -> Fits:
    """Need over capacity; `operand_bits` of the dense tiles."""
    words = 0
    if machine.dataflow == "gustavson":
        words = ceil_div(min(machine.tile_n, s.shape[1]), machine.pe_cols)
    elif machine.dataflow == "outer_product":
        words = machine.lanes
    need = s.peak_bits + operand_bits + most_results * machine.accumulator_bits
    resident = machine.a_stays or machine.b_stays
    return Fits(
        glb=need / (machine.glb_bytes * 4),
        pe_buffer=depth * machine.value_bits / machine.half_buffer_bits if resident else 0.0,
        accumulator=words / machine.accumulators,
    )


def _product(machine: Machine, s: Operand, visits: Visits, tiles: np.ndarray, a: Dense, b: Dense) -> csr_array:
    """Z, added up visit by visit."""
    sums = np.zeros(s.value.size)
    sizes = (machine.tile_m, machine.tile_k, machine.tile_n)
    places, transposed = (visits.m, visits.k, visits.n), np.ascontiguousarray(b.T)
    multiply_masked(s.index[tiles], *places, s.start, s.row, s.column, s.value, a, transposed, sums, *sizes)
    stored, entries = s.index >= 0, np.diff(s.start)
    row = np.repeat(s.i[stored] * s.tile[0], entries) + s.row
    column = np.repeat(s.j[stored] * s.tile[1], entries) + s.column
    kept = s.value != 0
    return csr_array(((sums * s.value)[kept], (row[kept], column[kept])), shape=s.shape)
