"""The operand B and the product Z as the machine sees them: what both families of kernels answer.

`DenseB` (SpMV, SpMM) and `SparseB` (SpMSpM) are the two final classes. Per-class vectors follow the classes of A's
tiles and are totals over all visits, those along n included.

Visits of one class are not alike: the tile of B is fuller in some than in others. So what a visit costs is kept in two
parts, one that is the same in all visits of a class and one that goes with what the tile of B holds.
"""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from hwmodels.analytical.operand_a import RowLoads

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]
Amount = Float[Array, "..."]
"""One number, or one for each class."""


class Products(eqx.Module):
    """Pairs of entries that meet, by whether A and B skip: the MACs that are not skipped."""

    both_skip: Scalar
    a_skips: Scalar
    b_skips: Scalar
    none_skip: Scalar


class Parts(eqx.Module):
    """A quantity of each class, or of all: the part that all visits share alike, and the part that goes with B."""

    even: Amount
    with_b: Amount

    @property
    def total(self) -> Amount:
        """Over all visits."""
        return self.even + self.with_b

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(self.even + other.even, self.with_b + other.with_b)

    def __mul__(self, factor: Array) -> "Parts":
        return Parts(self.even * factor, self.with_b * factor)


class Groups(eqx.Module):
    """Groups of visits that the tiles of B set apart: share of the visits, and of what goes with B, of each."""

    visits: Float[Array, "g 1"]
    with_b: Float[Array, "g c"]


class BSide(eqx.Module):
    """What a family of kernels says about B and Z."""

    visits: eqx.AbstractVar[PerClass]
    a_visits: eqx.AbstractVar[PerClass]
    """Visits of a tile of A."""
    a_once: eqx.AbstractVar[Scalar]
    """Share of A's bits that is fetched at all."""
    skip: eqx.AbstractVar[Scalar]
    share_bits: eqx.AbstractVar[Scalar]
    """Bits of an average visited tile of B over the PE columns."""
    peak_bits: eqx.AbstractVar[Scalar]
    z_peak_bits: eqx.AbstractVar[Scalar]
    each_bits: eqx.AbstractVar[Parts]
    """B's bits when its tile is fetched at each visit."""
    once_bits: eqx.AbstractVar[Scalar]
    sent_values_bits: eqx.AbstractVar[Parts]
    """Crossing the value bus in each fill of the PE buffers."""
    sent_metadata_bits: eqx.AbstractVar[Parts]
    decoded_entries: eqx.AbstractVar[PerClass]
    """Compressed entries of B sent in each fill."""
    results: eqx.AbstractVar[PerClass]
    """Accumulator words that leave the array."""
    result_metadata_bits: eqx.AbstractVar[PerClass]
    z_spill_bits: eqx.AbstractVar[PerClass]
    """Partial outputs written to DRAM if Z does not stay; as many are read back."""
    z_final_bits: eqx.AbstractVar[Scalar]
    ends: eqx.AbstractVar[Scalar]
    """Share of the visits that are the first or last of their tile of Z, as far as its traffic tells them apart."""
    spilled_at_ends: eqx.AbstractVar[Scalar]
    """Share of the partial outputs, written and read together, that moves in these visits."""
    groups: eqx.AbstractVar[Groups]
    products: eqx.AbstractVar[Products]

    @abc.abstractmethod
    def row_major_cycles(self, loads: RowLoads, passes: Scalar) -> Parts:
        """Compute cycles of Gustavson's dataflow: the most loaded PE row works off its queue of entries."""

    @abc.abstractmethod
    def inner_cycles(self, loads: RowLoads, passes: Scalar) -> tuple[Parts, Parts]:
        """Compute and intersection cycles of the inner product for each of `INTERSECTIONS`, mixed."""

    @abc.abstractmethod
    def outer_cycles(self, passes: Scalar) -> Parts:
        """Compute cycles of the outer product: columns of A and rows of B in step over the array."""

    @abc.abstractmethod
    def intersection_steps(self) -> Scalar:
        """Steps of all intersection units together."""
