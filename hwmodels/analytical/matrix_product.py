"""What a product of two matrices does on the machine, B dense (`spmm`) or sparse (`spmspm`)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import Activity, ArrayCounts, Parts, VisitShares, account, with_sums
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import OperandA, RowLoads, row_loads
from hwmodels.analytical.operand_b import ArrayCycles, OperandB
from hwmodels.analytical.passes import Passes, passes_of
from hwmodels.cost import Computes, Cost
from hwmodels.design.choices import GATE
from workloads.statistics.lattice import ratio


def cost_of_product(point: Point, a: OperandA, b: OperandB, cycles: ArrayCycles) -> Cost:
    """Cost of one run, of what A, B and Z are like and the array takes."""
    loads = row_loads(point, a)
    passes = passes_of(point, a, b, loads)
    activity, sums = with_sums(_activity(point, a, b, loads, passes, *_cycles(point, b, cycles, loads, passes)))
    computes = _computes(point, a, b)
    return account(
        point,
        activity,
        sums,
        groups=_groups(point, b),
        array=_array_actions(point, a, b, cycles, sums, computes),
        computes=computes,
        fits=(
            (a.peak_bits + b.peak_bits + b.z_peak_bits) / point.half_glb_bits,
            passes.buffer_fit,
            passes.accumulator_fit,
        ),
    )


def _cycles(point: Point, b: OperandB, cycles: ArrayCycles, loads: RowLoads, passes: Passes) -> tuple[Parts, Parts]:
    """Cycles of the MACs, and of intersection units or decoders, whichever take longer."""
    decode = loads.decode * b.a_visits * passes.columns
    if point.dataflow == "gustavson":
        return cycles.gustavson(loads, passes.columns), Parts(decode, None)
    if point.dataflow == "outer_product":
        return cycles.outer_product(passes.columns), Parts(jnp.zeros_like(decode), None)
    compute, walked = cycles.inner_product(loads, passes.columns)
    longer = walked * ratio(point.numerics.max_of(walked.total, decode), walked.total)
    if walked.even is None:  # a full B, of which every tile of A meets something
        return compute, longer
    return compute, longer + Parts(jnp.where(walked.total > 0, 0.0, decode), None)


def _activity(
    point: Point, a: OperandA, b: OperandB, loads: RowLoads, passes: Passes, compute: Parts, intersect: Parts
) -> Activity:
    tiles = point.tiles
    sends = b.a_visits * passes.a_sends
    worked = b.a_visits * passes.columns
    fetched = tiles.a_each * b.a_visits + (1.0 - tiles.a_each) * b.a_once
    resting = (1.0 - tiles.b_each) * ratio(b.once_bits, total(b.each_bits.total))
    spilled, finished = _z_traffic(point, b)
    return Activity(
        compute=compute,
        intersect=intersect,
        a_value_bits=Parts(a.values_bits * sends, None),
        a_index_bits=Parts(a.metadata_bits * sends, None),
        b_value_bits=b.sent_values_bits * passes.b_fills,
        b_index_bits=b.sent_metadata_bits * passes.b_fills,
        results=Parts(None, b.results),
        z_index_bits=Parts(None, b.result_metadata_bits),
        dram_a_bits=Parts(a.fetched_bits * fetched, None),
        dram_b_bits=b.each_bits * (tiles.b_each + resting),
        z_read_bits=Parts(None, spilled),
        z_spilled_bits=Parts(None, spilled),
        z_final_bits=Parts(None, finished),
        entries=Parts(a.entries * worked, None),
        a_decoded=Parts(a.stored_entries * worked, None),
        b_decoded=Parts(b.decoded_entries * passes.b_fills, None),
    )


def _z_traffic(point: Point, b: OperandB) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Bits of partial outputs written to DRAM, and read back; bits of finished ones written."""
    return point.tiles.z_each * b.z_spill_bits, b.z_final_bits * ratio(b.visits, total(b.visits))


def _groups(point: Point, b: OperandB) -> VisitShares:
    """Visits inside and at the ends of a tile of Z, and by what the tile of B holds."""
    tiles = point.tiles
    spilled, finished = _z_traffic(point, b)
    leaving = 2.0 * spilled * b.spilled_at_ends + finished
    ends = tiles.z_each * leaving + (1.0 - tiles.z_each) * b.ends * finished
    z_moved = jnp.stack([2.0 * spilled + finished - ends, ends])
    share = jnp.stack([1.0 - b.ends, b.ends])[:, None, None]
    return VisitShares(share, b.group_visits, b.group_with_b, z_moved[:, None, :] * b.group_with_b)


def _computes(point: Point, a: OperandA, b: OperandB) -> Computes:
    """Fate of every multiply of the dense iteration space; those of RLE's padding are gated."""
    mapping, kernel, met = point.mapping, point.kernel, b.products
    a_gate, b_gate = mapping.a_zero[GATE], mapping.b_zero[GATE]
    full_a = 1.0 - a.skip
    full_b = 1.0 - b.skip
    processed = a.skip * (b.skip * met.both_skip + full_b * met.a_skips) + full_a * (
        b.skip * met.b_skips + full_b * met.none_skip
    )
    zeros_of_a = b.skip * (met.b_skips - met.both_skip) + full_b * (met.none_skip - met.a_skips)
    zeros_of_a, zeros_of_b = jnp.maximum(zeros_of_a, 0.0), jnp.maximum(met.a_skips - met.both_skip, 0.0)
    gated = a_gate * zeros_of_a + b_gate * zeros_of_b
    padded = ratio(total(a.padding), total(a.nonzeros)) * (b.skip * met.both_skip + full_b * met.a_skips)
    effectual = met.both_skip
    ineffectual = jnp.maximum(processed - effectual - gated, 0.0)
    everything = kernel.m * kernel.k * kernel.n
    gated = gated + padded
    skipped = jnp.maximum(everything - effectual - ineffectual - gated, 0.0)
    return Computes(effectual, ineffectual, gated, skipped)


def _array_actions(
    point: Point, a: OperandA, b: OperandB, cycles: ArrayCycles, sums: Activity, computes: Computes
) -> ArrayCounts:
    hardware, tiles = point.hardware, point.tiles
    inner, outer = point.dataflow == "inner_product", point.dataflow == "outer_product"
    nothing = jnp.zeros_like(computes.effectual)
    processed = computes.effectual + computes.ineffectual + computes.gated
    coordinate_bits = a.skip * (tiles.m_bits if outer else tiles.k_bits)
    entries = sums.entries.total * hardware.pe_cols
    a_sent = sums.a_value_bits.total + sums.a_index_bits.total
    b_sent = sums.b_value_bits.total + sums.b_index_bits.total
    return ArrayCounts(
        pe_buffer_read_bits=processed * hardware.value_bits + entries * (hardware.value_bits + coordinate_bits),
        pe_buffer_write_bits=a_sent * hardware.pe_cols + b_sent * hardware.pe_rows,
        accumulator_accesses=sums.results.total if inner else 2.0 * processed,
        intersection_steps=cycles.intersection_steps() if inner else nothing,
        decoded_entries=sums.a_decoded.total * hardware.pe_cols + sums.b_decoded.total * hardware.pe_rows,
        crossbar_words=processed if outer else nothing,
    )
