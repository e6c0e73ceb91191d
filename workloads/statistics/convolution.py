"""Statistics of sparse convolutions: those of the product, and the distinct activations in the tiles of B."""

from dataclasses import astuple, replace

import jax.numpy as jnp
import numpy as np
from numba import njit
from scipy.sparse import csr_array

from workloads.cache import cached
from workloads.errors import InputError
from workloads.kernels.convolution import UnfoldedKernel, Unfolding
from workloads.statistics.lattice import levels, to_log
from workloads.statistics.spmspm import SparseBStatistics, measure_spmspm

VERSION = 1
"""Raised whenever the stored table changes its meaning."""


def measure_convolution(kernel: UnfoldedKernel) -> SparseBStatistics:
    """Statistics of the product, with the distinct activations in the tiles of B over their non-zeros."""
    b, unfolding = kernel.b, kernel.unfolding
    if b is None or unfolding is None:
        raise InputError(f"{kernel.name}: the unfolding is missing; make the kernel with sparse_convolution.")
    key = f"unfolded-{kernel.content_hash()}-{'-'.join(map(str, astuple(unfolding)))}"
    tables = cached(key, lambda: {"shares": _shares(b, unfolding)}, VERSION)
    return replace(measure_spmspm(kernel), b_distinct=jnp.asarray(tables["shares"]))


def _shares(b: csr_array, unfolding: Unfolding) -> np.ndarray:
    """Distinct activations in the tiles of B over its non-zeros, log2, at lattice points: [lk, ln, 1]."""
    rows, columns = np.repeat(np.arange(b.shape[0]), np.diff(b.indptr)), b.indices.astype(np.int64)
    source = unfolding.source(rows, columns)
    order = np.argsort(source, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(source[order])) + 1, [order.size]])
    distinct = _distinct(rows[order], columns[order], starts, levels(b.shape[0]), levels(b.shape[1]))
    return to_log(distinct[..., None] / b.nnz)


@njit(cache=True, nogil=True)
def _distinct(rows, columns, starts, row_levels, column_levels):
    """Pairs of a tile and an activation in it, for every tile shape; the positions of each activation lie together."""
    found = np.zeros((row_levels, column_levels))
    for high in range(row_levels):
        for wide in range(column_levels):
            count = 0
            for s in range(starts.size - 1):
                for p in range(starts[s], starts[s + 1]):
                    fresh = 1
                    for q in range(starts[s], p):
                        if rows[p] >> high == rows[q] >> high and columns[p] >> wide == columns[q] >> wide:
                            fresh = 0
                            break
                    count += fresh
            found[high, wide] = count
    return found
