"""SpMV and SpMM: B and Z are dense, so everything along n is a closed form and A's tiles decide."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.a_side import ASide, total
from hwmodels.b_side import BSide, Products
from hwmodels.hardware import Hardware, Mapping
from hwmodels.intersection import bitmask_words, steps_with_full_columns
from hwmodels.numerics import Numerics
from hwmodels.tiling import Tiling, full_row_steps
from workloads.statistics import DenseBStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class DenseB(BSide):
    """A dense B [k, n] and a dense Z [m, n]."""

    visits: PerClass
    a_visits: Scalar
    a_once: Scalar
    skip: Scalar
    share_bits: Scalar
    peak_bits: Scalar
    z_peak_bits: Scalar
    each_bits: PerClass
    once_bits: Scalar
    sent_values_bits: PerClass
    sent_metadata_bits: PerClass
    decoded_entries: PerClass
    results: PerClass
    result_metadata_bits: PerClass
    z_spill_write_bits: PerClass
    z_spill_read_bits: PerClass
    z_final_bits: Scalar
    products: Products
    hardware: Hardware
    kernel: DenseBStatistics
    tiles: Tiling
    a: ASide
    numerics: Numerics

    def row_major_cycles(self, loads, passes):
        """Every entry of A takes the steps of a full row of B."""
        return loads.entries * self._column_steps(passes)

    def inner_cycles(self, loads, passes):
        """Every column of B is full: only the two-finger and the bitmask unit step more often than A has entries."""
        steps = self._column_steps(passes)
        return loads.entries * steps, self.a.skip * self._walked(loads.rows, loads.nonzeros) * steps

    def outer_cycles(self, passes):
        """Each column of A is dealt to the PE rows, a full row of B to the columns and lanes."""
        dealt = self.kernel.a.column_passes(self.tiles.tile_m, self.tiles.tile_k, self.hardware.pe_rows)
        full = self.a.widths * self.a.rows_per_pe
        return (self.a.skip * dealt + (1.0 - self.a.skip) * full) * self._column_steps(passes)

    def intersection_steps(self):
        """Every non-empty row of A meets every column of B."""
        return self.a.skip * total(self._walked(self.a.rows, self.a.nonzeros)) * self.kernel.n

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
        return full_row_steps(self.tiles, self.kernel.n, array_width, passes, self.numerics)


def dense_b(
    hardware: Hardware, mapping: Mapping, kernel: DenseBStatistics, tiles: Tiling, a: ASide, numerics: Numerics
) -> DenseB:
    """Describe B and Z of a kernel with a dense B."""
    columns, value_bits, word_bits = kernel.n, hardware.value_bits, hardware.accumulator_bits
    by_columns = mapping.dataflow != "inner_product"
    rows_sent = a.columns if by_columns else a.widths
    spill = (total(a.heights) - a.block_rows) / total(a.heights)
    products = Products(
        both_skip=total(a.nonzeros) * columns,
        a_skips=total(a.nonzeros) * columns,
        b_skips=total(a.areas) * columns,
        none_skip=total(a.areas) * columns,
    )
    zero, one = jnp.zeros_like(kernel.n), jnp.ones_like(kernel.n)
    return DenseB(
        visits=a.tiles * tiles.trips_n,
        a_visits=tiles.trips_n,
        a_once=one,
        skip=zero,
        share_bits=tiles.depth * tiles.width * value_bits / hardware.pe_cols,
        peak_bits=tiles.depth * tiles.width * value_bits,
        z_peak_bits=tiles.height * tiles.width * word_bits,
        each_bits=a.widths * columns * value_bits,
        once_bits=a.block_columns * columns * value_bits,
        sent_values_bits=rows_sent * columns * value_bits,
        sent_metadata_bits=jnp.zeros_like(a.tiles),
        decoded_entries=jnp.zeros_like(a.tiles),
        results=a.rows * columns,
        result_metadata_bits=jnp.zeros_like(a.tiles),
        z_spill_write_bits=a.heights * spill * columns * word_bits,
        z_spill_read_bits=a.heights * spill * columns * word_bits,
        z_final_bits=a.block_rows * columns * value_bits,
        products=products,
        hardware=hardware,
        kernel=kernel,
        tiles=tiles,
        a=a,
        numerics=numerics,
    )
