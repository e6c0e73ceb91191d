"""The tiles of a sparse B: how often they meet tiles of A, and what bits are stored and moved for that."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.classes import block_rows, total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import OperandA
from hwmodels.formats.sizes import Storage, TileSums, has_runs, is_dense, storage
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.lattice import kept_for_slopes, lookup
from workloads.statistics.operand import Tiles
from workloads.statistics.spmspm import Meetings

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class VisitedPairs(NamedTuple):
    """Visits of tiles of A and B to each other, by class of A's tiles."""

    count: PerClass
    of_a: PerClass
    """Of each tile of A."""
    a_nonzeros: Scalar
    """Non-zeros of A's tiles, in all visits."""
    b_nonzeros: PerClass
    """Non-zeros of B's tiles, in all visits."""
    columns: Scalar
    """Columns of the tile of B in an average visit; its rows are the columns of A's tile."""
    a_once: Scalar
    """Share of A's bits that is fetched at all; of B's likewise."""
    b_once: Scalar


def tile_visits(point: Point, a: OperandA, tiled: Tiles, met: Meetings) -> VisitedPairs:
    """Visits of the pairs that have `met`, `tiled` being B's tiles, transposed.

    A tile of a dense operand is never seen to be empty, so it is visited for every tile of the other.
    """
    mapping, kernel, tiles = point.mapping, point.kernel, point.tiles
    a_dense, dense, nonzeros = is_dense(mapping.a_format), is_dense(mapping.b_format), kernel.b.nonzeros
    a_sparse, sparse = 1.0 - a_dense, 1.0 - dense
    by_tiles = a.tiles / total(a.tiles)
    by_depth = a.widths / total(a.widths)
    count = sparse * (a_sparse * met.visits + a_dense * by_tiles * tiles.trips_m * tiled.totals["tiles"])
    b_nonzeros = sparse * a_sparse * met.b_nonzeros + a_dense * by_depth * tiles.trips_m * nonzeros
    b_blocks = tiled.totals["block_columns"]
    b_once = sparse * met.depth["b_once"] / nonzeros + dense * a.block_columns / kernel.k
    visits = VisitedPairs(
        count=count + dense * a.tiles * tiles.trips_n,
        of_a=sparse * (a_sparse * met.a_visits + a_dense * tiled.totals["tiles"] / tiles.trips_k)
        + dense * tiles.trips_n,
        a_nonzeros=sparse * total(met.a_visits * a.tiled.classes["nonzeros"])
        + dense * kernel.a.nonzeros * tiles.trips_n,
        b_nonzeros=b_nonzeros + dense * a_sparse * by_depth * (total(a.tiles) / tiles.trips_k) * nonzeros,
        columns=sparse * a_sparse * met.columns + (1.0 - sparse * a_sparse) * kernel.n / tiles.trips_n,
        a_once=sparse * (a_sparse * met.depth["a_once"] / total(a.nonzeros) + a_dense * b_blocks / kernel.k) + dense,
        b_once=a_sparse * b_once + a_dense,
    )
    return kept_for_slopes(visits)


class StoredTiles(NamedTuple):
    """B's tiles as they are stored."""

    form: Storage
    tiles: Scalar
    padding: Scalar
    """RLE entries that stand for no non-zero, for each non-zero."""
    blocks: Scalar
    """Blocks, for each non-zero; rows of blocks of a tile."""
    block_rows: Scalar
    stored_bits: Scalar
    """Of all tiles, without their directory."""
    peak_bits: Scalar
    """Of the largest tile."""

    def moved(self, visits: VisitedPairs, rows: PerClass, nonzeros: PerClass) -> tuple[Parts, Parts]:
        """Bits of values and of metadata in all visits, of which so many rows and non-zeros count."""
        form = self.form
        pointers = (
            form.metadata_per_row
            + form.metadata_per_block_row * (self.block_rows + 1.0)
            + form.metadata_per_column * (visits.columns + 1.0)
        )
        values = Parts(
            form.value_per_area * visits.columns * rows,
            (form.value_per_nonzero + self.padding * form.value_per_padding + self.blocks * form.value_per_block)
            * nonzeros,
        )
        metadata = Parts(
            (form.metadata_per_area * visits.columns + form.metadata_per_row) * rows + pointers * visits.count,
            (
                form.metadata_per_nonzero
                + self.padding * form.metadata_per_padding
                + self.blocks * form.metadata_per_block
            )
            * nonzeros,
        )
        return values, metadata


def stored_tiles(point: Point, tiled: Tiles) -> StoredTiles:
    """Storage of B's tiles; `tiled` are these, transposed."""
    mapping, kernel, tiles = point.mapping, point.kernel, point.tiles
    dense, nonzeros, totals = is_dense(mapping.b_format), kernel.b.nonzeros, tiled.totals
    sparse = 1.0 - dense
    padding = lookup(kernel.b_padding, (tiles.tile_n,))[0] * has_runs(mapping.b_format) / nonzeros
    form = storage(
        mapping.b_format,
        point.numerics,
        tile_width=tiles.width,
        value_bits=point.hardware.value_bits,
        row_bits=tiles.k_bits,
        column_bits=tiles.n_bits,
        pointer_bits=tiles.k_pointer_bits + tiles.n_pointer_bits + 1.0,
        group_occupancy=kernel.b_group_occupancy,
    )
    count = sparse * totals["tiles"] + dense * tiles.trips_k * tiles.trips_n
    heights, blocks = sparse * totals["widths"] + dense * kernel.k * tiles.trips_n, total(tiled.classes["blocks"])
    down = block_rows(tiles.depth, tiles.k.edge, heights / count, point.numerics)
    every = TileSums(
        tiles=count,
        nonzeros=nonzeros,
        padding=nonzeros * padding,
        heights=heights,
        widths=sparse * totals["heights"] + dense * kernel.n * tiles.trips_k,
        areas=sparse * totals["areas"] + dense * kernel.k * kernel.n,
        blocks=blocks,
        block_rows=down * count,
    )
    peak = TileSums(
        tiles=jnp.ones_like(every.tiles),
        nonzeros=tiled.peaks["peak_nonzeros"],
        padding=padding * tiled.peaks["peak_nonzeros"],
        heights=tiles.depth,
        widths=tiles.width,
        areas=tiles.depth * tiles.width,
        blocks=tiled.peaks["peak_blocks"],
        block_rows=point.numerics.ceil(tiles.depth / BLOCK),
    )
    stored_bits, peak_bits = (form.values_bits(sums) + form.metadata_bits(sums) for sums in (every, peak))
    return StoredTiles(form, every.tiles, padding, blocks / nonzeros, down, stored_bits, peak_bits)
