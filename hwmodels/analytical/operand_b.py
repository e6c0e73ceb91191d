"""The operand B and the product Z as the machine sees them, of SpMM and SpMSpM alike.

Vectors follow the classes of A's tiles and are totals over all visits, those along n included. Visits of one class are
not alike: the tile of B is fuller in some than in others. So what a visit costs is kept in `Parts`.
"""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Parts
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import RowLoads
from workloads.statistics.lattice import interpolate
from workloads.statistics.occupancy import places_of

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]


class Products(eqx.Module):
    """Pairs of entries that meet, by whether A and B skip: the MACs that are not skipped."""

    both_skip: Scalar
    a_skips: Scalar
    b_skips: Scalar
    none_skip: Scalar


class OperandB(eqx.Module):
    """What a kernel says about B and Z."""

    visits: PerClass
    a_visits: PerClass
    """Visits of a tile of A."""
    a_once: Scalar
    """Share of A's bits that is fetched at all."""
    skip: Scalar
    share_bits: Scalar
    """Bits of an average visited tile of B over the PE columns."""
    peak_bits: Scalar
    z_peak_bits: Scalar
    each_bits: Parts
    """B's bits when its tile is fetched at each visit."""
    once_bits: Scalar
    sent_values_bits: Parts
    """Crossing the value bus in each fill of the PE buffers."""
    sent_metadata_bits: Parts
    decoded_entries: PerClass
    """Compressed entries of B sent in each fill."""
    results: PerClass
    """Accumulator words that leave the array."""
    result_metadata_bits: PerClass
    z_spill_bits: PerClass
    """Partial outputs written to DRAM if Z does not stay; as many are read back."""
    z_final_bits: Scalar
    ends: Scalar
    """Share of the visits that are the first or last of their tile of Z, as far as its traffic tells them apart."""
    spilled_at_ends: Scalar
    """Share of the partial outputs, written and read together, that moves in these visits."""
    group_visits: Float[Array, "g 1"]
    """Visits that the tiles of B set apart: share of the visits of a class in each group."""
    group_with_b: Float[Array, "g c"]
    """Share of what goes with B in each group."""
    products: Products


def fetched_share(point: Point) -> Scalar:
    """Share of a tile of B that comes from DRAM: each activation of a map once (docs/machine.md, section 10)."""
    return interpolate(point.kernel.b_distinct, places_of(point.tiles.k, point.tiles.n))[0]


class ArrayCycles(eqx.Module):
    """Cycles of the array where A and B meet, in each dataflow."""

    @abc.abstractmethod
    def gustavson(self, loads: RowLoads, passes: Scalar) -> Parts:
        """Compute cycles: the most loaded PE row works off its queue of entries."""

    @abc.abstractmethod
    def inner_product(self, loads: RowLoads, passes: Scalar) -> tuple[Parts, Parts]:
        """Compute and intersection cycles for each of `INTERSECTIONS`, mixed."""

    @abc.abstractmethod
    def outer_product(self, passes: Scalar) -> Parts:
        """Compute cycles: columns of A and rows of B in step over the array."""

    @abc.abstractmethod
    def intersection_steps(self) -> Scalar:
        """Steps of all intersection units together, in the inner product."""
