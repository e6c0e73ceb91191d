"""SpMSpM: both operands are sparse, and what they make of each other is found by walking them."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.formats.records import ROWS_ADDRESSABLE
from hwmodels.simulator.concrete_design import Machine
from hwmodels.simulator.counters import Sent, Work
from hwmodels.simulator.dense_loads import ALL_WALKED, DECODE, ENTRIES, SHARE_BITS, WALK
from hwmodels.simulator.multiply import EFFECTUAL, FRESH, OUTPUTS
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
    Left,
    Right,
    Tiles,
    lanes_of,
    left_of,
    product_sparse,
    right_of,
    tile_steps,
    tiles_of,
)
from hwmodels.simulator.spmm import loads_of, slices_of
from hwmodels.simulator.stored_operand import Operand
from hwmodels.simulator.visits import Numbering, Visits


class Plan(NamedTuple):
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


def work_sparse(
    machine: Machine,
    matrices: tuple[csr_array, csr_array],
    a: Operand,
    b: Operand,
    visits: Visits,
    numbers: Numbering,
    passes: int,
) -> tuple[Work, np.ndarray, np.ndarray, csr_array]:
    """What the array does in each visit, the rows of B and the entries in them that A's tile touches, and Z."""
    inner, outer = machine.dataflow == "inner_product", machine.dataflow == "outer_product"
    both = machine.a_skips and machine.b_skips
    by_jumps = both and inner and machine.intersection == "skip_ahead"
    tiles, left = tiles_of(a, b, numbers), left_of(a, by_jumps)
    right = right_of(machine, b, numbers, 1 if outer else passes, by_jumps)
    z, found = product_sparse(matrices, a, tiles, right)
    found, met = numbers.in_order(found), np.zeros((len(visits), 3), np.int64)
    selects = _selects(machine, b)
    if selects or (both and (outer or "rle" in (a.format, b.format))):
        extent = min(machine.tile_k, a.shape[1])
        met = numbers.in_order(meet(machine.pe_rows, extent, left, tiles, right, len(visits)))
    pairs = met[:, MET] if "rle" in (a.format, b.format) else found[:, EFFECTUAL]
    if outer:
        busy = _outer(machine, a, b, visits, passes, right, met[:, SLICE_STEPS])
    elif both:
        busy = _pairs(machine, a, b, len(visits), numbers, passes, tiles, left, right)
    elif machine.a_skips:
        busy = _rows(machine, a, b, visits, passes)
    else:
        busy = _in_full(machine, a, b, visits, passes, right)
    work = _fates(machine, a, b, visits, busy, found, pairs)
    return work, a.columns_touched[visits.a] if selects else met[:, 0], met[:, TOUCHED_ENTRIES], z


def _selects(machine: Machine, b: Operand) -> bool:
    """Whether only the rows of B that A's tile touches are sent."""
    return machine.a_skips and b.format in ROWS_ADDRESSABLE and machine.dataflow != "inner_product"


def _steps_of_full_row(machine: Machine, columns: np.ndarray, passes: int) -> np.ndarray:
    """Steps in which a full row of each tile of B is dealt to the array."""
    return passes * ceil_div(ceil_div(columns, passes), machine.width)


def _outer(
    machine: Machine, a: Operand, b: Operand, visits: Visits, passes: int, right: Right, slice_steps: np.ndarray
) -> Busy:
    zero, full = np.zeros(len(visits), np.int64), _steps_of_full_row(machine, b.width[visits.b], passes)
    if machine.a_skips:
        compute = slice_steps if machine.b_skips else slices_of(machine, a)[visits.a] * full
    else:
        steps = tile_steps(b, right)[visits.b] if machine.b_skips else full * a.width[visits.a]
        compute = ceil_div(a.height[visits.a], machine.pe_rows) * steps
    return Busy(compute, zero, zero, zero)


def _in_full(machine: Machine, a: Operand, b: Operand, visits: Visits, passes: int, right: Right) -> Busy:
    """A does not skip: every row of its tiles takes the same time."""
    zero, columns, depth = np.zeros(len(visits), np.int64), b.width[visits.b], a.width[visits.a]
    if machine.dataflow == "gustavson":
        full = _steps_of_full_row(machine, columns, passes)
        steps = tile_steps(b, right)[visits.b] if machine.b_skips else full * depth
    elif machine.b_skips:
        steps = lanes_of(machine, b)[1][visits.b]
    else:
        steps = depth * ceil_div(columns, machine.width)
    share = loads_of(machine, a)[visits.a, SHARE_BITS] if machine.a_stays else zero
    return Busy(ceil_div(a.height[visits.a], machine.pe_rows) * steps, zero, zero, share)


def _rows(machine: Machine, a: Operand, b: Operand, visits: Visits, passes: int) -> Busy:
    """Only A skips: every entry of it takes the same time, and the most loaded PE row decides."""
    loads, columns = loads_of(machine, a)[visits.a], b.width[visits.b]
    intersect, share = loads[:, DECODE] * passes, loads[:, SHARE_BITS]
    if machine.dataflow == "gustavson":
        full = _steps_of_full_row(machine, columns, passes)
        return Busy(loads[:, ENTRIES] * full, intersect, np.zeros(len(visits), np.int64), share)
    lane_columns = ceil_div(columns, machine.width)
    intersect = np.maximum(intersect, loads[:, WALK] * lane_columns)
    return Busy(loads[:, ENTRIES] * lane_columns, intersect, loads[:, ALL_WALKED] * columns, share)


def _pairs(
    machine: Machine,
    a: Operand,
    b: Operand,
    visits: int,
    numbers: Numbering,
    passes: int,
    tiles: Tiles,
    left: Left,
    right: Right,
) -> Busy:
    """Both skip: what entries of A meet decides."""
    rates = a.rates
    plan = Plan(
        pe_rows=machine.pe_rows,
        schedule=machine.schedule_code,
        unit=machine.intersection_code,
        passes=passes,
        by_rows=machine.works_by_rows,
        bitmask=a.format == "bitmask",
        share_entry_bits=int((rates["value_entry"] + rates["metadata_entry"]).max(initial=0)),
    )
    if machine.dataflow == "gustavson":
        found = walk_rows(plan, tiles, left, right, visits)
    else:
        found = walk_pairs(plan, tiles, left, right, lanes_of(machine, b)[0], visits)
    found = numbers.in_order(found)
    return Busy(*(found[:, column] for column in (COMPUTE, INTERSECT, STEPS, HELD_BITS)))


def _fates(
    machine: Machine, a: Operand, b: Operand, visits: Visits, busy: Busy, found: np.ndarray, met: np.ndarray
) -> Work:
    """What becomes of each MAC (docs/machine.md, section 3): padding is gated; of other zeros, A decides first."""
    effectual = found[:, EFFECTUAL]
    a_nonzeros, b_nonzeros = a.nonzeros[visits.a], b.nonzeros[visits.b]
    a_entries, b_entries = a.entries[visits.a], b.entries[visits.b]
    rows, columns = a.height[visits.a], b.width[visits.b]
    positions = rows * a.width[visits.a]
    zero = np.zeros_like(effectual)
    if machine.a_skips and machine.b_skips:
        padded, zeros_of_a, zeros_of_b = met - effectual, zero, zero
    elif machine.a_skips:
        padded = (a_entries - a_nonzeros) * columns
        zeros_of_a, zeros_of_b = zero, a_nonzeros * columns - effectual
    elif machine.b_skips:
        padded = rows * (b_entries - b_nonzeros)
        zeros_of_a, zeros_of_b = rows * b_nonzeros - effectual, zero
    else:
        padded = zero
        zeros_of_a, zeros_of_b = (positions - a_nonzeros) * columns, a_nonzeros * columns - effectual
    gated = padded + zeros_of_a * (machine.a_zero == "gate") + zeros_of_b * (machine.b_zero == "gate")
    return Work(
        compute=busy.compute,
        intersect=busy.intersect,
        intersection_steps=busy.steps,
        effectual=effectual,
        ineffectual=padded + zeros_of_a + zeros_of_b - gated,
        gated=gated,
        results=found[:, OUTPUTS],
        outputs=found[:, OUTPUTS],
        fresh=found[:, FRESH],
        share_bits=busy.share_bits,
        entries_worked=a_entries if machine.a_skips else positions,
    )


def send_sparse(
    machine: Machine,
    a: Operand,
    b: Operand,
    visits: Visits,
    work: Work,
    passes: int,
    touched_rows: np.ndarray,
    touched_entries: np.ndarray,
) -> Sent:
    """What crosses the buses in each visit."""
    a_times = 1 if machine.a_stays else passes
    b_times = buffer_fills(machine, work.share_bits)
    selects = _selects(machine, b)
    rates = {name: values[visits.b] for name, values in b.rates.items()}
    rows = touched_rows if selects else b.height[visits.b]
    entries = touched_entries if selects else b.entries[visits.b]
    zero = np.zeros_like(rows)
    return Sent(
        a_value=a_times * a.value_bits[visits.a],
        a_index=a_times * a.metadata_bits[visits.a],
        b_value=b_times * (rates["value_entry"] * entries + rates["value_row"] * rows),
        b_index=b_times * (rates["metadata_entry"] * entries + rates["metadata_row"] * rows + rates["metadata_fixed"]),
        z_value=work.results * machine.accumulator_bits,
        z_index=work.results * machine.widths("m", "n").column,
        a_decoded=zero if a.format == "dense" else a.entries[visits.a] * passes,
        b_decoded=zero if b.format == "dense" else entries * b_times,
    )


def most_products(machine: Machine, a: csr_array, b: csr_array) -> int:
    """Products of the row block of A with the most: what a tile of Z can hold at most."""
    pattern = csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape)
    products = pattern @ np.diff(b.indptr).astype(float)
    return int(np.bincount(np.arange(a.shape[0]) // machine.tile_m, products).max(initial=0))
