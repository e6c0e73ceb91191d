"""One design and one kernel, cut into tiles: what every formula of the model is asked about."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.tiling import Tiling, cut_into_tiles
from hwmodels.design.choices import COLUMNS_ON_M, FETCHES_B, HOLDS_BOTH, IN_GLB, IN_PES, LANES_ON_K
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Numerics
from hwmodels.technology import Technology
from workloads.statistics.lattice import kept_for_slopes

Scalar = Float[Array, ""]


class Point(eqx.Module):
    """A kernel on a design, in a technology."""

    hardware: Hardware
    mapping: Mapping
    kernel: Any
    """The kernel's statistics, of any family."""
    technology: Technology
    """With the memory of the hardware, and solved (`Technology.with_memory_of`, `solved`)."""
    numerics: Numerics
    tiles: Tiling
    array: "PeArray"

    @property
    def dataflow(self) -> str:
        """Name of the mapping's dataflow."""
        return self.mapping.dataflow

    @property
    def half_buffer_bits(self) -> Scalar:
        """Half the operand buffer of a PE; the other half is being filled. Likewise of the GLB."""
        return self.hardware.pe_buffer_bytes * 4.0

    @property
    def half_glb_bits(self) -> Scalar:
        """See `half_buffer_bits`; of what the kernel may use."""
        return self.numerics.min_of(self.hardware.glb_bytes, self.mapping.glb_room) * 4.0

    @property
    def a_in_pes(self) -> Scalar:
        """1 if A stays in the PEs."""
        return self.mapping.a_kept[IN_PES]

    @property
    def moved(self) -> "OffChip":
        """What of A, B and Z comes from DRAM, or goes there."""
        mapping = self.mapping
        a = 1.0 - mapping.a_kept[IN_GLB] - self.a_in_pes
        return OffChip(a, 1.0 - mapping.b_kept[IN_GLB], 1.0 - mapping.z_kept[IN_GLB])

    @property
    def accumulator_words(self) -> Scalar:
        """Accumulators of a PE, as many in the bank of each lane that there is."""
        hardware = self.hardware
        bits = hardware.accumulator_bits * hardware.lanes
        return hardware.lanes * self.numerics.floor(hardware.accumulator_bytes * 8.0 / bits)

    @property
    def holds_a(self) -> Scalar:
        """1 if a PE's share of A is held in its buffer."""
        return self.mapping.residency[HOLDS_BOTH]

    @property
    def fetches(self) -> Scalar:
        """1 if each entry of A asks the GLB for its row of B: in Gustavson's dataflow alone."""
        asks = self.mapping.residency[FETCHES_B]
        return asks if self.dataflow == "gustavson" else jnp.zeros_like(asks)


class OffChip(NamedTuple):
    """1 for each of A, B and Z that does not stay on the chip."""

    a: Scalar
    b: Scalar
    z: Scalar


class PeArray(eqx.Module):
    """The parts of the PE array that a mapping uses, and what they work on (docs/machine.md, section 4)."""

    rows: Scalar
    columns: Scalar
    lanes: Scalar
    on_m: Scalar
    """1 if PE columns work on different rows of A."""
    on_k: Scalar
    """1 if the lanes of a PE work on neighbouring entries of A."""
    queues: Scalar
    """Queues of A."""
    hearing: Scalar
    """PEs that share a queue, and so PE columns that hold different columns of B."""
    width: Scalar
    """Columns of B worked on at once."""
    step: Scalar
    """Entries of A that a queue gives in a step."""

    @property
    def macs(self) -> Scalar:
        """MACs of all parts in use."""
        return self.rows * self.columns * self.lanes


def array_of(hardware: Hardware, mapping: Mapping, numerics: Numerics) -> PeArray:
    """Spatial assignments are exponents: mixtures of them, while a search anneals, are powers between."""
    rows, columns, lanes = (
        numerics.min_of(there, used)
        for there, used in (
            (hardware.pe_rows, mapping.rows_used),
            (hardware.pe_cols, mapping.cols_used),
            (hardware.lanes, mapping.lanes_used),
        )
    )
    on_m, on_k = mapping.columns_on[COLUMNS_ON_M], mapping.lanes_on[LANES_ON_K]
    if mapping.dataflow != "inner_product":  # only sums of one output at a time go through a tree
        on_k = jnp.zeros_like(on_k)
    hearing = jnp.exp2((1.0 - on_m) * jnp.log2(columns))
    step = jnp.exp2(on_k * jnp.log2(lanes))
    return PeArray(rows, columns, lanes, on_m, on_k, rows * columns / hearing, hearing, hearing * lanes / step, step)


def point_of(hardware: Hardware, mapping: Mapping, kernel: Any, technology: Technology, numerics: Numerics) -> Point:
    """A design and a kernel, its iteration space cut into the mapping's tiles."""
    tiles, array = kept_for_slopes((cut_into_tiles(mapping, kernel, numerics), array_of(hardware, mapping, numerics)))
    return Point(hardware, mapping, kernel, technology, numerics, tiles, array)
