"""Distinct activations in the tiles of B, where it is unfolded from maps: counted on non-zeros, or from the geometry.

All the positions of B that one activation of a channel occurs at are, in the order of their taps, at rising rows and
falling columns. So those in one tile follow each other, and each after the first in its tile is a repeat:

    distinct = positions inside the map - pairs of successive positions in the same tile

Pairs are alike for all channels but for their rows, and for all images but for their columns.
"""

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
    pairs = _pairs(of)
    across = _pairs_in_same_columns(of, columns, list(pairs.values()))
    down = _pairs_in_same_rows(of, np.array(list(pairs), int).reshape(-1, 2))
    return inside(of) * of.images(columns) - down @ across


def _pairs(of: Unfolding) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Taps at which the same activation is met one after the other -> the outputs that meet it, of one image."""
    place = np.indices((of.height, of.width)).reshape(2, -1)
    last_tap, last_output = np.full(place.shape[1], -1), np.zeros(place.shape[1], np.int64)
    found: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    for tap in range(of.taps):
        (y, met_y), (x, met_x) = (
            of.output(axis, place[axis], step) for axis, step in enumerate(divmod(tap, of.kernel_width))
        )
        output, met = y * of.out_width + x, met_y & met_x
        again = met & (last_tap >= 0)
        for before in np.unique(last_tap[again]).tolist():
            here = again & (last_tap == before)
            found[before, tap] = output[here], last_output[here]
        last_tap[met], last_output[met] = tap, output[met]
    return found


def _pairs_in_same_rows(of: Unfolding, taps: np.ndarray) -> Float[np.ndarray, "lk pairs"]:
    """Channels for which both taps of a pair lie in the same tile."""
    channel = np.arange(of.channels)[:, None]
    one, other = (of.row(channel, taps[:, side]) for side in range(2))
    return np.stack([(one >> level == other >> level).sum(axis=0) for level in range(levels(of.rows))]).astype(float)


def _pairs_in_same_columns(
    of: Unfolding, columns: int, pairs: list[tuple[np.ndarray, np.ndarray]]
) -> Float[np.ndarray, "pairs ln"]:
    """Pairs of all images whose outputs lie in the same tile, of each kind."""
    period, widths = of.positions, 1 << np.arange(levels(columns))
    edges = np.stack([_edges(columns, width, period) for width in widths.tolist()], axis=1)
    # A pair is cut by an edge between its outputs, low < edge <= high; these lie as far apart in all pairs of a kind.
    crossing, sizes, apart = np.zeros((len(pairs), period)), np.zeros((len(pairs), 1)), np.zeros((len(pairs), 1))
    for kind, (low, high) in enumerate(pairs):
        opened, closed = (np.bincount(at + 1, minlength=period + 1) for at in (low, high))
        crossing[kind] = np.cumsum(opened - closed)[:period]
        sizes[kind], apart[kind] = len(low) * of.images(columns), high[0] - low[0]
    return np.where(widths > apart, sizes - crossing @ edges, 0.0)


def _edges(columns: int, width: int, period: int) -> Float[np.ndarray, " period"]:
    """How often an edge between tiles lies at each place of an image."""
    count, repeat = -(-columns // width) - 1, period // gcd(period, width)
    whole, rest = divmod(count, repeat)
    places = np.arange(1, min(count, repeat) + 1, dtype=np.int64) * width % period
    found = np.bincount(places[:rest], minlength=period).astype(float)
    return found + whole * np.bincount(places, minlength=period) if whole else found


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
