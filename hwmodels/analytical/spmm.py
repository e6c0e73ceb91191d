"""SpMV and SpMM: B and Z are dense, so everything along n is a closed form and A's tiles decide."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts, in_bursts
from hwmodels.analytical.array_steps import ArraySteps
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.matrix_product import cost_of_product
from hwmodels.analytical.operand_a import OperandA, describe_a, held_share
from hwmodels.analytical.operand_b import (
    OperandB,
    Products,
    fetched_share,
    group_bits,
    port_words_of_row,
    unfolds,
    whole_share,
    written_bits,
)
from hwmodels.analytical.passes import all_groups
from hwmodels.cost import Cost

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


def cost(point: Point) -> Cost:
    """Cost of one run."""
    a = describe_a(point)
    return cost_of_product(point, a, held_share(point, a), dense_b(point, a), DenseSteps(point, a))


def dense_b(point: Point, a: OperandA) -> OperandB:
    """Describe a dense B [k, n] and a dense Z [m, n]."""
    hardware, tiles, array, columns = point.hardware, point.tiles, point.array, point.kernel.n
    value_bits, word_bits = hardware.value_bits, hardware.accumulator_bits
    selects = a.skip * (1.0 - array.on_k)
    rows_sent = selects * a.columns + (1.0 - selects) * a.widths
    products = Products(
        both_skip=total(a.nonzeros) * columns,
        a_skips=total(a.nonzeros) * columns,
        b_skips=total(a.areas) * columns,
        none_skip=total(a.areas) * columns,
    )
    nothing, one, fetched = jnp.zeros_like(a.tiles), jnp.ones_like(columns), fetched_share(point)
    visits, stored = a.tiles * tiles.trips_n, fetched * value_bits

    # A tile of Z is worked on in so many visits; the first reads no partial sums and the last writes none.
    visits_of_z = jnp.maximum(total(a.heights) / a.block_rows, 1.0)
    last = tiles.n.edge / columns
    in_visits, in_columns = (jnp.stack([1.0 - edge, edge])[:, None] for edge in (1.0 / tiles.trips_n, last))
    not_last = 1.0 - 1.0 / visits_of_z
    spilling = not_last * a.tiles
    unfetched, asked = 1.0 - point.fetches, point.fetches * a.entries * columns * value_bits
    return OperandB(
        visits=visits,
        a_visits=nothing + tiles.trips_n,
        a_sent=one,
        a_once=one,
        skip=jnp.zeros_like(columns),
        group_bits=group_bits(point, a.skip),
        skipped_bits=jnp.zeros_like(columns),
        copies_bits=jnp.zeros_like(columns),
        peak_bits=tiles.depth * tiles.width * value_bits,
        z_peak_bits=tiles.height * tiles.width * word_bits,
        whole_bits=whole_share(point) * point.kernel.k * columns * value_bits,
        unfolds=unfolds(point),
        each_bits=Parts(None, _tiles_bits(point, a.widths * stored, a.tiles)),
        once_bits=_tiles_bits(point, a.block_columns * stored, point.numerics.ceil(a.block_columns / tiles.depth)),
        sent_values_bits=Parts(None, unfetched * rows_sent * columns * value_bits + asked),
        sent_metadata_bits=Parts(nothing, None),
        slack_bits=_slack(point, a) if point.dataflow == "gustavson" else None,
        pointer_bits=None,
        port_words=Parts(None, unfetched * rows_sent * port_words_of_row(point) * all_groups(point)),
        written_bits=unfetched * _written(point, a, total(rows_sent)),
        decoded_entries=nothing,
        results=a.rows * columns,
        result_metadata_bits=nothing,
        z_spill_bits=_tiles_bits(point, a.heights * not_last * word_bits, spilling),
        z_final_bits=_tiles_bits(point, a.block_rows * value_bits, point.numerics.ceil(a.block_rows / tiles.height)),
        ends=jnp.minimum(2.0 / visits_of_z, 1.0),
        spilled_at_ends=1.0 / jnp.maximum(visits_of_z - 1.0, 1.0),
        group_visits=in_visits,
        group_with_b=in_columns + nothing,
        products=products,
    )


def _tiles_bits(point: Point, column_bits: Float[Array, "..."], blocks: Float[Array, "..."]) -> Float[Array, "..."]:
    """Bits of DRAM that so many blocks of rows take in all tiles along n, `column_bits` of all of them in a column."""
    tiles = point.tiles
    inside, edge = (in_bursts(point, column_bits * width, blocks) for width in (tiles.width, tiles.n.edge))
    return (tiles.trips_n - 1.0) * inside + edge


def _written(point: Point, a: OperandA, rows: Scalar) -> Scalar:
    """Bits of so many rows of B, of all columns, that PEs store."""
    tiles = point.tiles
    inside, edge = (written_bits(point, a.skip, rows, width) for width in (tiles.width, tiles.n.edge))
    return (tiles.trips_n - 1.0) * inside + edge


def _slack(point: Point, a: OperandA) -> tuple[Parts, Parts]:
    """What rows that are fetched one by one leave unused of the value bus; they have no metadata."""
    tiles, hardware = point.tiles, point.hardware

    def unused(columns: Scalar) -> Scalar:
        bits = columns * hardware.value_bits
        return hardware.value_bus_bits * point.numerics.ceil(bits / hardware.value_bus_bits) - bits

    each = (tiles.trips_n - 1.0) * unused(tiles.width) + unused(tiles.n.edge)
    return Parts(None, point.fetches * a.entries * each), Parts(None, jnp.zeros_like(a.entries))


class DenseSteps(ArraySteps):
    """Every column of B is full."""

    point: Point
    a: OperandA

    def walk(self, loads, passes):
        """Every turn of the queue takes a step for each group of columns."""
        return Parts(None, loads.turns * passes.all_groups)

    def inner_product(self, loads, passes):
        """B is read at A's coordinates: no intersection takes part."""
        return self.walk(loads, passes)

    def of_all_queues(self, loads, passes):
        """Each turn, for each group of columns."""
        full = total(loads.all_turns) * passes.all_groups
        return full, jnp.zeros_like(full)

    def intersection_steps(self):
        """None."""
        return jnp.zeros_like(self.a.skip)
