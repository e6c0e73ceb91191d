"""The statistics lattice (powers of two) and smooth interpolation on it.

A table holds log2 of positive quantities, its leading axes are lattice axes (point i stands for the size 2**i), its last
axis holds the quantities, so one lookup fetches a contiguous vector per corner. Between points the logs are
interpolated multilinearly: exact at lattice points, a power law along each edge, continuous everywhere.
"""

import itertools
import math
from collections.abc import Sequence
from functools import partial

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
    widths = [(0, target - have) for have, target in zip(table.shape, shape, strict=False)]
    return np.pad(table, widths + [(0, 0)] * (table.ndim - len(widths)), mode="edge")


def lookup(table: Float[Array, "..."], sizes: Sequence[Float[Array, "..."]]) -> Float[Array, "q ..."]:
    """Interpolated quantities at the given sizes.

    **Arguments**: `table` of log2 quantities, shape [axis 1, ..., axis d, q]; `sizes`, d positive scalars, or
    arrays of one batch shape. Sizes beyond the table's range take its end values. **Returns** the quantities on
    the first axis, shape [q, *batch], linear scale (zeros come back as zeros).
    """
    axes = table.shape[: len(sizes)]
    base, stride = jnp.zeros((), jnp.int32), 1
    fractions, strides = [], []
    for size, length in reversed(list(zip(sizes, axes, strict=True))):
        if length > 1:
            position = jnp.clip(jnp.log2(size), 0.0, length - 1.0)
            lower = jax.lax.stop_gradient(jnp.clip(jnp.floor(position), 0, length - 2))
            base = base + lower.astype(jnp.int32) * stride
            fractions.append(position - lower)
            strides.append(stride)
        stride = stride * length
    return _interpolate(table.reshape(-1, table.shape[-1]), base, tuple(fractions), tuple(strides))


@partial(jax.custom_jvp, nondiff_argnums=(1, 3))
def _interpolate(
    rows: Float[Array, "points q"], base: Array, fractions: tuple[Array, ...], strides: tuple[int, ...]
) -> Float[Array, "q ..."]:
    """exp2 of the multilinear blend of the corners of the cell whose lowest corner is row `base`."""
    logs = jnp.zeros(rows.shape[-1], rows.dtype)
    for corner in itertools.product((0, 1), repeat=len(strides)):
        weight = jnp.ones((), rows.dtype)
        for bit, fraction in zip(corner, fractions, strict=True):
            weight = weight * (fraction if bit else 1.0 - fraction)
        logs = logs + weight[..., None] * _row(rows, base, corner, strides)
    return jnp.moveaxis(jnp.exp2(logs) - TINY, -1, 0)


def _row(rows: Array, base: Array, corner: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    offset = sum(bit * stride for bit, stride in zip(corner, strides, strict=True))
    return rows.at[base + offset].get(mode="promise_in_bounds")


def _blend(rows: Array, base: Array, fractions: tuple[Array, ...], strides: tuple[int, ...]) -> tuple[Array, list[Array]]:
    """The blend of the logs, and its derivative along each axis: one pass instead of one per corner."""
    values: dict[tuple[int, ...], tuple[Array, list[Array]]] = {
        corner: (_row(rows, base, corner, strides), []) for corner in itertools.product((0, 1), repeat=len(strides))
    }
    for fraction in reversed(fractions):
        merged = {}
        for corner in {key[:-1] for key in values}:
            (low, low_slopes), (high, high_slopes) = values[(*corner, 0)], values[(*corner, 1)]

            def lerp(x: Array, y: Array, at: Array = fraction) -> Array:
                return x + at[..., None] * (y - x)

            slopes = [lerp(x, y) for x, y in zip(low_slopes, high_slopes, strict=True)]
            merged[corner] = (lerp(low, high), [high - low, *slopes])
        values = merged
    return values[()]


@_interpolate.defjvp
def _interpolate_jvp(base: Array, strides: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    rows, fractions = primals
    rows_dot, fractions_dot = tangents
    logs, slopes = _blend(rows, base, fractions, strides)
    value = jnp.exp2(logs)
    ones = jnp.ones((1, rows.shape[-1]), rows.dtype)
    logs_dot = jnp.zeros_like(logs)
    for slope, dot in zip(slopes, fractions_dot, strict=True):
        # an outer product, so that its transpose is a product too and not a reduction
        logs_dot = logs_dot + slope * jnp.tensordot(dot[..., None], ones, axes=1)
    weights = {corner: jnp.ones((), rows.dtype) for corner in itertools.product((0, 1), repeat=len(strides))}
    for corner in weights:
        for bit, fraction in zip(corner, fractions, strict=True):
            weights[corner] = weights[corner] * (fraction if bit else 1.0 - fraction)
        logs_dot = logs_dot + weights[corner][..., None] * _row(rows_dot, base, corner, strides)
    out_dot = value * (math.log(2.0) * logs_dot)
    return jnp.moveaxis(value - TINY, -1, 0), jnp.moveaxis(out_dot, -1, 0)
