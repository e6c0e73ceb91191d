"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S; docs/machine.md, section 7, is the law.

S is described like A of a product (`describe_a`), with n in the place of k. A tile of S is visited once for each tile
along k; the first of these visits reads no partial results, the last writes none and may be shorter.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Activity, ArrayCounts, account, with_sums
from hwmodels.analytical.classes import TINY, mean_ceil, share_at_edge, total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.imbalance import missed_fibers
from hwmodels.analytical.intersection import bitmask_words
from hwmodels.analytical.operand_a import OperandA, describe_a
from hwmodels.analytical.tiling import Tiling
from hwmodels.cost import Computes, Cost
from hwmodels.design.choices import GATE
from hwmodels.formats.sizes import has_mask
from workloads.statistics.lattice import ANY_WIDTH, ratio
from workloads.statistics.occupancy import cut
from workloads.statistics.spmm import DenseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class AlongK(NamedTuple):
    """The visits of a tile of S along k: the first, those between, the last."""

    count: Float[Array, "3 1"]
    depth: Float[Array, "3 1"]


class MaskLoads(NamedTuple):
    """What the most loaded PE row holds, summed over the tiles of each class."""

    entries: PerClass
    rows: PerClass
    steps: PerClass
    """Of the entries of a row, as many at a time as the array is wide."""
    decode: PerClass


def cost(point: Point) -> Cost:
    """Cost of one run."""
    s = _mask(point)
    loads = _loads(point, s)
    passes = _passes(point)
    activity, sums = with_sums(_activity(point, s, loads, passes))
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
    """The rows of S are dealt by their non-zeros; where S does not skip, all are equal."""
    mapping, kernel, tiles, numerics = point.mapping, point.kernel, point.tiles, point.numerics
    pe_rows, width = point.hardware.pe_rows, point.array_width
    one = jnp.ones_like(width)
    missed = missed_fibers(tiles.m, kernel.m, pe_rows, numerics)

    def fullest(at_once: Scalar, scale: Scalar) -> PerClass:
        held, every = (
            scale * kernel.fullest(tiles.m, tiles.n, parts, at_once, mapping.schedule) for parts in (pe_rows, one)
        )
        return jnp.clip(held + missed / tiles.height * every, every / pe_rows, every)

    rows = fullest(ANY_WIDTH * one, s.tiled.scale["rows"])
    padding = (
        ratio(rows, s.found_rows) * s.stored_padding
    )  # runs of zeros go with rows, hardly with what else these hold
    entries = fullest(one, s.tiled.scale["nonzeros"]) + padding
    steps = fullest(width, s.tiled.scale["nonzeros"]) + padding / width
    full_steps = s.rows_per_pe * s.tiles * _mean_across(point, s)
    words = bitmask_words(tiles.width, numerics)
    return MaskLoads(
        entries=s.skip * entries + (1.0 - s.skip) * s.dealt_areas,
        rows=s.skip * rows + (1.0 - s.skip) * s.tiles * s.rows_per_pe,
        steps=s.skip * steps + (1.0 - s.skip) * full_steps,
        decode=s.skip * (entries + has_mask(mapping.a_format) * rows * words),
    )


def _mean_across(point: Point, s: OperandA) -> PerClass:
    """Mean over the tiles of each class of the steps in which a full row is dealt `array_width` at a time."""
    tiles, ceil, width = point.tiles, point.numerics.ceil, point.array_width
    at_edge = share_at_edge(tiles.width, tiles.n.edge, s.widths / s.tiles)
    return (1.0 - at_edge) * ceil(tiles.width / width) + at_edge * ceil(tiles.n.edge / width)


def _passes(point: Point) -> Scalar:
    """How often S is sent and worked on: once for each part of B's share that the PE buffers hold."""
    b_stays, tiles = point.stays("b"), point.tiles
    share_bits = tiles.depth * tiles.width * point.hardware.value_bits / point.hardware.pe_cols
    return b_stays * point.numerics.ceil(share_bits / point.half_buffer_bits) + (1.0 - b_stays)


def _activity(point: Point, s: OperandA, loads: MaskLoads, passes: Scalar) -> Activity:
    hardware, tiles = point.hardware, point.tiles
    value_bits, word_bits = hardware.value_bits, hardware.accumulator_bits
    inside, last = _by_visit(point, s, loads, tiles.depth), _by_visit(point, s, loads, tiles.k.edge)
    compute, fills = (jnp.stack([one, one, other]) for one, other in zip(inside, last, strict=True))
    along = _along_k(tiles)
    count, deep = along.count, along.count * along.depth
    results = s.skip * s.nonzeros + (1.0 - s.skip) * s.areas
    finished, partial = s.nonzeros * value_bits, results * word_bits
    of_tile = tiles.z_each * count + (1.0 - tiles.z_each) * count / tiles.trips_k
    not_first, not_last = (jnp.array(flags)[:, None] for flags in ([0.0, 1.0, 1.0], [1.0, 1.0, 0.0]))
    dram_a = tiles.a_each * s.heights + (1.0 - tiles.a_each) * s.block_rows * (s.heights / total(s.heights))
    dram_b = tiles.b_each * s.widths + (1.0 - tiles.b_each) * s.block_columns * (s.widths / total(s.widths))
    nothing = jnp.zeros_like(count * s.tiles)
    decode = jnp.zeros_like(loads.decode) if point.dataflow == "outer_product" else loads.decode
    return Activity(
        compute=count * compute,
        intersect=count * decode * passes,
        a_value_bits=passes * (count * s.values_bits + deep * s.rows * value_bits),
        a_index_bits=passes * count * s.metadata_bits,
        b_value_bits=fills * deep * s.columns * value_bits,
        b_index_bits=nothing,
        results=count * results,
        z_index_bits=nothing,
        dram_a_bits=of_tile * s.fetched_bits + deep * dram_a * value_bits,
        dram_b_bits=deep * dram_b * value_bits,
        z_read_bits=tiles.z_each * count * not_first * partial * tiles.k_split,
        z_spilled_bits=tiles.z_each * count * not_last * partial,
        z_final_bits=(tiles.z_each * count * (1.0 - not_last) + (1.0 - tiles.z_each) * of_tile) * finished,
        entries=count * s.entries * passes,
        a_decoded=count * s.stored_entries * passes,
        b_decoded=nothing,
    )


def _by_visit(point: Point, s: OperandA, loads: MaskLoads, depth: Scalar) -> tuple[PerClass, PerClass]:
    """Compute cycles and buffer fills of a visit so deep, the first summed over the tiles of a class."""
    if point.dataflow == "inner_product":
        cycles = loads.entries * point.numerics.ceil(depth / point.array_width)
    elif point.dataflow == "gustavson":
        cycles = loads.steps * depth
    else:
        cycles = _blocks(point, s) * depth
    a_stays = point.stays("a")
    shares = loads.rows / s.tiles * depth * point.hardware.value_bits / point.half_buffer_bits
    return cycles, a_stays * mean_ceil(shares, s.skip, point.numerics) + (1.0 - a_stays)


def _along_k(tiles: Tiling) -> AlongK:
    before = tiles.trips_k - 1.0
    first = jnp.minimum(before, 1.0)
    counts = jnp.stack([first, before - first, jnp.ones_like(before)])
    return AlongK(counts[:, None], jnp.stack([tiles.depth, tiles.depth, tiles.k.edge])[:, None])


def _blocks(point: Point, s: OperandA) -> PerClass:
    """Blocks of PE rows x lanes that hold an entry, in the tiles of each class.

    Their number is that of non-empty tiles of that size. Classes share it by the power law between what is known of
    them: entries, non-empty rows, non-empty columns and tiles are the blocks of 1 x 1, 1 x w, h x 1 and h x w.
    """
    kernel, tiles, ceil = point.kernel, point.tiles, point.numerics.ceil
    high = jnp.minimum(point.hardware.pe_rows, tiles.height)
    wide = jnp.minimum(point.array_width, tiles.width)
    pieces = [ceil(kernel.m / high), ceil(kernel.n / wide)]
    down, across = (
        cut(span, size, many) for span, size, many in zip((kernel.m, kernel.n), (high, wide), pieces, strict=True)
    )
    found = kernel.mask.tiles_of(down, across).totals["tiles"]
    tall, broad = (
        jnp.log2(size) / jnp.maximum(jnp.log2(side), TINY) for size, side in ((high, tiles.height), (wide, tiles.width))
    )
    logs = jnp.log2(jnp.maximum(jnp.stack([s.nonzeros, s.columns, s.found_rows, s.tiles]), TINY))
    weights = jnp.stack([(1 - tall) * (1 - broad), tall * (1 - broad), (1 - tall) * broad, tall * broad])
    by_class = jnp.exp2(weights @ logs)
    # A block at the far edge of a tile is smaller: it is there as often where tiles are crowded, seldom where not.
    per_tile = ceil(tiles.height / high) * ceil(tiles.width / wide)
    even = tiles.height / high * (tiles.width / wide)
    crowded = jnp.clip(found / (total(s.tiles) * even), 0.0, 1.0)
    found = found * (1.0 + crowded * (per_tile / even - 1.0))
    every = s.rows_per_pe * s.tiles * _mean_across(point, s)
    return s.skip * by_class * (found / total(by_class)) + (1.0 - s.skip) * every


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
    hardware, tiles = point.hardware, point.tiles
    inner, outer = point.dataflow == "inner_product", point.dataflow == "outer_product"
    nothing = jnp.zeros_like(computes.effectual)
    processed = computes.effectual + computes.ineffectual + computes.gated
    coordinate_bits = s.skip * (tiles.m_bits if outer else tiles.n_bits)
    entries = sums.entries * hardware.pe_cols
    a_sent, b_sent = sums.a_value_bits + sums.a_index_bits, sums.b_value_bits + sums.b_index_bits
    return ArrayCounts(
        pe_buffer_read_bits=2.0 * processed * hardware.value_bits + entries * (hardware.value_bits + coordinate_bits),
        pe_buffer_write_bits=a_sent * hardware.pe_cols + b_sent * hardware.pe_rows,
        accumulator_accesses=sums.results if inner else 2.0 * processed,
        intersection_steps=nothing,
        decoded_entries=sums.a_decoded * hardware.pe_cols,
        crossbar_words=nothing,
    )


def _fits(point: Point, s: OperandA) -> tuple[Scalar, Scalar, Scalar]:
    """Need over capacity of the GLB, the PE buffers and the accumulators."""
    hardware, tiles = point.hardware, point.tiles
    most = s.skip * s.tiled.peaks["peak_nonzeros"] + (1.0 - s.skip) * tiles.height * tiles.width
    operands = (tiles.height + tiles.width) * tiles.depth * hardware.value_bits
    glb = (s.peak_bits + operands + most * hardware.accumulator_bits) / point.half_glb_bits
    one_row = tiles.depth * hardware.value_bits / point.half_buffer_bits
    nothing = jnp.zeros_like(glb)
    if point.dataflow == "outer_product":
        return glb, nothing, hardware.lanes / point.accumulator_words
    if point.dataflow == "gustavson":
        columns = point.numerics.ceil(tiles.width / hardware.pe_cols)
        return glb, one_row, columns / point.accumulator_words
    return glb, one_row, nothing
