"""The operand B and the product Z as the machine sees them: what both families of kernels answer.

`DenseB` (SpMV, SpMM) and `SparseB` (SpMSpM) are the two final classes. Per-class vectors follow the classes of A's
tiles and are totals over all visits, those along n included.
"""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from hwmodels.a_side import RowLoads

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class Products(eqx.Module):
    """Pairs of entries that meet, by whether A and B skip: the MACs that are not skipped."""

    both_skip: Scalar
    a_skips: Scalar
    b_skips: Scalar
    none_skip: Scalar


class BSide(eqx.Module):
    """What a family of kernels says about B and Z."""

    visits: eqx.AbstractVar[PerClass]
    a_visits: eqx.AbstractVar[Scalar]
    """Visits of a tile of A, weighted by its bits."""
    a_once: eqx.AbstractVar[Scalar]
    """Share of A's bits that is fetched at all."""
    skip: eqx.AbstractVar[Scalar]
    share_bits: eqx.AbstractVar[Scalar]
    """Bits of an average tile of B over the PE columns."""
    peak_bits: eqx.AbstractVar[Scalar]
    z_peak_bits: eqx.AbstractVar[Scalar]
    each_bits: eqx.AbstractVar[PerClass]
    """B's bits when its tile is fetched at each visit."""
    once_bits: eqx.AbstractVar[Scalar]
    sent_values_bits: eqx.AbstractVar[PerClass]
    """Crossing the value bus in each fill of the PE buffers."""
    sent_metadata_bits: eqx.AbstractVar[PerClass]
    decoded_entries: eqx.AbstractVar[PerClass]
    """Compressed entries of B sent in each fill."""
    results: eqx.AbstractVar[PerClass]
    """Accumulator words that leave the array."""
    result_metadata_bits: eqx.AbstractVar[PerClass]
    z_spill_write_bits: eqx.AbstractVar[PerClass]
    """Partial outputs written to DRAM if Z does not stay."""
    z_spill_read_bits: eqx.AbstractVar[PerClass]
    z_final_bits: eqx.AbstractVar[Scalar]
    products: eqx.AbstractVar[Products]

    @abc.abstractmethod
    def row_major_cycles(self, loads: RowLoads, passes: Scalar) -> PerClass:
        """Compute cycles of Gustavson's dataflow: the most loaded PE row works off its queue of entries."""

    @abc.abstractmethod
    def inner_cycles(self, loads: RowLoads, passes: Scalar) -> tuple[PerClass, PerClass]:
        """Compute and intersection cycles of the inner product for each of `INTERSECTIONS`, mixed."""

    @abc.abstractmethod
    def outer_cycles(self, passes: Scalar) -> PerClass:
        """Compute cycles of the outer product: columns of A and rows of B in step over the array."""

    @abc.abstractmethod
    def intersection_steps(self) -> Scalar:
        """Steps of all intersection units together."""
