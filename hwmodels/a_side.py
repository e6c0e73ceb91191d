"""The sparse operand A as the machine sees it: totals over its visited tiles, for each occupancy class."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.choices import INTERSECTIONS, SCHEDULES, ZERO_MODES
from hwmodels.cost import rows_of
from hwmodels.formats import BITMASK, DENSE, RLE, TileSums, directory_bits, storage
from hwmodels.hardware import Hardware, Mapping
from hwmodels.intersection import bitmask_words
from hwmodels.numerics import Numerics
from hwmodels.tiling import Tiling, edge_of
from workloads.statistics import KernelStatistics, OperandStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

SKIP, GATE = ZERO_MODES.index("skip"), ZERO_MODES.index("gate")
BALANCED = SCHEDULES.index("balanced")
TWO_FINGER = INTERSECTIONS.index("two_finger")


def total(values: PerClass) -> Scalar:
    """Sum over the classes, as a dot product: XLA's CPU backend does not vectorise a reduction inside a fusion."""
    return jnp.tensordot(jnp.ones(values.shape[0], values.dtype), values, axes=1)


class ASide(eqx.Module):
    """Totals over the tiles of A that can be visited, one value per class; visits along n are not counted here."""

    skip: Scalar
    tiles: PerClass
    nonzeros: PerClass
    entries: PerClass
    """Positions worked on: stored entries when A skips, all positions when not."""
    padding: PerClass
    """RLE entries that stand for no non-zero."""
    rows: PerClass
    """Rows that give results: non-empty ones when A skips, all when not."""
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
    rows_per_pe: Scalar
    """Mean over the tiles of ceil(rows / PE rows)."""
    peak_bits: Scalar
    """Storage of the largest tile."""
    block_rows: Scalar
    """Rows in row blocks that are visited."""
    block_columns: Scalar


def a_side(hardware: Hardware, mapping: Mapping, kernel: KernelStatistics, tiles: Tiling, numerics: Numerics) -> ASide:
    """Look up what the tiles of A hold and price their storage."""
    statistics: OperandStatistics = kernel.a
    found = statistics.tile_classes(tiles.tile_m, tiles.tile_k)
    point = statistics.tile_point(tiles.tile_m, tiles.tile_k)
    dense = mapping.a_format[DENSE]
    sparse = 1.0 - dense
    per_class = dense / found["tiles"].shape[0]
    skip = mapping.a_zero[SKIP] * sparse
    seen = sparse * found["tiles"] / total(found["tiles"])

    count = sparse * found["tiles"] + per_class * tiles.trips_m * tiles.trips_k
    heights = seen * point["heights"] + per_class * kernel.m * tiles.trips_k
    widths = seen * point["widths"] + per_class * kernel.k * tiles.trips_m
    areas = seen * point["areas"] + per_class * kernel.m * kernel.k
    padding = found["padding"] * mapping.a_format[RLE]
    stored = storage(
        mapping.a_format,
        numerics,
        tile_width=tiles.depth,
        value_bits=hardware.value_bits,
        row_bits=tiles.m_bits,
        column_bits=tiles.k_bits,
        group_occupancy=statistics.group_occupancy,
    )
    sums = TileSums(count, found["nonzeros"], padding, heights, widths, areas)
    values_bits, metadata_bits = stored.values_bits(sums), stored.metadata_bits(sums)
    peak = TileSums(
        tiles=jnp.ones_like(tiles.height),
        nonzeros=point["peak_nonzeros"],
        padding=point["peak_padding"],
        heights=tiles.height,
        widths=tiles.depth,
        areas=tiles.height * tiles.depth,
    )
    last = edge_of(kernel.m, tiles.tile_m, tiles.trips_m)
    rows_per_pe = (tiles.trips_m - 1.0) * numerics.ceil(tiles.height / hardware.pe_rows) + numerics.ceil(
        last / hardware.pe_rows
    )
    return ASide(
        skip=skip,
        tiles=count,
        nonzeros=found["nonzeros"],
        entries=skip * (found["nonzeros"] + padding) + (1.0 - skip) * areas,
        padding=skip * padding,
        rows=skip * found["rows"] + (1.0 - skip) * heights,
        columns=skip * found["columns"] + (1.0 - skip) * widths,
        work=found["work"],
        touched=found["touched"],
        widths=widths,
        heights=heights,
        areas=areas,
        values_bits=values_bits,
        metadata_bits=metadata_bits,
        fetched_bits=values_bits + metadata_bits + directory_bits(mapping.a_format, count),
        stored_entries=sparse * (found["nonzeros"] + padding),
        rows_per_pe=rows_per_pe / tiles.trips_m,
        peak_bits=stored.values_bits(peak) + stored.metadata_bits(peak),
        block_rows=sparse * point["block_rows"] + dense * kernel.m,
        block_columns=sparse * point["block_columns"] + dense * kernel.k,
    )


class RowLoads(eqx.Module):
    """What the most loaded PE row holds, summed over the tiles of each class."""

    nonzeros: PerClass
    work: PerClass
    """Products with B's non-zeros; zero if B is dense."""
    entries: PerClass
    """Entries it works on: its non-zeros and padding when A skips, its rows in full when not."""
    rows: PerClass
    share: PerClass
    """Its share of a tile's stored bits."""
    decode: PerClass
    """Decoder steps of one pass over the tile."""


def work_schedule(hardware: Hardware, mapping: Mapping) -> Float[Array, "3"]:
    """Schedule as the non-zeros see it: the two-finger unit balances rows, which deals them as if cyclic."""
    if mapping.dataflow != "inner_product":
        return mapping.schedule
    by_rows = mapping.schedule[BALANCED] * hardware.intersection[TWO_FINGER]
    row_blocks, cyclic, balanced = mapping.schedule
    return rows_of(row_blocks, cyclic + by_rows, balanced - by_rows)


def row_loads(
    hardware: Hardware, mapping: Mapping, kernel: KernelStatistics, tiles: Tiling, a: ASide, numerics: Numerics
) -> RowLoads:
    """Load of the most loaded PE row under the mapping's schedule."""
    statistics: OperandStatistics = kernel.a
    most = statistics.most_loaded(
        tiles.tile_m, tiles.tile_k, hardware.pe_rows, mapping.schedule, work_schedule(hardware, mapping)
    )
    rows, nonzeros = most["rows"], most["nonzeros"]
    stored = nonzeros * (1.0 + a.padding / a.nonzeros)
    words = bitmask_words(tiles.depth, numerics)
    return RowLoads(
        nonzeros=nonzeros,
        work=most.get("work", jnp.zeros_like(nonzeros)),
        entries=a.skip * stored + (1.0 - a.skip) * a.widths * a.rows_per_pe,
        rows=a.skip * rows + (1.0 - a.skip) * a.tiles * a.rows_per_pe,
        share=a.skip * nonzeros / a.nonzeros + (1.0 - a.skip) * a.rows_per_pe * a.tiles / a.heights,
        decode=a.skip * (stored + mapping.a_format[BITMASK] * rows * words),
    )
