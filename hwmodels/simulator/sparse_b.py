"""SpMSpM: both operands are sparse, and what they make of each other is found by walking them."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from hwmodels.firmware.schedules import BALANCED, CYCLIC
from hwmodels.simulator.machine import Machine
from hwmodels.simulator.operand import Fibers, Operand
from hwmodels.simulator.passes import buffer_fills
from hwmodels.simulator.tally import Sent, Work
from hwmodels.simulator.visits import Visits
from hwmodels.simulator.walk import (
    COMPUTE,
    EFFECTUAL,
    FRESH,
    INTERSECT,
    MET,
    OUTPUTS,
    SHARE_BITS,
    STEPS,
    TOUCHED_ENTRIES,
    TOUCHED_ROWS,
    WALKED,
    deal_columns,
    row_steps,
    walk,
)

ROWS_ADDRESSABLE = ("dense", "bitmask", "rle", "csr", "nm4", "nm8")
"""Formats of B in which the machine can address a row."""


NONE = np.zeros(0, np.int32)


class Plan(NamedTuple):
    """What compiled code must know of the machine."""

    pe_rows: int
    width: int
    dataflow: int
    schedule: int
    unit: int
    passes: int
    a_skips: bool
    b_skips: bool
    both_inner: bool
    """The inner product of two operands that skip: pairs of fibers are intersected."""
    by_rows: bool
    """The work of a non-empty row is one."""
    bitmask: bool
    b_padded: bool
    selects: bool
    """Only the rows of B that A's tile touches are sent."""
    counts_rows: bool
    """A's share of a PE row matters."""
    share_entry_bits: int
    nominal_m: int
    nominal_n: int
    tile_m: int
    tile_k: int
    tile_n: int


class Places(NamedTuple):
    """Where each visit is: numbers of its tiles among those with entries (-1: none), its place, its sizes."""

    a: np.ndarray
    b: np.ndarray
    m: np.ndarray
    n: np.ndarray
    z: np.ndarray
    height: np.ndarray
    depth: np.ndarray
    columns: np.ndarray
    share_row_bits: np.ndarray
    share_fixed_bits: np.ndarray


class Left(NamedTuple):
    """A for compiled code."""

    column: np.ndarray
    value: np.ndarray
    rows: Fibers
    columns: Fibers


class Right(NamedTuple):
    """B for compiled code.

    Of each entry: `above` and `below`, the rows of its neighbours in its column (-1, and the tile's height, where there
    is none). Of each row of each tile: `row_steps`, `row_nonzeros`; of each tile, `tile_steps` of all its rows.
    """

    column: np.ndarray
    value: np.ndarray
    above: np.ndarray
    below: np.ndarray
    rows: Fibers
    columns: Fibers
    row_steps: np.ndarray
    row_nonzeros: np.ndarray
    tile_steps: np.ndarray


class Lanes(NamedTuple):
    """Columns of B dealt to lanes; see `walk.deal_columns`. `of_entry`: lane of each entry's column."""

    of_entry: np.ndarray
    lane_of: np.ndarray
    used: np.ndarray
    most: np.ndarray


class Result(NamedTuple):
    """Z in CSR, its pattern known; `seen`: whether an entry has been reached."""

    start: np.ndarray
    column: np.ndarray
    value: np.ndarray
    seen: np.ndarray


def empty_product(a: csr_array, b: csr_array) -> csr_array:
    """Z with its structural pattern and zero values."""
    ones = [csr_array((np.ones(x.nnz, np.float32), x.indices, x.indptr), shape=x.shape) for x in (a, b)]
    pattern = csr_array(ones[0] @ ones[1])
    pattern.sort_indices()
    return csr_array((np.zeros(pattern.nnz), pattern.indices, pattern.indptr), shape=pattern.shape)


def work_sparse(
    machine: Machine, a: Operand, b: Operand, visits: Visits, passes: int, z: csr_array
) -> tuple[Work, np.ndarray, np.ndarray]:
    """What the array does in each visit, and the rows of B and entries in them that A's tile touches.

    The products are added to the values of `z`, which comes with its pattern.
    """
    inner, outer = machine.dataflow == "inner_product", machine.dataflow == "outer_product"
    selects = machine.a_skips and b.format in ROWS_ADDRESSABLE and not inner
    rates = a.rates
    plan = Plan(
        pe_rows=machine.pe_rows,
        width=machine.width,
        dataflow=machine.dataflow_code,
        schedule=machine.schedule_code if machine.a_skips or machine.schedule_code != BALANCED else CYCLIC,
        unit=machine.intersection_code,
        passes=passes,
        a_skips=machine.a_skips,
        b_skips=machine.b_skips,
        both_inner=inner and machine.a_skips and machine.b_skips,
        by_rows=inner and machine.intersection == "two_finger",
        bitmask=a.format == "bitmask",
        b_padded=b.format == "rle",
        selects=selects,
        counts_rows=machine.a_stays,
        share_entry_bits=int((rates["value_entry"] + rates["metadata_entry"]).max(initial=0)),
        nominal_m=machine.tile_m,
        nominal_n=machine.tile_n,
        tile_m=min(machine.tile_m, a.shape[0]),
        tile_k=min(machine.tile_k, a.shape[1]),
        tile_n=min(machine.tile_n, b.shape[1]),
    )
    # Visits do not depend on each other, so those of one tile of Z are walked together, while it is in the cache.
    z_tile = visits.m * visits.trips["n"] + visits.n
    order = np.argsort(z_tile, kind="stable")
    a_tile, b_tile = visits.a[order], visits.b[order]
    places = Places(
        a=a.index[a_tile],
        b=b.index[b_tile],
        m=visits.m[order],
        n=visits.n[order],
        z=z_tile[order],
        height=a.height[a_tile],
        depth=a.width[a_tile],
        columns=b.width[b_tile],
        share_row_bits=(rates["value_row"] + rates["metadata_row"])[a_tile],
        share_fixed_bits=rates["metadata_fixed"][a_tile],
    )
    left = Left(a.column, a.value, a.rows, a.columns)
    right, lanes = _prepare(machine, b, 1 if outer else passes)
    out = Result(z.indptr.astype(np.int64), z.indices.astype(np.int32), z.data, np.zeros(z.nnz, np.int8))
    found = np.empty((WALKED, len(visits)), np.int64)
    found[:, order] = walk(plan, places, left, right, lanes, out).T
    return _fates(machine, a, b, visits, found), found[TOUCHED_ROWS], found[TOUCHED_ENTRIES]


def _prepare(machine: Machine, b: Operand, passes: int) -> tuple[Right, Lanes]:
    """B with what each of its rows and columns costs."""
    widths = np.zeros(len(b.start) - 1, np.int64)
    widths[b.index[b.index >= 0]] = b.width[b.index >= 0]
    steps = row_steps(b.rows, b.column, widths, passes, machine.width)
    before = np.concatenate([[0], np.cumsum(steps)])
    nonzeros = np.concatenate([[0], np.cumsum(b.value != 0)])
    inner = machine.dataflow == "inner_product" and machine.b_skips
    right = Right(
        column=b.column,
        value=b.value,
        **(_neighbours(b) if inner and machine.a_skips else {name: NONE for name in ("above", "below")}),
        rows=b.rows,
        columns=b.columns,
        row_steps=steps,
        row_nonzeros=np.diff(nonzeros[b.rows.first]),
        tile_steps=np.diff(before[b.rows.fibers_of]),
    )
    if not inner:
        return right, Lanes(NONE, *(np.zeros(0, np.int64) for _ in range(3)))
    lane_of, used, most = deal_columns(b.columns, widths, machine.width, machine.schedule_code)
    of_entry = np.empty(len(b.value), np.int32)
    of_entry[b.columns.order] = np.repeat(lane_of, np.diff(b.columns.first))
    return right, Lanes(of_entry, lane_of, used, most)


def _neighbours(b: Operand) -> dict[str, np.ndarray]:
    """Neighbours in its column of each entry of B."""
    row, starts = b.row[b.columns.order], b.columns.first[:-1]
    above, below = np.roll(row, 1), np.roll(row, -1)
    heights = np.zeros(len(b.start) - 1, np.int64)
    heights[b.index[b.index >= 0]] = b.height[b.index >= 0]
    above[starts] = -1
    below[b.columns.first[1:] - 1] = np.repeat(heights, np.diff(b.columns.fibers_of))
    found = {"above": np.empty_like(row), "below": np.empty_like(row)}
    found["above"][b.columns.order], found["below"][b.columns.order] = above, below
    return found


def _fates(machine: Machine, a: Operand, b: Operand, visits: Visits, found: np.ndarray) -> Work:
    """What becomes of each MAC (docs/machine.md, section 3): padding is gated; of other zeros, A decides first."""
    effectual, met = found[EFFECTUAL], found[MET]
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
        compute=found[COMPUTE],
        intersect=found[INTERSECT],
        intersection_steps=found[STEPS],
        effectual=effectual,
        ineffectual=padded + zeros_of_a + zeros_of_b - gated,
        gated=gated,
        results=found[OUTPUTS],
        outputs=found[OUTPUTS],
        fresh=found[FRESH],
        share_bits=found[SHARE_BITS],
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
    selects = machine.a_skips and b.format in ROWS_ADDRESSABLE and machine.dataflow != "inner_product"
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
