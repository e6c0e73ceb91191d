"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S; docs/machine.md, section 7, is the law.

S is described like A of a product (`describe_a`), with n in the place of k. A tile of S is visited once for each tile
along k; the first of these visits reads no partial results, the last writes none and may be shorter.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import (
    PASS_CYCLES,
    Activity,
    ArrayCounts,
    account,
    glb_fit,
    hops_of,
    in_bursts,
    stages,
    with_sums,
)
from hwmodels.analytical.classes import share_at_edge, total
from hwmodels.analytical.column_owners import conflicts_of_padding
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.imbalance import missed_fibers
from hwmodels.analytical.intersection import bitmask_words
from hwmodels.analytical.operand_a import OperandA, describe_a
from hwmodels.analytical.passes import DRAIN_SLOTS
from hwmodels.analytical.tiling import Tiling
from hwmodels.cost import Computes, Cost
from hwmodels.design.choices import GATE
from hwmodels.formats.sizes import has_mask, stores_blocks
from workloads.statistics.lattice import ratio
from workloads.statistics.spmm import DenseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class AlongK(NamedTuple):
    """The visits of a tile of S along k: the first, those between, the last."""

    count: Float[Array, "3 1"]
    depth: Float[Array, "3 1"]


class MaskLoads(NamedTuple):
    """What the most loaded queue holds, summed over the tiles of each class."""

    conflicts: PerClass
    """Entries that PE columns work on one after the other."""
    decode: PerClass


def cost(point: Point) -> Cost:
    """Cost of one run."""
    s = _mask(point)
    activity, sums = with_sums(_activity(point, s, _loads(point, s)))
    computes = _computes(point, s)
    return account(
        point,
        activity,
        sums,
        groups=None,
        array=_array_actions(point, s, sums, computes),
        computes=computes,
        fits=_fits(point, s),
    )


def _mask(point: Point) -> OperandA:
    """S as an operand whose columns are those of B."""
    tiles, kernel = point.tiles, point.kernel
    turned = dataclasses.replace(
        tiles,
        k=tiles.n,
        tile_k=tiles.tile_n,
        depth=tiles.width,
        trips_k=tiles.trips_n,
        k_bits=tiles.n_bits,
        k_pointer_bits=tiles.n_pointer_bits,
    )
    operand = DenseBStatistics(m=kernel.m, k=kernel.n, n=kernel.k, a=kernel.mask)
    return describe_a(dataclasses.replace(point, tiles=turned, kernel=operand))


def _loads(point: Point, s: OperandA) -> MaskLoads:
    """Rows of S are dealt by their conflicts over the PE columns; where S does not skip, all are equal."""
    mapping, kernel, tiles, numerics, array = point.mapping, point.kernel, point.tiles, point.numerics, point.array
    schedule, scale = mapping.schedule, s.tiled.scale
    missed = missed_fibers(tiles.m, kernel.m, array.queues, numerics) / tiles.height

    def bounded(load: PerClass, whole: PerClass) -> PerClass:
        return jnp.clip(load + missed * whole, whole / array.queues, whole)

    held, every = (
        scale["nonzeros"] * kernel.fullest(tiles.m, tiles.n, parts, array.hearing, schedule)
        for parts in (array.queues, jnp.ones_like(array.queues))
    )
    dealt = kernel.mask.most_loaded(tiles.m, tiles.n, array.queues, schedule, schedule, scale)
    rows = bounded(dealt["rows"], s.found_rows)
    padding = ratio(rows, s.found_rows) * s.stored_padding  # runs of zeros go with rows
    entries = bounded(dealt["nonzeros"], s.nonzeros) + padding
    conflicts = bounded(held, every) + padding * conflicts_of_padding(array.hearing)
    full = s.rows_per_queue * s.tiles * _mean_across(point, s)
    words = bitmask_words(tiles.width, numerics, array.lanes)
    turns = numerics.max_of(s.tiles, (entries + 0.5 * (array.lanes - 1.0) * s.tiles) / array.lanes)
    return MaskLoads(
        conflicts=s.skip * conflicts + (1.0 - s.skip) * full,
        decode=s.skip * (turns + has_mask(mapping.a_format) * rows * words),
    )


def _mean_across(point: Point, s: OperandA) -> PerClass:
    """Mean over the tiles of each class of the columns that a PE column has of a full row."""
    tiles, ceil, columns = point.tiles, point.numerics.ceil, point.array.hearing
    at_edge = share_at_edge(tiles.width, tiles.n.edge, s.widths / s.tiles)
    return (1.0 - at_edge) * ceil(tiles.width / columns) + at_edge * ceil(tiles.n.edge / columns)


def _most_columns(point: Point, s: OperandA) -> PerClass:
    """Columns of B that the PE column has that is sent most; those that padding of S touches are spread evenly."""
    tiles, columns = point.tiles, point.array.hearing
    full = s.tiles * _mean_across(point, s)
    most = point.kernel.most_sent(tiles.m, tiles.n, columns) * s.tiled.scale["nonzeros"]
    most = most + jnp.maximum(s.columns - s.tiled.classes["columns"], 0.0) / columns
    return s.skip * jnp.clip(most, s.columns / columns, full) + (1.0 - s.skip) * full


def _activity(point: Point, s: OperandA, loads: MaskLoads) -> Activity:
    hardware, tiles, array, moved = point.hardware, point.tiles, point.array, point.moved
    value_bits, word_bits = hardware.value_bits, hardware.accumulator_bits
    along = _along_k(tiles)
    count, deep = along.count, along.count * along.depth
    words = count * point.numerics.ceil(along.depth / array.lanes)
    drained = count * s.tiles * (PASS_CYCLES + stages(array.lanes, point.numerics))
    results = s.skip * s.nonzeros + (1.0 - s.skip) * s.areas
    filled = s.tiles * jnp.minimum(total(s.tiled.classes["tiles"]) / total(s.tiles), 1.0)
    finished = in_bursts(point, s.nonzeros * value_bits, filled)
    partial = in_bursts(point, results * word_bits, s.tiles)
    of_tile = tiles.z_each * count + (1.0 - tiles.z_each) * count / tiles.trips_k
    not_first, not_last = (jnp.array(flags)[:, None] for flags in ([0.0, 1.0, 1.0], [1.0, 1.0, 0.0]))
    down, across = s.heights / total(s.heights), s.widths / total(s.widths)
    ceil = point.numerics.ceil
    a_each, b_each = (_fetched(point, deep * side, count, s.tiles) for side in (s.heights, s.widths))
    a_once = _fetched(point, deep * s.block_rows * down, count, ceil(s.block_rows / tiles.height) * down)
    b_once = _fetched(point, deep * s.block_columns * across, count, ceil(s.block_columns / tiles.width) * across)
    nothing = jnp.zeros_like(count * s.tiles)
    return Activity(
        compute=words * loads.conflicts + drained,
        decode=count * loads.decode + drained,
        buffer_port=words * _most_columns(point, s),
        a_value_bits=count * s.values_bits + deep * s.rows * value_bits,
        a_index_bits=count * s.sent_metadata_bits,
        b_value_bits=deep * s.columns * value_bits,
        b_index_bits=nothing,
        results=count * results,
        z_index_bits=nothing,
        dram_a_bits=of_tile * s.fetched_bits + moved.a * _resting(a_each, a_once, tiles.a_each),
        dram_b_bits=moved.b * _resting(b_each, b_once, tiles.b_each),
        z_read_bits=moved.z * tiles.z_each * count * not_first * partial * tiles.k_split,
        z_spilled_bits=moved.z * tiles.z_each * count * not_last * partial,
        z_final_bits=moved.z * (tiles.z_each * count * (1.0 - not_last) + (1.0 - tiles.z_each) * of_tile) * finished,
        entries=count * s.entries,
        a_decoded=count * s.stored_entries,
        b_decoded=nothing,
    )


def _fetched(point: Point, values: Array, visits: Array, tiles: PerClass) -> Array:
    """Bits that come from DRAM for so many values of a dense operand, of so many of its tiles in each visit."""
    return in_bursts(point, values * point.hardware.value_bits, jnp.maximum(visits * tiles, 1e-6))


def _resting(at_each_visit: Array, once: Array, each: Scalar) -> Array:
    """Bits of an operand that is fetched at `each` visit, or else once: never more, and spread alike."""
    share = jnp.minimum(ratio(jnp.sum(once), jnp.sum(at_each_visit)), 1.0)
    return at_each_visit * (each + (1.0 - each) * share)


def _along_k(tiles: Tiling) -> AlongK:
    before = tiles.trips_k - 1.0
    first = jnp.minimum(before, 1.0)
    counts = jnp.stack([first, before - first, jnp.ones_like(before)])
    return AlongK(counts[:, None], jnp.stack([tiles.depth, tiles.depth, tiles.k.edge])[:, None])


def _computes(point: Point, s: OperandA) -> Computes:
    """An entry makes k MACs: effectual at a non-zero, gated at padding, else as `a_zero` says."""
    kernel, gate = point.kernel, point.mapping.a_zero[GATE]
    nonzeros, everything = total(s.nonzeros), kernel.m * kernel.n
    zeros = (1.0 - s.skip) * jnp.maximum(total(s.areas) - nonzeros, 0.0)
    gated = total(s.padding) + gate * zeros
    ineffectual = (1.0 - gate) * zeros
    skipped = jnp.maximum(everything - nonzeros - gated - ineffectual, 0.0)
    return Computes(nonzeros * kernel.k, ineffectual * kernel.k, gated * kernel.k, skipped * kernel.k)


def _array_actions(point: Point, s: OperandA, sums: Activity, computes: Computes) -> ArrayCounts:
    hardware, array, hops = point.hardware, point.array, hops_of(point)
    value_bits = hardware.value_bits
    worked = computes.effectual + computes.ineffectual + computes.gated
    # A word of a row of A and of a column of B a step: of the depth, what does not fill a word is read all the same.
    along = _along_k(point.tiles)
    words = jnp.sum(along.count * point.numerics.ceil(along.depth / array.lanes)) * array.lanes / point.kernel.k
    a_sent, b_sent = sums.a_value_bits + sums.a_index_bits, sums.b_value_bits + sums.b_index_bits
    rows_bits = jnp.sum(along.count * along.depth) * total(s.rows) * value_bits
    mask_bits = a_sent - rows_bits
    decoded = sums.a_decoded * (value_bits + point.tiles.n_bits)
    mask_bits = mask_bits + stores_blocks(point.mapping.a_format) * (decoded - mask_bits)
    hears_b = array.rows * array.columns / array.hearing
    a_hops = (1.0 - array.on_m) * hops.row + array.on_m * hops.unicast
    b_hops = (1.0 - array.on_m) * hops.column + array.on_m * hops.all
    results_bits = sums.results * hardware.accumulator_bits
    return ArrayCounts(
        tree_adds=worked,
        queue_bits=2.0 * mask_bits * array.hearing,
        pe_buffer_read_bits=2.0 * worked * words * value_bits,
        pe_buffer_write_bits=words * (rows_bits * array.hearing + b_sent * hears_b),
        accumulator_accesses=2.0 * sums.results,
        intersection_steps=jnp.zeros_like(worked),
        decoded_entries=sums.a_decoded * array.hearing,
        bus_hops=a_sent * a_hops + b_sent * b_hops + results_bits * hops.unicast,
    )


def _fits(point: Point, s: OperandA) -> tuple[Scalar, Scalar, Scalar]:
    """Need over capacity of the GLB, the PE buffers and the accumulators."""
    hardware, tiles, array, kernel = point.hardware, point.tiles, point.array, point.kernel
    most = s.skip * s.tiled.peaks["peak_nonzeros"] + (1.0 - s.skip) * tiles.height * tiles.width
    rows, columns = (side * tiles.depth * hardware.value_bits for side in (tiles.height, tiles.width))
    results = s.skip * total(s.nonzeros) + (1.0 - s.skip) * total(s.areas)
    words = (held * hardware.accumulator_bits for held in (most, results))
    whole_a, whole_b = (side * kernel.k * hardware.value_bits for side in (kernel.m, kernel.n))
    tile_z, whole_z = words
    glb = s.peak_bits / point.half_glb_bits + glb_fit(point, (rows, columns, tile_z), (whole_a, whole_b, whole_z))
    held = (1.0 + point.numerics.ceil(tiles.width / array.hearing)) * tiles.depth * hardware.value_bits
    return glb, held / point.half_buffer_bits, DRAIN_SLOTS * hardware.lanes / point.accumulator_words
