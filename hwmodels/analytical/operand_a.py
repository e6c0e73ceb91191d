"""The sparse operand A as the machine sees it: totals over its visited tiles, for each occupancy class."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.classes import edge_classes, share_at_edge, total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.imbalance import going_around
from hwmodels.analytical.intersection import bitmask_words, steps_of_full_columns
from hwmodels.design.choices import ROWS_ALIKE, SKIP
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.formats.sizes import Storage, TileSums, directory_bits, has_mask, has_runs, is_dense, storage
from workloads.statistics.lattice import ratio
from workloads.statistics.operand import OperandStatistics, Tiles

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


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
    metadata_bits: PerClass
    fetched_bits: PerClass
    """Values, metadata and tile directory: what a fetch of every tile from DRAM moves."""
    stored_entries: PerClass
    """Entries that a decoder turns into coordinates; none if A is dense."""
    rows_per_pe: PerClass
    """Mean over the tiles of ceil(rows / PE rows)."""
    dealt_areas: PerClass
    """Positions that the PE row with most rows of each tile has."""
    uneven: PerClass
    """Rows of the PE row that has most over those of an even deal, less one: 0 where the PE rows divide the tiles."""
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
    sums = TileSums(count, nonzeros, padding, heights, widths, areas)
    values_bits, metadata_bits = stored.values_bits(sums), stored.metadata_bits(sums)
    peak = TileSums(
        tiles=jnp.ones_like(tiles.height),
        nonzeros=whole["peak_nonzeros"],
        padding=whole["peak_padding"],
        heights=tiles.height,
        widths=tiles.depth,
        areas=tiles.height * tiles.depth,
    )
    # Tiles at the lower edge have fewer rows; their share of a class follows from its mean height.
    at_edge = share_at_edge(tiles.height, last_m, heights / count)
    rows_per_pe, even = (
        (1.0 - at_edge) * inside + at_edge * edge
        for inside, edge in (
            (numerics.ceil(tiles.height / hardware.pe_rows), numerics.ceil(last_m / hardware.pe_rows)),
            (jnp.maximum(tiles.height, hardware.pe_rows), jnp.maximum(last_m, hardware.pe_rows)),
        )
    )
    return OperandA(
        skip=skip,
        tiles=count,
        nonzeros=nonzeros,
        entries=skip * (nonzeros + padding) + (1.0 - skip) * areas,
        padding=skip * padding,
        stored_padding=padding,
        rows=skip * rows + (1.0 - skip) * heights,
        found_rows=rows,
        columns=skip * columns + (1.0 - skip) * widths,
        work=of_format("work", "areas"),
        touched=of_format("touched", "widths"),
        widths=widths,
        heights=heights,
        areas=areas,
        values_bits=values_bits,
        metadata_bits=metadata_bits,
        fetched_bits=values_bits + metadata_bits + directory_bits(mapping.a_format, count),
        stored_entries=sparse * (nonzeros + padding),
        rows_per_pe=rows_per_pe,
        dealt_areas=areas * (rows_per_pe * (count / heights)),
        uneven=rows_per_pe * hardware.pe_rows / even - 1.0,
        storage=stored,
        tiled=tiled,
        peak_bits=stored.values_bits(peak) + stored.metadata_bits(peak),
        block_rows=sparse * whole["block_rows"] + dense * kernel.m,
        block_columns=sparse * whole["block_columns"] + dense * kernel.k,
    )


class RowLoads(eqx.Module):
    """What the most loaded PE row holds, summed over the tiles of each class."""

    nonzeros: PerClass
    work: PerClass
    """Products with B's non-zeros; zero if B is dense."""
    entries: PerClass
    """Entries it works on: its non-zeros and padding when A skips, its rows in full when not."""
    rows: PerClass
    share_bits: PerClass
    """Bits of its rows."""
    decode: PerClass
    """Decoder steps of one pass over the tile."""


def work_schedule(hardware: Hardware, mapping: Mapping) -> Float[Array, " schedule"]:
    """Schedule as the non-zeros see it: where the firmware balances rows as equals, they are dealt as if cyclic."""
    if mapping.dataflow != "inner_product":
        return mapping.schedule
    return going_around(mapping.schedule, hardware.intersection @ ROWS_ALIKE)


def row_loads(point: Point, a: OperandA) -> RowLoads:
    """Load of the most loaded PE row under the mapping's schedule."""
    hardware, mapping, tiles = point.hardware, point.mapping, point.tiles
    statistics: OperandStatistics = point.kernel.a
    most = statistics.most_loaded(
        tiles.m,
        tiles.k,
        hardware.pe_rows,
        mapping.schedule,
        work_schedule(hardware, mapping),
        a.tiled.scale,
    )
    # Lattice points divide evenly. Elsewhere the PE rows with one row more hold that much more of the mean.
    more = a.uneven / jnp.minimum(hardware.pe_rows, tiles.height)
    dealt = {"rows": a.found_rows, "nonzeros": a.nonzeros, "work": a.work}
    most = {
        name: jnp.clip(load + more * dealt[name], dealt[name] / hardware.pe_rows, dealt[name])
        for name, load in most.items()
    }
    rows, nonzeros = most["rows"], most["nonzeros"]
    padding = (
        ratio(rows, a.found_rows) * a.stored_padding
    )  # runs of zeros go with rows, hardly with what else these hold
    stored = nonzeros + padding
    words = bitmask_words(tiles.depth, point.numerics)
    held_rows = a.rows_per_pe * a.tiles
    held = TileSums(
        tiles=a.tiles,
        nonzeros=nonzeros,
        padding=padding,
        heights=held_rows,
        widths=a.widths,
        areas=a.dealt_areas,
    )
    return RowLoads(
        nonzeros=nonzeros,
        work=most.get("work", jnp.zeros_like(nonzeros)),
        entries=a.skip * stored + (1.0 - a.skip) * a.dealt_areas,
        rows=a.skip * rows + (1.0 - a.skip) * a.tiles * a.rows_per_pe,
        share_bits=a.storage.values_bits(held) + a.storage.metadata_bits(held),
        decode=a.skip * (stored + has_mask(mapping.a_format) * rows * words),
    )


def steps_with_full_columns(point: Point, a: OperandA, *, rows: PerClass, nonzeros: PerClass) -> PerClass:
    """Steps of the intersection units of so many `rows` of A and their `nonzeros` against one column without zeros."""
    return steps_of_full_columns(
        point.hardware.intersection,
        rows=rows,
        nonzeros=nonzeros,
        depth=a.widths / a.tiles,
        words=bitmask_words(point.tiles.depth, point.numerics),
    )
