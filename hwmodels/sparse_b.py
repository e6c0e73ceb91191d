"""SpMSpM: A and B are sparse; joint statistics give the totals, A's classes and B's loads how they are spread."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.a_side import SKIP, ASide, total
from hwmodels.b_side import BSide, Products
from hwmodels.formats import COO, CSC, DENSE, RLE, TileSums, directory_bits, storage
from hwmodels.hardware import Hardware, Mapping
from hwmodels.intersection import bitmask_words, steps_of_pairs, steps_with_full_columns
from hwmodels.numerics import Numerics
from hwmodels.tiling import Tiling, full_row_steps
from workloads.lattice import lookup
from workloads.pairs import JOINT_QUANTITIES
from workloads.statistics import SparseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

ANY_WIDTH = 4096.0
"""The last point of the width axis: a fiber of any length takes one step."""


class SparseB(BSide):
    """A sparse B [k, n] and a sparse Z [m, n]."""

    visits: PerClass
    a_visits: Scalar
    a_once: Scalar
    skip: Scalar
    share_bits: Scalar
    peak_bits: Scalar
    z_peak_bits: Scalar
    each_bits: PerClass
    once_bits: Scalar
    sent_values_bits: PerClass
    sent_metadata_bits: PerClass
    decoded_entries: PerClass
    results: PerClass
    result_metadata_bits: PerClass
    z_spill_write_bits: PerClass
    z_spill_read_bits: PerClass
    z_final_bits: Scalar
    products: Products
    b_visits: Scalar
    """Visits of a tile of B, weighted by its non-zeros."""
    hardware: Hardware
    kernel: SparseBStatistics
    mapping: Mapping
    tiles: Tiling
    a: ASide
    numerics: Numerics

    def row_major_cycles(self, loads, passes):
        """An entry of A takes ceil(b / W) steps: b / W, plus a share of a step fixed so that the total is exact."""
        hardware, kernel, a = self.hardware, self.kernel, self.a
        array_width = hardware.pe_cols * hardware.lanes
        columns = self.tiles.tile_n / passes
        steps = lookup(kernel.row_steps, (columns, array_width))[0]
        fibers = lookup(kernel.row_steps, (columns, jnp.full_like(columns, ANY_WIDTH)))[0]
        rounding = jnp.clip((steps - kernel.products / array_width) / fibers, 0.0, 1.0)
        skipping = rounding * loads.entries * (fibers / total(a.nonzeros)) + loads.work / array_width
        all_rows = a.tiles / total(a.tiles) * self._all_row_steps(columns, array_width) * a.rows_per_pe
        with_b_skip = a.skip * skipping + (1.0 - a.skip) * all_rows
        return self.skip * with_b_skip + (1.0 - self.skip) * loads.entries * self._dense_steps(passes)

    def inner_cycles(self, loads, passes):
        """Pairs of fibers: totals from the joint statistics, times what the most loaded row and lane hold of them."""
        hardware, kernel, tiles, a = self.hardware, self.kernel, self.tiles, self.a
        lanes = hardware.pe_cols * hardware.lanes
        pairs, a_elements, b_elements, jumps, _ = jnp.unstack(lookup(kernel.fibers, (tiles.tile_k,)))
        found = kernel.b.tile_classes(tiles.tile_n, tiles.tile_k)
        schedule = self.mapping.schedule
        lane = kernel.b.most_loaded(tiles.tile_n, tiles.tile_k, lanes, schedule, schedule)
        lane_nonzeros = lane["nonzeros"][0] / found["nonzeros"][0]
        lane_columns = lane["rows"][0] / found["rows"][0]
        row_nonzeros, row_rows = loads.nonzeros / total(a.nonzeros), loads.rows / total(a.rows)
        row_entries = row_nonzeros * (1.0 + a.padding / a.nonzeros)
        matches = loads.work * lane_nonzeros
        sparse_walk = steps_of_pairs(
            hardware.intersection,
            pairs=pairs * row_rows * lane_columns,
            a_elements=a_elements * row_entries * lane_columns,
            b_elements=b_elements * row_rows * lane_nonzeros,
            matches=matches,
            jumps=jumps * row_rows * lane_columns,
            words=bitmask_words(tiles.depth, self.numerics),
        )
        dense_steps = self._dense_steps(passes)
        dense_walk = self._walked(loads.rows, loads.nonzeros) * dense_steps
        b_entries = kernel.b.nonzeros * self.b_visits * lane_nonzeros
        b_only = a.tiles / total(a.tiles) * b_entries * a.rows_per_pe
        both = a.skip * matches + (1.0 - a.skip) * b_only
        macs = self.skip * both + (1.0 - self.skip) * loads.entries * dense_steps
        return macs, a.skip * (self.skip * sparse_walk + (1.0 - self.skip) * dense_walk)

    def outer_cycles(self, passes):
        """Sum over k of ceil(a / R) ceil(b / W), factored within classes of k of similar product."""
        hardware, kernel, tiles, a = self.hardware, self.kernel, self.tiles, self.a
        array_width = hardware.pe_cols * hardware.lanes
        by_a = lookup(kernel.a_passes, (tiles.tile_m, hardware.pe_rows))
        by_b = lookup(kernel.b_passes, (tiles.tile_n, array_width))
        both = total(by_a * by_b / jnp.exp2(kernel.k_classes))
        b_only = a.rows_per_pe * self.b_visits * total(by_b)
        dealt = kernel.a.column_passes(tiles.tile_m, tiles.tile_k, hardware.pe_rows)
        a_only = a.skip * dealt + (1.0 - a.skip) * a.widths * a.rows_per_pe
        spread = a.skip * a.work / total(a.work) * both + (1.0 - a.skip) * a.tiles / total(a.tiles) * b_only
        return self.skip * spread + (1.0 - self.skip) * a_only * self._dense_steps(passes)

    def intersection_steps(self):
        """Steps over all pairs of non-empty fibers."""
        kernel, tiles, a = self.kernel, self.tiles, self.a
        pairs, a_elements, b_elements, jumps, _ = jnp.unstack(lookup(kernel.fibers, (tiles.tile_k,)))
        sparse_walk = steps_of_pairs(
            self.hardware.intersection,
            pairs=pairs,
            a_elements=a_elements * (1.0 + total(a.padding) / total(a.nonzeros)),
            b_elements=b_elements,
            matches=kernel.products,
            jumps=jumps,
            words=bitmask_words(tiles.depth, self.numerics),
        )
        dense_walk = total(self._walked(a.rows, a.nonzeros)) * kernel.n
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

    def _dense_steps(self, passes: Scalar) -> Scalar:
        """Steps of a full row of B over the tiles along n that are visited."""
        array_width = self.hardware.pe_cols * self.hardware.lanes
        steps = full_row_steps(self.tiles, self.kernel.n, array_width, passes, self.numerics)
        return steps * self.a_visits / self.tiles.trips_n

    def _all_row_steps(self, columns: Scalar, array_width: Scalar) -> Scalar:
        """Steps of all rows of B, in each visit of their tile."""
        return total(lookup(self.kernel.b_passes, (columns, array_width))) * self.b_visits


def sparse_b(
    hardware: Hardware, mapping: Mapping, kernel: SparseBStatistics, tiles: Tiling, a: ASide, numerics: Numerics
) -> SparseB:
    """Describe B and Z of a kernel with a sparse B."""
    found = lookup(kernel.joint, (tiles.tile_m, tiles.tile_k, tiles.tile_n))
    joint = dict(zip(JOINT_QUANTITIES, jnp.unstack(found), strict=True))
    found = {name: value[0] for name, value in kernel.b.tile_classes(tiles.tile_n, tiles.tile_k).items()}
    point = kernel.b.tile_point(tiles.tile_n, tiles.tile_k)
    distinct = lookup(kernel.fibers, (tiles.tile_k,))[4]
    padding = lookup(kernel.b_padding, (tiles.tile_n,))[0]
    dense = mapping.b_format[DENSE]
    sparse = 1.0 - dense
    skip = mapping.b_zero[SKIP] * sparse

    padding = padding * mapping.b_format[RLE]
    tile_count = sparse * found["tiles"] + dense * tiles.trips_k * tiles.trips_n
    form = storage(
        mapping.b_format,
        numerics,
        tile_width=tiles.width,
        value_bits=hardware.value_bits,
        row_bits=tiles.k_bits,
        column_bits=tiles.n_bits,
        group_occupancy=kernel.b_group_occupancy,
    )
    sums = TileSums(
        tiles=tile_count,
        nonzeros=found["nonzeros"],
        padding=padding,
        heights=sparse * point["widths"] + dense * kernel.k * tiles.trips_n,
        widths=sparse * point["heights"] + dense * kernel.n * tiles.trips_k,
        areas=sparse * point["areas"] + dense * kernel.k * kernel.n,
    )
    stored = form.values_bits(sums), form.metadata_bits(sums)
    peak = TileSums(
        tiles=jnp.ones_like(tile_count),
        nonzeros=point["peak_nonzeros"],
        padding=padding / found["nonzeros"] * point["peak_nonzeros"],
        heights=tiles.depth,
        widths=tiles.width,
        areas=tiles.depth * tiles.width,
    )
    fetched_bits = stored[0] + stored[1] + directory_bits(mapping.b_format, tile_count)

    # Visits. A tile of a dense operand is never seen to be empty, so it is visited for every tile of the other.
    a_dense = mapping.a_format[DENSE]
    a_tiles = total(a.tiles)
    visits = (
        (1.0 - a_dense) * sparse * joint["visits"]
        + a_dense * sparse * tiles.trips_m * found["tiles"]
        + dense * a_tiles * tiles.trips_n
    )
    a_nonzeros = total(a.nonzeros)
    a_visits = sparse * ((1.0 - a_dense) * joint["a_each"] / a_nonzeros + a_dense * visits / a_tiles)
    a_visits = a_visits + dense * tiles.trips_n
    a_once = sparse * ((1.0 - a_dense) * joint["a_once"] / a_nonzeros + a_dense) + dense
    b_each = (1.0 - a_dense) * (
        sparse * joint["b_each"] / found["nonzeros"] + dense * a_tiles / tiles.trips_k
    ) + a_dense * tiles.trips_m
    b_once = (1.0 - a_dense) * (
        sparse * joint["b_once"] / found["nonzeros"] + dense * a.block_columns / kernel.k
    ) + a_dense
    by_tiles = a.tiles / a_tiles
    each_bits = by_tiles * b_each * fetched_bits

    # Rows of B that the tile of A touches, if B is stored by addressable rows and the dataflow selects rows.
    addressable = 1.0 - mapping.b_format[COO] - mapping.b_format[CSC]
    select = a.skip * addressable * (0.0 if mapping.dataflow == "inner_product" else 1.0)
    touched = sparse * a.touched / found["nonzeros"] + dense * a.columns / kernel.k
    sent = select * touched + (1.0 - select) * by_tiles * b_each

    work = a.work / total(a.work)
    accumulator_bits = hardware.accumulator_bits
    row_pointers = a.block_rows * (tiles.m_bits + tiles.n_bits + 1.0)
    spilled = distinct * (accumulator_bits + tiles.m_bits + tiles.n_bits)
    most_products = kernel.a.tile_point(tiles.tile_m, jnp.broadcast_to(kernel.k, tiles.tile_m.shape))["peak_work"]
    z_words = numerics.min_of(tiles.height * tiles.width, jnp.maximum(most_products, 1.0))
    area_visited = visits * tiles.depth * kernel.m / tiles.trips_m * kernel.n / tiles.trips_n
    area_visited = area_visited * (kernel.k / tiles.trips_k / tiles.depth)
    return SparseB(
        visits=by_tiles * visits,
        a_visits=a_visits,
        a_once=a_once,
        skip=skip,
        share_bits=(stored[0] + stored[1]) / tile_count / hardware.pe_cols,
        peak_bits=form.values_bits(peak) + form.metadata_bits(peak),
        z_peak_bits=z_words * (accumulator_bits + tiles.m_bits + tiles.n_bits),
        each_bits=each_bits,
        once_bits=b_once * fetched_bits,
        sent_values_bits=sent * stored[0],
        sent_metadata_bits=sent * stored[1],
        decoded_entries=sparse * sent * (found["nonzeros"] + padding),
        results=work * distinct,
        result_metadata_bits=work * distinct * tiles.n_bits,
        z_spill_write_bits=work * spilled,
        z_spill_read_bits=work * spilled,
        z_final_bits=kernel.z_nonzeros * (hardware.value_bits + tiles.n_bits) + row_pointers,
        products=Products(
            both_skip=kernel.products,
            a_skips=a_nonzeros * a_visits * kernel.n / tiles.trips_n,
            b_skips=found["nonzeros"] * b_each * kernel.m / tiles.trips_m,
            none_skip=area_visited,
        ),
        b_visits=b_each,
        hardware=hardware,
        kernel=kernel,
        mapping=mapping,
        tiles=tiles,
        a=a,
        numerics=numerics,
    )
