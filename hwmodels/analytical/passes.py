"""How a tile is cut to fit the PEs: column passes, fills of the operand buffers, and what does not fit."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.classes import mean_ceil
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import OperandA, RowLoads
from hwmodels.analytical.operand_b import OperandB
from hwmodels.formats.sizes import is_dense

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class Passes(eqx.Module):
    """How a tile is cut to fit the PEs."""

    columns: Scalar
    """Column passes: how often A is worked on, each time against a part of the tile's columns."""
    a_sends: Scalar
    """How often A's tile is sent to the array; B's: `b_fills`."""
    b_fills: PerClass
    buffer_fit: Scalar
    """Need over capacity of the operand buffer, and of the accumulators."""
    accumulator_fit: Scalar


def passes_of(point: Point, a: OperandA, b: OperandB, loads: RowLoads) -> Passes:
    """Cut the tiles of a mapping; docs/machine.md, section 4, "Passes"."""
    hardware, tiles, numerics = point.hardware, point.tiles, point.numerics
    words, half_buffer = point.accumulator_words, point.half_buffer_bits
    a_stays, b_stays = point.stays("a"), point.stays("b")
    rows = numerics.ceil(tiles.height / hardware.pe_rows)
    columns = tiles.width / hardware.pe_cols
    share = b.share_bits / half_buffer
    one_column = share / jnp.maximum(columns, 1.0 / hardware.pe_cols)
    if point.dataflow == "outer_product":
        room = words * hardware.pe_rows * hardware.pe_cols
        needed = numerics.ceil(tiles.height * tiles.width / room)
        buffer_fit, accumulator_fit = jnp.zeros_like(needed), tiles.height / room
    elif point.dataflow == "gustavson":
        held = numerics.ceil(numerics.max_of(columns / words, share))
        needed = a_stays * numerics.ceil(rows * columns / words) + b_stays * held
        buffer_fit, accumulator_fit = b_stays * one_column, a_stays * rows / words
    else:
        needed = a_stays + b_stays * numerics.ceil(share)
        buffer_fit, accumulator_fit = b_stays * one_column, jnp.zeros_like(needed)
    column_passes = numerics.min_of(needed, jnp.maximum(tiles.width, 1.0))
    shares = loads.share_bits / a.tiles / half_buffer
    if point.dataflow == "outer_product":
        a_sends, b_fills = column_passes, jnp.ones_like(shares)
    else:
        a_sends = a_stays + b_stays * column_passes
        b_fills = a_stays * mean_ceil(shares, 1.0 - is_dense(point.mapping.a_format), numerics) + b_stays
    return Passes(column_passes, a_sends, b_fills, buffer_fit, accumulator_fit)


def full_row_steps(point: Point, passes: Scalar) -> Scalar:
    """Steps of a full row of B: sum over the tiles along n of passes * ceil(columns of a pass / array width)."""
    tiles, ceil = point.tiles, point.numerics.ceil

    def steps(tile_columns: Scalar) -> Scalar:
        return passes * ceil(ceil(tile_columns / passes) / point.array_width)

    return (tiles.trips_n - 1.0) * steps(tiles.width) + steps(tiles.n.edge)
