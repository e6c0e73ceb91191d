"""Element-wise kernels: Z = A * B and Z = A + B of sparse matrices; docs/machine.md, section 8, is the law.

Which places are visited depends on which operands are stored dense, for their tiles are never seen to be empty: the
places of both (`A * B`) or either (`A + B`), those of the compressed operand, or all. In `A + B` with one operand dense
the places where the other has no tile are classes of their own.
"""

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
    in_scattered_bursts,
    with_sums,
)
from hwmodels.analytical.classes import TINY, block_rows, edge_classes, share_at_edge, total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.imbalance import going_around, missed_fibers
from hwmodels.analytical.intersection import bitmask_words, steps_of_merged_pairs
from hwmodels.analytical.passes import DRAIN_SLOTS
from hwmodels.cost import Computes, Cost
from hwmodels.design.choices import GATE, LEADER_FOLLOWER, SKIP
from hwmodels.formats.sizes import TileSums, directory_bits, has_mask, has_runs, is_dense, storage, stores_blocks
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.elementwise import ElementwiseStatistics
from workloads.statistics.elementwise_counts import EXTENTS, STEPS
from workloads.statistics.lattice import ratio
from workloads.statistics.operand import Tiles
from workloads.statistics.tile_classes import CLASSES

Scalar = Float[Array, ""]
PerClass = Float[Array, "_"]
"""By class of the places: those with a tile of both operands, or of the one that is stored; then the others."""


class Stored(NamedTuple):
    """How an operand is stored and what is done with its zeros; weights of the choices."""

    dense: Scalar
    skip: Scalar
    gate: Scalar
    rle: Scalar
    bitmask: Scalar
    blocks: Scalar


class TileBits(NamedTuple):
    """Bits of values and of metadata of an operand's tiles in the places visited; bits of its largest tile, and of all
    of it; blocks, and bits of one (none of a format without blocks)."""

    values: PerClass
    metadata: PerClass
    peak: Scalar
    whole: Scalar
    blocks: PerClass
    block: Scalar


def cost(point: Point) -> Cost:
    """Cost of one run."""
    mapping, kernel, tiles, moved = point.mapping, point.kernel, point.tiles, point.moved
    a, b = _stored(mapping.a_format, mapping.a_zero), _stored(mapping.b_format, mapping.b_zero)
    tiled = {name: getattr(kernel, name).tiles_of(tiles.m, tiles.n) for name in "ab"}
    found, block_rows, most_results = _places(point, tiled, a, b)
    a_bits, b_bits = (_tile_bits(point, name, tiled[name], found) for name in "ab")
    compute, decode, steps = _cycles(point, found, _loads(point, a, b), a, b)
    drained = PASS_CYCLES * found["tiles"]
    entry_bits = point.hardware.value_bits + tiles.n_bits
    results = found["operations"]
    row_bits = tiles.m_pointer_bits + tiles.n_pointer_bits + 1.0
    pointers = in_bursts(point, block_rows * row_bits, point.numerics.ceil(block_rows / tiles.height))
    pointers = pointers * ratio(found["tiles"], total(found["tiles"]))
    nothing = jnp.zeros_like(results)
    finished = in_scattered_bursts(point, results, entry_bits, found["tiles"], nothing) + pointers
    activity, sums = with_sums(
        Activity(
            compute=compute + drained,
            decode=decode + drained,
            buffer_port=nothing,
            a_value_bits=a_bits.values,
            a_index_bits=a_bits.metadata,
            b_value_bits=b_bits.values,
            b_index_bits=b_bits.metadata,
            results=results,
            z_index_bits=results * tiles.n_bits,
            dram_a_bits=moved.a * _fetched(point, a_bits, mapping.a_format, found["a_tiles"]),
            dram_b_bits=moved.b * _fetched(point, b_bits, mapping.b_format, found["b_tiles"]),
            z_read_bits=nothing,
            z_spilled_bits=nothing,
            z_final_bits=moved.z * finished,
            entries=_entries(found, "a", a),
            a_decoded=(1.0 - a.dense) * _held(found, "a", a),
            b_decoded=(1.0 - b.dense) * _held(found, "b", b),
        )
    )
    words = point.numerics.min_of(jnp.maximum(most_results, 1.0), tiles.height * tiles.width)
    word_bits = point.hardware.accumulator_bits + tiles.m_bits + tiles.n_bits
    most = point.numerics.min_of(_most_results(kernel), kernel.m * kernel.n)
    glb = glb_fit(point, (a_bits.peak, b_bits.peak, words * word_bits), (a_bits.whole, b_bits.whole, most * word_bits))
    return account(
        point,
        activity,
        sums,
        groups=None,
        array=_array_actions(point, found, sums, a, b, steps),
        computes=_computes(point, found, a, b),
        fits=(glb, *_lane_fits(point, a, b)),
    )


def _most_results(kernel: ElementwiseStatistics) -> Scalar:
    """As many as there can be: non-zeros of both, or of the operand that has fewer."""
    a, b = kernel.a.nonzeros, kernel.b.nonzeros
    return kernel.union * (a + b) + (1.0 - kernel.union) * jnp.minimum(a, b)


def _fetched(point: Point, bits: TileBits, format: Float[Array, " format"], tiles: PerClass) -> PerClass:
    """Bits that come from DRAM for an operand's tiles, in whole bursts; blocks come whole too."""
    burst, numerics = point.technology.dram_burst_bits(), point.numerics
    count, stored = jnp.maximum(tiles, TINY), bits.values + bits.metadata
    held = bits.blocks / count
    fewer = numerics.floor(held)
    without = stored / count - held * bits.block
    less, more = (numerics.ceil_of_many((without + blocks * bits.block) / burst) for blocks in (fewer, fewer + 1.0))
    whole = count * burst * (less + (held - fewer) * (more - less))
    return jnp.where(stored > 0, jnp.maximum(whole, stored), 0.0) + directory_bits(format, tiles)


def _lane_fits(point: Point, a: Stored, b: Stored) -> tuple[Scalar, Scalar]:
    """Need over capacity of the operand buffer, where a leader probes an expanded fiber, and of the accumulators."""
    hardware = point.hardware
    expanded = point.array.lanes * point.tiles.width * (hardware.value_bits + 1.0)
    probed = a.skip * b.skip * hardware.intersection[LEADER_FOLLOWER] * expanded
    return probed / point.half_buffer_bits, DRAIN_SLOTS * hardware.lanes / point.accumulator_words


def _stored(format: Float[Array, " format"], zero: Float[Array, " mode"]) -> Stored:
    dense = is_dense(format)
    return Stored(
        dense, zero[SKIP] * (1.0 - dense), zero[GATE], has_runs(format), has_mask(format), stores_blocks(format)
    )


def _places(point: Point, tiled: dict[str, Tiles], a: Stored, b: Stored) -> tuple[dict[str, PerClass], Scalar, Scalar]:
    """What the visited places hold by class; rows of the row blocks visited; the most results of a place."""
    kernel: ElementwiseStatistics = point.kernel
    tiles = point.tiles
    joint, points = kernel.overlaid(tiles.m, tiles.n)
    every = edge_classes(tiles.m, tiles.n, CLASSES)
    area = total(every["areas"])
    union, nothing = kernel.union, jnp.zeros_like(every["tiles"])

    def alone(mine: str, other: str) -> dict[str, PerClass]:
        """Places where the tile of one operand is stored, then the rest, while the other is dense."""
        held, of = tiled[mine].classes, getattr(kernel, mine)
        rest = {name: every[name] * jnp.maximum(1.0 - total(held[name]) / total(every[name]), 0.0) for name in EXTENTS}
        beside = union * (kernel.operations - of.nonzeros)  # results of A + B where this operand has none
        shared = (1.0 - union) * kernel.operations / of.nonzeros + union
        here = {name: held[name] for name in EXTENTS} | {f"{mine}_{name}": held[name] for name in EXTENTS}
        here |= {f"{other}_{name}": held[name] for name in EXTENTS}
        here |= {f"{mine}_{name}": held[name] for name in ("nonzeros", "padding", "blocks")}
        here |= {f"{other}_nonzeros": total(joint[f"{other}_nonzeros"]) * held["areas"] / total(held["areas"])}
        here |= {"operations": held["nonzeros"] * shared + beside * held["areas"] / area}
        elsewhere = {name: union * rest[name] for name in EXTENTS}
        elsewhere |= {f"{other}_{name}": union * rest[name] for name in EXTENTS}
        elsewhere |= {"operations": beside * rest["areas"] / area}
        return {name: jnp.concatenate([held, elsewhere.get(name, nothing)]) for name, held in here.items()}

    dense = every | {f"{operand}_{name}": every[name] for operand in "ab" for name in EXTENTS}
    dense |= {"operations": kernel.operations * every["areas"] / area}
    dense |= {f"{mine}_nonzeros": getattr(kernel, mine).nonzeros * every["areas"] / area for mine in "ab"}
    dense = {name: jnp.concatenate([value, nothing]) for name, value in dense.items()}
    sides = ((1 - a.dense) * (1 - b.dense), (1 - a.dense) * b.dense, a.dense * (1 - b.dense), a.dense * b.dense)

    ways = (joint, alone("a", "b"), alone("b", "a"), dense)

    def mixed(name: str) -> PerClass:
        return sum(share * of[name] for share, of in zip(sides, ways, strict=True) if name in of)

    block_rows = sides[0] * points["block_rows"] + sides[3] * kernel.m
    for share, mine in zip(sides[1:3], "ab", strict=True):
        rows = tiled[mine].totals["block_rows"]
        block_rows = block_rows + share * (union * kernel.m + (1.0 - union) * rows)
    return {name: mixed(name) for name in joint}, block_rows, points["most_results"]


def _tile_bits(point: Point, operand: str, tiled: Tiles, found: dict[str, PerClass]) -> TileBits:
    """Storage of operand "a" or "b"."""
    tiles, format = point.tiles, getattr(point.mapping, f"{operand}_format")
    form = storage(
        format,
        point.numerics,
        tile_width=tiles.width,
        value_bits=point.hardware.value_bits,
        row_bits=tiles.m_bits,
        column_bits=tiles.n_bits,
        pointer_bits=tiles.m_pointer_bits + tiles.n_pointer_bits + 1.0,
        group_occupancy=getattr(point.kernel, operand).group_occupancy,
    )
    count, heights, widths, areas = (found[f"{operand}_{name}"] for name in EXTENTS)
    nonzeros, padding, blocks = (found[f"{operand}_{name}"] for name in ("nonzeros", "padding", "blocks"))
    numerics, tall = point.numerics, heights / jnp.maximum(count, TINY)
    down = count * block_rows(tiles.height, tiles.m.edge, tall, numerics)
    sums = TileSums(count, nonzeros, has_runs(format) * padding, heights, widths, areas, blocks, down)
    stored = _all_stored(point, tiled, format)
    one, area = jnp.ones_like(tiles.height), tiles.height * tiles.width
    most, padding = tiled.peaks["peak_nonzeros"], has_runs(format) * tiled.peaks["peak_padding"]
    most_blocks, down = tiled.peaks["peak_blocks"], numerics.ceil(tiles.height / BLOCK)
    peak = TileSums(one, most, padding, tiles.height, tiles.width, area, most_blocks, down)
    peak_bits = form.values_bits(peak) + form.metadata_bits(peak)
    block = form.value_per_block + form.metadata_per_block
    whole = form.values_bits(stored) + form.metadata_bits(stored)
    return TileBits(form.values_bits(sums), form.metadata_bits(sums), peak_bits, total(whole), blocks, block)


def _all_stored(point: Point, tiled: Tiles, format: Float[Array, " format"]) -> TileSums:
    """All tiles of an operand that are stored, visited or not."""
    kernel, held, tiles, dense = point.kernel, tiled.classes, point.tiles, is_dense(format)
    count, heights = held["tiles"], held["heights"]
    areas = (1.0 - dense) * held["areas"] + dense * (kernel.m * kernel.n / count.size)
    down = count * block_rows(tiles.height, tiles.m.edge, heights / jnp.maximum(count, TINY), point.numerics)
    padding = has_runs(format) * held["padding"]
    return TileSums(count, held["nonzeros"], padding, heights, held["widths"], areas, held["blocks"], down)


def _loads(point: Point, a: Stored, b: Stored) -> tuple[dict[str, PerClass], dict[str, PerClass]]:
    """What the fullest lane holds of the visits of each class, and what all lanes hold, by `DEALT`."""
    mapping, kernel, tiles = point.mapping, point.kernel, point.tiles
    both, lanes = a.skip * b.skip, point.array.macs
    schedule = both * mapping.schedule + (1.0 - both) * going_around(mapping.schedule)  # equal fibers do
    of_lane, of_all = (kernel.fullest(tiles.m, tiles.n, count, schedule) for count in (lanes, jnp.ones_like(lanes)))
    missed = missed_fibers(tiles.m, kernel.m, lanes, point.numerics) / tiles.m.size
    of_lane = {
        name: jnp.clip(load + missed * of_all[name], of_all[name] / lanes, of_all[name])
        for name, load in of_lane.items()
    }

    def chosen(loads: dict[str, PerClass]) -> dict[str, PerClass]:
        held = {name: loads[name] for name in ("operations", *STEPS, "pairs")}
        nothing = jnp.zeros_like(loads["a_alone"])
        for operand, other in (("a", b), ("b", a)):
            for name in (operand, f"{operand}_fibers"):
                beside = jnp.concatenate([loads[f"{name}_alone"], nothing])
                held[name] = (1.0 - other.dense) * loads[name] + other.dense * beside
        return held

    return chosen(of_lane), chosen(of_all)


def _added(found: dict[str, PerClass], name: str, a: Stored, b: Stored) -> PerClass:
    """What the padding of the operands that have it adds to operations or to the steps of a unit."""
    by_a, by_b, by_both = (found[f"{name}+{which}"] for which in ("a", "b", "ab"))
    return a.rle * (1.0 - b.rle) * by_a + b.rle * (1.0 - a.rle) * by_b + a.rle * b.rle * by_both


def _cycles(
    point: Point,
    found: dict[str, PerClass],
    loads: tuple[dict[str, PerClass], dict[str, PerClass]],
    a: Stored,
    b: Stored,
) -> tuple[PerClass, PerClass, Scalar]:
    """Steps and decoding of the fullest lane, and the steps of all intersection units."""
    tiles, numerics, lanes = point.tiles, point.numerics, point.array.macs
    heights, widths = found["heights"], found["widths"]
    count = jnp.maximum(found["tiles"], TINY)
    words = bitmask_words(tiles.width, numerics)
    union, only_a, only_b = point.kernel.union, a.skip * (1.0 - b.skip), b.skip * (1.0 - a.skip)
    both, none = a.skip * b.skip, (1.0 - a.skip) * (1.0 - b.skip)
    added = {name: _added(found, name, a, b) for name in ("operations", *STEPS)}
    unit = point.hardware.intersection

    def worked(held: dict[str, PerClass]) -> tuple[PerClass, PerClass, PerClass, PerClass]:
        """Operations where both skip, steps, entries of A and of B: padding goes with the fibers."""
        share = held["pairs"] / jnp.maximum(loads[1]["pairs"], TINY)
        counted = {name: held[name] + share * added[name] for name in ("operations", *STEPS)}
        operations = counted["operations"]
        entries = [
            held[name] + choice.rle * found[f"{name}_padding"] * held[f"{name}_fibers"]
            / jnp.maximum(loads[1][f"{name}_fibers"], TINY)
            for name, choice in (("a", a), ("b", b))
        ]  # fmt: skip
        merged = steps_of_merged_pairs(unit, counted=counted, pairs=held["pairs"], operations=operations, words=words)
        return operations, both * merged, entries[0], entries[1]

    operations, steps, of_a, of_b = worked(loads[0])
    at_edge = share_at_edge(tiles.height, tiles.m.edge, heights / count)
    fibers = (1.0 - at_edge) * numerics.ceil(tiles.height / lanes) + at_edge * numerics.ceil(tiles.m.edge / lanes)
    full = fibers * widths
    multiply = only_a * of_a + only_b * of_b + none * full
    compute = both * operations + (1.0 - union) * multiply + union * (1.0 - both) * full
    decode_a = a.skip * (of_a + a.bitmask * words * loads[0]["a_fibers"])
    decode_b = b.skip * (of_b + b.bitmask * words * loads[0]["b_fibers"])
    return numerics.max_of(compute, steps), numerics.max_of(decode_a, decode_b), total(worked(loads[1])[1])


def _computes(point: Point, found: dict[str, PerClass], a: Stored, b: Stored) -> Computes:
    """An operation is effectual where it has a result; else padding is gated, or the operand whose zero it is says."""
    kernel = point.kernel
    effectual = total(found["operations"])
    positions = jnp.maximum(total(found["areas"]), effectual)
    of_a, of_b = (jnp.clip(total(found[f"{operand}_nonzeros"]), 0.0, positions) for operand in "ab")
    padding_a, padding_b = a.rle * total(found["a_padding"]), b.rle * total(found["b_padding"])
    added = total(_added(found, "operations", a, b))
    both, none = a.skip * b.skip, (1.0 - a.skip) * (1.0 - b.skip)
    only_a, only_b = a.skip * (1.0 - b.skip), b.skip * (1.0 - a.skip)
    padded = both * added + (1.0 - kernel.union) * (only_a * padding_a + only_b * padding_b)
    spare_a, spare_b = (jnp.maximum(held - effectual, 0.0) for held in (of_a, of_b))
    zeros_of_a = only_b * spare_b + none * (positions - jnp.maximum(of_a, effectual))
    zeros_of_b = (only_a + none) * spare_a
    rest = (1.0 - both) * (positions - effectual)
    decider_gates = a.skip * b.gate + (1.0 - a.skip) * a.gate
    worked = (1.0 - kernel.union) * (zeros_of_a + zeros_of_b) + kernel.union * rest
    gated = (1.0 - kernel.union) * (a.gate * zeros_of_a + b.gate * zeros_of_b) + kernel.union * rest * decider_gates
    ineffectual = jnp.maximum(worked - gated, 0.0)
    gated = gated + padded
    skipped = jnp.maximum(kernel.m * kernel.n - effectual - ineffectual - gated, 0.0)
    return Computes(effectual, ineffectual, gated, skipped)


def _held(found: dict[str, PerClass], operand: str, stored: Stored) -> PerClass:
    """Non-zeros and padding of an operand, where it is compressed."""
    return found[f"{operand}_nonzeros"] + stored.rle * found[f"{operand}_padding"]


def _entries(found: dict[str, PerClass], operand: str, stored: Stored) -> PerClass:
    """Entries of an operand that are read: what is stored where it skips, every position where not."""
    return stored.skip * _held(found, operand, stored) + (1.0 - stored.skip) * found[f"{operand}_areas"]


def _array_actions(
    point: Point, found: dict[str, PerClass], sums: Activity, a: Stored, b: Stored, steps: Scalar
) -> ArrayCounts:
    hardware, coordinate_bits = point.hardware, point.tiles.n_bits
    value_bits, nothing = hardware.value_bits, jnp.zeros_like(steps)
    of_a = sums.entries * (value_bits + a.skip * coordinate_bits)
    of_b = total(_entries(found, "b", b)) * (value_bits + b.skip * coordinate_bits)
    results_bits = sums.results * hardware.accumulator_bits + sums.z_index_bits
    written_a, written_b = (
        sent + choice.blocks * (decoded * (value_bits + coordinate_bits) - sent)
        for choice, sent, decoded in (
            (a, sums.a_value_bits + sums.a_index_bits, sums.a_decoded),
            (b, sums.b_value_bits + sums.b_index_bits, sums.b_decoded),
        )
    )
    return ArrayCounts(
        tree_adds=nothing,
        queue_bits=nothing,
        pe_buffer_read_bits=of_a + of_b,
        pe_buffer_write_bits=written_a + written_b,
        accumulator_accesses=2.0 * sums.results,
        intersection_steps=steps,
        decoded_entries=sums.a_decoded + sums.b_decoded,
        bus_hops=(sums.sent_bits + results_bits) * hops_of(point).unicast,
    )
