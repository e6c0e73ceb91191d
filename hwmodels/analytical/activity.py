"""What goes on in all visits: cycles of the array, bits moved on every level, and how busy that keeps each resource.

`flows_of` says it for each class of A's tiles; what follows from it is linear, so `movement` serves the classes and
their sums alike.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.operand_a import ASide, RowLoads, total
from hwmodels.analytical.operand_b import BSide, Groups, Parts
from hwmodels.analytical.passes import Plan
from hwmodels.analytical.tiling import Tiling
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Numerics
from workloads.statistics.lattice import computed_once

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

TINY = 1e-6
"""Cycles that stand for none."""


class Flows(eqx.Module):
    """What goes on in all visits of each class, or of all classes together."""

    compute: Parts
    intersect: Parts
    """Cycles of intersection or decoding, whichever is more."""
    a_values_bits: PerClass | Scalar
    """Bits sent over the buses."""
    a_metadata_bits: PerClass | Scalar
    b_values_bits: Parts
    b_metadata_bits: Parts
    b_decoded_entries: PerClass | Scalar
    results: PerClass | Scalar
    result_metadata_bits: PerClass | Scalar
    dram_a_bits: PerClass | Scalar
    """Bits fetched from DRAM."""
    dram_b_bits: Parts
    z_spill_bits: PerClass | Scalar
    """Bits of partial outputs written to DRAM, and read back."""
    z_final_bits: PerClass | Scalar
    a_entries: PerClass | Scalar
    """Entries of A worked on by each PE column, once per column pass."""
    a_stored_entries: PerClass | Scalar


def flows_of(
    hardware: Hardware,
    mapping: Mapping,
    tiles: Tiling,
    a: ASide,
    b: BSide,
    loads: RowLoads,
    plan: Plan,
    numerics: Numerics,
) -> Flows:
    """Flows of each class."""
    nothing = jnp.zeros_like(loads.decode)
    decode = loads.decode * b.a_visits * plan.column_passes
    intersect = Parts(decode, nothing)
    if mapping.dataflow == "gustavson":
        compute = b.row_major_cycles(loads, plan.column_passes)
    elif mapping.dataflow == "outer_product":
        compute, intersect = b.outer_cycles(plan.column_passes), Parts(nothing, nothing)
    else:
        compute, walked = b.inner_cycles(loads, plan.column_passes)
        intersect = walked * (numerics.max_of(walked.total, decode) / jnp.maximum(walked.total, TINY))
    sends = b.a_visits * plan.a_sends
    fetched = tiles.a_each * b.a_visits + (1.0 - tiles.a_each) * b.a_once
    resting = (1.0 - tiles.b_each) * b.once_bits / total(b.each_bits.total)
    return Flows(
        compute=compute,
        intersect=intersect,
        a_values_bits=a.values_bits * sends,
        a_metadata_bits=a.metadata_bits * sends,
        b_values_bits=b.sent_values_bits * plan.fills,
        b_metadata_bits=b.sent_metadata_bits * plan.fills,
        b_decoded_entries=b.decoded_entries * plan.fills,
        results=b.results,
        result_metadata_bits=b.result_metadata_bits,
        dram_a_bits=a.fetched_bits * fetched,
        dram_b_bits=b.each_bits * (tiles.b_each + resting),
        z_spill_bits=tiles.z_each * b.z_spill_bits,
        z_final_bits=b.z_final_bits * (b.visits / total(b.visits)),
        a_entries=a.entries * b.a_visits * plan.column_passes,
        a_stored_entries=a.stored_entries * b.a_visits * plan.column_passes,
    )


def with_sums(flows: Flows) -> tuple[Flows, Flows]:
    """The same per class, and summed over the classes."""
    leaves, structure = jax.tree.flatten(flows)
    rows = computed_once(leaves)
    per_class, summed = jnp.unstack(rows), jnp.unstack(rows @ jnp.ones(rows.shape[1], rows.dtype))
    return jax.tree.unflatten(structure, per_class), jax.tree.unflatten(structure, summed)


class Movement(eqx.Module):
    """Bits moved, per class or altogether; linear in the flows."""

    value_bits: Parts
    index_bits: Parts
    glb_bits: Parts
    """Reads and writes, but for the traffic of Z with DRAM."""
    glb_read_bits: PerClass | Scalar
    glb_write_bits: PerClass | Scalar
    operand_dram_bits: Parts
    z_write_bits: PerClass | Scalar


def movement(hardware: Hardware, tiles: Tiling, flows: Flows) -> Movement:
    """Bits over the buses, in and out of the GLB, and from DRAM."""
    nothing = jnp.zeros_like(flows.results)
    result_bits = flows.results * hardware.accumulator_bits
    outward = result_bits + flows.result_metadata_bits
    sent = Parts(flows.a_values_bits + flows.a_metadata_bits, nothing) + flows.b_values_bits + flows.b_metadata_bits
    operands = Parts(flows.dram_a_bits, nothing) + flows.dram_b_bits
    z_write_bits = flows.z_spill_bits + flows.z_final_bits
    return Movement(
        value_bits=Parts(flows.a_values_bits, result_bits) + flows.b_values_bits,
        index_bits=Parts(flows.a_metadata_bits, flows.result_metadata_bits) + flows.b_metadata_bits,
        glb_bits=sent + operands + Parts(nothing, (1.0 + tiles.k_split) * outward),
        glb_read_bits=sent.total + tiles.k_split * outward + z_write_bits,
        glb_write_bits=outward + operands.total + flows.z_spill_bits,
        operand_dram_bits=operands,
        z_write_bits=z_write_bits,
    )


def z_at_ends(tiles: Tiling, flows: Flows, b: BSide) -> Float[Array, "2 c"]:
    """Traffic of Z with DRAM: in the visits inside a tile of it, and in those that begin or end one (`BSide.ends`)."""
    everything = 2.0 * flows.z_spill_bits + flows.z_final_bits
    leaving = 2.0 * flows.z_spill_bits * b.spilled_at_ends + flows.z_final_bits
    ends = tiles.z_each * leaving + (1.0 - tiles.z_each) * b.ends * flows.z_final_bits
    return jnp.stack([everything - ends, ends])


def busy_by_visits(
    by_resource: tuple[Parts, ...],
    z_bits: Float[Array, "2 c"],
    z_rates: tuple[Scalar, Scalar],
    groups: Groups,
    ends: Scalar,
) -> list[Float[Array, " v"]]:
    """Busy cycles of each resource by groups of visits: inside and at the ends of a tile of Z, by B's tile, class."""
    shares = jnp.stack([1.0 - ends, ends])[:, None, None]
    parts = jnp.unstack(computed_once([part for r in by_resource for part in (r.even, r.with_b)]))
    busy = [
        (shares * (groups.visits * even + groups.with_b * with_b)).ravel()
        for even, with_b in zip(parts[::2], parts[1::2], strict=True)
    ]
    of_z = (z_bits[:, None, :] * groups.with_b).ravel()
    busy[4:] = [cycles + of_z * rate for cycles, rate in zip(busy[4:], z_rates, strict=True)]
    return list(jnp.unstack(computed_once(busy)))
