"""SDDMM: Z = S * (A B) at the non-zeros of a sparse S; docs/machine.md, section 7, is the law.

S is described like A of a product (`a_side`), with n in the place of k. A tile of S is visited once for each tile along
k; the first of these visits reads no partial results, the last writes none and may be shorter.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Charges, Doings, conclude_doings
from hwmodels.analytical.imbalance import missed_fibers
from hwmodels.analytical.intersection import bitmask_words
from hwmodels.analytical.operand_a import GATE, TINY, ASide, a_side, total
from hwmodels.analytical.passes import mean_ceil
from hwmodels.analytical.tiling import Tiling, tiling
from hwmodels.cost import Computes, Cost
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.formats.sizes import BITMASK
from hwmodels.numerics import Numerics
from hwmodels.technology import Technology
from workloads.statistics.lattice import ANY_WIDTH
from workloads.statistics.occupancy import cut
from workloads.statistics.sddmm import SddmmStatistics
from workloads.statistics.spmm import DenseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class Along(NamedTuple):
    """The visits of a tile of S along k: the first, those between, the last."""

    count: Float[Array, "3 1"]
    depth: Float[Array, "3 1"]


class Loads(NamedTuple):
    """What the most loaded PE row holds, summed over the tiles of each class."""

    entries: PerClass
    rows: PerClass
    steps: PerClass
    """Of the entries of a row, as many at a time as the array is wide."""
    decode: PerClass


def sddmm(
    hardware: Hardware, mapping: Mapping, kernel: SddmmStatistics, technology: Technology, numerics: Numerics
) -> Cost:
    """Cost of one run; arguments as `evaluate`, the technology solved."""
    tiles = tiling(mapping, kernel, numerics)
    s = _mask(hardware, mapping, kernel, tiles, numerics)
    value_bits, word_bits, width = hardware.value_bits, hardware.accumulator_bits, hardware.pe_cols * hardware.lanes
    loads = _loads(hardware, mapping, kernel, tiles, s, width, numerics)
    half_buffer = hardware.pe_buffer_bytes * 4.0
    streams = 1.0 if mapping.dataflow == "outer_product" else 0.0
    a_stays, b_stays = (1.0 - streams) * mapping.residency[0], (1.0 - streams) * mapping.residency[1]
    slice_bits = tiles.depth * tiles.width * value_bits / hardware.pe_cols
    passes = b_stays * numerics.ceil(slice_bits / half_buffer) + (1.0 - b_stays)

    def by_visit(depth: Scalar) -> tuple[PerClass, PerClass]:
        """Compute cycles and buffer fills of a visit so deep, the first summed over the tiles of a class."""
        if mapping.dataflow == "inner_product":
            cycles = loads.entries * numerics.ceil(depth / width)
        elif mapping.dataflow == "gustavson":
            cycles = loads.steps * depth
        else:
            cycles = _blocks(hardware, kernel, tiles, s, width, numerics) * depth
        shares = loads.rows / s.tiles * depth * value_bits / half_buffer
        return cycles, a_stays * mean_ceil(shares, s.skip, numerics) + (1.0 - a_stays)

    inside, last = by_visit(tiles.depth), by_visit(tiles.k.edge)
    compute, fills = (jnp.stack([one, one, other]) for one, other in zip(inside, last, strict=True))
    along = _along(tiles)
    count, deep = along.count, along.count * along.depth

    results = s.skip * s.nonzeros + (1.0 - s.skip) * s.areas
    finished, partial = s.nonzeros * value_bits, results * word_bits
    of_tile = tiles.z_each * count + (1.0 - tiles.z_each) * count / tiles.trips_k
    not_first, not_last = (jnp.array(flags)[:, None] for flags in ([0.0, 1.0, 1.0], [1.0, 1.0, 0.0]))
    dram_a = tiles.a_each * s.heights + (1.0 - tiles.a_each) * s.block_rows * (s.heights / total(s.heights))
    dram_b = tiles.b_each * s.widths + (1.0 - tiles.b_each) * s.block_columns * (s.widths / total(s.widths))
    nothing = jnp.zeros_like(count * s.tiles)
    decode = jnp.zeros_like(loads.decode) if mapping.dataflow == "outer_product" else loads.decode
    by_visits = {
        "compute": count * compute,
        "intersect": count * decode * passes,
        "a_value": passes * (count * s.values_bits + deep * s.rows * value_bits),
        "a_index": passes * count * s.metadata_bits,
        "b_value": fills * deep * s.columns * value_bits,
        "b_index": nothing,
        "z_value": count * partial,
        "z_index": nothing,
        "dram_a": of_tile * s.fetched_bits + deep * dram_a * value_bits,
        "dram_b": deep * dram_b * value_bits,
        "z_read": tiles.z_each * count * not_first * partial * tiles.k_split,
        "z_write": tiles.z_each * count * (not_last * partial + (1.0 - not_last) * finished)
        + (1.0 - tiles.z_each) * of_tile * finished,
    }
    doings = Doings(**{name: amount.ravel() for name, amount in by_visits.items()})
    computes = _computes(mapping, kernel, s)
    return conclude_doings(
        hardware,
        mapping,
        technology,
        numerics,
        doings=doings,
        adds_partials=tiles.k_split,
        computes=computes,
        charges=_charges(hardware, mapping, tiles, s, doings, computes, total(results), passes),
        fits=_fits(hardware, mapping, tiles, s, kernel, numerics),
    )


def _mask(hardware: Hardware, mapping: Mapping, kernel: SddmmStatistics, tiles: Tiling, numerics: Numerics) -> ASide:
    """S as an operand whose columns are those of B."""
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
    return a_side(hardware, mapping, operand, turned, numerics)


def _along(tiles: Tiling) -> Along:
    before = tiles.trips_k - 1.0
    first = jnp.minimum(before, 1.0)
    counts = jnp.stack([first, before - first, jnp.ones_like(before)])
    return Along(counts[:, None], jnp.stack([tiles.depth, tiles.depth, tiles.k.edge])[:, None])


def _loads(
    hardware: Hardware,
    mapping: Mapping,
    kernel: SddmmStatistics,
    tiles: Tiling,
    s: ASide,
    width: Scalar,
    numerics: Numerics,
) -> Loads:
    """The rows of S are dealt by their non-zeros; where S does not skip, all are equal."""
    one = jnp.ones_like(width)
    missed = missed_fibers(tiles.m, kernel.m, hardware.pe_rows, numerics)

    def fullest(at_once: Scalar, scale: Scalar) -> PerClass:
        held, every = (
            scale * kernel.fullest(tiles.m, tiles.n, parts, at_once, mapping.schedule)
            for parts in (hardware.pe_rows, one)
        )
        return held + missed / tiles.height * every

    rows = fullest(ANY_WIDTH * one, s.tiled.scale["rows"])
    padding = rows / s.found_rows * s.stored_padding  # runs of zeros go with rows, hardly with what else these hold
    entries = fullest(one, s.tiled.scale["nonzeros"]) + padding
    steps = fullest(width, s.tiled.scale["nonzeros"]) + padding / width
    full_steps = s.rows_per_pe * s.tiles * _mean_across(tiles, s, width, numerics)
    words = bitmask_words(tiles.width, numerics)
    return Loads(
        entries=s.skip * entries + (1.0 - s.skip) * s.dealt_areas,
        rows=s.skip * rows + (1.0 - s.skip) * s.tiles * s.rows_per_pe,
        steps=s.skip * steps + (1.0 - s.skip) * full_steps,
        decode=s.skip * (entries + mapping.a_format[BITMASK] * rows * words),
    )


def _mean_across(tiles: Tiling, s: ASide, width: Scalar, numerics: Numerics) -> PerClass:
    """Mean over the tiles of each class of the steps in which a full row is dealt `width` at a time."""
    short = jnp.maximum(tiles.width - tiles.n.edge, TINY)
    at_edge = jnp.clip((tiles.width - s.widths / s.tiles) / short, 0.0, 1.0)
    return (1.0 - at_edge) * numerics.ceil(tiles.width / width) + at_edge * numerics.ceil(tiles.n.edge / width)


def _blocks(
    hardware: Hardware, kernel: SddmmStatistics, tiles: Tiling, s: ASide, width: Scalar, numerics: Numerics
) -> PerClass:
    """Blocks of PE rows x lanes that hold an entry, in the tiles of each class.

    Their number is that of non-empty tiles of that size. Classes share it by the power law between what is known of
    them: entries, non-empty rows, non-empty columns and tiles are the blocks of 1 x 1, 1 x w, h x 1 and h x w.
    """
    high, wide = jnp.minimum(hardware.pe_rows, tiles.height), jnp.minimum(width, tiles.width)
    pieces = [numerics.ceil(kernel.m / high), numerics.ceil(kernel.n / wide)]
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
    per_tile = numerics.ceil(tiles.height / high) * numerics.ceil(tiles.width / wide)
    even = tiles.height / high * (tiles.width / wide)
    crowded = jnp.clip(found / (total(s.tiles) * even), 0.0, 1.0)
    found = found * (1.0 + crowded * (per_tile / even - 1.0))
    every = s.rows_per_pe * s.tiles * _mean_across(tiles, s, width, numerics)
    return s.skip * by_class * (found / total(by_class)) + (1.0 - s.skip) * every


def _computes(mapping: Mapping, kernel: SddmmStatistics, s: ASide) -> Computes:
    """An entry makes k MACs: effectual at a non-zero, gated at padding, else as `a_zero` says."""
    nonzeros, everything = total(s.nonzeros), kernel.m * kernel.n
    zeros = (1.0 - s.skip) * (total(s.areas) - nonzeros)
    gated = total(s.padding) + mapping.a_zero[GATE] * zeros
    ineffectual = (1.0 - mapping.a_zero[GATE]) * zeros
    skipped = jnp.maximum(everything - nonzeros - gated - ineffectual, 0.0)
    return Computes(nonzeros * kernel.k, ineffectual * kernel.k, gated * kernel.k, skipped * kernel.k)


def _charges(
    hardware: Hardware,
    mapping: Mapping,
    tiles: Tiling,
    s: ASide,
    doings: Doings,
    computes: Computes,
    results: Scalar,
    passes: Scalar,
) -> Charges:
    processed = computes.effectual + computes.ineffectual + computes.gated
    coordinate_bits = s.skip * (tiles.m_bits if mapping.dataflow == "outer_product" else tiles.n_bits)
    worked = total(s.entries) * tiles.trips_k * hardware.pe_cols * passes
    a_sent, b_sent = total(doings.a_value + doings.a_index), total(doings.b_value)
    inner = mapping.dataflow == "inner_product"
    return Charges(
        pe_buffer_read_bits=2.0 * processed * hardware.value_bits + worked * (hardware.value_bits + coordinate_bits),
        pe_buffer_write_bits=a_sent * hardware.pe_cols + b_sent * hardware.pe_rows,
        accumulator_accesses=results * tiles.trips_k if inner else 2.0 * processed,
        intersection_steps=jnp.zeros_like(processed),
        decoded_entries=total(s.stored_entries) * tiles.trips_k * passes * hardware.pe_cols,
    )


def _fits(
    hardware: Hardware, mapping: Mapping, tiles: Tiling, s: ASide, kernel: SddmmStatistics, numerics: Numerics
) -> tuple[Scalar, Scalar, Scalar]:
    """Need over capacity of the GLB, the PE buffers and the accumulators."""
    most = s.skip * s.tiled.peaks["peak_nonzeros"] + (1.0 - s.skip) * tiles.height * tiles.width
    operands = (tiles.height + tiles.width) * tiles.depth * hardware.value_bits
    glb = (s.peak_bits + operands + most * hardware.accumulator_bits) / (hardware.glb_bytes * 4.0)
    words = numerics.floor(hardware.accumulator_bytes * 8.0 / hardware.accumulator_bits)
    one_row = tiles.depth * hardware.value_bits / (hardware.pe_buffer_bytes * 4.0)
    nothing = jnp.zeros_like(glb)
    if mapping.dataflow == "outer_product":
        return glb, nothing, hardware.lanes / words
    if mapping.dataflow == "gustavson":
        return glb, one_row, numerics.ceil(tiles.width / hardware.pe_cols) / words
    return glb, one_row, nothing
