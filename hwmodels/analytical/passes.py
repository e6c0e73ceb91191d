"""How a tile is cut into groups of columns and passes over them, and what of it does not fit the PEs."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import HeldShare
from hwmodels.analytical.operand_b import OperandB

Scalar = Float[Array, ""]

DRAIN_SLOTS = 4.0
"""Rows of sums that a PE has room for: one that grows, others that leave."""


class Passes(eqx.Module):
    """Column passes of a visit, over all visits of a mapping alike."""

    together: Scalar
    """Groups of columns that a pass works on."""
    count: Scalar
    """Mean number of passes."""
    all_groups: Scalar
    """Groups of all tiles along n together."""
    a_sends: Scalar
    """How often A's tile is sent to the array."""
    buffer_fit: Scalar
    """Need over capacity of the operand buffer, and of the accumulators."""
    accumulator_fit: Scalar


def passes_of(point: Point, b: OperandB, share: HeldShare) -> Passes:
    """Cut the tiles of a mapping; docs/machine.md, section 4, "Column passes" and "Fits"."""
    tiles, array, numerics = point.tiles, point.array, point.numerics
    half, words = point.half_buffer_bits, point.accumulator_words
    inner, outer = point.dataflow == "inner_product", point.dataflow == "outer_product"
    group = numerics.ceil(tiles.width / array.width)
    a_row = 2.0 * jnp.maximum(share.rows, 1.0) if outer else jnp.full_like(group, DRAIN_SLOTS)
    # What stays needs no second buffer, but has all tiles of A beside each other.
    alone = 1.0 + point.a_in_pes * (0.5 * tiles.trips_m * tiles.trips_k - 1.0)
    held_a = point.holds_a * share.bits * alone
    if inner:
        limited, whole = jnp.ones_like(group), b.skip
    else:
        room = jnp.maximum(half - held_a, 0.0)
        fitting = numerics.floor(room / b.group_bits), numerics.floor(words / (a_row * array.lanes))
        limited, whole = numerics.min_of(group, *fitting), 1.0 - (1.0 - b.skip) * (1.0 - point.fetches)
    least = DRAIN_SLOTS * point.hardware.lanes
    together = whole * group + (1.0 - whole) * limited

    groups = all_groups(point)
    inside, edge = (numerics.ceil(numerics.ceil(columns / array.width) / together) for columns in _widths(point))
    count = ((tiles.trips_n - 1.0) * inside + edge) / tiles.trips_n
    held_b = (1.0 - point.fetches) * ((1.0 - b.skip) * together * b.group_bits + b.skip * b.skipped_bits)
    if inner:  # what meets a B that skips is held in any case
        held_a = (1.0 - b.skip) * held_a + b.skip * b.copies_bits
    return Passes(
        together=together,
        count=count,
        all_groups=groups,
        a_sends=count + point.holds_a * (1.0 - count),
        buffer_fit=(held_a + held_b) / half,
        accumulator_fit=jnp.maximum(a_row * array.lanes * (1.0 if inner else together), least) / words,
    )


def all_groups(point: Point) -> Scalar:
    """Groups of columns of all tiles along n together."""
    inside, edge = (point.numerics.ceil(columns / point.array.width) for columns in _widths(point))
    return (point.tiles.trips_n - 1.0) * inside + edge


def _widths(point: Point) -> tuple[Scalar, Scalar]:
    """Columns of a tile inside, and of the last one."""
    return point.tiles.width, point.tiles.n.edge
