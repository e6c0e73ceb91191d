"""The statistics lattice (powers of two) and smooth interpolation on it.

A table holds log2 of positive quantities, its leading axes are lattice axes (point i stands for the size 2**i), its
last axis holds the quantities, so one lookup fetches a contiguous vector per corner. Between points the logs are
interpolated multilinearly: exact at lattice points, a power law along each edge, continuous everywhere.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

TINY = 2.0**-40
"""Stands for zero in the logs: below any statistic that is not zero, far above float32 underflow."""


def levels(size: int) -> int:
    """Number of lattice points 1, 2, 4, ... needed to reach a size: the last is the first power of two >= size."""
    return max(int(size) - 1, 0).bit_length() + 1


def to_log(values: np.ndarray) -> np.ndarray:
    """log2 of counts as float32, zero stored as log2 of `TINY`."""
    return np.log2(np.maximum(values, TINY)).astype(np.float32)


def pad_levels(table: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Extend the leading axes to `shape` by repeating the last point: sizes beyond the matrix change nothing."""
    if table.ndim == 0:
        return table
    widths = [(0, target - have) for have, target in zip(table.shape, shape, strict=False)]
    return np.pad(table, widths + [(0, 0)] * (table.ndim - len(widths)), mode="edge")


def lookup(table: Float[Array, "..."], sizes: Sequence[Float[Array, "..."]]) -> Float[Array, "q ..."]:
    """Interpolated quantities at the given sizes.

    **Arguments**: `table` of log2 quantities, shape [axis 1, ..., axis d, q]; `sizes`, d positive scalars, or
    arrays of one batch shape. Sizes beyond the table's range take its end values. **Returns** the quantities on
    the first axis, shape [q, *batch], linear scale (zeros come back as zeros).
    """
    lower, fractions = [], []
    for size, length in zip(sizes, table.shape, strict=False):
        position = jnp.clip(jnp.log2(size), 0.0, length - 1.0)
        start = jax.lax.stop_gradient(jnp.clip(jnp.floor(position), 0.0, max(length - 2.0, 0.0)))
        lower.append(start.astype(jnp.int32))
        fractions.append(position - start)
    lower, fractions = jnp.broadcast_arrays(*lower), jnp.broadcast_arrays(*fractions)
    corners = tuple(min(2, length) for length in table.shape[: len(sizes)])

    def cell_at(*start: Array) -> Array:
        return jax.lax.dynamic_slice(table, (*start, jnp.zeros_like(start[0])), (*corners, table.shape[-1]))

    batch = lower[0].ndim
    cell = (jax.vmap(cell_at) if batch else cell_at)(*lower)
    for fraction, width in zip(fractions, corners, strict=True):
        low, high = cell[(slice(None),) * batch + (0,)], cell[(slice(None),) * batch + (width - 1,)]
        cell = low + fraction.reshape(fraction.shape + (1,) * (low.ndim - batch)) * (high - low)
    return jnp.moveaxis(jnp.exp2(cell) - TINY, -1, 0)
