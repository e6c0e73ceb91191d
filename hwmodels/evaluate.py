"""The model: what one kernel costs on one design. Batch it with `jax.vmap`, differentiate it with `jax.grad`.

The formulas follow docs/machine.md section by section: tiles and fetches, column passes and buffer fills, cycles of
each resource in each occupancy class, then the maximum over resources per class, summed.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.a_side import GATE, ASide, RowLoads, a_side, row_loads, total
from hwmodels.area import area_mm2, glb_bank_bytes
from hwmodels.b_side import BSide
from hwmodels.cost import ActionCounts, Computes, Cost, Traffic, rows_of
from hwmodels.dense_b import dense_b
from hwmodels.energy import price
from hwmodels.hardware import Hardware, Mapping
from hwmodels.numerics import Exact, Numerics
from hwmodels.sparse_b import sparse_b
from hwmodels.technology import Technology
from hwmodels.tiling import Tiling, tiling
from workloads.statistics import DenseBStatistics, KernelStatistics

Scalar = Float[Array, ""]
PerClass = Float[Array, " c"]

BANK_WORD_BITS = 64.0
PIPELINE_STAGES = 16.0


def evaluate(
    hardware: Hardware,
    mapping: Mapping,
    kernel: KernelStatistics,
    technology: Technology,
    *,
    numerics: Numerics = Exact(),  # noqa: B008 - immutable
) -> Cost:
    """Cost of one run of a kernel.

    **Arguments**: one design (`hardware`, `mapping`), the `kernel`'s statistics, the `technology` with its scenario
    (node, clock, DRAM); `numerics`: `Exact` for figures to report, `Smooth` or `StraightThrough` for gradients.
    **Returns** a `Cost`; a design with any of `Cost.fits` above 1 cannot be built or run. Sizes are not checked here:
    `hwmodels.legality` does that where a design is made. Source: docs/machine.md.
    """
    technology = technology.solved()
    tiles = tiling(mapping, kernel, numerics)
    a = a_side(hardware, mapping, kernel, tiles, numerics)
    describe_b = dense_b if isinstance(kernel, DenseBStatistics) else sparse_b
    b = describe_b(hardware, mapping, kernel, tiles, a, numerics)
    loads = row_loads(hardware, mapping, kernel, tiles, a, numerics)
    plan = _passes(hardware, mapping, tiles, a, b, loads, numerics)
    compute, intersect = _work(mapping, a, b, loads, plan, numerics)
    moved = _movement(hardware, mapping, tiles, a, b, plan)

    clock_ghz = technology.scenario.clock_ghz
    dram_bits_per_cycle = technology.dram_gbps() * 8.0 / clock_ghz
    dram_bits = moved.dram_a_bits + moved.dram_b_bits + moved.dram_z_read_bits + moved.dram_z_write_bits
    by_resource = (
        compute,
        intersect,
        moved.index_bits / hardware.index_bus_bits,
        moved.value_bits / hardware.value_bus_bits,
        (moved.glb_read_bits + moved.glb_write_bits) / (BANK_WORD_BITS * hardware.glb_banks),
        dram_bits / dram_bits_per_cycle,
    )
    visit_cycles = numerics.max_of(*by_resource)
    shares = numerics.shares(*by_resource)
    fill = technology.dram_latency_ns() * clock_ghz + hardware.pe_rows + hardware.pe_cols + PIPELINE_STAGES
    cycles = total(visit_cycles) + fill

    computes, padded = _computes(mapping, kernel, a, b)
    processed = computes.effectual + computes.ineffectual + computes.gated
    actions = _actions(hardware, mapping, tiles, a, b, plan, moved, cycles, computes, processed, padded)
    area = area_mm2(hardware, technology)
    peak_macs = hardware.pe_rows * hardware.pe_cols * hardware.lanes * cycles
    limit_ghz = numerics.min_of(technology.max_clock_ghz(), technology.glb_clock_limit_ghz(glb_bank_bytes(hardware)))
    return Cost(
        latency_s=cycles / clock_ghz * 1e-9,
        cycles=cycles,
        resource_cycles=rows_of(*(total(r) for r in by_resource)),
        bound_cycles=rows_of(*(total(s * visit_cycles) for s in shares)),
        energy_pj=price(actions, hardware, mapping, area, technology),
        area_mm2=area,
        utilization=computes.effectual / peak_macs,
        computes=computes,
        traffic=_traffic(moved),
        actions=actions,
        fits=rows_of(_glb_fit(hardware, a, b), plan.buffer_fit, plan.accumulator_fit, clock_ghz / limit_ghz),
    )


class _Plan(eqx.Module):
    """How a tile is cut to fit the PEs."""

    column_passes: Scalar
    a_sends: Scalar
    fills: PerClass
    buffer_fit: Scalar
    accumulator_fit: Scalar


def _passes(
    hardware: Hardware, mapping: Mapping, tiles: Tiling, a: ASide, b: BSide, loads: RowLoads, numerics: Numerics
) -> _Plan:
    words = numerics.floor(hardware.accumulator_bytes * 8.0 / hardware.accumulator_bits)
    half_buffer = hardware.pe_buffer_bytes * 4.0
    a_stays, b_stays = mapping.residency[0], mapping.residency[1]
    rows = numerics.ceil(tiles.height / hardware.pe_rows)
    columns = tiles.width / hardware.pe_cols
    share = b.share_bits / half_buffer
    one_column = share / jnp.maximum(columns, 1.0 / hardware.pe_cols)
    if mapping.dataflow == "outer_product":
        room = words * hardware.pe_rows * hardware.pe_cols
        needed = numerics.ceil(tiles.height * tiles.width / room)
        buffer_fit, accumulator_fit = jnp.zeros_like(needed), tiles.height / room
    elif mapping.dataflow == "gustavson":
        held = numerics.ceil(numerics.max_of(columns / words, share))
        needed = a_stays * numerics.ceil(rows * columns / words) + b_stays * held
        buffer_fit, accumulator_fit = b_stays * one_column, a_stays * rows / words
    else:
        needed = a_stays + b_stays * numerics.ceil(share)
        buffer_fit, accumulator_fit = b_stays * one_column, jnp.zeros_like(needed)
    column_passes = numerics.min_of(needed, jnp.maximum(tiles.width, 1.0))
    tile_bits = (a.values_bits + a.metadata_bits) / a.tiles
    if mapping.dataflow == "outer_product":
        a_sends, fills = column_passes, jnp.ones_like(tile_bits)
    else:
        a_sends = a_stays + b_stays * column_passes
        fills = a_stays * numerics.ceil(tile_bits * loads.share / half_buffer) + b_stays
    return _Plan(column_passes, a_sends, fills, buffer_fit, accumulator_fit)


def _work(
    mapping: Mapping, a: ASide, b: BSide, loads: RowLoads, plan: _Plan, numerics: Numerics
) -> tuple[PerClass, PerClass]:
    """Compute cycles, and cycles of intersection or decoding, whichever is more, per class."""
    decode = loads.decode * b.a_visits * plan.column_passes
    if mapping.dataflow == "gustavson":
        return b.row_major_cycles(loads, plan.column_passes), decode
    if mapping.dataflow == "outer_product":
        return b.outer_cycles(plan.column_passes), jnp.zeros_like(decode)
    compute, walked = b.inner_cycles(loads, plan.column_passes)
    return compute, numerics.max_of(walked, decode)


class _Movement(eqx.Module):
    """Bits moved, per class and summed over all visits."""

    value_bits: PerClass
    index_bits: PerClass
    a_sent_bits: PerClass
    b_sent_bits: PerClass
    b_decoded_entries: PerClass
    glb_read_bits: PerClass
    glb_write_bits: PerClass
    dram_a_bits: PerClass
    dram_b_bits: PerClass
    dram_z_read_bits: PerClass
    dram_z_write_bits: PerClass
    results: PerClass


def _movement(hardware: Hardware, mapping: Mapping, tiles: Tiling, a: ASide, b: BSide, plan: _Plan) -> _Movement:
    visits = b.visits / total(b.visits)
    a_values, a_metadata = (bits * b.a_visits * plan.a_sends for bits in (a.values_bits, a.metadata_bits))
    b_values, b_metadata = b.sent_values_bits * plan.fills, b.sent_metadata_bits * plan.fills
    result_bits = b.results * hardware.accumulator_bits
    fetched = tiles.a_each * b.a_visits + (1.0 - tiles.a_each) * b.a_once
    dram_a = a.fetched_bits * fetched
    dram_b = tiles.b_each * b.each_bits + (1.0 - tiles.b_each) * b.once_bits * visits
    z_read = tiles.z_each * b.z_spill_read_bits
    z_write = tiles.z_each * b.z_spill_write_bits + b.z_final_bits * visits
    outward = result_bits + b.result_metadata_bits
    return _Movement(
        value_bits=a_values + b_values + result_bits,
        index_bits=a_metadata + b_metadata + b.result_metadata_bits,
        a_sent_bits=a_values + a_metadata,
        b_sent_bits=b_values + b_metadata,
        b_decoded_entries=b.decoded_entries * plan.fills,
        glb_read_bits=a_values + a_metadata + b_values + b_metadata + tiles.k_split * outward + z_write,
        glb_write_bits=outward + dram_a + dram_b + z_read,
        dram_a_bits=dram_a,
        dram_b_bits=dram_b,
        dram_z_read_bits=z_read,
        dram_z_write_bits=z_write,
        results=b.results,
    )


def _computes(mapping: Mapping, kernel: KernelStatistics, a: ASide, b: BSide) -> tuple[Computes, Scalar]:
    """Fate of every multiply of the dense iteration space, and MACs of RLE's padding entries among the gated."""
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
    return Computes(effectual, ineffectual, gated, skipped), padded


def _actions(
    hardware: Hardware,
    mapping: Mapping,
    tiles: Tiling,
    a: ASide,
    b: BSide,
    plan: _Plan,
    moved: _Movement,
    cycles: Scalar,
    computes: Computes,
    processed: Scalar,
    padded: Scalar,
) -> ActionCounts:
    entries = total(a.entries) * b.a_visits * plan.column_passes * hardware.pe_cols
    inner = mapping.dataflow == "inner_product"
    outer = mapping.dataflow == "outer_product"
    zero = jnp.zeros_like(cycles)
    stored_entries = total(a.stored_entries) * b.a_visits * plan.column_passes * hardware.pe_cols
    coordinate_bits = a.skip * (tiles.m_bits if outer else tiles.k_bits)
    return ActionCounts(
        macs=computes.effectual + computes.ineffectual,
        gated_macs=computes.gated,
        pe_buffer_read_bits=processed * hardware.value_bits + entries * (hardware.value_bits + coordinate_bits),
        pe_buffer_write_bits=total(moved.a_sent_bits) * hardware.pe_cols + total(moved.b_sent_bits) * hardware.pe_rows,
        accumulator_accesses=total(moved.results) if inner else 2.0 * processed,
        intersection_steps=b.intersection_steps() if inner else zero,
        decoded_entries=stored_entries + total(moved.b_decoded_entries) * hardware.pe_rows,
        bus_bits=total(moved.value_bits + moved.index_bits),
        crossbar_words=processed if outer else zero,
        glb_read_bits=total(moved.glb_read_bits),
        glb_write_bits=total(moved.glb_write_bits),
        dram_read_bits=total(moved.dram_a_bits + moved.dram_b_bits + moved.dram_z_read_bits),
        dram_write_bits=total(moved.dram_z_write_bits),
        cycles=cycles,
    )


def _traffic(moved: _Movement) -> Traffic:
    return Traffic(
        dram_a_bytes=total(moved.dram_a_bits) / 8.0,
        dram_b_bytes=total(moved.dram_b_bits) / 8.0,
        dram_z_read_bytes=total(moved.dram_z_read_bits) / 8.0,
        dram_z_write_bytes=total(moved.dram_z_write_bits) / 8.0,
        glb_read_bytes=total(moved.glb_read_bits) / 8.0,
        glb_write_bytes=total(moved.glb_write_bits) / 8.0,
        value_bus_bytes=total(moved.value_bits) / 8.0,
        index_bus_bytes=total(moved.index_bits) / 8.0,
    )


def _glb_fit(hardware: Hardware, a: ASide, b: BSide) -> Scalar:
    """Need of one tile of each operand over half the GLB."""
    return (a.peak_bits + b.peak_bits + b.z_peak_bits) / (hardware.glb_bytes * 4.0)
