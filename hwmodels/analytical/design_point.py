"""One design and one kernel, cut into tiles: what every formula of the model is asked about."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.tiling import Tiling, cut_into_tiles
from hwmodels.design.choices import STAYS_A, STAYS_B
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Numerics
from hwmodels.technology import Technology

Scalar = Float[Array, ""]


class Point(eqx.Module):
    """A kernel on a design, in a technology."""

    hardware: Hardware
    mapping: Mapping
    kernel: Any
    """The kernel's statistics, of any family."""
    technology: Technology
    """Solved (`Technology.solved`)."""
    numerics: Numerics
    tiles: Tiling

    @property
    def dataflow(self) -> str:
        """Name of the mapping's dataflow."""
        return self.mapping.dataflow

    @property
    def array_width(self) -> Scalar:
        """Columns of B worked on at once: PE columns times lanes."""
        return self.hardware.pe_cols * self.hardware.lanes

    @property
    def half_buffer_bits(self) -> Scalar:
        """Half the operand buffer of a PE; the other half is being filled. Likewise of the GLB."""
        return self.hardware.pe_buffer_bytes * 4.0

    @property
    def half_glb_bits(self) -> Scalar:
        """See `half_buffer_bits`."""
        return self.hardware.glb_bytes * 4.0

    @property
    def accumulator_words(self) -> Scalar:
        """Accumulators of a PE."""
        return self.numerics.floor(self.hardware.accumulator_bytes * 8.0 / self.hardware.accumulator_bits)

    def stays(self, operand: str) -> Scalar:
        """1 if the share of operand "a" or "b" stays in the PE buffers; the outer product streams both."""
        stays = self.mapping.residency[{"a": STAYS_A, "b": STAYS_B}[operand]]
        return jnp.zeros_like(stays) if self.dataflow == "outer_product" else stays


def point_of(hardware: Hardware, mapping: Mapping, kernel: Any, technology: Technology, numerics: Numerics) -> Point:
    """A design and a kernel, its iteration space cut into the mapping's tiles."""
    return Point(hardware, mapping, kernel, technology, numerics, cut_into_tiles(mapping, kernel, numerics))
