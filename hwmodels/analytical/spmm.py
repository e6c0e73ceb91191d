"""SpMV and SpMM: B and Z are dense, so everything along n is a closed form and A's tiles decide."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.intersection import bitmask_words, steps_with_full_columns
from hwmodels.analytical.operand_a import ASide, total
from hwmodels.analytical.operand_b import BSide, Groups, Parts, Products
from hwmodels.analytical.tiling import Tiling, full_row_steps
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Numerics
from workloads.statistics.spmm import DenseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class DenseB(BSide):
    """A dense B [k, n] and a dense Z [m, n]."""

    visits: PerClass
    a_visits: PerClass
    a_once: Scalar
    skip: Scalar
    share_bits: Scalar
    peak_bits: Scalar
    z_peak_bits: Scalar
    each_bits: Parts
    once_bits: Scalar
    sent_values_bits: Parts
    sent_metadata_bits: Parts
    decoded_entries: PerClass
    results: PerClass
    result_metadata_bits: PerClass
    z_spill_bits: PerClass
    z_final_bits: Scalar
    ends: Scalar
    spilled_at_ends: Scalar
    groups: Groups
    products: Products
    hardware: Hardware
    kernel: DenseBStatistics
    tiles: Tiling
    a: ASide
    numerics: Numerics

    def row_major_cycles(self, loads, passes):
        """Every entry of A takes the steps of a full row of B."""
        return self._with_b(loads.entries * self._column_steps(passes))

    def inner_cycles(self, loads, passes):
        """Every column of B is full: only the two-finger and the bitmask unit step more often than A has entries."""
        steps = self._column_steps(passes)
        walked = self.a.skip * self._walked(loads.rows, loads.nonzeros) * steps
        return self._with_b(loads.entries * steps), self._with_b(walked)

    def outer_cycles(self, passes):
        """Each column of A is dealt to the PE rows, a full row of B to the columns and lanes."""
        dealt = self.kernel.a.column_passes(self.tiles.m, self.tiles.k, self.hardware.pe_rows)
        full = self.a.dealt_areas
        return self._with_b((self.a.skip * dealt + (1.0 - self.a.skip) * full) * self._column_steps(passes))

    def intersection_steps(self):
        """Every non-empty row of A meets every column of B."""
        return self.a.skip * total(self._walked(self.a.rows, self.a.nonzeros)) * self.kernel.n

    def _with_b(self, amount: PerClass) -> Parts:
        return Parts(jnp.zeros_like(amount), amount)

    def _walked(self, rows: PerClass, nonzeros: PerClass) -> PerClass:
        return steps_with_full_columns(
            self.hardware.intersection,
            rows=rows,
            nonzeros=nonzeros,
            depth=self.a.widths / self.a.tiles,
            words=bitmask_words(self.tiles.depth, self.numerics),
        )

    def _column_steps(self, passes: Scalar) -> Scalar:
        array_width = self.hardware.pe_cols * self.hardware.lanes
        return full_row_steps(self.tiles, array_width, passes, self.numerics)


def dense_b(
    hardware: Hardware, mapping: Mapping, kernel: DenseBStatistics, tiles: Tiling, a: ASide, numerics: Numerics
) -> DenseB:
    """Describe B and Z of a kernel with a dense B."""
    columns, value_bits, word_bits = kernel.n, hardware.value_bits, hardware.accumulator_bits
    by_columns = mapping.dataflow != "inner_product"
    rows_sent = a.columns if by_columns else a.widths
    products = Products(
        both_skip=total(a.nonzeros) * columns,
        a_skips=total(a.nonzeros) * columns,
        b_skips=total(a.areas) * columns,
        none_skip=total(a.areas) * columns,
    )
    nothing, one = jnp.zeros_like(a.tiles), jnp.ones_like(kernel.n)

    # A tile of Z is worked on in so many visits; the first reads no partial sums and the last writes none.
    visits_of_z = jnp.maximum(total(a.heights) / a.block_rows, 1.0)
    last = tiles.n.edge / columns
    in_visits, in_columns = (jnp.stack([1.0 - edge, edge])[:, None] for edge in (1.0 / tiles.trips_n, last))
    return DenseB(
        visits=a.tiles * tiles.trips_n,
        a_visits=nothing + tiles.trips_n,
        a_once=one,
        skip=jnp.zeros_like(kernel.n),
        share_bits=tiles.depth * tiles.width * value_bits / hardware.pe_cols,
        peak_bits=tiles.depth * tiles.width * value_bits,
        z_peak_bits=tiles.height * tiles.width * word_bits,
        each_bits=Parts(nothing, a.widths * columns * value_bits),
        once_bits=a.block_columns * columns * value_bits,
        sent_values_bits=Parts(nothing, rows_sent * columns * value_bits),
        sent_metadata_bits=Parts(nothing, nothing),
        decoded_entries=nothing,
        results=a.rows * columns,
        result_metadata_bits=nothing,
        z_spill_bits=a.heights * (1.0 - 1.0 / visits_of_z) * columns * word_bits,
        z_final_bits=a.block_rows * columns * value_bits,
        ends=jnp.minimum(2.0 / visits_of_z, 1.0),
        spilled_at_ends=1.0 / jnp.maximum(visits_of_z - 1.0, 1.0),
        groups=Groups(in_visits, in_columns + nothing),
        products=products,
        hardware=hardware,
        kernel=kernel,
        tiles=tiles,
        a=a,
        numerics=numerics,
    )
