"""Storage of tiles in each compression format, in bits; docs/machine.md section 2 is the law."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.choices import FORMATS
from hwmodels.numerics import Numerics
from workloads.lattice import lookup
from workloads.statistics import RLE_RUN_BITS

DENSE = FORMATS.index("dense")
BITMASK = FORMATS.index("bitmask")
RLE = FORMATS.index("rle")
CSC = FORMATS.index("csc")
COO = FORMATS.index("coo")

DIRECTORY_BITS = 64.0
"""Base address and length of one compressed tile."""

Value = Float[Array, "..."]


def width_of(numerics: Numerics, size: Value) -> Value:
    """Bits of a coordinate below `size`: ceil(log2 size), at least one."""
    return numerics.ceil(jnp.log2(jnp.maximum(size, 1.0)))


def storage_bits(
    weights: Float[Array, " 8"],
    numerics: Numerics,
    *,
    tiles: Value,
    nonzeros: Value,
    padding: Value,
    heights: Value,
    widths: Value,
    areas: Value,
    tile_height: Value,
    tile_width: Value,
    value_bits: Value,
    row_bits: Value,
    column_bits: Value,
    group_occupancy: Float[Array, "4 1"],
) -> tuple[Value, Value]:
    """Bits of values and of metadata of a set of stored tiles, mixed over the formats by `weights`.

    `tiles`, `nonzeros`, `padding` (RLE entries), `heights`, `widths`, `areas` are sums over the tiles; `tile_height` and
    `tile_width` the nominal shape inside the matrix; `row_bits` and `column_bits` widths of coordinates; `group_occupancy` the
    fullest groups of 1, 2, 4 and 8 (log2), for groups that the tile's edge cuts.
    """
    pointer_bits = row_bits + column_bits + 1.0
    entries = nonzeros + padding
    row_pointers = (heights + tiles) * pointer_bits
    column_pointers = (widths + tiles) * pointer_bits
    rows = areas / tile_width
    slots_4, slots_8 = (
        rows * numerics.ceil(tile_width / group) * lookup(group_occupancy, (numerics.min_of(tile_width, jnp.full_like(tile_width, group)),))[0]
        for group in (4.0, 8.0)
    )
    values = (areas, nonzeros, entries, nonzeros, nonzeros, nonzeros, slots_4, slots_8)
    metadata = (
        0.0 * areas,
        areas,
        entries * RLE_RUN_BITS + row_pointers,
        nonzeros * column_bits + row_pointers,
        nonzeros * row_bits + column_pointers,
        nonzeros * (row_bits + column_bits),
        slots_4 * 2.0,
        slots_8 * 3.0,
    )
    stored = sum(w * v for w, v in zip(weights, values, strict=True)) * value_bits
    described = sum(w * v for w, v in zip(weights, metadata, strict=True))
    return jnp.asarray(stored), jnp.asarray(described)


def directory_bits(weights: Float[Array, " 8"], tiles: Value) -> Value:
    """Bits of the tile directory that are fetched with a set of stored tiles; dense tiles need none."""
    return (1.0 - weights[DENSE]) * tiles * DIRECTORY_BITS
