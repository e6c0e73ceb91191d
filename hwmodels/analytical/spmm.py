"""SpMV and SpMM: B and Z are dense, so everything along n is a closed form and A's tiles decide."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.matrix_product import cost_of_product
from hwmodels.analytical.operand_a import OperandA, describe_a, steps_with_full_columns
from hwmodels.analytical.operand_b import ArrayCycles, OperandB, Products, fetched_share
from hwmodels.analytical.passes import full_row_steps
from hwmodels.cost import Cost

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


def cost(point: Point) -> Cost:
    """Cost of one run."""
    a = describe_a(point)
    return cost_of_product(point, a, dense_b(point, a), DenseCycles(point, a))


def dense_b(point: Point, a: OperandA) -> OperandB:
    """Describe a dense B [k, n] and a dense Z [m, n]."""
    hardware, tiles, columns = point.hardware, point.tiles, point.kernel.n
    value_bits, word_bits = hardware.value_bits, hardware.accumulator_bits
    rows_sent = a.widths if point.dataflow == "inner_product" else a.columns
    products = Products(
        both_skip=total(a.nonzeros) * columns,
        a_skips=total(a.nonzeros) * columns,
        b_skips=total(a.areas) * columns,
        none_skip=total(a.areas) * columns,
    )
    nothing, one, fetched = jnp.zeros_like(a.tiles), jnp.ones_like(columns), fetched_share(point)

    # A tile of Z is worked on in so many visits; the first reads no partial sums and the last writes none.
    visits_of_z = jnp.maximum(total(a.heights) / a.block_rows, 1.0)
    last = tiles.n.edge / columns
    in_visits, in_columns = (jnp.stack([1.0 - edge, edge])[:, None] for edge in (1.0 / tiles.trips_n, last))
    return OperandB(
        visits=a.tiles * tiles.trips_n,
        a_visits=nothing + tiles.trips_n,
        a_once=one,
        skip=jnp.zeros_like(columns),
        share_bits=tiles.depth * tiles.width * value_bits / hardware.pe_cols,
        peak_bits=tiles.depth * tiles.width * value_bits,
        z_peak_bits=tiles.height * tiles.width * word_bits,
        each_bits=Parts(None, a.widths * columns * (fetched * value_bits)),
        once_bits=a.block_columns * columns * (fetched * value_bits),
        sent_values_bits=Parts(None, rows_sent * columns * value_bits),
        sent_metadata_bits=Parts(nothing, None),
        decoded_entries=nothing,
        results=a.rows * columns,
        result_metadata_bits=nothing,
        z_spill_bits=a.heights * (1.0 - 1.0 / visits_of_z) * columns * word_bits,
        z_final_bits=a.block_rows * columns * value_bits,
        ends=jnp.minimum(2.0 / visits_of_z, 1.0),
        spilled_at_ends=1.0 / jnp.maximum(visits_of_z - 1.0, 1.0),
        group_visits=in_visits,
        group_with_b=in_columns + nothing,
        products=products,
    )


class DenseCycles(ArrayCycles):
    """Every column of B is full."""

    point: Point
    a: OperandA

    def gustavson(self, loads, passes):
        """Every entry of A takes the steps of a full row of B."""
        return self._with_b(loads.entries * self._column_steps(passes))

    def inner_product(self, loads, passes):
        """Only the two-finger and the bitmask unit step more often than A has entries."""
        steps = self._column_steps(passes)
        walked = steps_with_full_columns(self.point, self.a, rows=loads.rows, nonzeros=loads.nonzeros)
        return self._with_b(loads.entries * steps), self._with_b(self.a.skip * walked * steps)

    def outer_product(self, passes):
        """Each column of A is dealt to the PE rows, a full row of B to the columns and lanes."""
        tiles, skip, full = self.point.tiles, self.a.skip, self.a.dealt_areas
        dealt = self.point.kernel.a.column_passes(tiles.m, tiles.k, self.point.hardware.pe_rows)
        return self._with_b((skip * dealt + (1.0 - skip) * full) * self._column_steps(passes))

    def intersection_steps(self):
        """Every non-empty row of A meets every column of B."""
        walked = steps_with_full_columns(self.point, self.a, rows=self.a.rows, nonzeros=self.a.nonzeros)
        return self.a.skip * total(walked) * self.point.kernel.n

    def _with_b(self, amount: PerClass) -> Parts:
        return Parts(None, amount)

    def _column_steps(self, passes: Scalar) -> Scalar:
        return full_row_steps(self.point, passes)
