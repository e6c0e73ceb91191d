"""Run a matrix product on a design: the entry point for SpMV, SpMM and SpMSpM."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.simulator.accounting import Charges, Memory, Run, Simulation, conclude, priced
from hwmodels.simulator.concrete_design import Machine, checked, machine_of
from hwmodels.simulator.counters import Dram, Sent, Work
from hwmodels.simulator.output_traffic import dense_z, sparse_z
from hwmodels.simulator.passes import column_passes
from hwmodels.simulator.spmm import product_dense, send_dense, work_dense
from hwmodels.simulator.spmspm import most_products, send_sparse, work_sparse
from hwmodels.simulator.stored_operand import Operand, store, store_dense
from hwmodels.simulator.visits import visit
from hwmodels.technology import Technology
from workloads.errors import InputError

Source = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Rows and columns of B to numbers of what lies there; equal numbers are one element of memory."""


def simulate(
    hardware: Hardware, mapping: Mapping, a, b, technology: Technology, source: Source | None = None
) -> Simulation:
    """Run Z = A B on a design, tile by tile on the real non-zeros, as docs/machine.md says.

    **Arguments**: `a` a SciPy sparse matrix [M, K]; `b` a NumPy array [K, N] (SpMM; [K] for SpMV), each element of
    which counts as a non-zero, or a SciPy sparse matrix [K, N] (SpMSpM); `source`: what the positions of a sparse B
    stand for, if some stand for the same (section 10). **Returns** a `Simulation`; its result is
    dense for a dense B, else a `csr_array`. **Raises** `InputError` where shapes do not match, the mapping is not
    legal or a size is not a whole number. A design that does not fit (`cost.fits` above 1) is run all the same.
    """
    machine = checked(machine_of(hardware, mapping), "sparse_b" if issparse(b) else "dense_b")
    return priced(run(machine, a, b, Memory.of(technology), source), machine, hardware, mapping, technology)


def run(machine: Machine, a, b, memory: Memory, source: Source | None = None) -> Run:
    """As `simulate`, for a design in whole numbers and names, without energy and area."""
    a = canonical(a, "A")
    b_is_dense = not issparse(b)
    b = np.ascontiguousarray(b, float) if b_is_dense else canonical(b, "B")
    one_column = b.ndim == 1
    if one_column:
        b = b[:, None]
    if b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise InputError(f"A is {a.shape[0]} x {a.shape[1]} but B has shape {b.shape}; give B as many rows.")
    left = store(a, (machine.tile_m, machine.tile_k), machine.a_format, machine.widths("m", "k"))
    tile, widths = (machine.tile_k, machine.tile_n), machine.widths("k", "n")
    right = store_dense(b.shape, tile, widths) if b_is_dense else store(b, tile, machine.b_format, widths)
    visits, numbers = visit(left, right, machine.loop_order)
    passes, fits = column_passes(machine, left, right, visits, b_is_dense)
    rows, columns = left.height[visits.a], right.width[visits.b]
    words = min(machine.tile_m, a.shape[0]) * min(machine.tile_n, b.shape[1])
    word_bits = machine.accumulator_bits
    if b_is_dense:
        work = work_dense(machine, left, visits, columns, passes)
        sent = send_dense(machine, left, visits, columns, work, passes)
        z_read, z_write = dense_z(machine, visits, rows * columns)
        result = product_dense(machine, left, visits, b)
        result = result[:, 0] if one_column else result
    else:
        work, *touched, result = work_sparse(machine, (a, b), left, right, visits, numbers, passes)
        sent = send_sparse(machine, left, right, visits, work, passes, *touched)
        z_read, z_write = sparse_z(machine, visits, work, rows)
        words = min(words, most_products(machine, a, b))
        word_bits += machine.widths("m", "n").row + machine.widths("m", "n").column
    dram = Dram(
        visits.spread(left.fetched_bits[visits.a], "a"),
        visits.spread((right.fetched_bits if source is None else _fetched(right, source))[visits.b], "b"),
        z_read,
        z_write,
    )
    need = left.peak_bits + right.peak_bits + words * word_bits
    return conclude(
        machine,
        memory,
        places=(visits.m, visits.k, visits.n),
        work=work,
        sent=sent,
        dram=dram,
        charges=_charges(machine, left, work, sent, passes),
        fits=dataclasses.replace(fits, glb=need / (machine.glb_bytes * 4)),
        positions=a.shape[0] * a.shape[1] * b.shape[1],
        adds_partials=visits.trips["k"] > 1,
        result=result,
    )


def _fetched(b: Operand, source: Source) -> np.ndarray:
    """Bits of each tile of B in DRAM: the share of its non-zeros that are distinct, and its directory entry."""
    tile = np.repeat(b.stored, np.diff(b.start))
    kept = b.value != 0
    tile, row, column = tile[kept], b.row[kept], b.column[kept]
    found = source(b.i[tile] * b.tile[0] + row, b.j[tile] * b.tile[1] + column)
    distinct = np.unique(np.stack([tile, found]), axis=1)[0]
    share = np.bincount(distinct, minlength=len(b.i)) / np.maximum(b.nonzeros, 1)
    return b.bits * share + (b.fetched_bits - b.bits)


def _charges(machine: Machine, a: Operand, work: Work, sent: Sent, passes: int) -> Charges:
    """Actions of the array (docs/machine.md, section 5)."""
    inner, outer = machine.dataflow == "inner_product", machine.dataflow == "outer_product"
    coordinate = (a.widths.row if outer else a.widths.column) if machine.a_skips else 0
    processed, worked = work.processed, int(work.entries_worked.sum())
    a_sent = int(sent.a_value.sum()) + int(sent.a_index.sum())
    b_sent = int(sent.b_value.sum()) + int(sent.b_index.sum())
    return Charges(
        pe_buffer_read_bits=processed * machine.value_bits
        + worked * machine.pe_cols * passes * (machine.value_bits + coordinate),
        pe_buffer_write_bits=a_sent * machine.pe_cols + b_sent * machine.pe_rows,
        accumulator_accesses=int(work.results.sum()) if inner else 2 * processed,
        intersection_steps=int(work.intersection_steps.sum()),
        decoded_entries=int(sent.a_decoded.sum()) * machine.pe_cols + int(sent.b_decoded.sum()) * machine.pe_rows,
        crossbar_words=processed if outer else 0,
    )


def canonical(matrix: Any, name: str) -> csr_array:
    """A sparse matrix in sorted CSR of float64 without duplicates or stored zeros; InputError for anything else."""
    if not issparse(matrix) or matrix.ndim != 2:
        raise InputError(f"{name} is not a sparse matrix; pass a scipy.sparse.csr_array.")
    csr = csr_array(matrix, dtype=float, copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    if not np.all(np.isfinite(csr.data)):
        raise InputError(f"{name} holds values that are NaN or infinite; replace or remove them.")
    return csr
