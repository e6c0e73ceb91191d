"""Distinct activations in the tiles of B, where it is unfolded from maps: counted on non-zeros, or from the geometry.

All the positions of B that one activation of a channel occurs at are, in the order of their taps, at rising rows and
falling columns. So those in one tile follow each other, and each after the first in its tile is a repeat:

    distinct = positions inside the map - pairs of successive positions in the same tile

Pairs are alike for all channels but for their rows, and for all images but for their columns.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import gcd

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache.machine_code import compiled
from workloads.cache.tables import cached
from workloads.densities import Density, Uniform
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.kernels.unfolding import Unfolding
from workloads.statistics.lattice import levels, to_log

VERSION = 2
"""Raised whenever the stored table changes its meaning."""

NONE_REPEATED = np.zeros((1, 1, 1), np.float32)
"""`b_distinct` of a B in which no two positions are the same activation."""


def b_distinct(kernel: SparseKernel | DensityKernel) -> Float[Array, "lk ln 1"]:
    """Share of the tiles of B that is fetched, log2, at lattice points: distinct activations over non-zeros of B.

    Of a dense B over all positions, those in the padding of the maps included, which are not fetched. Where only the
    density of B is known, that share is expected of maps whose zeros lie anywhere.
    """
    of = kernel.unfolding
    if of is None or not of.repeats_anything:
        return jnp.asarray(NONE_REPEATED)
    if isinstance(kernel, SparseKernel) and kernel.b is not None:
        b, key = kernel.b, f"unfolded-{kernel.content_hash()}"
        shares = cached(key, lambda: {"shares": _counted(b, of)}, VERSION)["shares"]
        return jnp.asarray(to_log(shares[..., None]))
    if kernel.b is None:
        return jnp.asarray(dense_shares(of, kernel.n))
    return jnp.asarray(to_log(distinct_in_tiles(of, kernel.n)[..., None] / (inside(of) * of.images(kernel.n))))


def dense_shares(of: Unfolding, columns: int) -> Float[np.ndarray, "lk ln 1"]:
    """`b_distinct` of a dense B."""
    return to_log(distinct_in_tiles(of, columns)[..., None] / (of.rows * columns))


def unfolded_density(kernel: DensityKernel) -> Density | None:
    """The density of B itself: that of the maps, less where B holds their padding."""
    b, of = kernel.b, kernel.unfolding
    if of is None or not isinstance(b, Uniform):
        return b
    return replace(b, density=b.density * inside(of) / (of.rows * of.positions))


def inside(of: Unfolding) -> int:
    """Positions of B for one image that are no padding."""
    along = [
        sum(int(of.coordinate(axis, np.arange(outputs), np.asarray(tap))[1].sum()) for tap in range(taps))
        for axis, (outputs, taps) in enumerate(zip((of.out_height, of.out_width), of.kernel, strict=True))
    ]
    return of.channels * along[0] * along[1]


@lru_cache(maxsize=256)
def distinct_in_tiles(of: Unfolding, columns: int) -> Float[np.ndarray, "lk ln"]:
    """Distinct activations in a tile of B, summed over the tiles, for tiles of 1, 2, 4, ... rows and columns."""
    edges = _edges(columns, of.positions)
    taps, across = [], []
    for one, low, high in _pairs(of):
        taps.append(one)
        across.append(_pairs_in_same_columns(low, high, of, columns, edges))
    down = _pairs_in_same_rows(of, np.array(taps, int).reshape(-1, 2))
    return inside(of) * of.images(columns) - down @ np.array(across).reshape(-1, edges.shape[0])


def _pairs(of: Unfolding) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """Taps at which the same activation is met one after the other, and the outputs of one image that meet it."""
    shape, kind = (of.height, of.width), np.int32 if max(of.height * of.width, of.positions) < 2**31 else np.int64
    last_tap, last_output = np.full(shape, -1, np.int32), np.zeros(shape, kind)
    for tap in range(of.taps):
        (y, met_y), (x, met_x) = (
            of.output(axis, np.arange(side), step)
            for axis, (side, step) in enumerate(zip(shape, divmod(tap, of.kernel_width), strict=True))
        )
        met, output = np.ix_(met_y, met_x), np.add.outer(y[met_y] * of.out_width, x[met_x]).astype(kind)
        taps, outputs = last_tap[met], last_output[met]
        for before in np.unique(taps[taps >= 0]).tolist():
            here = taps == before
            yield (before, tap), output[here], outputs[here]
        last_tap[met], last_output[met] = tap, output


def _pairs_in_same_rows(of: Unfolding, taps: np.ndarray) -> Float[np.ndarray, "lk pairs"]:
    """Channels for which both taps of a pair lie in the same tile."""
    channel = np.arange(of.channels)[:, None]
    one, other = (of.row(channel, taps[:, side]) for side in range(2))
    return np.stack([(one >> level == other >> level).sum(axis=0) for level in range(levels(of.rows))]).astype(float)


def _pairs_in_same_columns(
    low: np.ndarray, high: np.ndarray, of: Unfolding, columns: int, edges: csr_array
) -> Float[np.ndarray, " ln"]:
    """Pairs of one kind, of all images, whose outputs lie in the same tile."""
    period, widths = of.positions, 1 << np.arange(edges.shape[0])
    # A pair is cut by an edge between its outputs, low < edge <= high; these lie as far apart in all pairs of a kind.
    opened, closed = (np.bincount(at + 1, minlength=period + 1) for at in (low, high))
    crossing = np.cumsum(opened - closed)[:period].astype(float)
    return np.where(widths > high[0] - low[0], len(low) * of.images(columns) - edges @ crossing, 0.0)


def _edges(columns: int, period: int) -> csr_array:
    """How often an edge between tiles of 1, 2, 4, ... columns lies at each place of an image, [ln, period]."""
    places, times = [], []
    for width in (1 << np.arange(levels(columns))).tolist():
        count, repeat = -(-columns // width) - 1, period // gcd(period, width)
        whole, rest = divmod(count, repeat)
        order = np.arange(min(count, repeat), dtype=np.int64)
        places.append((order + 1) * width % period)
        times.append(whole + (order < rest).astype(float))
    starts = np.cumsum([0, *map(len, places)])
    return csr_array((np.concatenate(times), np.concatenate(places), starts), shape=(len(places), period))


def _counted(b: csr_array, of: Unfolding) -> Float[np.ndarray, "lk ln"]:
    """Distinct activations in the tiles of B over its non-zeros."""
    rows, columns = np.repeat(np.arange(b.shape[0]), np.diff(b.indptr)), b.indices.astype(np.int64)
    source = of.source(rows, columns)
    order = np.argsort(source, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(source[order])) + 1, [order.size]])
    return _distinct(rows[order], columns[order], starts, levels(b.shape[0]), levels(b.shape[1])) / b.nnz


@compiled
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
