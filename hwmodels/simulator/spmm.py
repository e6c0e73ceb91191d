"""SpMV and SpMM: B and Z are dense, so every column of B is alike and A's tiles decide."""

import numpy as np
from jaxtyping import Float

from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, Bits, BusTraffic
from hwmodels.simulator.dense_loads import ALL_WALKED, DECODE, ENTRIES, SHARE_BITS, WALK, busiest_rows
from hwmodels.simulator.multiplication import multiply_dense
from hwmodels.simulator.output_traffic import traffic_in_place
from hwmodels.simulator.passes import buffer_fills, ceil_div
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.simulator.visits import TileVisits


def loads_of(design: ConcreteDesign, a: StoredOperand) -> np.ndarray:
    """What the most loaded PE row has of each tile of A, [tiles, quantities of `dense_loads`]."""
    found = a.rates
    share = np.stack(
        [
            found["value_entry"] + found["metadata_entry"],
            found["value_row"] + found["metadata_row"],
            found["metadata_fixed"],
        ]
    )
    return busiest_rows(
        a.index,
        a.rows,
        a.row_nonzeros,
        a.height,
        a.width,
        share,
        design.pe_rows,
        design.schedule_index(alike=not design.a_skips),
        design.a_skips,
        design.works_by_rows,
        a.format.has_mask,
        design.intersection_index,
    )


def slices_of(design: ConcreteDesign, a: StoredOperand) -> np.ndarray:
    """Slices of R entries that the outer product deals the columns of each tile of A in."""
    if design.a_skips:
        return a.column_slices(design.pe_rows)[1]
    return a.width * ceil_div(a.height, design.pe_rows)


def visit_dense_b(
    design: ConcreteDesign,
    b: Float[np.ndarray, "k n"],
    stored: tuple[StoredOperand, StoredOperand],
    visits: TileVisits,
    passes: int,
) -> tuple[ArrayWork, BusTraffic, tuple[Bits, Bits], Float[np.ndarray, "m n"]]:
    """What each visit does in the array, sends, and reads and writes of Z in DRAM; and Z."""
    a, columns = stored[0], stored[1].width[visits.b]
    work = _work(design, a, visits, columns, passes)
    bus = _bus_traffic(design, a, visits, columns, work, passes)
    words = a.height[visits.a] * columns
    z_traffic = traffic_in_place(visits, words * design.value_bits, words * design.accumulator_bits)
    return work, bus, z_traffic, _result(design, a, visits, b)


def _work(design: ConcreteDesign, a: StoredOperand, visits: TileVisits, columns: np.ndarray, passes: int) -> ArrayWork:
    """What the array does in each visit; `columns` of B in each."""
    entries, nonzeros = a.entries[visits.a], a.nonzeros[visits.a]
    rows = (a.rows_touched if design.a_skips else a.height)[visits.a]
    positions = a.height[visits.a] * a.width[visits.a]
    steps = passes * ceil_div(ceil_div(columns, passes), design.width)
    zero = np.zeros_like(columns)
    intersect, intersection_steps, share = zero, zero, zero
    if design.dataflow == "outer_product":  # no rows to deal
        compute = slices_of(design, a)[visits.a] * steps
    else:
        loads = loads_of(design, a)[visits.a]
        compute, intersect, share = loads[:, ENTRIES] * steps, loads[:, DECODE] * passes, loads[:, SHARE_BITS]
        if design.dataflow == "inner_product":
            intersect = np.maximum(intersect, loads[:, WALK] * steps)
            intersection_steps = loads[:, ALL_WALKED] * columns
    worked = entries if design.a_skips else positions
    zeros = (worked - nonzeros) * columns
    padding, a_zeros = (zeros, zero) if design.a_skips else (zero, zeros)
    ineffectual, gated = design.unskipped(padding, a_zeros, zero)
    return ArrayWork(
        compute=compute,
        intersect=intersect,
        intersection_steps=intersection_steps,
        effectual=nonzeros * columns,
        ineffectual=ineffectual,
        gated=gated,
        results=rows * columns,
        outputs=zero,
        fresh=zero,
        share_bits=share,
        entries_worked=worked,
    )


def _bus_traffic(
    design: ConcreteDesign, a: StoredOperand, visits: TileVisits, columns: np.ndarray, work: ArrayWork, passes: int
) -> BusTraffic:
    """What crosses the buses in each visit: only the rows of B that A touches where the dataflow selects rows."""
    tiles = visits.a
    selects = design.a_skips and design.dataflow != "inner_product"
    rows = a.width[tiles]
    if selects:
        rows = a.columns_touched[tiles]
    a_times = 1 if design.a_stays else passes
    b_times = buffer_fills(design, work.share_bits)
    zero = np.zeros_like(columns)
    return BusTraffic(
        a_value=a_times * a.value_bits[tiles],
        a_index=a_times * a.metadata_bits[tiles],
        b_value=b_times * rows * columns * design.value_bits,
        b_index=zero,
        z_value=work.results * design.accumulator_bits,
        z_index=zero,
        a_decoded=a.decoded(a.entries[tiles] * passes),
        b_decoded=zero,
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
