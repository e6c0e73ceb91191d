"""The statistics lattice (powers of two) and smooth interpolation on it.

A table holds log2 of positive quantities, its leading axes are lattice axes (point i stands for the size 2**i), its last
axis holds the quantities, so one lookup fetches a contiguous vector per corner. Between points the logs are
interpolated multilinearly: exact at lattice points, a power law along each edge, continuous everywhere.
"""

import itertools
from collections.abc import Sequence

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
    widths = [(0, target - have) for have, target in zip(table.shape, shape, strict=False)]
    return np.pad(table, widths + [(0, 0)] * (table.ndim - len(widths)), mode="edge")


def lookup(table: Float[Array, "..."], sizes: Sequence[Float[Array, ""]]) -> Float[Array, " q"]:
    """Interpolated quantities at the given sizes.

    **Arguments**: `table` of log2 quantities, shape [axis 1, ..., axis d, q]; `sizes`, d positive scalars. Sizes beyond
    the table's range take its end values. **Returns** the quantities, shape [q], linear scale (zeros come back as zeros).
    """
    axes = table.shape[: len(sizes)]
    rows = table.reshape(-1, table.shape[-1])
    base, stride = jnp.zeros((), jnp.int32), 1
    corners = []
    for size, length in reversed(list(zip(sizes, axes, strict=True))):
        if length == 1:
            continue
        position = jnp.clip(jnp.log2(size), 0.0, length - 1.0)
        lower = jnp.clip(jnp.floor(position), 0, length - 2)
        base = base + lower.astype(jnp.int32) * stride
        corners.append((position - lower, stride))
        stride = stride * length
    total = jnp.zeros(table.shape[-1], table.dtype)
    for corner in itertools.product((0, 1), repeat=len(corners)):
        weight, offset = jnp.ones((), table.dtype), 0
        for bit, (fraction, step) in zip(corner, corners, strict=True):
            weight = weight * (fraction if bit else 1.0 - fraction)
            offset += bit * step
        total = total + weight * rows.at[base + offset].get(mode="promise_in_bounds")
    return jnp.exp2(total) - TINY

