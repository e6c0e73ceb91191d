"""Classes of tiles: sums and means over them, and the classes of an operand all of whose tiles are visited."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.numerics import Numerics
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.occupancy import Cut

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]
Amount = Float[Array, "..."]
"""Of each class, or of all together."""

TINY = 1e-9
FEW = 1e-6
"""Tiles that stand for none, so that a mean over them exists."""

QUADRATURE = (0.125, 0.375, 0.625, 0.875)
"""Places in a class at which a rounded quantity is looked at."""


def total(values: PerClass) -> Scalar:
    """Sum over the classes, as a dot product: XLA's CPU backend does not vectorise a reduction inside a fusion."""
    return jnp.tensordot(jnp.ones(values.shape[0], values.dtype), values, axes=1)


def edge_classes(rows: Cut, columns: Cut, classes: int) -> dict[str, PerClass]:
    """All tiles in classes: inside, at the right edge, at the lower edge, in the corner; these four over and over."""
    place = np.arange(classes) % 4
    lower, right = place >= 2, place % 2 == 1
    high, wide = (jnp.where(at, side.edge, side.size) for at, side in ((lower, rows), (right, columns)))
    down, across = (jnp.where(at, 1.0, jnp.maximum(side.inside, FEW)) for at, side in ((lower, rows), (right, columns)))
    count = down * across * (4.0 / classes)
    return {"tiles": count, "heights": count * high, "widths": count * wide, "areas": count * high * wide}


def share_at_edge(size: Scalar, edge: Scalar, mean: Amount) -> Amount:
    """Share of a class's tiles that lie at an edge of the matrix, from their mean side: the others are `size` long."""
    return jnp.clip((size - mean) / jnp.maximum(size - edge, TINY), 0.0, 1.0)


def block_rows(size: Scalar, edge: Scalar, mean: Amount, numerics: Numerics) -> Amount:
    """Mean number of rows of blocks of tiles, `size` high but at the edge, from their mean height."""
    at_edge = share_at_edge(size, edge, mean)
    inside, last = (numerics.ceil(height / BLOCK) for height in (size, edge))
    return inside + at_edge * (last - inside)


def mean_ceil(values: PerClass, spread: Scalar, numerics: Numerics) -> PerClass:
    """Mean of ceil, of many, over the tiles of each class: their mean, and what rounding adds.

    Where there is a `spread` (1, else 0), the tiles of a class reach halfway to the neighbouring classes' values.
    """
    points = (jnp.asarray(_spread_points(values.shape[0]), values.dtype) @ values).reshape(len(QUADRATURE), -1)
    points = spread * points + (1.0 - spread) * values
    added = numerics.ceil_of_many(points) - points
    return values + jnp.full(len(QUADRATURE), 1.0 / len(QUADRATURE), values.dtype) @ added


@functools.cache
def _spread_points(classes: int) -> np.ndarray:
    """Matrix from the values of the classes to those at each place of `QUADRATURE` in each class."""
    own = np.eye(classes)
    low, high = (0.5 * (own + own[np.clip(np.arange(classes) + step, 0, classes - 1)]) for step in (-1, 1))
    return np.concatenate([low + (high - low) * at for at in QUADRATURE]).astype(np.float32)
