"""The operand B and the product Z as the machine sees them, of SpMM and SpMSpM alike.

Vectors follow the classes of A's tiles and are totals over all visits, those along n included. Visits of one class are
not alike: the tile of B is fuller in some than in others. So what a visit costs is kept in `Parts`.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.design_point import Point
from workloads.statistics.lattice import interpolate
from workloads.statistics.occupancy import cut, places_of

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

ALL = 1.0 - 1e-5
"""Share above which nothing repeats."""


class Products(eqx.Module):
    """Pairs of entries that meet, by whether A and B skip: the MACs that are not skipped."""

    both_skip: Scalar
    a_skips: Scalar
    b_skips: Scalar
    none_skip: Scalar


class OperandB(eqx.Module):
    """What a kernel says about B and Z."""

    visits: PerClass
    a_visits: PerClass
    """Visits of a tile of A."""
    a_sent: Scalar
    """Share of A's entries that is sent: the outer product leaves out columns that meet nothing."""
    a_once: Scalar
    """Share of A's bits that is fetched at all."""
    skip: Scalar
    group_bits: Scalar
    """Bits of the operand buffer that one group of columns of the nominal tile takes, where B does not skip."""
    skipped_bits: Scalar
    """Bits that the fullest tile takes, where B skips; of A beside it: `copies_bits`."""
    copies_bits: Scalar
    peak_bits: Scalar
    z_peak_bits: Scalar
    whole_bits: Scalar
    """Of all of B as it is stored, before it is unfolded."""
    unfolds: Scalar
    """1 if positions of B are the same activation, so that tiles are unfolded."""
    each_bits: Parts
    """B's bits when its tile is fetched at each visit."""
    once_bits: Scalar
    sent_values_bits: Parts
    """Crossing the buses in each visit."""
    sent_metadata_bits: Parts
    slack_bits: tuple[Parts, Parts] | None
    """Bits that rows fetched one by one leave unused of the value bus and of the index bus."""
    pointer_bits: Parts | None
    """Bits read in the GLB to find these rows."""
    port_words: Parts
    """Words that the operand buffer takes."""
    written_bits: Scalar
    """Bits written to the operand buffers of all PEs."""
    decoded_entries: PerClass
    """Compressed entries of B sent to PEs."""
    results: PerClass
    """Accumulator words that leave the array."""
    result_metadata_bits: PerClass
    z_spill_bits: PerClass
    """Partial outputs written to DRAM if Z does not stay; as many are read back."""
    z_final_bits: Scalar
    ends: Scalar
    """Share of the visits that are the first or last of their tile of Z, as far as its traffic tells them apart."""
    spilled_at_ends: Scalar
    """Share of the partial outputs, written and read together, that moves in these visits."""
    group_visits: Float[Array, "g 1"]
    """Visits that the tiles of B set apart: share of the visits of a class in each group."""
    group_with_b: Float[Array, "g c"]
    """Share of what goes with B in each group."""
    products: Products
    padding: Scalar | float = 0.0
    """Entries of B that stand for no non-zero, for each non-zero."""


def fetched_share(point: Point) -> Scalar:
    """Share of a tile of B that comes from DRAM: each activation of a map once (docs/machine.md, section 9)."""
    return interpolate(point.kernel.b_distinct, places_of(point.tiles.k, point.tiles.n))[0]


def whole_share(point: Point) -> Scalar:
    """The same of all of B."""
    every = (cut(size, size, jnp.ones_like(size)) for size in (point.kernel.k, point.kernel.n))
    return interpolate(point.kernel.b_distinct, places_of(*every))[0]


def unfolds(point: Point) -> Scalar:
    """1 if positions of B are the same activation."""
    return (whole_share(point) < ALL).astype(jnp.float32)


def slot_bits(point: Point) -> Scalar:
    """Bits of a place for an entry of a B that skips: value, column, and whether it is used."""
    return point.hardware.value_bits + point.tiles.n_bits + 1.0


def group_bits(point: Point, a_skips: Scalar) -> Scalar:
    """Bits of the operand buffer that a group of columns of a full B takes: a column for each lane, or where lanes are
    on k one column, for each of them a copy if A skips."""
    array = point.array
    copies = (1.0 - array.on_k) * array.lanes + array.on_k * (a_skips * array.lanes + 1.0 - a_skips)
    return point.tiles.depth * point.hardware.value_bits * copies


def written_bits(point: Point, a_skips: Scalar, rows: Scalar, width: Scalar) -> Scalar:
    """Bits that the operand buffers of all PEs take of so many rows of tiles of a full B, `width` wide: words of
    a row, or where lanes are on k of a column."""
    array, hardware, ceil, depth = point.array, point.hardware, point.numerics.ceil, point.tiles.depth
    copies = a_skips * array.lanes + 1.0 - a_skips
    by_rows = rows * ceil(width / array.lanes)
    by_columns = rows * width * (ceil(depth / array.lanes) / depth) * copies
    words = by_rows + array.on_k * (by_columns - by_rows)
    return words * array.lanes * hardware.value_bits * (array.rows * array.columns / array.hearing)


def port_words_of_row(point: Point) -> Scalar:
    """Words of the operand buffer that each row of a group of a full B takes: with lanes on k, of neighbouring rows."""
    array, depth = point.array, point.tiles.depth
    neighbours = point.numerics.ceil(depth / array.lanes) / depth
    return 1.0 + array.on_k * (neighbours - 1.0)
