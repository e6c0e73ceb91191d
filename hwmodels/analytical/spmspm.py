"""SpMSpM: A and B are sparse; joint statistics give the totals, A's classes and B's loads how they are spread."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.intersection import bitmask_words, steps_of_pairs
from hwmodels.analytical.matrix_product import cost_of_product
from hwmodels.analytical.operand_a import OperandA, describe_a, steps_with_full_columns
from hwmodels.analytical.operand_b import ArrayCycles, OperandB, Products, fetched_share
from hwmodels.analytical.passes import full_row_steps
from hwmodels.analytical.sparse_b_tiles import StoredTiles, VisitedPairs, stored_tiles, tile_visits
from hwmodels.analytical.tiling import Tiling
from hwmodels.cost import Cost
from hwmodels.design.choices import SKIP
from hwmodels.formats.sizes import directory_bits, is_dense, rows_addressable
from workloads.statistics.lattice import ANY_WIDTH, interpolate, lookup, ratio
from workloads.statistics.occupancy import place_of
from workloads.statistics.operand import Tiles
from workloads.statistics.spmspm import Meetings

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

LAST_WIDTH = float(np.log2(ANY_WIDTH))
"""Where a fiber of any length takes one step."""
NEARLY_CERTAIN = 1.0 - 1e-6
"""Largest chance of a visit that has a logarithm of its opposite."""
EVEN = 1e-6
"""Added to a relative variance, so that its root has a slope at zero."""


def cost(point: Point) -> Cost:
    """Cost of one run."""
    kernel, tiles = point.kernel, point.tiles
    a = describe_a(point)
    tiled = kernel.b.tiles_of(tiles.n, tiles.k)
    met = kernel.meetings(a.tiled, tiles.m, tiles.k, tiles.n)
    visits = tile_visits(point, a, tiled, met)
    stored = stored_tiles(point, tiled)
    b = sparse_b(point, a, tiled, met, visits, stored)
    cycles = SparseCycles(point, a, b.skip, 1.0 + stored.padding, visits, met, tiled)
    return cost_of_product(point, a, b, cycles)


def sparse_b(
    point: Point, a: OperandA, tiled: Tiles, met: Meetings, visits: VisitedPairs, stored: StoredTiles
) -> OperandB:
    """Describe a sparse B [k, n] and a sparse Z [m, n]; `tiled`: B's tiles, transposed."""
    hardware, mapping, kernel, tiles = point.hardware, point.mapping, point.kernel, point.tiles
    sparse = 1.0 - is_dense(mapping.b_format)
    fetched = fetched_share(point)

    # Rows of B that the tile of A touches, if B is stored by addressable rows and the dataflow selects rows.
    select = a.skip * rows_addressable(mapping.b_format) * (0.0 if point.dataflow == "inner_product" else 1.0)
    all_rows = a.widths * visits.of_a
    sent_rows = select * a.columns * visits.of_a + (1.0 - select) * all_rows
    sent_nonzeros = select * a.touched + (1.0 - select) * visits.b_nonzeros
    values_bits, metadata_bits = stored.moved(visits, all_rows, visits.b_nonzeros)
    held_bits = values_bits + metadata_bits
    sent_values, sent_metadata = stored.moved(visits, sent_rows, sent_nonzeros)

    count = total(visits.count)
    results = ratio(a.work, total(a.work)) * met.depth["distinct"]
    partial_bits = hardware.accumulator_bits + tiles.m_bits + tiles.n_bits
    written_rows = jnp.minimum(a.block_rows, count * tiles.height)  # of row blocks that are visited
    row_pointers = written_rows * (tiles.m_pointer_bits + tiles.n_pointer_bits + 1.0)
    most_products = lookup(kernel.block_products, (tiles.tile_m,))[0]
    z_words = point.numerics.min_of(tiles.height * tiles.width, jnp.maximum(most_products, 1.0))
    z_tiles = _z_tiles(tiles, count, a.block_rows / kernel.m, tiled.totals["block_rows"] / kernel.n)
    last = jnp.clip(ratio(z_tiles, count), 0.0, 1.0)
    more = _fuller_half(met.spread)
    return OperandB(
        visits=visits.count,
        a_visits=visits.of_a,
        a_once=visits.a_once,
        skip=mapping.b_zero[SKIP] * sparse,
        share_bits=ratio(total(held_bits.total), count) / hardware.pe_cols,
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
        group_visits=jnp.full_like(more[:, :1], 0.5),
        group_with_b=0.5 + more,
        products=_products(point, a, visits),
    )


def _products(point: Point, a: OperandA, visits: VisitedPairs) -> Products:
    """Pairs of entries that meet: means of visits are taken apart, so that their products are held between bounds."""
    kernel, both = point.kernel, point.kernel.products
    a_skips = jnp.clip(visits.a_nonzeros * visits.columns, both, jnp.maximum(kernel.a.nonzeros * kernel.n, both))
    b_skips = total(visits.b_nonzeros * (a.heights / a.tiles))
    b_skips = jnp.clip(b_skips, both, jnp.maximum(kernel.b.nonzeros * kernel.m, both))
    none_skip = jnp.minimum(total(a.areas * visits.of_a) * visits.columns, kernel.m * kernel.k * kernel.n)
    return Products(both, a_skips, b_skips, jnp.maximum(none_skip, jnp.maximum(a_skips, b_skips)))


def _z_tiles(tiles: Tiling, visits: Scalar, rows: Scalar, columns: Scalar) -> Scalar:
    """Tiles of Z that are visited at all, if visits fall evenly on those whose row block and column block hold any."""
    possible = rows * tiles.trips_m * columns * tiles.trips_n
    chance = jnp.clip(visits / (possible * tiles.trips_k), 0.0, NEARLY_CERTAIN)
    return -possible * jnp.expm1(tiles.trips_k * jnp.log1p(-chance))


def _fuller_half(spread: PerClass) -> Float[Array, "2 c"]:
    """What the emptier and the fuller half of the visits of a class have more than half of what goes with B.

    What the tile of B holds is taken to be distributed lognormally, `spread` being its relative variance.
    """
    sigma = jnp.sqrt(jnp.log1p(spread) + EVEN)
    more = 0.5 * jax.lax.erf(sigma * 0.5**0.5)
    return jnp.array([[-1.0], [1.0]], sigma.dtype) * more


class SparseCycles(ArrayCycles):
    """Fibers of A and B meet."""

    point: Point
    a: OperandA
    skip: Scalar
    """Whether B skips."""
    padded: Scalar
    """Stored entries of B for each of its non-zeros."""
    visits: VisitedPairs
    met: Meetings
    tiled: Tiles
    """B's tiles, transposed."""

    def gustavson(self, loads, passes):
        """An entry of A takes ceil(b / W) steps: b / W, plus a share of a step fixed so that the total is exact."""
        kernel, a = self.point.kernel, self.a
        (array_width, times), columns = self._steps_width(), self._place_of_pass(passes)
        width = jnp.log2(array_width)
        steps = times * interpolate(kernel.row_steps, jnp.stack([columns, width]))[0]
        fibers = interpolate(kernel.row_steps, jnp.stack([columns, jnp.full_like(columns, LAST_WIDTH)]))[0]
        rounding = jnp.clip(ratio(steps - times * kernel.products / array_width, fibers), 0.0, 1.0)
        skipping = rounding * loads.entries * (fibers / total(a.nonzeros)) + times * loads.work / array_width
        all_rows = (
            self._b_visits() * times * total(interpolate(kernel.b_passes, jnp.stack([columns, width]))) * a.rows_per_pe
        )
        return Parts(
            (1.0 - self.skip) * loads.entries * self._dense_steps(passes),
            self.skip * (a.skip * skipping + (1.0 - a.skip) * all_rows),
        )

    def inner_product(self, loads, passes):
        """Pairs of fibers: totals from the joint statistics, times what the most loaded row and lane hold of them."""
        tiles, schedule, a, tiled = self.point.tiles, self.point.mapping.schedule, self.a, self.tiled
        lane = self.point.kernel.b.most_loaded(
            tiles.n, tiles.k, self.point.array_width, schedule, schedule, tiled.scale
        )
        lane_nonzeros = lane["nonzeros"][0] / tiled.classes["nonzeros"][0]
        lane_columns = lane["rows"][0] / tiled.classes["rows"][0]
        row_rows = ratio(loads.rows, total(a.rows))
        row_entries = (loads.nonzeros + loads.rows / a.rows * a.padding) / total(a.nonzeros)
        matches = loads.work * lane_nonzeros
        depth = self.met.depth
        sparse_walk = steps_of_pairs(
            self.point.hardware.intersection,
            pairs=depth["pairs"] * row_rows * lane_columns,
            a_elements=depth["a_elements"] * row_entries * lane_columns,
            b_elements=depth["b_elements"] * self.padded * row_rows * lane_nonzeros,
            matches=matches,
            jumps=depth["jumps"] * row_rows * lane_columns,
            words=bitmask_words(tiles.depth, self.point.numerics),
        )
        dense_steps = self._dense_steps(jnp.ones_like(passes))
        b_only = self.visits.b_nonzeros * self.padded * lane_nonzeros * a.rows_per_pe
        macs = Parts(
            (1.0 - self.skip) * loads.entries * dense_steps,
            self.skip * (a.skip * matches + (1.0 - a.skip) * b_only),
        )
        walked = steps_with_full_columns(self.point, a, rows=loads.rows, nonzeros=loads.nonzeros) * dense_steps
        return macs, Parts(a.skip * (1.0 - self.skip) * walked, a.skip * self.skip * sparse_walk)

    def outer_product(self, passes):
        """Sum over k of ceil(a / R) ceil(b / W), factored within classes of k of similar product."""
        kernel, tiles, a, pe_rows = self.point.kernel, self.point.tiles, self.a, self.point.hardware.pe_rows
        by_a = interpolate(kernel.a_passes, jnp.stack([tiles.m.place, jnp.log2(pe_rows)]))
        array_width, times = self._steps_width()
        by_b = times * interpolate(kernel.b_passes, jnp.stack([tiles.n.place, jnp.log2(array_width)]))
        both = total(by_a * by_b[:-1] / jnp.exp2(kernel.k_classes))
        b_only = a.rows_per_pe * self._b_visits() * total(by_b)
        dealt = kernel.a.column_passes(tiles.m, tiles.k, pe_rows)
        a_only = a.skip * dealt + (1.0 - a.skip) * a.dealt_areas
        spread = a.skip * ratio(a.work, total(a.work)) * both + (1.0 - a.skip) * b_only
        return Parts((1.0 - self.skip) * a_only * self._dense_steps(passes), self.skip * spread)

    def intersection_steps(self):
        """Steps over all pairs of non-empty fibers."""
        a, depth = self.a, self.met.depth
        sparse_walk = steps_of_pairs(
            self.point.hardware.intersection,
            pairs=depth["pairs"],
            a_elements=depth["a_elements"] * (1.0 + total(a.padding) / total(a.nonzeros)),
            b_elements=depth["b_elements"] * self.padded,
            matches=self.point.kernel.products,
            jumps=depth["jumps"],
            words=bitmask_words(self.point.tiles.depth, self.point.numerics),
        )
        walked = steps_with_full_columns(self.point, a, rows=a.rows, nonzeros=a.nonzeros)
        dense_walk = total(walked * self.visits.of_a) * self.visits.columns
        return a.skip * (self.skip * sparse_walk + (1.0 - self.skip) * dense_walk)

    def _steps_width(self) -> tuple[Scalar, Scalar]:
        """Width of the array in non-zeros of B, whose padding takes the rest; below one, and the steps for each."""
        width = self.point.array_width / self.padded
        return jnp.maximum(width, 1.0), jnp.maximum(1.0 / width, 1.0)

    def _place_of_pass(self, passes: Scalar) -> Scalar:
        """Where the columns of one pass lie on the axis of B's columns."""
        point = self.point
        return place_of(point.kernel.n, point.numerics.ceil(point.tiles.width / passes))

    def _dense_steps(self, passes: Scalar) -> PerClass:
        """Steps of a full row of B over the tiles along n that are visited."""
        trips = self.point.tiles.trips_n
        wider = self.visits.columns * trips / self.point.kernel.n
        return full_row_steps(self.point, passes) * wider * self.visits.of_a / trips

    def _b_visits(self) -> PerClass:
        """How often each row of B is worked on by a tile of A."""
        return self.visits.b_nonzeros / self.point.kernel.b.nonzeros
