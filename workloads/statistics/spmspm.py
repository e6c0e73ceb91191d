"""Statistics of SpMSpM (A and B sparse): those of both, and what their tiles and fibers do to each other."""

from functools import lru_cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache.tables import cached
from workloads.densities import Density
from workloads.errors import InputError
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.statistics.closed_form.group_occupancy import fullest_groups
from workloads.statistics.closed_form.operand_counts import expected_operand
from workloads.statistics.closed_form.spmspm_counts import expected_pair, row_weights
from workloads.statistics.closed_form.transposed import transpose_of
from workloads.statistics.convolution import b_distinct, unfolded_density
from workloads.statistics.lattice import TINY, computed_once, from_log, interpolate_log, levels, ratio, to_log
from workloads.statistics.occupancy import Cut, occupancy_table, occupied, places_of
from workloads.statistics.operand import (
    ERROR,
    VERSION,
    OperandStatistics,
    PerClass,
    Scalar,
    Tiles,
    counted_tables,
    error_of,
    operand_layout,
    operand_statistics,
)
from workloads.statistics.operand_counts import group_occupancies
from workloads.statistics.row_segments import segments
from workloads.statistics.spmspm_counts import DEPTH_QUANTITIES, count_pair
from workloads.statistics.tile_classes import CLASSES

MOST_SPREAD_LOG = float(np.log2(51.0))
"""log2 of one more than the largest relative variance that is told apart."""


class SparseBStatistics(eqx.Module):
    """Sparse A [m, k] and B [k, n]; see `spmspm_counts` for the joint quantities (log2 of counts)."""

    m: Scalar
    k: Scalar
    n: Scalar
    a: OperandStatistics
    b: OperandStatistics
    """Of B transposed (its rows are the columns of B), in one class."""
    b_group_occupancy: Float[Array, "4 1"]
    """Fullest group along the rows of B."""
    b_padding: Float[Array, "ln 1"]
    """RLE padding entries along the rows of B, cut at each tile width."""
    block_products: Float[Array, "lm 1"]
    """Products of the row block of A that has most."""
    visits: Float[Array, "lm lk ln 22"]
    """By class of A's tiles: visits, then squares of the non-zeros of the tiles of B that they meet; then of
    `occupancy_table`: all visits, and the columns of B's tiles in them."""
    met: Float[Array, "lm lk 12"]
    """Non-zeros of B's tiles over the visits, by class of A's tiles; then occupancy of the row blocks of A that each
    non-zero of B meets."""
    a_visits: Float[Array, "lk ln 4"]
    """Occupancy of the column blocks of B that each non-zero of A meets."""
    depth: Float[Array, "lk 13"]
    """By `DEPTH_QUANTITIES`; then occupancy of pairs of fibers, and of those that make an output."""
    row_words: Float[Array, "ln w 1"]
    """Sum over A's entries of the words of W values that hold the pieces of their row of B; of any width: pieces."""
    conflicts: Float[Array, "ln w 1"]
    """The same of the steps that these pieces take W lanes; of any number: entries that meet a piece with entries."""
    b_conflicts: Float[Array, "ln w 1"]
    """Steps of the pieces of B's rows, each piece once."""
    b_most_words: Float[Array, "lk ln w 1"]
    """The most steps that the rows of a tile of B take together."""
    products: Scalar
    z_nonzeros: Scalar
    b_distinct: Float[Array, "dk dn 1"]
    """Share of B's tiles that is fetched, log2: less than all where positions of B are the same (`convolution`)."""

    def meetings(self, tiles: Tiles, m: Cut, k: Cut, n: Cut) -> "Meetings":
        """What tiles of A, which are `tiles`, and of B do to each other."""
        found, by_met = interpolate_log(self.visits, places_of(m, k, n)), interpolate_log(self.met, places_of(m, k))
        logs, squares = jnp.split(found[: 2 * CLASSES], 2)
        all_visits = occupied(found[2 * CLASSES :], (m, k, n))
        visited = all_visits.total()
        met = occupied(by_met[CLASSES:], (m, k)).total(0, (1,)) * self.b.nonzeros / self.k
        # In logs, for the squares of what long sides hold are beyond float32.
        spread = jnp.exp2(jnp.minimum(squares + logs - 2.0 * by_met[:CLASSES], MOST_SPREAD_LOG)) - 1.0
        visits, by_met = from_log(logs), from_log(by_met[:CLASSES])
        a_met = occupied(interpolate_log(self.a_visits, places_of(k, n)), (k, n)).total(0, (0,))
        a_met = a_met * self.a.nonzeros / self.k
        one = jnp.ones_like(visits)
        visits = visits * ratio(visited, visits @ one)
        a_visits = ratio(visits, tiles.classes["tiles"])
        a_visits = a_visits * ratio(a_met, a_visits @ tiles.classes["nonzeros"])
        rows = computed_once([visits, a_visits, by_met * ratio(met, by_met @ one), jnp.maximum(spread, 0.0)])
        depth = interpolate_log(self.depth, places_of(k))
        by_depth = dict(zip(DEPTH_QUANTITIES, jnp.unstack(from_log(depth[: len(DEPTH_QUANTITIES)])), strict=True))
        fibers = self.a.used[0] * self.b.used[0]
        of_pairs, of_outputs = jnp.split(depth[len(DEPTH_QUANTITIES) :], 2)
        by_depth["pairs"] = fibers * occupied(of_pairs, (k,)).total()
        by_depth["distinct"] = fibers * occupied(of_outputs, (k,)).total()
        return Meetings(
            visits=rows[0],
            a_visits=rows[1],
            b_nonzeros=rows[2],
            columns=ratio(all_visits.total(1, (2,)), visited),
            spread=rows[3],
            depth=by_depth,
        )


class Meetings(eqx.Module):
    """What the tiles of two sparse operands do to each other, by class of A's tiles."""

    visits: PerClass
    """Pairs of non-empty tiles that meet."""
    a_visits: PerClass
    """Visits of each tile of A."""
    b_nonzeros: PerClass
    """Non-zeros of B's tiles over the visits."""
    columns: Scalar
    """Columns of the tile of B in an average visit."""
    spread: PerClass
    """Variance over squared mean of the non-zeros of the tiles of B that a class meets."""
    depth: dict[str, Scalar]
    """By `DEPTH_QUANTITIES`."""


def measure_spmspm(kernel: SparseKernel | DensityKernel) -> SparseBStatistics:
    """Statistics of a product of two sparse matrices, from the disk cache if the pair was measured before."""
    m, k, n = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    tables = {name: table for name, table in spmspm_tables(kernel).items() if not name.startswith(ERROR)}
    a, b = ({name[2:]: table for name, table in tables.items() if name.startswith(of)} for of in ("a.", "b."))
    joint = {name: jnp.asarray(table) for name, table in tables.items() if name[1] != "."}
    products, z_nonzeros = joint.pop("totals")[:2]
    return SparseBStatistics(
        m=m,
        k=k,
        n=n,
        a=operand_statistics(a, (kernel.m, kernel.k)),
        b=operand_statistics(b, (kernel.n, kernel.k)),
        products=products,
        z_nonzeros=z_nonzeros,
        b_distinct=b_distinct(kernel),
        **joint,
    )


def spmspm_tables(kernel: SparseKernel | DensityKernel) -> dict[str, np.ndarray]:
    """Stored tables; before names goes `a.` or `b.` for those of an operand, `ERROR` for sampling errors."""
    if isinstance(kernel, DensityKernel):
        if (b := unfolded_density(kernel)) is not None:
            return _expected_tables(kernel.a, b, kernel.shape)
    elif kernel.b is not None:
        a, b = kernel.a, kernel.b
        return cached(f"pair-{kernel.content_hash()}", lambda: _counted_tables(a, b), VERSION)
    raise InputError(f"{kernel.name}: B is dense; these statistics are of two sparse operands.")


def _counted_tables(a: csr_array, b: csr_array) -> dict[str, np.ndarray]:
    """Everything `SparseBStatistics` holds, flat, with `a.` and `b.` before the names of the operands' tables."""
    per_row = np.diff(b.indptr).astype(np.int64)
    padding = [segments(b, level, padding=True)[3].sum() for level in range(levels(b.shape[1]))]
    pairs = count_pair(a, b) | {"b_padding": np.array(padding, float)}
    b_columns = csr_array(b.T)
    b_columns.sort_indices()
    operands = {"a": counted_tables(a, per_row), "b": counted_tables(b_columns, classes=1, operand="b")}
    return _pair_layout(operands, pairs, (*a.shape, b.shape[1]), group_occupancies(b))


@lru_cache(maxsize=64)
def _expected_tables(a: Density, b: Density, shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    m, k, n = shape
    across = transpose_of(b)
    raw = expected_operand(a, m, k, row_weights(b, k, n)), expected_operand(across, n, k, classes=1)
    operands = {
        "a": operand_layout(raw[0], (m, k), a.nonzeros(m, k), fullest_groups(a, m, k)),
        "b": operand_layout(raw[1], (n, k), b.nonzeros(k, n), fullest_groups(across, n, k), "b"),
    }
    return _pair_layout(operands, expected_pair(a, b, shape, raw[0]["extents"]), shape, fullest_groups(b, k, n))


def _pair_layout(
    operands: dict[str, dict[str, np.ndarray]],
    pairs: dict[str, np.ndarray],
    shape: tuple[int, int, int],
    b_groups: np.ndarray,
) -> dict[str, np.ndarray]:
    flat = {
        name if name.startswith(ERROR) else f"{operand}.{name}": value
        for operand, tables in operands.items()
        for name, value in tables.items()
    }
    of_rows = ("row_words", "conflicts", "b_conflicts", "b_most_words")
    a, b = operands["a"], operands["b"]
    used = float(a["used"][0]) * float(b["used"][0])
    m, k, n = shape
    all_visits = occupancy_table((m, k, n), (pairs["visits"].sum(axis=-1), ()), (pairs["columns"], (2,)))
    row_blocks, column_blocks = pairs["met"].sum(axis=-1) * k / b["nonzeros"], pairs["a_visits"] * k / a["nonzeros"]
    met = occupancy_table((m, k), (row_blocks, (1,)), by_length=(1,))
    depth = dict(zip(DEPTH_QUANTITIES, pairs["depth"].T, strict=True))
    of_fibers = [occupancy_table((k,), (depth[name] / max(used, TINY), ())) for name in ("pairs", "distinct")]
    return (
        flat
        | {name: to_log(pairs[name][..., None]) for name in of_rows}
        | {
            "visits": np.concatenate([to_log(pairs["visits"]), to_log(pairs["met_squares"]), all_visits], axis=-1),
            "met": np.concatenate([to_log(pairs["met"]), met], axis=-1),
            "a_visits": occupancy_table((k, n), (column_blocks, (0,)), by_length=(0,)),
            "depth": np.concatenate([to_log(pairs["depth"]), *of_fibers], axis=-1),
            "block_products": to_log(pairs["block_products"][:, None]),
            "b_padding": to_log(pairs["b_padding"][:, None]),
            "b_group_occupancy": to_log(b_groups),
            "totals": pairs["totals"].astype(np.float32),
        }
        | {
            f"{ERROR}{name}": error_of(pairs["depth_errors"][:, at], pairs["depth"][:, at])
            for at, name in ((DEPTH_QUANTITIES.index(name), name) for name in ("skip_ahead", "distinct"))
        }
    )
