"""What a designer chooses: the hardware, and one mapping for each kernel.

Numbers and choices are array leaves, so designs stack and nothing compiles once per combination; only the dataflow of
a mapping is structure. Values are checked where a user makes a design (`hwmodels.design.legality`), never in here.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.design.choices import (
    DATAFLOWS,
    FORMATS,
    INTERSECTIONS,
    LOOP_ORDERS,
    RESIDENCIES,
    SCHEDULES,
    ZERO_MODES,
    one_hot,
)

Scalar = Float[Array, "..."]
"""One number; a stack of designs has one for each."""
Choice = Float[Array, "..."]
"""Weights over the names of a choice (`hwmodels.design.choices`); a stack of designs has such a vector for each."""


class Hardware(eqx.Module):
    """The accelerator: sizes, widths and capabilities. Every capability costs area and leakage.

    Capability vectors hold 1 for each choice the hardware has the circuits for (a number in 0..1 while relaxed).
    """

    pe_rows: Scalar
    pe_cols: Scalar
    lanes: Scalar
    """MACs per PE."""
    glb_bytes: Scalar
    glb_banks: Scalar
    """Each bank reads or writes one 64-bit word a cycle."""
    pe_buffer_bytes: Scalar
    accumulator_bytes: Scalar
    """Per PE."""
    index_bus_bits: Scalar
    value_bus_bits: Scalar
    value_bits: Scalar
    accumulator_bits: Scalar
    intersection: Choice
    """Weights over `INTERSECTIONS`: the unit in each PE (used by the inner product)."""
    dataflows: Choice
    a_formats: Choice
    b_formats: Choice
    a_zero_modes: Choice
    b_zero_modes: Choice
    schedules: Choice


class Mapping(eqx.Module):
    """How one kernel runs on the hardware: tiles of the GLB, their order, and which capabilities are used."""

    tile_m: Scalar
    tile_k: Scalar
    tile_n: Scalar
    loop_order: Choice
    residency: Choice
    a_format: Choice
    b_format: Choice
    a_zero: Choice
    b_zero: Choice
    schedule: Choice
    dataflow: str = eqx.field(static=True)


HARDWARE_NUMBERS = (
    "pe_rows",
    "pe_cols",
    "lanes",
    "glb_bytes",
    "glb_banks",
    "pe_buffer_bytes",
    "accumulator_bytes",
    "index_bus_bits",
    "value_bus_bits",
    "value_bits",
    "accumulator_bits",
)
MAPPING_NUMBERS = ("tile_m", "tile_k", "tile_n")
HARDWARE_CHOICES = {"intersection": INTERSECTIONS}
MAPPING_CHOICES = {
    "loop_order": LOOP_ORDERS,
    "residency": RESIDENCIES,
    "a_format": FORMATS,
    "b_format": FORMATS,
    "a_zero": ZERO_MODES,
    "b_zero": ZERO_MODES,
    "schedule": SCHEDULES,
}
CAPABILITY_OF = {
    "a_format": "a_formats",
    "b_format": "b_formats",
    "a_zero": "a_zero_modes",
    "b_zero": "b_zero_modes",
    "schedule": "schedules",
}
"""Mapping choice -> the hardware's capability vector that it must be covered by."""


def make_mapping(dataflow: str, **fields: Any) -> Mapping:
    """Mapping from plain numbers and choice names, e.g. `make_mapping("gustavson", tile_m=64, ..., a_format="csr")`."""
    leaves = {name: jnp.asarray(float(fields[name]), jnp.float32) for name in MAPPING_NUMBERS}
    leaves |= {name: one_hot(fields[name], names, name) for name, names in MAPPING_CHOICES.items()}
    one_hot(dataflow, DATAFLOWS, "dataflow")
    return Mapping(**leaves, dataflow=dataflow)


def make_hardware(intersection: str, mappings: Sequence[Mapping], **numbers: float | int) -> Hardware:
    """Hardware from plain numbers, with exactly the capabilities that its mappings use."""
    leaves = {name: jnp.asarray(float(numbers[name]), jnp.float32) for name in HARDWARE_NUMBERS}
    return Hardware(
        **leaves, intersection=one_hot(intersection, INTERSECTIONS, "intersection"), **capabilities(mappings)
    )


def capabilities(mappings: Sequence[Mapping]) -> dict[str, Array]:
    """The smallest capability vectors that cover the mappings: the element-wise maximum of what they use."""

    def cover(rows: list[Array]) -> Array:
        return jnp.max(jnp.stack(rows), axis=0)

    vectors = {capability: cover([getattr(m, use) for m in mappings]) for use, capability in CAPABILITY_OF.items()}
    return {"dataflows": cover([one_hot(m.dataflow, DATAFLOWS) for m in mappings])} | vectors


def stack(trees: Sequence[Any]) -> Any:
    """Stack pytrees of one structure along a new leading axis, for `jax.vmap`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
