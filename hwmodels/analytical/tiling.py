"""Tiles of the iteration space, and how often each operand's tiles are fetched in a loop order."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.design.choices import LOOP_ORDERS, mix
from hwmodels.design.hardware import Mapping
from hwmodels.formats.sizes import width_of
from hwmodels.numerics import Numerics
from workloads.statistics.measurement import KernelStatistics
from workloads.statistics.occupancy import Cut, cut

Scalar = Float[Array, ""]


def _outside(irrelevant: str, relevant: str) -> np.ndarray:
    """For each loop order, 1 where the loop that does not index an operand lies outside one that does."""
    return np.array([float(order.index(irrelevant) < order.index(relevant)) for order in LOOP_ORDERS], np.float32)


N_OUTSIDE = (_outside("n", "m"), _outside("n", "k"))
M_OUTSIDE = (_outside("m", "k"), _outside("m", "n"))
K_OUTSIDE = (_outside("k", "m"), _outside("k", "n"))


def refetches(order: str, split: tuple[bool, bool, bool]) -> tuple[bool, bool, bool]:
    """Whether a loop order fetches the tiles of A, B and Z again at each visit, where the dimensions m, k and n are
    `split` into more than one tile."""
    at, (m, k, n) = LOOP_ORDERS.index(order), split
    a = bool(N_OUTSIDE[0][at] and m) or bool(N_OUTSIDE[1][at] and k)
    b = bool(M_OUTSIDE[0][at] and k) or bool(M_OUTSIDE[1][at] and n)
    z = k and (bool(K_OUTSIDE[0][at] and m) or bool(K_OUTSIDE[1][at] and n))
    return a, b, z


class Tiling(eqx.Module):
    """Tile sizes, trip counts, coordinate widths, and which operands are fetched at every visit."""

    tile_m: Scalar
    tile_k: Scalar
    tile_n: Scalar
    height: Scalar
    """Rows of A in a nominal tile that lie inside the matrix."""
    depth: Scalar
    width: Scalar
    m: Cut
    k: Cut
    n: Cut
    trips_m: Scalar
    trips_k: Scalar
    trips_n: Scalar
    m_bits: Scalar
    k_bits: Scalar
    n_bits: Scalar
    m_pointer_bits: Scalar
    """What a side adds to the width of a pointer: as of a coordinate, but none for a size of 1."""
    k_pointer_bits: Scalar
    n_pointer_bits: Scalar
    a_each: Scalar
    """1 if A's tile is fetched at each visit, 0 if once in total."""
    b_each: Scalar
    z_each: Scalar
    k_split: Scalar
    """1 if there is more than one tile along k, so that results are added to partial sums."""


def cut_into_tiles(mapping: Mapping, kernel: KernelStatistics, numerics: Numerics) -> Tiling:
    """Cut a kernel into tiles as its mapping says."""
    m_tile, k_tile, n_tile = mapping.tile_m, mapping.tile_k, mapping.tile_n
    trips_m, trips_k, trips_n = (
        numerics.ceil(size / tile) for size, tile in ((kernel.m, m_tile), (kernel.k, k_tile), (kernel.n, n_tile))
    )
    many_m, many_k, many_n = (numerics.more_than_one(trips) for trips in (trips_m, trips_k, trips_n))

    def each(outside: tuple[np.ndarray, np.ndarray], first: Scalar, second: Scalar) -> Scalar:
        inner_1, inner_2 = (mix(mapping.loop_order, jnp.asarray(flags)) for flags in outside)
        inner_1, inner_2 = inner_1 * first, inner_2 * second
        return 1.0 - (1.0 - inner_1) * (1.0 - inner_2)

    m_bits, k_bits, n_bits = (width_of(numerics, tile) for tile in (m_tile, k_tile, n_tile))
    return Tiling(
        tile_m=m_tile,
        tile_k=k_tile,
        tile_n=n_tile,
        height=numerics.min_of(m_tile, kernel.m),
        depth=numerics.min_of(k_tile, kernel.k),
        width=numerics.min_of(n_tile, kernel.n),
        m=cut(kernel.m, m_tile, trips_m),
        k=cut(kernel.k, k_tile, trips_k),
        n=cut(kernel.n, n_tile, trips_n),
        trips_m=trips_m,
        trips_k=trips_k,
        trips_n=trips_n,
        m_bits=m_bits,
        k_bits=k_bits,
        n_bits=n_bits,
        m_pointer_bits=m_bits * numerics.more_than_one(m_tile),
        k_pointer_bits=k_bits * numerics.more_than_one(k_tile),
        n_pointer_bits=n_bits * numerics.more_than_one(n_tile),
        a_each=each(N_OUTSIDE, many_m, many_k),
        b_each=each(M_OUTSIDE, many_k, many_n),
        z_each=each(K_OUTSIDE, many_m, many_n) * many_k,
        k_split=many_k,
    )
