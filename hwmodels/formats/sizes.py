"""Storage of tiles in each compression format, in bits; docs/machine.md section 2 is the law."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.design.choices import FORMATS
from hwmodels.numerics import Numerics
from workloads.statistics.lattice import lookup
from workloads.statistics.row_segments import RLE_RUN_BITS

DENSE = FORMATS.index("dense")
BITMASK = FORMATS.index("bitmask")
RLE = FORMATS.index("rle")
CSC = FORMATS.index("csc")
COO = FORMATS.index("coo")

DIRECTORY_BITS = 64.0
"""Base address and length of one compressed tile."""

Value = Float[Array, "..."]
"""One number, or one for each occupancy class."""


def width_of(numerics: Numerics, size: Value) -> Value:
    """Bits of a coordinate below `size`: ceil(log2 size), at least one."""
    return numerics.ceil(jnp.log2(jnp.maximum(size, 1.0)))


class TileSums(eqx.Module):
    """Sums over a set of stored tiles (or one tile): what their storage depends on."""

    tiles: Value
    nonzeros: Value
    padding: Value
    """RLE entries that stand for no non-zero."""
    heights: Value
    widths: Value
    areas: Value


class Storage(eqx.Module):
    """Bits of values and of metadata per unit of each of `TileSums`: a format is a choice of coefficients."""

    value_per_area: Value
    value_per_nonzero: Value
    value_per_padding: Value
    metadata_per_area: Value
    metadata_per_nonzero: Value
    metadata_per_padding: Value
    metadata_per_row: Value
    metadata_per_column: Value

    def values_bits(self, sums: TileSums) -> Value:
        """Bits of the values."""
        return (
            self.value_per_area * sums.areas
            + self.value_per_nonzero * sums.nonzeros
            + self.value_per_padding * sums.padding
        )

    def metadata_bits(self, sums: TileSums) -> Value:
        """Bits of coordinates, masks, runs and pointers; the tile directory is apart."""
        return (
            self.metadata_per_area * sums.areas
            + self.metadata_per_nonzero * sums.nonzeros
            + self.metadata_per_padding * sums.padding
            + self.metadata_per_row * (sums.heights + sums.tiles)
            + self.metadata_per_column * (sums.widths + sums.tiles)
        )


def storage(
    weights: Float[Array, "8"],
    numerics: Numerics,
    *,
    tile_width: Value,
    value_bits: Value,
    row_bits: Value,
    column_bits: Value,
    pointer_bits: Value,
    group_occupancy: Float[Array, "4 1"],
) -> Storage:
    """How the formats that `weights` mix store tiles.

    `tile_width` is the nominal width inside the matrix; `row_bits`, `column_bits` and `pointer_bits` the widths of
    coordinates and pointers; `group_occupancy` the fullest groups of 1, 2, 4 and 8 (log2), for groups that the tile's
    edge cuts.
    """
    dense, bitmask, rle, csr, csc, coo, nm4, nm8 = jnp.unstack(weights)
    slots_4, slots_8 = (
        numerics.ceil(tile_width / group)
        / tile_width
        * lookup(group_occupancy, (numerics.min_of(tile_width, jnp.full_like(tile_width, group)),))[0]
        for group in (4.0, 8.0)
    )
    slots_4, slots_8 = nm4 * slots_4, nm8 * slots_8
    return Storage(
        value_per_area=(dense + slots_4 + slots_8) * value_bits,
        value_per_nonzero=(1.0 - dense - nm4 - nm8) * value_bits,
        value_per_padding=rle * value_bits,
        metadata_per_area=bitmask + 2.0 * slots_4 + 3.0 * slots_8,
        metadata_per_nonzero=rle * RLE_RUN_BITS + (csr + coo) * column_bits + (csc + coo) * row_bits,
        metadata_per_padding=rle * RLE_RUN_BITS,
        metadata_per_row=(rle + csr) * pointer_bits,
        metadata_per_column=csc * pointer_bits,
    )


def directory_bits(weights: Float[Array, "8"], tiles: Value) -> Value:
    """Bits of the tile directory that are fetched with a set of stored tiles; dense tiles need none."""
    return (1.0 - weights[DENSE]) * tiles * DIRECTORY_BITS
