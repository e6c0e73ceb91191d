"""From what groups of visits do to what a kernel costs: time by the slowest resource, counted actions, energy, area.

`conclude` ends every model. `conclude_doings` leads there for families whose operands need no distinction but by the
bits they move.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.area import area_mm2, glb_bank_bytes
from hwmodels.cost import ActionCounts, Computes, Cost, Traffic, rows_of
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.energy import price
from hwmodels.numerics import Numerics
from hwmodels.technology import Technology
from workloads.statistics.lattice import computed_once

Scalar = Float[Array, ""]
PerGroup = Float[Array, " v"]

BANK_WORD_BITS = 64.0
PIPELINE_STAGES = 16.0


class Doings(eqx.Module):
    """What all visits of each group do; a group's visits are taken to be alike."""

    compute: PerGroup
    """Cycles of the most loaded PE or lane; `intersect` likewise."""
    intersect: PerGroup
    a_value: PerGroup
    """Bits that cross the buses, values and metadata of each operand and of the results."""
    a_index: PerGroup
    b_value: PerGroup
    b_index: PerGroup
    z_value: PerGroup
    z_index: PerGroup
    dram_a: PerGroup
    """Bits from and to DRAM."""
    dram_b: PerGroup
    z_read: PerGroup
    z_write: PerGroup


class Charges(eqx.Module):
    """Array actions that follow from a family's own rules."""

    pe_buffer_read_bits: Scalar
    pe_buffer_write_bits: Scalar
    accumulator_accesses: Scalar
    intersection_steps: Scalar
    decoded_entries: Scalar


def total(values: PerGroup) -> Scalar:
    """Sum over the groups (a dot product, which XLA's CPU backend vectorises)."""
    return jnp.tensordot(jnp.ones(values.shape[0], values.dtype), values, axes=1)


def conclude(
    hardware: Hardware,
    mapping: Mapping,
    technology: Technology,
    numerics: Numerics,
    *,
    busy: Sequence[PerGroup],
    actions: ActionCounts,
    traffic: Traffic,
    computes: Computes,
    fits: tuple[Any, Any, Any],
) -> Cost:
    """Cost of a kernel (docs/machine.md, sections 4 and 5).

    **Arguments**: `technology` solved; `busy`: cycles of each of `RESOURCES` in the visits of each group; `actions` but
    for their cycles; `fits`: need over capacity of the GLB, the PE buffer and the accumulators.
    """
    clock_ghz = technology.scenario.clock_ghz
    visit_cycles = numerics.max_of(*busy)
    # In one stack with the maximum, lest XLA write one of its parts over it, in place and slowly.
    rows = computed_once([*busy, visit_cycles, *numerics.attributed(*busy)])
    by_resource = rows @ jnp.ones_like(visit_cycles)
    fill = technology.dram_latency_ns() * clock_ghz + hardware.pe_rows + hardware.pe_cols + PIPELINE_STAGES
    cycles = total(visit_cycles) + fill
    actions = dataclasses.replace(actions, cycles=cycles)
    area = area_mm2(hardware, technology)
    peak_macs = hardware.pe_rows * hardware.pe_cols * hardware.lanes * cycles
    limit_ghz = numerics.min_of(technology.max_clock_ghz(), technology.glb_clock_limit_ghz(glb_bank_bytes(hardware)))
    return Cost(
        latency_s=cycles / clock_ghz * 1e-9,
        cycles=cycles,
        resource_cycles=by_resource[: len(busy)],
        bound_cycles=by_resource[len(busy) + 1 :],
        energy_pj=price(actions, hardware, mapping, area, technology),
        area_mm2=area,
        utilization=computes.effectual / peak_macs,
        computes=computes,
        traffic=traffic,
        actions=actions,
        fits=rows_of(*fits, clock_ghz / limit_ghz),
    )


def dram_bits_per_cycle(technology: Technology) -> Scalar:
    """Bits that DRAM moves in one cycle of the accelerator's clock."""
    return technology.dram_gbps() * 8.0 / technology.scenario.clock_ghz


def conclude_doings(
    hardware: Hardware,
    mapping: Mapping,
    technology: Technology,
    numerics: Numerics,
    *,
    doings: Doings,
    adds_partials: Scalar,
    computes: Computes,
    charges: Charges,
    fits: tuple[Any, Any, Any],
) -> Cost:
    """`conclude` from what the visits of each group do.

    **Arguments**: `adds_partials`: 1 where results are added to partial sums in the GLB, else 0.
    """
    rows, structure = jax.tree.flatten(doings)
    doings = jax.tree.unflatten(structure, jnp.unstack(computed_once(rows)))
    operands = doings.a_value + doings.a_index + doings.b_value + doings.b_index
    results = doings.z_value + doings.z_index
    value, index = doings.a_value + doings.b_value + doings.z_value, doings.a_index + doings.b_index + doings.z_index
    dram_read = doings.dram_a + doings.dram_b + doings.z_read
    glb_read = operands + adds_partials * results + doings.z_write
    glb_write = results + dram_read
    busy = (
        doings.compute,
        doings.intersect,
        index / hardware.index_bus_bits,
        value / hardware.value_bus_bits,
        (glb_read + glb_write) / (BANK_WORD_BITS * hardware.glb_banks),
        (dram_read + doings.z_write) / dram_bits_per_cycle(technology),
    )
    rows = computed_once([*busy, value, index, glb_read, glb_write, dram_read])
    value_bits, index_bits, glb_read_bits, glb_write_bits, dram_read_bits = jnp.unstack(
        rows[len(busy) :] @ jnp.ones_like(value)
    )
    nothing = jnp.zeros_like(computes.effectual)
    actions = ActionCounts(
        macs=computes.effectual + computes.ineffectual,
        gated_macs=computes.gated,
        pe_buffer_read_bits=charges.pe_buffer_read_bits,
        pe_buffer_write_bits=charges.pe_buffer_write_bits,
        accumulator_accesses=charges.accumulator_accesses,
        intersection_steps=charges.intersection_steps,
        decoded_entries=charges.decoded_entries,
        bus_bits=value_bits + index_bits,
        crossbar_words=nothing,
        glb_read_bits=glb_read_bits,
        glb_write_bits=glb_write_bits,
        dram_read_bits=dram_read_bits,
        dram_write_bits=total(doings.z_write),
        cycles=nothing,
    )
    traffic = Traffic(
        dram_a_bytes=total(doings.dram_a) / 8.0,
        dram_b_bytes=total(doings.dram_b) / 8.0,
        dram_z_read_bytes=total(doings.z_read) / 8.0,
        dram_z_write_bytes=total(doings.z_write) / 8.0,
        glb_read_bytes=actions.glb_read_bits / 8.0,
        glb_write_bytes=actions.glb_write_bits / 8.0,
        value_bus_bytes=value_bits / 8.0,
        index_bus_bytes=index_bits / 8.0,
    )
    return conclude(
        hardware,
        mapping,
        technology,
        numerics,
        busy=jnp.unstack(rows)[: len(busy)],
        actions=actions,
        traffic=traffic,
        computes=computes,
        fits=fits,
    )
