"""Storage of tiles in each compression format, in bits; docs/machine.md section 2 is the law."""

import functools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.formats.records import DIRECTORY_BITS, FORMAT_RECORDS, Format
from hwmodels.numerics import Numerics
from workloads.statistics.block_counts import BLOCK, BLOCK_LEVEL
from workloads.statistics.lattice import lookup

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
    blocks: Value
    """Blocks of neighbours that hold a non-zero, and rows of blocks, empty or not."""
    block_rows: Value


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
    value_per_block: Value
    metadata_per_block: Value
    metadata_per_block_row: Value
    by_columns: Value
    """Weight of the formats with a pointer a column."""

    def values_bits(self, sums: TileSums) -> Value:
        """Bits of the values."""
        return (
            self.value_per_area * sums.areas
            + self.value_per_nonzero * sums.nonzeros
            + self.value_per_padding * sums.padding
            + self.value_per_block * sums.blocks
        )

    def metadata_bits(self, sums: TileSums) -> Value:
        """Bits of coordinates, masks, runs and pointers; the tile directory is apart."""
        return (
            self.metadata_per_area * sums.areas
            + self.metadata_per_nonzero * sums.nonzeros
            + self.metadata_per_padding * sums.padding
            + self.metadata_per_row * sums.heights
            + self.metadata_per_column * sums.widths
            + self.metadata_per_block * sums.blocks
            + self.metadata_per_block_row * sums.block_rows
            + (self.metadata_per_row + self.metadata_per_column + self.metadata_per_block_row) * sums.tiles
        )

    def queued_bits(self, sums: TileSums, rows: Value, column_bits: Value) -> Value:
        """Bits of metadata that go with entries to their queues: a pointer for each of `rows`, in place of pointers of
        columns the number of its column, of `column_bits`, with each entry, and a block's column with each of its
        rows."""
        return (
            self.metadata_per_area * sums.areas
            + (self.metadata_per_nonzero + self.by_columns * column_bits) * sums.nonzeros
            + self.metadata_per_padding * sums.padding
            + self.metadata_per_block * BLOCK * sums.blocks
            + (self.metadata_per_row + self.metadata_per_block_row) * rows
        )


def mixed(weights: Sequence[Value], amount: Callable[[Format], float]) -> Value:
    """Sum over the formats of weight times amount; those that have none of it cost no operation."""
    amounts = [(weight, float(amount(record))) for weight, record in zip(weights, FORMAT_RECORDS, strict=True)]
    return functools.reduce(jnp.add, [weight * each for weight, each in amounts if each])


def storage(
    weights: Float[Array, " format"],
    numerics: Numerics,
    *,
    tile_width: Value,
    value_bits: Value,
    row_bits: Value,
    column_bits: Value,
    pointer_bits: Value,
    group_occupancy: Float[Array, "size 1"],
) -> Storage:
    """How the formats that `weights` mix store tiles.

    `tile_width` is the nominal width inside the matrix; `row_bits`, `column_bits` and `pointer_bits` the widths of
    coordinates and pointers; `group_occupancy` the fullest groups of 1, 2, 4 and 8 (log2), for groups that the tile's
    edge cuts.
    """

    def slots_of(group: int) -> Value:
        neighbours = numerics.min_of(tile_width, jnp.full_like(tile_width, group))
        return numerics.ceil(tile_width / group) / tile_width * lookup(group_occupancy, (neighbours,))[0]

    each = jnp.unstack(weights)
    slots = [
        (record, weight * slots_of(record.group))
        for record, weight in zip(FORMAT_RECORDS, each, strict=True)
        if record.group
    ]

    def of_blocks(bits: Value) -> Value:
        return numerics.max_of(bits - BLOCK_LEVEL, jnp.zeros_like(bits))

    blocks = mixed(each, lambda record: record.block > 0)
    block_column, block_row = of_blocks(column_bits), of_blocks(row_bits)
    in_place = mixed(each, lambda record: record.is_dense)
    runs = mixed(each, lambda record: record.run_bits)
    by_columns = mixed(each, lambda record: record.pointers == "columns")
    return Storage(
        value_per_area=(in_place + sum(filled for _, filled in slots)) * value_bits,
        value_per_nonzero=(1.0 - mixed(each, lambda record: record.values != "nonzero")) * value_bits,
        value_per_padding=mixed(each, lambda record: record.has_runs) * value_bits,
        metadata_per_area=mixed(each, lambda record: record.position_bits)
        + sum(record.offset_bits * filled for record, filled in slots),
        metadata_per_nonzero=runs
        + mixed(each, lambda record: "column" in record.coordinates and not record.block) * column_bits
        + mixed(each, lambda record: "row" in record.coordinates) * row_bits,
        metadata_per_padding=runs,
        metadata_per_row=mixed(each, lambda record: record.pointers == "rows" and not record.block) * pointer_bits,
        metadata_per_column=by_columns * pointer_bits,
        value_per_block=blocks * BLOCK**2 * value_bits,
        metadata_per_block=blocks * jnp.maximum(block_column, 1.0),
        metadata_per_block_row=blocks * (block_row + block_column + 1.0),
        by_columns=by_columns,
    )


def _weight(weights: Float[Array, " format"], has: Callable[[Format], bool]) -> Value:
    """Weight of the formats that have a property."""
    return functools.reduce(jnp.add, [weights[at] for at, record in enumerate(FORMAT_RECORDS) if has(record)])


def is_dense(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats in which every position has a value."""
    return _weight(weights, lambda record: record.is_dense)


def stores_nonzeros(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats whose tiles are the larger the more non-zeros they have."""
    return _weight(weights, lambda record: record.values in ("nonzero", "block"))


def stores_blocks(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats that store blocks in full, and are decoded where they arrive."""
    return _weight(weights, lambda record: record.block > 0)


def has_mask(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats in which every position has a bit."""
    return _weight(weights, lambda record: record.has_mask)


def has_runs(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats whose entries tell the zeros before them, so that some are padding."""
    return _weight(weights, lambda record: record.has_runs)


def rows_addressable(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats in which the machine can select single rows."""
    return 1.0 - mixed(jnp.unstack(weights), lambda record: not record.rows_addressable)


def row_pointers(weights: Float[Array, " format"]) -> Value:
    """Weight of the formats with a pointer a row."""
    return _weight(weights, lambda record: record.pointers == "rows")


def columns_addressable(weights: Float[Array, " format"]) -> Value:
    """Weight of the compressed formats in which the machine can select single columns."""
    return _weight(weights, lambda record: record.pointers == "columns" or record.has_mask)


def directory_bits(weights: Float[Array, " format"], tiles: Value) -> Value:
    """Bits of the tile directory that are fetched with a set of stored tiles; dense tiles need none."""
    return (1.0 - is_dense(weights)) * tiles * DIRECTORY_BITS
