"""SpMSpM: A and B are sparse; joint statistics give the totals, A's classes and B's loads how they are spread."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.intersection import bitmask_words, steps_of_pairs, steps_with_full_columns
from hwmodels.analytical.operand_a import SKIP, ASide, total
from hwmodels.analytical.operand_b import BSide, Groups, Parts, Products
from hwmodels.analytical.sparse_b_tiles import tiles_of_b, visits_of
from hwmodels.analytical.tiling import Tiling, full_row_steps
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.formats.sizes import COO, CSC, DENSE, directory_bits
from hwmodels.numerics import Numerics
from workloads.statistics.lattice import lookup
from workloads.statistics.operand import Tiles
from workloads.statistics.spmspm import Meetings, SparseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

ANY_WIDTH = 4096.0
"""The last point of the width axis: a fiber of any length takes one step."""
NEARLY_CERTAIN = 1.0 - 1e-6
"""Largest chance of a visit that has a logarithm of its opposite."""
EVEN = 1e-6
"""Added to a relative variance, so that its root has a slope at zero."""


class SparseB(BSide):
    """A sparse B [k, n] and a sparse Z [m, n]."""

    visits: PerClass
    a_visits: PerClass
    a_once: Scalar
    skip: Scalar
    share_bits: Scalar
    peak_bits: Scalar
    z_peak_bits: Scalar
    each_bits: Parts
    once_bits: Scalar
    sent_values_bits: Parts
    sent_metadata_bits: Parts
    decoded_entries: PerClass
    results: PerClass
    result_metadata_bits: PerClass
    z_spill_bits: PerClass
    z_final_bits: Scalar
    ends: Scalar
    spilled_at_ends: Scalar
    groups: Groups
    products: Products
    padded: Scalar
    """Stored entries of B for each of its non-zeros."""
    b_nonzeros: PerClass
    """Non-zeros of the tiles of B that are visited, in all visits."""
    columns: Scalar
    """Columns of the tile of B in an average visit."""
    meetings: Meetings
    hardware: Hardware
    kernel: SparseBStatistics
    mapping: Mapping
    tiles: Tiling
    tiled: Tiles
    """B's tiles, transposed."""
    a: ASide
    numerics: Numerics

    def row_major_cycles(self, loads, passes):
        """An entry of A takes ceil(b / W) steps: b / W, plus a share of a step fixed so that the total is exact."""
        kernel, a = self.kernel, self.a
        columns, (array_width, times) = self.tiles.tile_n / passes, self._steps_width()
        steps = times * lookup(kernel.row_steps, (columns, array_width))[0]
        fibers = lookup(kernel.row_steps, (columns, jnp.full_like(columns, ANY_WIDTH)))[0]
        rounding = jnp.clip((steps - times * kernel.products / array_width) / fibers, 0.0, 1.0)
        skipping = rounding * loads.entries * (fibers / total(a.nonzeros)) + times * loads.work / array_width
        all_rows = self._b_visits() * times * total(lookup(kernel.b_passes, (columns, array_width))) * a.rows_per_pe
        return Parts(
            (1.0 - self.skip) * loads.entries * self._dense_steps(passes),
            self.skip * (a.skip * skipping + (1.0 - a.skip) * all_rows),
        )

    def inner_cycles(self, loads, passes):
        """Pairs of fibers: totals from the joint statistics, times what the most loaded row and lane hold of them."""
        hardware, kernel, tiles, a = self.hardware, self.kernel, self.tiles, self.a
        lanes = hardware.pe_cols * hardware.lanes
        tiled, schedule = self.tiled, self.mapping.schedule
        lane = kernel.b.most_loaded(tiles.n, tiles.k, lanes, schedule, schedule, tiled.scale)
        lane_nonzeros = lane["nonzeros"][0] / tiled.classes["nonzeros"][0]
        lane_columns = lane["rows"][0] / tiled.classes["rows"][0]
        row_rows = loads.rows / total(a.rows)
        row_entries = (loads.nonzeros + loads.rows / a.rows * a.padding) / total(a.nonzeros)
        matches = loads.work * lane_nonzeros
        depth = self.meetings.depth
        sparse_walk = steps_of_pairs(
            hardware.intersection,
            pairs=depth["pairs"] * row_rows * lane_columns,
            a_elements=depth["a_elements"] * row_entries * lane_columns,
            b_elements=depth["b_elements"] * self.padded * row_rows * lane_nonzeros,
            matches=matches,
            jumps=depth["jumps"] * row_rows * lane_columns,
            words=bitmask_words(tiles.depth, self.numerics),
        )
        dense_steps = self._dense_steps(jnp.ones_like(passes))
        b_only = self.b_nonzeros * self.padded * lane_nonzeros * a.rows_per_pe
        macs = Parts(
            (1.0 - self.skip) * loads.entries * dense_steps,
            self.skip * (a.skip * matches + (1.0 - a.skip) * b_only),
        )
        walked = a.skip * (1.0 - self.skip) * self._walked(loads.rows, loads.nonzeros) * dense_steps
        return macs, Parts(walked, a.skip * self.skip * sparse_walk)

    def outer_cycles(self, passes):
        """Sum over k of ceil(a / R) ceil(b / W), factored within classes of k of similar product."""
        hardware, kernel, tiles, a = self.hardware, self.kernel, self.tiles, self.a
        by_a = lookup(kernel.a_passes, (tiles.tile_m, hardware.pe_rows))
        array_width, times = self._steps_width()
        by_b = times * lookup(kernel.b_passes, (tiles.tile_n, array_width))
        both = total(by_a * by_b / jnp.exp2(kernel.k_classes))
        b_only = a.rows_per_pe * self._b_visits() * total(by_b)
        dealt = kernel.a.column_passes(tiles.m, tiles.k, hardware.pe_rows)
        a_only = a.skip * dealt + (1.0 - a.skip) * a.dealt_areas
        spread = a.skip * a.work / total(a.work) * both + (1.0 - a.skip) * b_only
        return Parts((1.0 - self.skip) * a_only * self._dense_steps(passes), self.skip * spread)

    def intersection_steps(self):
        """Steps over all pairs of non-empty fibers."""
        kernel, tiles, a = self.kernel, self.tiles, self.a
        depth = self.meetings.depth
        sparse_walk = steps_of_pairs(
            self.hardware.intersection,
            pairs=depth["pairs"],
            a_elements=depth["a_elements"] * (1.0 + total(a.padding) / total(a.nonzeros)),
            b_elements=depth["b_elements"] * self.padded,
            matches=kernel.products,
            jumps=depth["jumps"],
            words=bitmask_words(tiles.depth, self.numerics),
        )
        dense_walk = total(self._walked(a.rows, a.nonzeros) * self.a_visits) * self.columns
        return a.skip * (self.skip * sparse_walk + (1.0 - self.skip) * dense_walk)

    def _walked(self, rows: PerClass, nonzeros: PerClass) -> PerClass:
        """Intersection steps against a column of B that does not skip."""
        return steps_with_full_columns(
            self.hardware.intersection,
            rows=rows,
            nonzeros=nonzeros,
            depth=self.a.widths / self.a.tiles,
            words=bitmask_words(self.tiles.depth, self.numerics),
        )

    def _steps_width(self) -> tuple[Scalar, Scalar]:
        """Width of the array in non-zeros of B, whose padding takes the rest; below one, and the steps for each."""
        width = self.hardware.pe_cols * self.hardware.lanes / self.padded
        return jnp.maximum(width, 1.0), jnp.maximum(1.0 / width, 1.0)

    def _dense_steps(self, passes: Scalar) -> PerClass:
        """Steps of a full row of B over the tiles along n that are visited."""
        array_width = self.hardware.pe_cols * self.hardware.lanes
        steps = full_row_steps(self.tiles, array_width, passes, self.numerics)
        wider = self.columns * self.tiles.trips_n / self.kernel.n
        return steps * wider * self.a_visits / self.tiles.trips_n

    def _b_visits(self) -> PerClass:
        """How often each row of B is worked on by a tile of A."""
        return self.b_nonzeros / self.kernel.b.nonzeros


def sparse_b(
    hardware: Hardware, mapping: Mapping, kernel: SparseBStatistics, tiles: Tiling, a: ASide, numerics: Numerics
) -> SparseB:
    """Describe B and Z of a kernel with a sparse B."""
    tiled = kernel.b.tiles_of(tiles.n, tiles.k)
    met = kernel.meetings(a.tiled, tiles.m, tiles.k, tiles.n)
    visits = visits_of(mapping, kernel, tiles, a, tiled, met)
    stored = tiles_of_b(hardware, mapping, kernel, tiles, tiled, numerics)
    sparse = 1.0 - mapping.b_format[DENSE]
    fetched = lookup(kernel.b_distinct, (tiles.tile_k, tiles.tile_n))[0]

    # Rows of B that the tile of A touches, if B is stored by addressable rows and the dataflow selects rows.
    addressable = 1.0 - mapping.b_format[COO] - mapping.b_format[CSC]
    select = a.skip * addressable * (0.0 if mapping.dataflow == "inner_product" else 1.0)
    all_rows = a.widths * visits.of_a
    sent_rows = select * a.columns * visits.of_a + (1.0 - select) * all_rows
    sent_nonzeros = select * a.touched + (1.0 - select) * visits.b_nonzeros
    values_bits, metadata_bits = stored.moved(visits, all_rows, visits.b_nonzeros)
    held_bits = values_bits + metadata_bits
    sent_values, sent_metadata = stored.moved(visits, sent_rows, sent_nonzeros)

    count = total(visits.count)
    results = a.work / total(a.work) * met.depth["distinct"]
    partial_bits = hardware.accumulator_bits + tiles.m_bits + tiles.n_bits
    row_pointers = a.block_rows * (tiles.m_pointer_bits + tiles.n_pointer_bits + 1.0)
    most_products = lookup(kernel.block_products, (tiles.tile_m,))[0]
    z_words = numerics.min_of(tiles.height * tiles.width, jnp.maximum(most_products, 1.0))
    z_tiles = _z_tiles(tiles, count, a.block_rows / kernel.m, tiled.totals["block_rows"] / kernel.n)
    last = jnp.clip(z_tiles / count, 0.0, 1.0)
    return SparseB(
        visits=visits.count,
        a_visits=visits.of_a,
        a_once=visits.a_once,
        skip=mapping.b_zero[SKIP] * sparse,
        share_bits=total(held_bits.total) / count / hardware.pe_cols,
        peak_bits=stored.peak_bits,
        z_peak_bits=z_words * partial_bits,
        each_bits=Parts(
            fetched * held_bits.even + directory_bits(mapping.b_format, visits.count), fetched * held_bits.with_b
        ),
        once_bits=visits.b_once * (fetched * stored.stored_bits + directory_bits(mapping.b_format, stored.tiles)),
        sent_values_bits=sent_values,
        sent_metadata_bits=sent_metadata,
        decoded_entries=sparse * sent_nonzeros * (1.0 + stored.padding),
        results=results,
        result_metadata_bits=results * tiles.n_bits,
        z_spill_bits=results * partial_bits,
        z_final_bits=kernel.z_nonzeros * (hardware.value_bits + tiles.n_bits) + row_pointers,
        ends=last,
        spilled_at_ends=0.5 + 0.5 * last,
        groups=_groups(met.spread),
        products=Products(
            both_skip=kernel.products,
            a_skips=total(a.nonzeros * visits.of_a) * visits.columns,
            b_skips=total(visits.b_nonzeros * a.heights / a.tiles),
            none_skip=total(a.areas * visits.of_a) * visits.columns,
        ),
        padded=1.0 + stored.padding,
        columns=visits.columns,
        b_nonzeros=visits.b_nonzeros,
        meetings=met,
        hardware=hardware,
        kernel=kernel,
        mapping=mapping,
        tiles=tiles,
        tiled=tiled,
        a=a,
        numerics=numerics,
    )


def _z_tiles(tiles: Tiling, visits: Scalar, rows: Scalar, columns: Scalar) -> Scalar:
    """Tiles of Z that are visited at all, if visits fall evenly on those whose row block and column block hold any."""
    possible = rows * tiles.trips_m * columns * tiles.trips_n
    chance = jnp.clip(visits / (possible * tiles.trips_k), 0.0, NEARLY_CERTAIN)
    return -possible * jnp.expm1(tiles.trips_k * jnp.log1p(-chance))


def _groups(spread: PerClass) -> Groups:
    """Halves of the visits of a class by what the tile of B holds, taken to be distributed lognormally."""
    sigma = jnp.sqrt(jnp.log1p(spread) + EVEN)
    more = 0.5 * jax.lax.erf(sigma * 0.5**0.5)
    return Groups(jnp.full((2, 1), 0.5, sigma.dtype), 0.5 + jnp.array([[-1.0], [1.0]], sigma.dtype) * more)
