"""SpMSpM: both operands are sparse, and what they make of each other is found by walking them."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, Bits, BusTraffic
from hwmodels.simulator.dense_loads import ALL_WALKED, DECODE, ENTRIES, SHARE_BITS, WALK
from hwmodels.simulator.intersection import walked
from hwmodels.simulator.multiplication import EFFECTUAL, FRESH, OUTPUTS
from hwmodels.simulator.output_traffic import traffic_appended
from hwmodels.simulator.passes import buffer_fills, ceil_div
from hwmodels.simulator.sparse_loads import (
    COMPUTE,
    HELD_BITS,
    INTERSECT,
    MET,
    SLICE_STEPS,
    STEPS,
    TOUCHED_ENTRIES,
    meet,
    walk_pairs,
    walk_rows,
)
from hwmodels.simulator.sparse_operands import (
    AEntries,
    ATiles,
    BRowParts,
    a_entries_of,
    a_tiles_of,
    b_lanes_of,
    b_row_parts_of,
    product_sparse,
    tile_steps,
)
from hwmodels.simulator.spmm import loads_of, slices_of
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.visits import Numbering, TileVisits


class WalkPlan(NamedTuple):
    """What compiled code must know of the machine."""

    pe_rows: int
    schedule: int
    unit: int
    passes: int
    by_rows: bool
    """The work of a row that is not empty is one."""
    bitmask: bool
    share_entry_bits: int


class Busy(NamedTuple):
    """What keeps the array busy in each visit."""

    compute: np.ndarray
    intersect: np.ndarray
    steps: np.ndarray
    """Of all intersection units together."""
    share_bits: np.ndarray


def visit_sparse_b(
    design: ConcreteDesign,
    matrices: tuple[csr_array, csr_array],
    stored: tuple[StoredOperand, StoredOperand],
    visits: TileVisits,
    numbering: Numbering,
    passes: int,
) -> tuple[ArrayWork, BusTraffic, tuple[Bits, Bits], csr_array]:
    """What each visit does in the array, sends, and reads and writes of Z in DRAM; and Z."""
    a, b = stored
    work, touched_entries, result = _work(design, matrices, a, b, visits, numbering, passes)
    bus = _bus_traffic(design, a, b, visits, work, passes, touched_entries)
    return work, bus, traffic_appended(design, visits, work, a.height[visits.a]), result


def _work(
    design: ConcreteDesign,
    matrices: tuple[csr_array, csr_array],
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    numbering: Numbering,
    passes: int,
) -> tuple[ArrayWork, np.ndarray, csr_array]:
    """What the array does in each visit, the entries in the rows of B that A's tile touches, and Z."""
    inner, outer = design.dataflow == "inner_product", design.dataflow == "outer_product"
    both = design.a_skips and design.b_skips
    by_jumps = both and inner and walked(design.intersection_index)
    tiles, left = a_tiles_of(a, b, numbering), a_entries_of(a, by_jumps)
    right = b_row_parts_of(design, b, numbering, 1 if outer else passes, by_jumps)
    z, found = product_sparse(matrices, a, tiles, right)
    found, met = numbering.in_order(found), np.zeros((len(visits), 3), np.int64)
    padded = a.format.has_runs or b.format.has_runs
    if _selects(design, b) or (both and (outer or padded)):
        extent = min(design.tile_k, a.shape[1])
        met = numbering.in_order(meet(design.pe_rows, extent, left, tiles, right, len(visits)))
    pairs = met[:, MET] if padded else found[:, EFFECTUAL]
    if outer:
        busy = _outer(design, a, b, visits, passes, right, met[:, SLICE_STEPS])
    elif both:
        busy = _both_skip(design, a, b, len(visits), numbering, passes, tiles, left, right)
    elif design.a_skips:
        busy = _a_skips(design, a, b, visits, passes)
    else:
        busy = _in_full(design, a, b, visits, passes, right)
    return _array_work(design, a, b, visits, busy, found, pairs), met[:, TOUCHED_ENTRIES], z


def _selects(design: ConcreteDesign, b: StoredOperand) -> bool:
    """Whether only the rows of B that A's tile touches are sent."""
    return design.a_skips and b.format.rows_addressable and design.dataflow != "inner_product"


def _steps_of_full_row(design: ConcreteDesign, columns: np.ndarray, passes: int) -> np.ndarray:
    """Steps in which a full row of each tile of B is dealt to the array."""
    return passes * ceil_div(ceil_div(columns, passes), design.width)


def _outer(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    passes: int,
    right: BRowParts,
    slice_steps: np.ndarray,
) -> Busy:
    zero, full = np.zeros(len(visits), np.int64), _steps_of_full_row(design, b.width[visits.b], passes)
    if design.a_skips:
        compute = slice_steps if design.b_skips else slices_of(design, a)[visits.a] * full
    else:
        steps = tile_steps(b, right)[visits.b] if design.b_skips else full * a.width[visits.a]
        compute = ceil_div(a.height[visits.a], design.pe_rows) * steps
    return Busy(compute, zero, zero, zero)


def _in_full(
    design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits, passes: int, right: BRowParts
) -> Busy:
    """A does not skip: every row of its tiles takes the same time."""
    zero, columns, depth = np.zeros(len(visits), np.int64), b.width[visits.b], a.width[visits.a]
    if design.dataflow == "gustavson":
        full = _steps_of_full_row(design, columns, passes)
        steps = tile_steps(b, right)[visits.b] if design.b_skips else full * depth
    elif design.b_skips:
        steps = b_lanes_of(design, b)[1][visits.b]
    else:
        steps = depth * ceil_div(columns, design.width)
    share = loads_of(design, a)[visits.a, SHARE_BITS] if design.a_stays else zero
    return Busy(ceil_div(a.height[visits.a], design.pe_rows) * steps, zero, zero, share)


def _a_skips(design: ConcreteDesign, a: StoredOperand, b: StoredOperand, visits: TileVisits, passes: int) -> Busy:
    """Only A skips: every entry of it takes the same time, and the most loaded PE row decides."""
    loads, columns = loads_of(design, a)[visits.a], b.width[visits.b]
    intersect, share = loads[:, DECODE] * passes, loads[:, SHARE_BITS]
    if design.dataflow == "gustavson":
        full = _steps_of_full_row(design, columns, passes)
        return Busy(loads[:, ENTRIES] * full, intersect, np.zeros(len(visits), np.int64), share)
    lane_columns = ceil_div(columns, design.width)
    intersect = np.maximum(intersect, loads[:, WALK] * lane_columns)
    return Busy(loads[:, ENTRIES] * lane_columns, intersect, loads[:, ALL_WALKED] * columns, share)


def _both_skip(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: int,
    numbering: Numbering,
    passes: int,
    tiles: ATiles,
    left: AEntries,
    right: BRowParts,
) -> Busy:
    """Both skip: what entries of A meet decides."""
    rates = a.rates
    plan = WalkPlan(
        pe_rows=design.pe_rows,
        schedule=design.schedule_index(),
        unit=design.intersection_index,
        passes=passes,
        by_rows=design.works_by_rows,
        bitmask=a.format.has_mask,
        share_entry_bits=int((rates["value_entry"] + rates["metadata_entry"]).max(initial=0)),
    )
    if design.dataflow == "gustavson":
        found = walk_rows(plan, tiles, left, right, visits)
    else:
        found = walk_pairs(plan, tiles, left, right, b_lanes_of(design, b)[0], visits)
    found = numbering.in_order(found)
    return Busy(*(found[:, column] for column in (COMPUTE, INTERSECT, STEPS, HELD_BITS)))


def _array_work(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    busy: Busy,
    found: np.ndarray,
    met: np.ndarray,
) -> ArrayWork:
    """What becomes of each MAC (docs/machine.md, section 3): padding is gated; of other zeros, A decides first."""
    effectual = found[:, EFFECTUAL]
    a_nonzeros, b_nonzeros = a.nonzeros[visits.a], b.nonzeros[visits.b]
    a_entries, b_entries = a.entries[visits.a], b.entries[visits.b]
    rows, columns = a.height[visits.a], b.width[visits.b]
    positions = rows * a.width[visits.a]
    padding, a_zeros, b_zeros = (np.zeros_like(effectual) for _ in range(3))
    if design.a_skips and design.b_skips:
        padding = met - effectual
    elif design.a_skips:
        padding, b_zeros = (a_entries - a_nonzeros) * columns, a_nonzeros * columns - effectual
    elif design.b_skips:
        padding, a_zeros = rows * (b_entries - b_nonzeros), rows * b_nonzeros - effectual
    else:
        a_zeros, b_zeros = (positions - a_nonzeros) * columns, a_nonzeros * columns - effectual
    ineffectual, gated = design.unskipped(padding, a_zeros, b_zeros)
    return ArrayWork(
        compute=busy.compute,
        intersect=busy.intersect,
        intersection_steps=busy.steps,
        effectual=effectual,
        ineffectual=ineffectual,
        gated=gated,
        results=found[:, OUTPUTS],
        outputs=found[:, OUTPUTS],
        fresh=found[:, FRESH],
        share_bits=busy.share_bits,
        entries_worked=a_entries if design.a_skips else positions,
    )


def _bus_traffic(
    design: ConcreteDesign,
    a: StoredOperand,
    b: StoredOperand,
    visits: TileVisits,
    work: ArrayWork,
    passes: int,
    touched_entries: np.ndarray,
) -> BusTraffic:
    """What crosses the buses in each visit."""
    a_times = 1 if design.a_stays else passes
    b_times = buffer_fills(design, work.share_bits)
    selects = _selects(design, b)
    rates = {name: values[visits.b] for name, values in b.rates.items()}
    rows = a.columns_touched[visits.a] if selects else b.height[visits.b]
    entries = touched_entries if selects else b.entries[visits.b]
    return BusTraffic(
        a_value=a_times * a.value_bits[visits.a],
        a_index=a_times * a.metadata_bits[visits.a],
        b_value=b_times * (rates["value_entry"] * entries + rates["value_row"] * rows),
        b_index=b_times * (rates["metadata_entry"] * entries + rates["metadata_row"] * rows + rates["metadata_fixed"]),
        z_value=work.results * design.accumulator_bits,
        z_index=work.results * design.widths("m", "n").column,
        a_decoded=a.decoded(a.entries[visits.a] * passes),
        b_decoded=b.decoded(entries * b_times),
    )


def most_products(design: ConcreteDesign, a: csr_array, b: csr_array) -> int:
    """Products of the row block of A with the most: what a tile of Z can hold at most."""
    pattern = csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape)
    products = pattern @ np.diff(b.indptr).astype(float)
    return int(np.bincount(np.arange(a.shape[0]) // design.tile_m, products).max(initial=0))
