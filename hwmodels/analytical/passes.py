"""How a tile is cut to fit the PEs: column passes, fills of the operand buffers, and what does not fit."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.analytical.operand_a import ASide, RowLoads
from hwmodels.analytical.operand_b import BSide
from hwmodels.analytical.tiling import Tiling
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.formats.sizes import DENSE
from hwmodels.numerics import Numerics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

QUADRATURE = (0.125, 0.375, 0.625, 0.875)
"""Places in a class at which a rounded quantity is looked at."""


class Plan(eqx.Module):
    """How a tile is cut to fit the PEs."""

    column_passes: Scalar
    a_sends: Scalar
    fills: PerClass
    buffer_fit: Scalar
    accumulator_fit: Scalar


def plan_passes(
    hardware: Hardware, mapping: Mapping, tiles: Tiling, a: ASide, b: BSide, loads: RowLoads, numerics: Numerics
) -> Plan:
    """Cut the tiles of a mapping; docs/machine.md, section 4, "Passes"."""
    words = numerics.floor(hardware.accumulator_bytes * 8.0 / hardware.accumulator_bits)
    half_buffer = hardware.pe_buffer_bytes * 4.0
    a_stays, b_stays = mapping.residency[0], mapping.residency[1]
    rows = numerics.ceil(tiles.height / hardware.pe_rows)
    columns = tiles.width / hardware.pe_cols
    share = b.share_bits / half_buffer
    one_column = share / jnp.maximum(columns, 1.0 / hardware.pe_cols)
    if mapping.dataflow == "outer_product":
        room = words * hardware.pe_rows * hardware.pe_cols
        needed = numerics.ceil(tiles.height * tiles.width / room)
        buffer_fit, accumulator_fit = jnp.zeros_like(needed), tiles.height / room
    elif mapping.dataflow == "gustavson":
        held = numerics.ceil(numerics.max_of(columns / words, share))
        needed = a_stays * numerics.ceil(rows * columns / words) + b_stays * held
        buffer_fit, accumulator_fit = b_stays * one_column, a_stays * rows / words
    else:
        needed = a_stays + b_stays * numerics.ceil(share)
        buffer_fit, accumulator_fit = b_stays * one_column, jnp.zeros_like(needed)
    column_passes = numerics.min_of(needed, jnp.maximum(tiles.width, 1.0))
    shares = loads.share_bits / a.tiles / half_buffer
    if mapping.dataflow == "outer_product":
        a_sends, fills = column_passes, jnp.ones_like(shares)
    else:
        a_sends = a_stays + b_stays * column_passes
        fills = a_stays * mean_ceil(shares, 1.0 - mapping.a_format[DENSE], numerics) + b_stays
    return Plan(column_passes, a_sends, fills, buffer_fit, accumulator_fit)


def mean_ceil(values: PerClass, spread: Scalar, numerics: Numerics) -> PerClass:
    """Mean of ceil over the tiles of each class.

    Where there is a `spread` (1, else 0), the tiles of a class reach halfway to the neighbouring classes' values.
    """
    points = (jnp.asarray(_spread_points(values.shape[0]), values.dtype) @ values).reshape(len(QUADRATURE), -1)
    rounded = numerics.ceil(spread * points + (1.0 - spread) * values)
    return jnp.full(len(QUADRATURE), 1.0 / len(QUADRATURE), values.dtype) @ rounded


@functools.cache
def _spread_points(classes: int) -> np.ndarray:
    """Matrix from the values of the classes to those at each place of `QUADRATURE` in each class."""
    own = np.eye(classes)
    low, high = (0.5 * (own + own[np.clip(np.arange(classes) + step, 0, classes - 1)]) for step in (-1, 1))
    return np.concatenate([low + (high - low) * at for at in QUADRATURE]).astype(np.float32)
