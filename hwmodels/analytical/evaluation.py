"""The model: what one kernel costs on one design. Batch it with `jax.vmap`, differentiate it with `jax.grad`.

The formulas follow docs/machine.md section by section: tiles and fetches, column passes and buffer fills, cycles of
each resource in each occupancy class, then the maximum over resources per class, summed.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import BANK_WORD_BITS, conclude, dram_bits_per_cycle
from hwmodels.analytical.activity import Flows, Movement, busy_by_visits, flows_of, movement, with_sums, z_at_ends
from hwmodels.analytical.elementwise import elementwise
from hwmodels.analytical.operand_a import GATE, ASide, a_side, row_loads, total
from hwmodels.analytical.operand_b import BSide
from hwmodels.analytical.passes import plan_passes
from hwmodels.analytical.sddmm import sddmm
from hwmodels.analytical.spmm import dense_b
from hwmodels.analytical.spmspm import sparse_b
from hwmodels.analytical.tiling import Tiling, tiling
from hwmodels.cost import ActionCounts, Computes, Cost, Traffic
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Exact, Numerics
from hwmodels.technology import Technology
from workloads.statistics.elementwise import ElementwiseStatistics
from workloads.statistics.measurement import KernelStatistics
from workloads.statistics.sddmm import SddmmStatistics
from workloads.statistics.spmm import DenseBStatistics

Scalar = Float[Array, ""]


def evaluate(
    hardware: Hardware,
    mapping: Mapping,
    kernel: KernelStatistics | SddmmStatistics | ElementwiseStatistics,
    technology: Technology,
    *,
    numerics: Numerics = Exact(),  # noqa: B008 - immutable
) -> Cost:
    """Cost of one run of a kernel.

    **Arguments**: one design (`hardware`, `mapping`), the `kernel`'s statistics, the `technology` with its scenario
    (node, clock, DRAM); `numerics`: `Exact` for figures to report, `Smooth` or `StraightThrough` for gradients.
    **Returns** a `Cost`; a design with any of `Cost.fits` above 1 cannot be built or run. Sizes are not checked here:
    `hwmodels.design.legality` does that where a design is made. Source: docs/machine.md.
    """
    technology = technology.solved()
    if isinstance(kernel, SddmmStatistics):
        return sddmm(hardware, mapping, kernel, technology, numerics)
    if isinstance(kernel, ElementwiseStatistics):
        return elementwise(hardware, mapping, kernel, technology, numerics)
    tiles = tiling(mapping, kernel, numerics)
    a = a_side(hardware, mapping, kernel, tiles, numerics)
    describe_b = dense_b if isinstance(kernel, DenseBStatistics) else sparse_b
    b = describe_b(hardware, mapping, kernel, tiles, a, numerics)
    loads = row_loads(hardware, mapping, kernel, tiles, a, numerics)
    plan = plan_passes(hardware, mapping, tiles, a, b, loads, numerics)
    flows, sums = with_sums(flows_of(hardware, mapping, tiles, a, b, loads, plan, numerics))
    moved, totals = movement(hardware, tiles, flows), movement(hardware, tiles, sums)

    dram_rate = 1.0 / dram_bits_per_cycle(technology)
    glb_rate = 1.0 / (BANK_WORD_BITS * hardware.glb_banks)
    by_resource = (
        flows.compute,
        flows.intersect,
        moved.index_bits * (1.0 / hardware.index_bus_bits),
        moved.value_bits * (1.0 / hardware.value_bus_bits),
        moved.glb_bits * glb_rate,
        moved.operand_dram_bits * dram_rate,
    )
    computes = _computes(mapping, kernel, a, b)
    return conclude(
        hardware,
        mapping,
        technology,
        numerics,
        busy=busy_by_visits(by_resource, z_at_ends(tiles, flows, b), (glb_rate, dram_rate), b.groups, b.ends),
        actions=_actions(hardware, mapping, tiles, a, b, sums, totals, computes),
        traffic=_traffic(sums, totals),
        computes=computes,
        fits=(_glb_fit(hardware, a, b), plan.buffer_fit, plan.accumulator_fit),
    )


def _computes(mapping: Mapping, kernel: KernelStatistics, a: ASide, b: BSide) -> Computes:
    """Fate of every multiply of the dense iteration space; those of RLE's padding are gated."""
    met = b.products
    a_gate, b_gate = mapping.a_zero[GATE], mapping.b_zero[GATE]
    full_a = 1.0 - a.skip
    full_b = 1.0 - b.skip
    processed = a.skip * (b.skip * met.both_skip + full_b * met.a_skips) + full_a * (
        b.skip * met.b_skips + full_b * met.none_skip
    )
    zeros_of_a = b.skip * (met.b_skips - met.both_skip) + full_b * (met.none_skip - met.a_skips)
    zeros_of_b = met.a_skips - met.both_skip
    gated = a_gate * zeros_of_a + b_gate * zeros_of_b
    padded = total(a.padding) / total(a.nonzeros) * (b.skip * met.both_skip + full_b * met.a_skips)
    effectual = met.both_skip
    ineffectual = jnp.maximum(processed - effectual - gated, 0.0)
    everything = kernel.m * kernel.k * kernel.n
    gated = gated + padded
    skipped = jnp.maximum(everything - effectual - ineffectual - gated, 0.0)
    return Computes(effectual, ineffectual, gated, skipped)


def _actions(
    hardware: Hardware,
    mapping: Mapping,
    tiles: Tiling,
    a: ASide,
    b: BSide,
    sums: Flows,
    moved: Movement,
    computes: Computes,
) -> ActionCounts:
    inner = mapping.dataflow == "inner_product"
    outer = mapping.dataflow == "outer_product"
    nothing = jnp.zeros_like(computes.effectual)
    processed = computes.effectual + computes.ineffectual + computes.gated
    entries = sums.a_entries * hardware.pe_cols
    coordinate_bits = a.skip * (tiles.m_bits if outer else tiles.k_bits)
    a_sent, b_sent = sums.a_values_bits + sums.a_metadata_bits, sums.b_values_bits.total + sums.b_metadata_bits.total
    return ActionCounts(
        macs=computes.effectual + computes.ineffectual,
        gated_macs=computes.gated,
        pe_buffer_read_bits=processed * hardware.value_bits + entries * (hardware.value_bits + coordinate_bits),
        pe_buffer_write_bits=a_sent * hardware.pe_cols + b_sent * hardware.pe_rows,
        accumulator_accesses=sums.results if inner else 2.0 * processed,
        intersection_steps=b.intersection_steps() if inner else nothing,
        decoded_entries=sums.a_stored_entries * hardware.pe_cols + sums.b_decoded_entries * hardware.pe_rows,
        bus_bits=moved.value_bits.total + moved.index_bits.total,
        crossbar_words=processed if outer else nothing,
        glb_read_bits=moved.glb_read_bits,
        glb_write_bits=moved.glb_write_bits,
        dram_read_bits=moved.operand_dram_bits.total + sums.z_spill_bits,
        dram_write_bits=moved.z_write_bits,
        cycles=nothing,
    )


def _traffic(sums: Flows, moved: Movement) -> Traffic:
    return Traffic(
        dram_a_bytes=sums.dram_a_bits / 8.0,
        dram_b_bytes=sums.dram_b_bits.total / 8.0,
        dram_z_read_bytes=sums.z_spill_bits / 8.0,
        dram_z_write_bytes=moved.z_write_bits / 8.0,
        glb_read_bytes=moved.glb_read_bits / 8.0,
        glb_write_bytes=moved.glb_write_bits / 8.0,
        value_bus_bytes=moved.value_bits.total / 8.0,
        index_bus_bytes=moved.index_bits.total / 8.0,
    )


def _glb_fit(hardware: Hardware, a: ASide, b: BSide) -> Scalar:
    """Need of one tile of each operand over half the GLB."""
    return (a.peak_bits + b.peak_bits + b.z_peak_bits) / (hardware.glb_bytes * 4.0)
