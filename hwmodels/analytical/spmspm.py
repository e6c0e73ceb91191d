"""SpMSpM: A and B are sparse; joint statistics give the totals, A's classes and B's loads how they are spread."""

import functools
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts, in_bursts, in_scattered_bursts, in_varied_bursts
from hwmodels.analytical.array_steps import ArraySteps
from hwmodels.analytical.classes import total
from hwmodels.analytical.column_owners import LAST_WIDTH, DealtB, dealt_b, fetched_rows
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.intersection import bitmask_words, steps_of_pairs
from hwmodels.analytical.matrix_product import cost_of_product
from hwmodels.analytical.operand_a import HeldShare, OperandA, describe_a, held_share
from hwmodels.analytical.operand_b import (
    OperandB,
    Products,
    fetched_share,
    group_bits,
    port_words_of_row,
    slot_bits,
    unfolds,
    whole_share,
    written_bits,
)
from hwmodels.analytical.passes import all_groups
from hwmodels.analytical.sparse_b_tiles import StoredTiles, VisitedPairs, stored_tiles, tile_visits
from hwmodels.analytical.tiling import Tiling
from hwmodels.cost import Cost
from hwmodels.design.choices import BITMASK_AND, SKIP
from hwmodels.formats.sizes import columns_addressable, directory_bits, is_dense, rows_addressable, stores_nonzeros
from workloads.statistics.lattice import interpolate, lookup, ratio
from workloads.statistics.operand import Tiles
from workloads.statistics.spmspm import Meetings

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

NEARLY_CERTAIN = 1.0 - 1e-6
"""Largest chance of a visit that has a logarithm of its opposite."""
EVEN = 1e-6
"""Added to a relative variance, so that its root has a slope at zero."""


def cost(point: Point) -> Cost:
    """Cost of one run."""
    kernel, tiles = point.kernel, point.tiles
    a = describe_a(point)
    share = held_share(point, a)
    tiled = kernel.b.tiles_of(tiles.n, tiles.k)
    met = kernel.meetings(a.tiled, tiles.m, tiles.k, tiles.n)
    visits = tile_visits(point, a, tiled, met)
    stored = stored_tiles(point, tiled)
    dealt = dealt_b(point, a.skip, tiled, 1.0 + stored.padding)
    b = sparse_b(point, a, share, tiled, met, visits, stored, dealt)
    return cost_of_product(point, a, share, b, SparseSteps(point, a, b.skip, b.a_sent, visits, met, dealt))


def sparse_b(
    point: Point,
    a: OperandA,
    share: HeldShare,
    tiled: Tiles,
    met: Meetings,
    visits: VisitedPairs,
    stored: StoredTiles,
    dealt: DealtB,
) -> OperandB:
    """Describe a sparse B [k, n] and a sparse Z [m, n]; `tiled`: B's tiles, transposed."""
    hardware, mapping, kernel, tiles = point.hardware, point.mapping, point.kernel, point.tiles
    sparse = 1.0 - is_dense(mapping.b_format)
    skip = mapping.b_zero[SKIP] * sparse
    inner, count = point.dataflow == "inner_product", total(visits.count)

    # Rows of B that the tile of A touches, if they have addresses, as columns have not where fibers are intersected.
    select = a.skip * rows_addressable(mapping.b_format) * (1.0 - point.array.on_k) * (1.0 - skip if inner else 1.0)
    all_rows = a.widths * visits.of_a
    sent_rows = select * a.columns * visits.of_a + (1.0 - select) * all_rows
    sent_nonzeros = select * a.touched + (1.0 - select) * visits.b_nonzeros
    moved = [part * (1.0 - point.fetches) for part in stored.moved(visits, sent_rows, sent_nonzeros)]
    decoded, slack, pointers = sparse * sent_nonzeros * dealt.padded, None, None
    if point.dataflow == "gustavson":
        rows = fetched_rows(point, a, skip, visits, stored)
        moved = [part + one for part, one in zip(moved, rows.bits, strict=True)]
        decoded = decoded + point.fetches * (sparse * rows.entries - decoded)
        slack, pointers = rows.slack, rows.pointer_bits

    held_bits = functools.reduce(operator.add, stored.moved(visits, all_rows, visits.b_nonzeros))
    brought = held_bits * fetched_share(point)
    varied = stores_nonzeros(mapping.b_format)

    def whole_bursts(bits: Array, count: Array, spread: Array) -> Array:
        return in_varied_bursts(point, bits, count, varied * spread)

    whole = ratio(whole_bursts(brought.total, visits.count, met.spread), brought.total)
    results = ratio(a.work, total(a.work)) * met.depth["distinct"]
    partial_bits = hardware.accumulator_bits + tiles.m_bits + tiles.n_bits
    written_rows = jnp.minimum(a.block_rows, count * tiles.height)  # of row blocks that are visited
    row_blocks = point.numerics.ceil(written_rows / tiles.height)
    row_pointers = written_rows * (tiles.m_pointer_bits + tiles.n_pointer_bits + 1.0)
    most_products = lookup(kernel.block_products, (tiles.tile_m,))[0]
    z_words = point.numerics.min_of(tiles.height * tiles.width, jnp.maximum(most_products, 1.0))
    z_tiles = _z_tiles(tiles, count, a.block_rows / kernel.m, tiled.totals["block_rows"] / kernel.n)
    last = jnp.clip(ratio(z_tiles, count), 0.0, 1.0)
    more = _fuller_half(met.spread)
    mean_spread = total(met.spread) / met.spread.size
    once = whole_bursts(fetched_share(point) * stored.stored_bits, stored.tiles, mean_spread)
    port = skip * dealt.port_words(inner, visits, sent_nonzeros)
    full_port = sent_rows * port_words_of_row(point) * mean_groups(point, visits)
    return OperandB(
        visits=visits.count,
        a_visits=visits.of_a,
        a_sent=_share_sent(point, a, skip, visits),
        a_once=visits.a_once,
        skip=skip,
        group_bits=group_bits(point, a.skip),
        skipped_bits=dealt.lane_bits if inner else dealt.slots_bits,
        copies_bits=_copies_bits(point, a, share),
        peak_bits=stored.peak_bits,
        z_peak_bits=z_words * partial_bits,
        whole_bits=whole_share(point) * stored.stored_bits,
        unfolds=unfolds(point),
        each_bits=brought * whole + Parts(directory_bits(mapping.b_format, visits.count), None),
        once_bits=visits.b_once * (once + directory_bits(mapping.b_format, stored.tiles)),
        sent_values_bits=moved[0],
        sent_metadata_bits=moved[1],
        slack_bits=slack,
        pointer_bits=pointers,
        port_words=Parts((1.0 - skip) * full_port, port) * (1.0 - point.fetches),
        written_bits=(1.0 - point.fetches) * _written(point, a, skip, visits, sent_rows, port, dealt),
        decoded_entries=decoded,
        results=results,
        result_metadata_bits=results * tiles.n_bits,
        z_spill_bits=in_scattered_bursts(point, results, partial_bits, visits.count, met.spread),
        z_final_bits=in_scattered_bursts(
            point, kernel.z_nonzeros, hardware.value_bits + tiles.n_bits, z_tiles, mean_spread
        )
        + in_bursts(point, row_pointers, row_blocks),
        ends=last,
        spilled_at_ends=0.5 + 0.5 * last,
        group_visits=jnp.full_like(more[:, :1], 0.5),
        group_with_b=0.5 + more,
        products=_products(point, a, visits),
    )


def _written(
    point: Point,
    a: OperandA,
    skip: Scalar,
    visits: VisitedPairs,
    rows: PerClass,
    port_words: PerClass,
    dealt: DealtB,
) -> Scalar:
    """Bits of B that the operand buffers of all PEs take in all visits: slots of owners, or what lanes hold."""
    array = point.array
    full = written_bits(point, a.skip, total(rows), visits.columns)
    if point.dataflow == "inner_product":
        held = dealt.held_bits(point, a.skip, total(visits.b_nonzeros)) * array.rows * array.columns / array.hearing
    else:
        held = total(port_words) * array.lanes * slot_bits(point) * array.rows * array.columns
    return skip * held + (1.0 - skip) * full


def _share_sent(point: Point, a: OperandA, skip: Scalar, visits: VisitedPairs) -> Scalar:
    """Share of A's entries whose row of B is not empty, where the outer product leaves out the other columns."""
    if point.dataflow != "outer_product":
        return jnp.ones_like(skip)
    met = interpolate(point.kernel.conflicts, jnp.stack([point.tiles.n.place, LAST_WIDTH + 0.0 * skip]))[0]
    left_out = a.skip * skip * columns_addressable(point.mapping.a_format)
    share = jnp.clip(ratio(met, total(a.nonzeros * visits.of_a)), 0.0, 1.0)
    return 1.0 - left_out * (1.0 - share)


def _copies_bits(point: Point, a: OperandA, share: HeldShare) -> Scalar:
    """Bits of A's share where the lanes of a PE walk it on their own: decoded, or by bitmask; expanded if A does not
    skip."""
    hardware, tiles = point.hardware, point.tiles
    pointer_bits = tiles.m_pointer_bits + tiles.k_pointer_bits + 1.0
    masked = hardware.intersection[BITMASK_AND]
    decoded = share.nonzeros * (hardware.value_bits + tiles.k_bits) + share.rows * pointer_bits
    as_it_is = share.nonzeros * hardware.value_bits + share.rows * tiles.depth
    expanded = share.rows * tiles.depth * hardware.value_bits
    skipped = decoded + masked * (as_it_is - decoded)
    return point.array.lanes * (a.skip * skipped + (1.0 - a.skip) * expanded)


def _products(point: Point, a: OperandA, visits: VisitedPairs) -> Products:
    """Pairs of entries that meet: means of visits are taken apart, so that their products are held between bounds."""
    kernel, both = point.kernel, point.kernel.products
    a_skips = jnp.clip(visits.a_nonzeros * visits.columns, both, jnp.maximum(kernel.a.nonzeros * kernel.n, both))
    b_skips = total(visits.b_nonzeros * (a.heights / a.tiles))
    b_skips = jnp.clip(b_skips, both, jnp.maximum(kernel.b.nonzeros * kernel.m, both))
    none_skip = jnp.minimum(total(a.areas * visits.of_a) * visits.columns, kernel.m * kernel.k * kernel.n)
    return Products(both, a_skips, b_skips, jnp.maximum(none_skip, jnp.maximum(a_skips, b_skips)))


def mean_groups(point: Point, visits: VisitedPairs) -> Scalar:
    """Groups of columns of a tile of B in an average visit."""
    return all_groups(point) * visits.columns / point.kernel.n


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


class SparseSteps(ArraySteps):
    """Fibers of A and B meet."""

    point: Point
    a: OperandA
    skip: Scalar
    """Whether B skips."""
    a_sent: Scalar
    visits: VisitedPairs
    met: Meetings
    dealt: DealtB

    def walk(self, loads, passes):
        """An entry of A takes the conflicts of its row of B: in proportion to its products, plus a share of a step
        fixed so that the total is exact; and a step where that row is empty."""
        a, dealt, visits = self.a, self.dealt, self.visits
        met, all_met = loads.entries * ratio(dealt.met, total(a.nonzeros)), loads.entries * visits.of_a
        empty = jnp.maximum(all_met - met, 0.0) * (1.0 - self._leaves_out())
        skipping = dealt.uneven * met + dealt.each * loads.work
        groups = mean_groups(self.point, visits)
        rows = a.rows_per_queue * self._b_visits()
        every = rows * dealt.of_rows
        looked_up = jnp.maximum(a.rows_per_queue * a.widths * visits.of_a - rows * dealt.pieces, 0.0)
        return Parts(
            (1.0 - self.skip) * loads.turns * groups * visits.of_a + self.skip * a.skip * empty,
            self.skip * (a.skip * skipping + (1.0 - a.skip) * (every + looked_up)),
        )

    def inner_product(self, loads, passes):
        """Pairs of fibers: totals from the joint statistics, times what the most loaded queue and lane hold of them."""
        a, dealt, depth, visits = self.a, self.dealt, self.met.depth, self.visits
        queue_rows = ratio(loads.rows, total(a.rows))
        queue_entries = (loads.nonzeros + loads.rows / a.rows * a.padding) / total(a.nonzeros)
        walked = steps_of_pairs(
            self.point.hardware.intersection,
            pairs=depth["pairs"] * queue_rows * dealt.lane_columns,
            a_elements=depth["a_elements"] * queue_entries * dealt.lane_columns,
            b_elements=depth["b_elements"] * dealt.padded * queue_rows * dealt.lane_nonzeros,
            matches=loads.work * dealt.lane_nonzeros,
            jumps=depth["skip_ahead"] * queue_rows * dealt.lane_columns,
            words=bitmask_words(self.point.tiles.depth, self.point.numerics),
        )
        b_only = visits.b_nonzeros * dealt.padded * dealt.lane_nonzeros * a.rows_per_queue
        return Parts(
            (1.0 - self.skip) * loads.turns * mean_groups(self.point, visits) * visits.of_a,
            self.skip * (a.skip * walked + (1.0 - a.skip) * b_only),
        )

    def of_all_queues(self, loads, passes):
        """Each turn for each group of columns; the conflicts of all entries."""
        a, dealt, visits = self.a, self.dealt, self.visits
        full = total(loads.all_turns * visits.of_a) * mean_groups(self.point, visits)
        padded = 1.0 + total(a.padding) / total(a.nonzeros)
        skipped = a.skip * dealt.of_products * padded + (1.0 - a.skip) * dealt.of_rows * total(
            a.heights / a.tiles * self._b_visits()
        )
        return full, skipped

    def intersection_steps(self):
        """Steps over all pairs of non-empty fibers."""
        a, depth = self.a, self.met.depth
        walked = steps_of_pairs(
            self.point.hardware.intersection,
            pairs=depth["pairs"],
            a_elements=depth["a_elements"] * (1.0 + total(a.padding) / total(a.nonzeros)),
            b_elements=depth["b_elements"] * self.dealt.padded,
            matches=self.point.kernel.products,
            jumps=depth["skip_ahead"],
            words=bitmask_words(self.point.tiles.depth, self.point.numerics),
        )
        return a.skip * self.skip * walked

    def _leaves_out(self) -> Scalar:
        """Whether columns of A that meet nothing are not sent."""
        if self.point.dataflow != "outer_product":
            return jnp.zeros_like(self.skip)
        return columns_addressable(self.point.mapping.a_format)

    def _b_visits(self) -> PerClass:
        """How often each row of B is worked on by a tile of A."""
        return self.visits.b_nonzeros / self.point.kernel.b.nonzeros
