"""Matrix products: SpMV, SpMM and SpMSpM, which differ in what each visit takes (`spmm`, `spmspm`)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from hwmodels.simulator.accounting import KernelRun, Memory, account
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import DramTraffic, Fits
from hwmodels.simulator.places import ceil_div
from hwmodels.simulator.spmm import visit_dense_b
from hwmodels.simulator.spmspm import most_products, visit_sparse_b
from hwmodels.simulator.stored_operand import StoredOperand, canonical, store, store_dense
from hwmodels.simulator.visits import visit
from workloads.errors import InputError

Source = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Rows and columns of B to numbers of what lies there; equal numbers are one element of memory, those below 0 none."""


def run_product(design: ConcreteDesign, a: Any, b: Any, memory: Memory, source: Source | None = None) -> KernelRun:
    """Run Z = A B on a design; arguments and errors as `simulate`."""
    a, b, is_vector = _operands(a, b)
    left = store(a, (design.tile_m, design.tile_k), design.a_format, design.widths("m", "k"))
    right = _store_b(design, b)
    visits, numbering = visit(left, right, design.loop_order)
    if issparse(b):
        found = visit_sparse_b(design, memory, (a, b), (left, right), visits, numbering)
    else:
        found = visit_dense_b(design, memory, b, (left, right), visits)
    fetched = memory.fetched_bits(right) if source is None else _distinct_bits(memory, right, source, not issparse(b))
    b_bits = visits.spread(fetched[visits.b], "b")
    share = 1.0 if source is None or design.off_chip("b") else _distinct_share(b, source)
    return account(
        design,
        memory,
        places=(visits.m, visits.k, visits.n),
        work=found.work,
        fates=found.fates,
        bus=found.bus,
        dram=DramTraffic(
            visits.spread(memory.fetched_bits(left)[visits.a], "a"),
            b_bits,
            *found.z_traffic,
        ).of_moved(design),
        array=found.actions,
        fits=Fits(
            glb=_glb_need(design, a, b, left, right, share),
            pe_buffer=found.places.pe_buffer,
            accumulator=found.places.accumulator,
            bus=design.bus_need,
        ),
        positions=a.shape[0] * a.shape[1] * b.shape[1],
        adds_partials=visits.trips["k"] > 1,
        result=found.result[:, 0] if is_vector else found.result,
        unfolded=b_bits if share < 1.0 else 0,
    )


def _operands(a: Any, b: Any) -> tuple[csr_array, Any, bool]:
    """A and B in canonical form, [M, K] and [K, N], and whether B was a vector."""
    a = canonical(a, "A")
    b = canonical(b, "B") if issparse(b) else np.ascontiguousarray(b, float)
    is_vector = b.ndim == 1
    if is_vector:
        b = b[:, None]
    if b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise InputError(f"A is {a.shape[0]} x {a.shape[1]} but B has shape {b.shape}; give B as many rows.")
    return a, b, is_vector


def _store_b(design: ConcreteDesign, b: Any) -> StoredOperand:
    tile, widths = (design.tile_k, design.tile_n), design.widths("k", "n")
    return store(b, tile, design.b_format, widths) if issparse(b) else store_dense(b.shape, tile, widths)


def _distinct_bits(memory: Memory, b: StoredOperand, source: Source, is_dense: bool) -> np.ndarray:
    """Bits that come in with each tile of B: the share of it that is distinct, and its directory entry."""
    if is_dense:
        distinct = np.array([_distinct_in(b, at, source) for at in range(len(b.i))])
        return memory.in_bursts(distinct * b.widths.value)
    tile = np.repeat(b.stored, np.diff(b.start))
    kept = b.value != 0
    tile, row, column = tile[kept], b.row[kept], b.column[kept]
    found = source(b.i[tile] * b.tile[0] + row, b.j[tile] * b.tile[1] + column)
    distinct = np.bincount(np.unique(np.stack([tile, found]), axis=1)[0], minlength=len(b.i))
    bits = ceil_div(b.bits * distinct, np.maximum(b.nonzeros, 1))
    return memory.in_bursts(bits) + b.directory_bits


def _distinct_share(b: Any, source: Source) -> float:
    """Elements of memory that all of B is made of, over its positions, or its non-zeros if it is sparse."""
    rows, columns = b.nonzero() if issparse(b) else np.indices(b.shape).reshape(2, -1)
    found = np.unique(source(rows, columns))
    return np.count_nonzero(found >= 0) / max(len(rows), 1)


def _distinct_in(b: StoredOperand, at: int, source: Source) -> int:
    """Elements of memory that a tile of a dense B is made of."""
    rows = b.i[at] * b.tile[0] + np.arange(b.height[at])
    columns = b.j[at] * b.tile[1] + np.arange(b.width[at])
    found = np.unique(source(np.repeat(rows, len(columns)), np.tile(columns, len(rows))))
    return int(np.count_nonzero(found >= 0))


def _glb_need(
    design: ConcreteDesign, a: csr_array, b: Any, left: StoredOperand, right: StoredOperand, share: float
) -> float:
    """Need of operands and of the most results over what the GLB has; where B stays, it is a `share` of its positions,
    from which tiles are unfolded if it is less than all."""
    words = min(design.tile_m, a.shape[0]) * min(design.tile_n, b.shape[1])
    word_bits = design.accumulator_bits
    if issparse(b):
        words = min(words, most_products(design, a, b))
        word_bits += design.widths("m", "n").row + design.widths("m", "n").column
    tiles = {"a": left.peak_bits, "b": right.peak_bits, "z": words * word_bits}
    all_of_z = a.shape[0] * b.shape[1] * design.accumulator_bits
    everything = {"a": int(left.bits.sum()), "b": share * int(right.bits.sum()), "z": all_of_z}
    return design.glb_need(tiles, everything, beside=right.peak_bits if share < 1.0 else 0)
