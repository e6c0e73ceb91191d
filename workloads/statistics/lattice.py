"""The statistics lattice (powers of two) and smooth interpolation on it.

A table holds log2 of positive quantities, its leading axes are lattice axes (point i stands for the size 2**i), its
last axis holds the quantities, so one lookup fetches a contiguous vector per corner. Between points the logs are
interpolated multilinearly: exact at lattice points, a power law along each edge, continuous everywhere.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

TINY = 2.0**-40
"""Stands for zero in the logs: below any statistic that is not zero, far above float32 underflow."""
ARRAY_WIDTHS = np.append(1 << np.arange(12), 1 << 40)
"""Axis of the widths that fibers are worked on: 1, 2, 4, ..., 2048, and one that takes any fiber in one step."""
FUSED_ROWS = 8
"""Rows across whose concatenation XLA fuses on a CPU (jaxlib 0.10), if they have fewer than 128 numbers together."""
LEAST_LEVELS = 16
"""Least number of points of a padded axis. On a CPU a model with tables of 16 points a side runs 2 % longer than with
13, and is compiled once instead of once for each workload."""
ANY_WIDTH = 2.0 ** (ARRAY_WIDTHS.size - 1)
"""What stands for the last of them where a table is looked up."""


def levels(size: int) -> int:
    """Number of lattice points 1, 2, 4, ... needed to reach a size: the last is the first power of two >= size."""
    return max(int(size) - 1, 0).bit_length() + 1


def shared_levels(points: int) -> int:
    """Points of a table's axis that workloads of many sizes share, so that one compiled model serves them: 16, enough
    for sizes up to 32,768, then every fourth number."""
    return max(LEAST_LEVELS, -(-points // 4) * 4)


def to_log(values: np.ndarray) -> np.ndarray:
    """log2 of counts as float32, zero stored as log2 of `TINY`."""
    return np.log2(np.maximum(values, TINY)).astype(np.float32)


def pad_levels(table: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Extend the leading axes to `shape` by repeating the last point: sizes beyond the matrix change nothing."""
    if table.ndim == 0:
        return table
    widths = [(0, target - have) for have, target in zip(table.shape, shape, strict=False)]
    return np.pad(table, widths + [(0, 0)] * (table.ndim - len(widths)), mode="edge")


def lookup(table: Float[Array, "..."], sizes: Sequence[Float[Array, ""]]) -> Float[Array, " q"]:
    """Interpolated quantities at the given sizes.

    **Arguments**: `table` of log2 quantities, shape [axis 1, ..., axis d, q]; `sizes`, d positive scalars; those beyond
    the table's range take its end values. **Returns** the quantities, linear scale (zeros come back as zeros).
    """
    return interpolate(table, jnp.log2(jnp.stack(jnp.broadcast_arrays(*sizes))))


def interpolate(table: Float[Array, "..."], places: Float[Array, " d"]) -> Float[Array, " q"]:
    """`lookup` at places on the table's first d axes: log2 of sizes, or what stands for it (`occupancy.Cut`)."""
    return from_log(interpolate_log(table, places))


def from_log(logs: Float[Array, "..."]) -> Float[Array, "..."]:
    """What `to_log` made the logs of: zero, and never less, where `TINY` stands for it."""
    return jnp.maximum(jnp.exp2(logs) - TINY, 0.0)


def ratio(part: Float[Array, "..."], whole: Float[Array, "..."]) -> Float[Array, "..."]:
    """`part / whole`; 0 of nothing, with slopes that are finite there too."""
    something = whole > 0
    return jnp.where(something, part / jnp.where(something, whole, 1.0), 0.0)


def interpolate_log(table: Float[Array, "..."], places: Float[Array, " d"]) -> Float[Array, " q"]:
    """log2 of what `interpolate` gives."""
    axes = places.shape[0]
    last = np.array(table.shape[:axes], np.float32) - 1.0
    position = jnp.clip(places, 0.0, last)
    lower = jax.lax.stop_gradient(jnp.minimum(jnp.floor(position), np.maximum(last - 1.0, 0.0)))
    start = jnp.unstack(lower.astype(jnp.int32))
    corners = tuple(min(2, length) for length in table.shape[:axes])
    cell = jax.lax.dynamic_slice(table, (*start, jnp.zeros_like(start[0])), (*corners, table.shape[-1]))
    for fraction in jnp.unstack(position - lower):
        ends = jnp.unstack(cell)
        cell = ends[0] + fraction * (ends[-1] - ends[0])
    return cell


def computed_once(rows: Sequence[Float[Array, " c"]]) -> Float[Array, "r c"]:
    """Stack rows, more than `FUSED_ROWS`: XLA fuses what they are made of into each of their uses, but not across a
    long concatenation."""
    return jnp.concatenate(rows).reshape(len(rows), -1)


@jax.custom_jvp
def kept_for_slopes(tree: Any) -> Any:
    """The same arrays. Where slopes are taken each is computed once, and so is the slope by it (`computed_once`):
    else XLA computes most of a model again in each of the many places where a slope needs it, which took 2.4 times as
    long to compile and 10 to 36 % longer to run (2 cores, jaxlib 0.10)."""
    return tree


@kept_for_slopes.defjvp
def _kept(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    return _stacked_by_size(*primals), _stacked_by_size(*tangents)


def _stacked_by_size(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    by_size: dict[int, list[int]] = {}
    for at, leaf in enumerate(leaves):
        by_size.setdefault(jnp.size(leaf), []).append(at)
    for places in by_size.values():
        rows = [jnp.ravel(leaves[at]) for at in places]
        rows += rows[:1] * (FUSED_ROWS + 1 - len(rows))
        for at, row in zip(places, jnp.unstack(computed_once(rows)), strict=False):
            leaves[at] = row.reshape(jnp.shape(leaves[at]))
    return jax.tree.unflatten(structure, leaves)
