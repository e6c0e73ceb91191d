"""The sparse operand A as the machine sees it: totals over its visited tiles, for each occupancy class."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import stages
from hwmodels.analytical.classes import block_rows, edge_classes, mean_ceil, share_at_edge, total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.imbalance import going_around
from hwmodels.analytical.intersection import bitmask_words
from hwmodels.design.choices import BALANCED, ROWS_ALIKE, SKIP
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.formats.sizes import (
    Storage,
    TileSums,
    directory_bits,
    has_mask,
    has_runs,
    is_dense,
    storage,
    stores_blocks,
    stores_nonzeros,
    width_of,
)
from workloads.statistics.block_counts import BLOCK
from workloads.statistics.lattice import kept_for_slopes, ratio
from workloads.statistics.operand import OperandStatistics, Tiles
from workloads.statistics.row_segments import RLE_RUN_BITS

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

LONGEST_RUN = 2.0**RLE_RUN_BITS
"""Places between a padding entry and the one before it."""
NEARLY_ALL = 1.0 - 1e-6
"""Largest share that has a logarithm of its opposite."""


class OperandA(eqx.Module):
    """Totals over the tiles of A that can be visited, one value per class; visits along n are not counted here."""

    skip: Scalar
    tiles: PerClass
    nonzeros: PerClass
    entries: PerClass
    """Positions worked on: stored entries when A skips, all positions when not."""
    padding: PerClass
    """RLE entries that stand for no non-zero and are worked on."""
    stored_padding: PerClass
    rows: PerClass
    """Rows that give results: non-empty ones when A skips, all when not."""
    found_rows: PerClass
    """Non-empty rows."""
    columns: PerClass
    """Rows of B that are touched: of non-empty columns when A skips, all when not."""
    work: PerClass
    touched: PerClass
    widths: PerClass
    heights: PerClass
    areas: PerClass
    values_bits: PerClass
    sent_metadata_bits: PerClass
    """Metadata that cross the index bus: of the rows that are queued, or with the column of each entry."""
    stored_bits: PerClass
    """Values and metadata."""
    fetched_bits: PerClass
    """These in whole bursts, and the tile directory: what a fetch of every tile from DRAM moves."""
    stored_entries: PerClass
    """Entries that a decoder turns into coordinates; none if A is dense."""
    rows_per_queue: PerClass
    """Mean over the tiles of ceil(rows / queues)."""
    dealt_areas: PerClass
    """Positions that the queue with most rows of each tile has."""
    uneven: PerClass
    """Rows of the queue that has most over those of an even deal, less one: 0 where the queues divide the tiles."""
    storage: Storage
    tiled: Tiles
    peak_bits: Scalar
    """Storage of the largest tile."""
    block_rows: Scalar
    """Rows in row blocks that are visited."""
    block_columns: Scalar


def describe_a(point: Point) -> OperandA:
    """Look up what the tiles of A hold and price their storage."""
    hardware, mapping, kernel, numerics = point.hardware, point.mapping, point.kernel, point.numerics
    tiles, statistics = point.tiles, kernel.a
    tiled: Tiles = statistics.tiles_of(tiles.m, tiles.k)
    found, whole = tiled.classes, tiled.totals | tiled.peaks
    dense = is_dense(mapping.a_format)
    sparse = 1.0 - dense
    skip = mapping.a_zero[SKIP] * sparse

    # Tiles of a dense A are all visited, and classed by whether they lie at an edge; what they hold goes by their size.
    last_m = tiles.m.edge
    every = edge_classes(tiles.m, tiles.k, found["tiles"].size)

    def of_format(name: str, extent: str) -> PerClass:
        return sparse * found[name] + dense * every[extent] * (total(found[name]) / total(every[extent]))

    count = sparse * found["tiles"] + dense * every["tiles"]
    heights = sparse * found["heights"] + dense * every["heights"]
    widths = sparse * found["widths"] + dense * every["widths"]
    areas = sparse * found["areas"] + dense * every["areas"]
    nonzeros = of_format("nonzeros", "areas")
    rows, columns = of_format("rows", "heights"), of_format("columns", "widths")
    padding = found["padding"] * has_runs(mapping.a_format)
    stored = storage(
        mapping.a_format,
        numerics,
        tile_width=tiles.depth,
        value_bits=hardware.value_bits,
        row_bits=tiles.m_bits,
        column_bits=tiles.k_bits,
        pointer_bits=tiles.m_pointer_bits + tiles.k_pointer_bits + 1.0,
        group_occupancy=statistics.group_occupancy,
    )
    down = count * block_rows(tiles.height, last_m, heights / count, numerics)
    sums = TileSums(count, nonzeros, padding, heights, widths, areas, found["blocks"], down)
    values_bits, metadata_bits = stored.values_bits(sums), stored.metadata_bits(sums)
    peak = TileSums(
        tiles=jnp.ones_like(tiles.height),
        nonzeros=whole["peak_nonzeros"],
        padding=whole["peak_padding"],
        heights=tiles.height,
        widths=tiles.depth,
        areas=tiles.height * tiles.depth,
        blocks=whole["peak_blocks"],
        block_rows=numerics.ceil(tiles.height / BLOCK),
    )
    # Tiles at the lower edge have fewer rows; their share of a class follows from its mean height.
    at_edge, queues = share_at_edge(tiles.height, last_m, heights / count), point.array.queues
    rows_per_queue, even = (
        (1.0 - at_edge) * inside + at_edge * edge
        for inside, edge in (
            (numerics.ceil(tiles.height / queues), numerics.ceil(last_m / queues)),
            (jnp.maximum(tiles.height, queues), jnp.maximum(last_m, queues)),
        )
    )
    # Padding entries touch rows of B of their own, as far as others have not.
    untouched = jnp.maximum(ratio(widths, columns) - 1.0, 0.0)
    reach = 1.0 + skip * untouched * _reached_by_padding(padding, nonzeros, rows, ratio(columns, widths), widths)
    varied, stored_bits = stores_nonzeros(mapping.a_format), values_bits + metadata_bits
    burst = point.technology.dram_burst_bits()
    fetched = jnp.maximum(count * burst * mean_ceil(stored_bits / count / burst, varied, numerics), stored_bits)
    queued = skip * rows + (1.0 - skip) * heights
    described = OperandA(
        skip=skip,
        tiles=count,
        nonzeros=nonzeros,
        entries=skip * (nonzeros + padding) + (1.0 - skip) * areas,
        padding=skip * padding,
        stored_padding=padding,
        rows=queued,
        found_rows=rows,
        columns=skip * columns * reach + (1.0 - skip) * widths,
        work=of_format("work", "areas"),
        touched=of_format("touched", "widths") * reach,
        widths=widths,
        heights=heights,
        areas=areas,
        values_bits=values_bits,
        sent_metadata_bits=stored.queued_bits(sums, queued, tiles.k_bits),
        stored_bits=stored_bits,
        fetched_bits=fetched + directory_bits(mapping.a_format, count),
        stored_entries=sparse * (nonzeros + padding),
        rows_per_queue=rows_per_queue,
        dealt_areas=areas * (rows_per_queue * (count / heights)),
        uneven=rows_per_queue * queues / even - 1.0,
        storage=stored,
        tiled=tiled,
        peak_bits=stored.values_bits(peak) + stored.metadata_bits(peak),
        block_rows=sparse * whole["block_rows"] + dense * kernel.m,
        block_columns=sparse * whole["block_columns"] + dense * kernel.k,
    )
    return kept_for_slopes(described)


def _reached_by_padding(
    padding: PerClass, nonzeros: PerClass, rows: PerClass, touched: PerClass, widths: PerClass
) -> PerClass:
    """Share of the columns that padding entries touch, as if it were their own.

    Those before the first entry of a row, which are as many as before any other, lie at the end of a run from the edge;
    the others crowd in columns as the non-zeros do, which have `touched` a share of them.
    """
    leading = padding * jnp.minimum(ratio(rows, nonzeros), 1.0)
    apart = jnp.minimum(-ratio(jnp.log1p(-jnp.minimum(touched, NEARLY_ALL)) * widths, nonzeros), 1.0)
    at_ends = jnp.expm1(-LONGEST_RUN * ratio(leading, widths))
    elsewhere = jnp.expm1(-apart * ratio(padding - leading, widths))
    return -(at_ends + (LONGEST_RUN - 1.0) * elsewhere) / LONGEST_RUN


class QueueLoads(eqx.Module):
    """What the most loaded queue holds, summed over the tiles of each class."""

    nonzeros: PerClass
    work: PerClass
    """Products with B's non-zeros; zero if B is dense."""
    entries: PerClass
    """Entries it gives: its non-zeros and padding when A skips, its rows in full when not."""
    turns: PerClass
    """Steps in which it gives these, as many at a time as the lanes of a PE take."""
    all_turns: PerClass
    """Of all queues together."""
    rows: PerClass
    decode: PerClass
    """Decoder steps of one pass over the tile."""


def work_schedule(hardware: Hardware, mapping: Mapping) -> Float[Array, " schedule"]:
    """Schedule as the non-zeros see it: where the firmware balances rows as equals, they are dealt as if cyclic."""
    if mapping.dataflow != "inner_product":
        return mapping.schedule
    return going_around(mapping.schedule, mapping.b_zero[SKIP] * (hardware.intersection @ ROWS_ALIKE))


def queue_loads(point: Point, a: OperandA) -> QueueLoads:
    """Load of the most loaded queue under the mapping's schedule."""
    hardware, mapping, tiles, array = point.hardware, point.mapping, point.tiles, point.array
    statistics: OperandStatistics = point.kernel.a
    by_work = work_schedule(hardware, mapping)
    most = statistics.most_loaded(tiles.m, tiles.k, array.queues, mapping.schedule, by_work, a.tiled.scale)
    # Lattice points divide evenly. Elsewhere the queues with one row more hold that much more of the mean.
    more = a.uneven / jnp.minimum(array.queues, tiles.height)
    dealt = {"rows": a.found_rows, "nonzeros": a.nonzeros, "work": a.work}
    most = {
        name: jnp.clip(load + more * dealt[name], dealt[name] / array.queues, dealt[name])
        for name, load in most.items()
    }
    rows, nonzeros = most["rows"], most["nonzeros"]
    # Runs of zeros go with rows, hardly with what else these hold.
    stored = nonzeros + ratio(rows, a.found_rows) * a.stored_padding
    entries = a.skip * stored + (1.0 - a.skip) * a.dealt_areas
    queues = jnp.minimum(array.queues, jnp.maximum(a.rows / a.tiles, 1.0))
    turns = _turns(point, a, entries, a.dealt_areas, 1.0)
    all_turns = _turns(point, a, a.entries, a.areas, queues)
    return QueueLoads(
        nonzeros=nonzeros,
        work=most.get("work", jnp.zeros_like(nonzeros)),
        entries=entries,
        turns=turns,
        all_turns=all_turns,
        rows=a.skip * rows + (1.0 - a.skip) * a.tiles * a.rows_per_queue,
        decode=a.skip * (turns + has_mask(mapping.a_format) * _mask_words(point, a, rows)),
    )


def _turns(point: Point, a: OperandA, entries: PerClass, positions: PerClass, queues: PerClass | float) -> PerClass:
    """Steps in which so many queues of each tile give entries, as many at a time as the lanes of a PE take; no more
    than they would give all `positions` in."""
    array, numerics = point.array, point.numerics
    if point.dataflow != "inner_product":  # nobody else has lanes on k
        return entries
    each, full = entries / (a.tiles * queues), numerics.ceil_of_many(positions / (a.tiles * queues) / array.lanes)
    varied = numerics.max_of(jnp.ones_like(each), (each + 0.5 * (array.lanes - 1.0)) / array.lanes)
    steps = a.tiles * queues * (a.skip * numerics.min_of(varied, full) + (1.0 - a.skip) * full)
    return (1.0 - array.on_k) * entries + array.on_k * steps


def _mask_words(point: Point, a: OperandA, rows: PerClass) -> PerClass:
    """Words of the bitmask that the decoder of the most loaded queue looks at: of its rows, or of columns."""
    tiles, numerics, array = point.tiles, point.numerics, point.array
    if point.dataflow != "outer_product":
        return rows * bitmask_words(tiles.depth, numerics, array.step)
    return a.widths * bitmask_words(numerics.ceil(tiles.height / array.queues), numerics)


class HeldShare(eqx.Module):
    """The largest part of A that a PE holds."""

    rows: Scalar
    """Most rows that a queue has in any tile: non-empty ones if A skips."""
    nonzeros: Scalar
    bits: Scalar
    """In A's format."""


def _own_columns_bits(point: Point, nonzeros: Scalar) -> Scalar:
    """Bits of a queue's rows where they stay in PEs by columns: numbers of these rows, and pointers of its own."""
    tiles, numerics = point.tiles, point.numerics
    rows = numerics.ceil(tiles.height / point.array.queues)
    pointer_bits = stages(rows, numerics) + tiles.k_pointer_bits + 1.0
    return nonzeros * (point.hardware.value_bits + width_of(numerics, rows)) + (tiles.depth + 1.0) * pointer_bits


def held_share(point: Point, a: OperandA) -> HeldShare:
    """What the fullest queue of any tile holds (docs/machine.md, section 4, "Where everything lives")."""
    mapping, tiles, array = point.mapping, point.tiles, point.array
    alike, by_work = 1.0 - a.skip, work_schedule(point.hardware, mapping)
    by_rows, by_work = going_around(mapping.schedule, alike), going_around(by_work, alike)
    most = point.kernel.a.fullest_share(tiles.m, tiles.k, array.queues, by_rows, by_work)
    if point.dataflow == "outer_product":  # balanced dealing gives no queue more rows than others must
        whole = point.kernel.a.fullest_share(tiles.m, tiles.k, jnp.ones_like(array.queues), by_rows, by_work)["rows"]
        most["rows"] += by_rows[BALANCED] * (point.numerics.ceil(whole / array.queues) - most["rows"])
    every = point.numerics.ceil(tiles.height / array.queues)
    rows = a.skip * jnp.minimum(most["rows"], tiles.height) + (1.0 - a.skip) * every
    nonzeros, one = most["nonzeros"], jnp.ones_like(rows)
    padding = has_runs(mapping.a_format) * a.tiled.peaks["peak_padding"] * ratio(rows, tiles.height)
    nothing, pointer_bits = jnp.zeros_like(rows), tiles.m_pointer_bits + tiles.k_pointer_bits + 1.0
    held = TileSums(one, nonzeros, padding, rows, nothing, rows * tiles.depth, nothing, nothing)
    bits = a.storage.values_bits(held) + a.storage.queued_bits(held, rows + one, tiles.k_bits)
    bits = bits + point.a_in_pes * a.storage.by_columns * (_own_columns_bits(point, nonzeros) - bits)
    decoded = nonzeros * (point.hardware.value_bits + tiles.k_bits) + (rows + one) * pointer_bits
    return HeldShare(rows, nonzeros, bits + stores_blocks(mapping.a_format) * (decoded - bits))
