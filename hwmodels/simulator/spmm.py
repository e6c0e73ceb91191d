"""SpMV and SpMM: B and Z are dense, so every column of B is alike and A's tiles decide."""

import numpy as np
from jaxtyping import Float

from hwmodels.simulator.concrete_design import Machine
from hwmodels.simulator.counters import Sent, Work
from hwmodels.simulator.dense_loads import ALL_WALKED, DECODE, ENTRIES, SHARE_BITS, WALK, busiest_rows
from hwmodels.simulator.multiply import multiply_dense
from hwmodels.simulator.passes import buffer_fills, ceil_div
from hwmodels.simulator.stored_operand import Operand
from hwmodels.simulator.visits import Visits


def loads_of(machine: Machine, a: Operand) -> np.ndarray:
    """What the most loaded PE row has of each tile of A, [tiles, quantities of `rows`]."""
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
        machine.pe_rows,
        machine.schedule_code,
        machine.a_skips,
        machine.works_by_rows,
        a.format == "bitmask",
        machine.intersection_code,
    )


def slices_of(machine: Machine, a: Operand) -> np.ndarray:
    """Slices of R entries that the outer product deals the columns of each tile of A in."""
    if machine.a_skips:
        return a.column_slices(machine.pe_rows)[1]
    return a.width * ceil_div(a.height, machine.pe_rows)


def work_dense(machine: Machine, a: Operand, visits: Visits, columns: np.ndarray, passes: int) -> Work:
    """What the array does in each visit; `columns` of B in each."""
    entries, nonzeros = a.entries[visits.a], a.nonzeros[visits.a]
    rows = (a.rows_touched if machine.a_skips else a.height)[visits.a]
    positions = a.height[visits.a] * a.width[visits.a]
    steps = passes * ceil_div(ceil_div(columns, passes), machine.width)
    zero = np.zeros_like(columns)
    intersect, intersection_steps, share = zero, zero, zero
    if machine.dataflow == "outer_product":  # no rows to deal
        compute = slices_of(machine, a)[visits.a] * steps
    else:
        loads = loads_of(machine, a)[visits.a]
        compute, intersect, share = loads[:, ENTRIES] * steps, loads[:, DECODE] * passes, loads[:, SHARE_BITS]
        if machine.dataflow == "inner_product":
            intersect = np.maximum(intersect, loads[:, WALK] * steps)
            intersection_steps = loads[:, ALL_WALKED] * columns
    worked = entries if machine.a_skips else positions
    zeros = (worked - nonzeros) * columns
    gates = machine.a_skips or machine.a_zero == "gate"  # what is worked on and zero is padding if A skips
    return Work(
        compute=compute,
        intersect=intersect,
        intersection_steps=intersection_steps,
        effectual=nonzeros * columns,
        ineffectual=zero if gates else zeros,
        gated=zeros if gates else zero,
        results=rows * columns,
        outputs=zero,
        fresh=zero,
        share_bits=share,
        entries_worked=worked,
    )


def send_dense(machine: Machine, a: Operand, visits: Visits, columns: np.ndarray, work: Work, passes: int) -> Sent:
    """What crosses the buses in each visit: only the rows of B that A touches where the dataflow selects rows."""
    tiles = visits.a
    selects = machine.a_skips and machine.dataflow != "inner_product"
    rows = a.width[tiles]
    if selects:
        rows = a.columns_touched[tiles]
    a_times = 1 if machine.a_stays else passes
    b_times = buffer_fills(machine, work.share_bits)
    zero = np.zeros_like(columns)
    return Sent(
        a_value=a_times * a.value_bits[tiles],
        a_index=a_times * a.metadata_bits[tiles],
        b_value=b_times * rows * columns * machine.value_bits,
        b_index=zero,
        z_value=work.results * machine.accumulator_bits,
        z_index=zero,
        a_decoded=zero if a.format == "dense" else a.entries[tiles] * passes,
        b_decoded=zero,
    )


def product_dense(
    machine: Machine, a: Operand, visits: Visits, b: Float[np.ndarray, "k n"]
) -> Float[np.ndarray, "m n"]:
    """Z = A B, added up visit by visit."""
    z = np.zeros((a.shape[0], b.shape[1]))
    tiles = (visits.m, visits.k, visits.n)
    sizes = (machine.tile_m, machine.tile_k, machine.tile_n)
    multiply_dense(a.index[visits.a], *tiles, a.start, a.row, a.column, a.value, b, z, *sizes)
    return z
