"""A sparse B whose zeros are skipped, dealt to the owners of its columns; and its rows, fetched one by one.

Column j of a tile belongs to lane j mod q of PE column (j // q) mod c, so that of the entries of a row those of one
owner follow each other: its *conflicts* (docs/machine.md, section 4).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import LONGEST_RUN, OperandA
from hwmodels.analytical.operand_b import slot_bits
from hwmodels.analytical.sparse_b_tiles import StoredTiles, VisitedPairs
from hwmodels.area import WORD_BITS
from hwmodels.design.choices import BITMASK_AND, LEADER_FOLLOWER
from hwmodels.formats.sizes import row_pointers
from workloads.statistics.lattice import ANY_WIDTH, interpolate, ratio
from workloads.statistics.operand import Tiles

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

LAST_WIDTH = float(np.log2(ANY_WIDTH))
"""Where a fiber of any length takes one step."""
LEAST_BITS = 1e-3
"""Stands for no bits at all where a bus word is divided by those of an entry."""
SAME_OWNER = 0.6
"""Share of the padding entries, where they have the owner of the entry before them, that make it the last of a row to
be ready (of real and random matrices, about); of the others their owner is the last by chance."""


def conflicts_of_padding(owners: Scalar) -> Scalar:
    """Steps that a padding entry adds to its row: it follows 16 places behind another entry, so that it mostly has the
    same owner."""
    return (SAME_OWNER + (1.0 - SAME_OWNER) / owners) * jnp.minimum(LONGEST_RUN / owners, 1.0)


class DealtB(NamedTuple):
    """What owners and lanes have of B, and how long the array takes for it."""

    padded: Scalar
    """Stored entries for each non-zero."""
    of_products: Scalar
    """Conflicts over all pairs of an entry of A and the row of B that it meets."""
    met: Scalar
    """Pairs of an entry of A and a piece of a row of B that is not empty."""
    uneven: Scalar
    """Steps that a met piece takes beside those of `each` product."""
    each: Scalar
    of_rows: Scalar
    """Conflicts of all rows of B, each cut once; the pieces that are not empty."""
    pieces: Scalar
    lane_nonzeros: Scalar
    """Share of a tile's non-zeros, and of its non-empty columns, that the most loaded lane has."""
    lane_columns: Scalar
    slots_bits: Scalar
    """Bits of the operand buffer for the fullest tile, by owners; and by lanes, with the columns that each has."""
    lane_bits: Scalar
    nonzeros: Scalar
    """Of B; non-empty columns of all its tiles."""
    columns: Scalar

    def held_bits(self, point: Point, a_skips: Scalar, nonzeros: Scalar) -> Scalar:
        """Bits written of so many non-zeros of columns that lanes walk: decoded, as bitmasks, or expanded for a leader
        to probe, where A skips too."""
        unit, value_bits = point.hardware.intersection, point.hardware.value_bits
        leads, masks = a_skips * unit[LEADER_FOLLOWER], a_skips * unit[BITMASK_AND]
        entries = nonzeros * self.padded
        columns = self.columns * ratio(nonzeros, self.nonzeros) * point.tiles.depth
        decoded = entries * (value_bits + point.tiles.k_bits)
        masked = entries * value_bits + columns
        return leads * entries * (value_bits + 1.0) + masks * masked + (1.0 - leads - masks) * decoded

    def port_words(self, inner: bool, visits: VisitedPairs, sent: PerClass) -> PerClass:
        """Words that the operand buffer takes of so many non-zeros sent."""
        if inner:
            return visits.b_nonzeros * self.padded * self.lane_nonzeros
        return sent * (self.of_rows / jnp.maximum(self.nonzeros, 1.0))


def dealt_b(point: Point, a_skips: Scalar, tiled: Tiles, padded: Scalar) -> DealtB:
    """Deal B's columns; `tiled` are its tiles, transposed, `padded` its stored entries for each non-zero."""
    kernel, tiles, array = point.kernel, point.tiles, point.array
    wide, more = jnp.log2(array.width), (padded - 1.0) * conflicts_of_padding(array.width)
    at = jnp.stack([tiles.n.place, wide])
    met_at = jnp.stack([tiles.n.place, jnp.full_like(wide, LAST_WIDTH)])
    of_products, met = interpolate(kernel.conflicts, at)[0], interpolate(kernel.conflicts, met_at)[0]
    of_rows, pieces = interpolate(kernel.b_conflicts, at)[0], interpolate(kernel.b_conflicts, met_at)[0]
    of_products, of_rows = of_products + more * kernel.products, of_rows + more * kernel.b.nonzeros
    each = 1.0 / array.width + more
    most_words = interpolate(kernel.b_most_words, jnp.stack([tiles.k.place, tiles.n.place, wide]))[0]
    schedule = point.mapping.schedule
    lane = kernel.b.most_loaded(tiles.n, tiles.k, array.width, schedule, schedule, tiled.scale)
    return DealtB(
        padded=padded,
        of_products=of_products,
        met=met,
        uneven=jnp.clip(ratio(of_products - kernel.products * each, met), 0.0, None),
        each=each,
        of_rows=of_rows,
        pieces=pieces,
        lane_nonzeros=lane["nonzeros"][0] / tiled.classes["nonzeros"][0],
        lane_columns=lane["rows"][0] / tiled.classes["rows"][0],
        slots_bits=most_words * array.lanes * slot_bits(point),
        lane_bits=_lane_bits(point, a_skips, padded),
        nonzeros=kernel.b.nonzeros,
        columns=total(tiled.classes["rows"]),
    )


def _lane_bits(point: Point, a_skips: Scalar, padded: Scalar) -> Scalar:
    """Bits of the fullest lanes' columns of any tile: decoded, as bitmasks, or expanded where a leader probes them."""
    hardware, tiles, schedule = point.hardware, point.tiles, point.mapping.schedule
    most = point.kernel.b.fullest_share(tiles.n, tiles.k, point.array.width, schedule, schedule)
    value_bits, entries, columns = hardware.value_bits, most["nonzeros"] * padded, most["rows"]
    pointer_bits = tiles.k_pointer_bits + tiles.n_pointer_bits + 1.0
    decoded = entries * (value_bits + tiles.k_bits) + (columns + 1.0) * pointer_bits
    masked = entries * value_bits + columns * tiles.depth
    expanded = columns * tiles.depth * (value_bits + 1.0)
    unit = a_skips * hardware.intersection
    leads, masks = unit[LEADER_FOLLOWER], unit[BITMASK_AND]
    return point.array.lanes * (leads * expanded + masks * masked + (1.0 - leads - masks) * decoded)


class AskedRows(NamedTuple):
    """Rows of B that entries of A ask the GLB for; values, then metadata."""

    bits: tuple[Parts, Parts]
    slack: tuple[Parts, Parts]
    """Bits that they leave unused of the bus, as each takes whole cycles of it."""
    pointer_bits: Parts
    entries: PerClass


def fetched_rows(point: Point, a: OperandA, skip: Scalar, visits: VisitedPairs, stored: StoredTiles) -> AskedRows:
    """Each entry of A asks for a row with entries; every row, if B does not skip. All is nothing unless rows are
    `Point.fetches`."""
    kernel, tiles, hardware, form = point.kernel, point.tiles, point.hardware, stored.form
    any_width = jnp.stack([tiles.n.place, jnp.full_like(tiles.n.place, LAST_WIDTH)])
    met, pieces = interpolate(kernel.conflicts, any_width)[0], interpolate(kernel.b_conflicts, any_width)[0]
    asking, padded = a.entries * visits.of_a, 1.0 + stored.padding
    stored_asking = total(a.nonzeros * visits.of_a)

    # Entries of a skipping A meet what they meet; of a full one, each of its rows meets all of B's tile.
    of_all = visits.b_nonzeros * a.heights / a.tiles
    found_share = jnp.clip(ratio(met, stored_asking), 0.0, 1.0)
    found = a.skip * asking * found_share + (1.0 - a.skip) * of_all * ratio(pieces, kernel.b.nonzeros)
    rows = point.fetches * (skip * found + (1.0 - skip) * asking)
    of_entries = ratio(a.work, total(a.work)) * kernel.products * ratio(total(asking), stored_asking)
    entries = point.fetches * padded * (a.skip * of_entries + (1.0 - a.skip) * of_all)
    # What rows take beyond a word each goes with the entries that they have beyond one.
    longer = ratio(ratio(kernel.b.nonzeros, pieces) - 1.0, ratio(kernel.products, met) - 1.0)
    longer = a.skip + (1.0 - a.skip) * jnp.clip(longer, 0.0, 1.0)
    held = point.fetches * found

    pairs = (
        (form.value_per_area, form.value_per_nonzero, form.value_per_padding, hardware.value_bus_bits),
        (form.metadata_per_area, form.metadata_per_nonzero, form.metadata_per_padding, hardware.index_bus_bits),
    )
    bits, slack = [], []
    for of_area, of_nonzero, of_padding, bus in pairs:
        each = (of_nonzero + stored.padding * of_padding) / padded
        even, with_b = rows * visits.columns * of_area, entries * each
        words = jnp.log2(jnp.maximum(bus / jnp.maximum(each * padded, LEAST_BITS), 1.0))
        of_piece = ratio(interpolate(kernel.row_words, jnp.stack([tiles.n.place, words]))[0], met)
        taken = bus * held * (1.0 + longer * jnp.maximum(of_piece - 1.0, 0.0)) * jnp.minimum(each, 1.0)
        whole_area = bus * point.numerics.ceil(visits.columns * of_area / bus) * jnp.minimum(of_area, 1.0)
        bits.append(Parts(even, with_b))
        slack.append(
            Parts(rows * jnp.maximum(whole_area - visits.columns * of_area, 0.0), jnp.maximum(taken - with_b, 0.0))
        )
    pointers = point.fetches * asking * row_pointers(point.mapping.b_format) * WORD_BITS
    return AskedRows((bits[0], bits[1]), (slack[0], slack[1]), Parts(pointers, None), entries)
