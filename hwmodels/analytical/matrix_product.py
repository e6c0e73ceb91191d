"""What a product of two matrices does on the machine, B dense (`spmm`) or sparse (`spmspm`)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.accounting import (
    PASS_CYCLES,
    Activity,
    ArrayCounts,
    Parts,
    VisitShares,
    account,
    glb_fit,
    hops_of,
    stages,
    with_sums,
)
from hwmodels.analytical.array_steps import ArraySteps
from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.operand_a import HeldShare, OperandA, QueueLoads, queue_loads
from hwmodels.analytical.operand_b import OperandB, slot_bits
from hwmodels.analytical.passes import Passes, passes_of
from hwmodels.cost import Computes, Cost
from hwmodels.design.choices import BITMASK_AND, GATE, LEADER_FOLLOWER
from hwmodels.formats.sizes import stores_blocks
from workloads.statistics.lattice import ratio

Scalar = Float[Array, ""]


def cost_of_product(point: Point, a: OperandA, share: HeldShare, b: OperandB, steps: ArraySteps) -> Cost:
    """Cost of one run, of what A, B and Z are like and the steps that the array takes."""
    loads, passes = queue_loads(point, a), passes_of(point, b, share)
    tile_bits = a.peak_bits, b.peak_bits, b.z_peak_bits
    all_bits = total(a.stored_bits), b.whole_bits, _all_of_z(point)
    activity, sums = with_sums(_activity(point, a, b, loads, passes, steps))
    computes = _computes(point, a, b)
    return account(
        point,
        activity,
        sums,
        groups=_groups(point, b),
        array=_array_actions(point, a, b, loads, passes, steps, sums, computes),
        computes=computes,
        fits=(glb_fit(point, tile_bits, all_bits, b.unfolds), passes.buffer_fit, passes.accumulator_fit),
    )


def _all_of_z(point: Point) -> Scalar:
    """Bits of a dense Z while it is made: accumulator words."""
    return point.kernel.m * point.kernel.n * point.hardware.accumulator_bits


def _activity(point: Point, a: OperandA, b: OperandB, loads: QueueLoads, passes: Passes, steps: ArraySteps) -> Activity:
    tiles, array, moved = point.tiles, point.array, point.moved
    sends, worked = b.a_visits * passes.a_sends * b.a_sent, b.a_visits * passes.count * b.a_sent
    sends = sends * (1.0 - point.a_in_pes)
    fetched = tiles.a_each * b.a_visits + (1.0 - tiles.a_each) * b.a_once
    resting = (1.0 - tiles.b_each) * jnp.minimum(ratio(b.once_bits, total(b.each_bits.total)), 1.0)
    spilled, finished = _z_traffic(point, b)
    drained = b.visits * passes.count * (PASS_CYCLES + array.on_k * stages(array.lanes, point.numerics))
    taken = steps.inner_product if point.dataflow == "inner_product" else steps.walk
    value_slack, index_slack = b.slack_bits or (None, None)
    return Activity(
        compute=taken(loads, passes) + Parts(drained, None),
        decode=Parts(loads.decode * worked + drained, None),
        buffer_port=b.port_words,
        a_value_bits=Parts(a.values_bits * sends, None),
        a_index_bits=Parts(a.sent_metadata_bits * sends, None),
        b_value_bits=b.sent_values_bits,
        b_index_bits=b.sent_metadata_bits,
        results=Parts(None, b.results),
        z_index_bits=Parts(None, b.result_metadata_bits),
        dram_a_bits=Parts(a.fetched_bits * (fetched * moved.a), None),
        dram_b_bits=b.each_bits * ((tiles.b_each + resting) * moved.b),
        z_read_bits=Parts(None, spilled),
        z_spilled_bits=Parts(None, spilled),
        z_final_bits=Parts(None, finished),
        entries=Parts(a.entries * worked, None),
        a_decoded=Parts(a.stored_entries * worked, None),
        b_decoded=Parts(b.decoded_entries, None),
        value_slack_bits=value_slack,
        index_slack_bits=index_slack,
        pointer_bits=b.pointer_bits,
        unfolded_bits=b.each_bits * ((tiles.b_each + resting) * ((1.0 - moved.b) * b.unfolds)),
    )


def _z_traffic(point: Point, b: OperandB) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
    """Bits of partial outputs written to DRAM, and read back; bits of finished ones written."""
    moved = point.moved.z
    return moved * point.tiles.z_each * b.z_spill_bits, moved * b.z_final_bits * ratio(b.visits, total(b.visits))


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
    padded = padded + b.skip * b.padding * (a.skip * met.both_skip + full_a * met.b_skips)
    effectual = met.both_skip
    ineffectual = jnp.maximum(processed - effectual - gated, 0.0)
    everything = kernel.m * kernel.k * kernel.n
    gated = gated + padded
    skipped = jnp.maximum(everything - effectual - ineffectual - gated, 0.0)
    return Computes(effectual, ineffectual, gated, skipped)


def _array_actions(
    point: Point,
    a: OperandA,
    b: OperandB,
    loads: QueueLoads,
    passes: Passes,
    steps: ArraySteps,
    sums: Activity,
    computes: Computes,
) -> ArrayCounts:
    hardware, array, held = point.hardware, point.array, point.holds_a
    inner, outer = point.dataflow == "inner_product", point.dataflow == "outer_product"
    value_bits, results = hardware.value_bits, sums.results.total
    worked = computes.effectual + computes.ineffectual + computes.gated
    meets = b.skip if inner else jnp.zeros_like(b.skip)  # fibers of two operands, each held by lanes
    held = meets + (1.0 - meets) * held
    hears_b = array.rows * array.columns / array.hearing  # PE rows, or all PEs
    a_sent = (sums.a_value_bits.total + sums.a_index_bits.total) * array.hearing
    decoded = sums.a_decoded.total * (passes.a_sends / passes.count) * (value_bits + point.tiles.k_bits) * array.hearing
    a_sent = a_sent + stores_blocks(point.mapping.a_format) * ((1.0 - point.a_in_pes) * decoded - a_sent)
    b_sent = sums.b_value_bits.total + sums.b_index_bits.total
    fetched = point.fetches
    walked = steps.intersection_steps() if inner else jnp.zeros_like(worked)
    entry_bits = value_bits + a.skip * (point.tiles.m_bits if outer else point.tiles.k_bits)
    entry_reads = sums.entries.total * array.hearing * entry_bits
    in_queues = 2.0 * a_sent * (1.0 - held) + 2.0 * fetched * b_sent
    return ArrayCounts(
        tree_adds=array.on_k * worked,
        queue_bits=in_queues,
        pe_buffer_write_bits=(1.0 - meets) * held * a_sent
        + meets * _copies_written(point, a, a_sent, sums.entries.total)
        + b.written_bits,
        pe_buffer_read_bits=(1.0 - meets)
        * (held * entry_reads + (1.0 - fetched) * _reads_of_b(point, a, b, loads, passes, steps))
        + meets * _met_reads(point, a, walked, worked),
        accumulator_accesses=_accumulator_accesses(point, passes, worked, results),
        intersection_steps=walked,
        decoded_entries=sums.a_decoded.total * array.hearing
        + sums.b_decoded.total * (fetched + (1.0 - fetched) * hears_b),
        bus_hops=_hops(point, sums),
    )


def _copies_written(point: Point, a: OperandA, a_sent: Scalar, entries: Scalar) -> Scalar:
    """Bits of A that are written for each lane to walk on its own: decoded, or by bitmask; all values if A does not
    skip."""
    hardware, array = point.hardware, point.array
    masked, decoded = hardware.intersection[BITMASK_AND], entries * (hardware.value_bits + point.tiles.k_bits)
    expanded = entries * hardware.value_bits * array.hearing
    skipped = masked * a_sent + (1.0 - masked) * decoded * array.hearing
    return array.lanes * (a.skip * skipped + (1.0 - a.skip) * expanded)


def _reads_of_b(point: Point, a: OperandA, b: OperandB, loads: QueueLoads, passes: Passes, steps: ArraySteps) -> Scalar:
    """Bits of the words of B that PEs read in their steps: a value for each lane, or a slot."""
    array, value_bits = point.array, point.hardware.value_bits
    full, skipped = steps.of_all_queues(loads, passes)
    values = array.lanes * (1.0 + array.on_k * a.skip * (array.lanes - 1.0))
    slots = array.lanes * slot_bits(point)
    return array.hearing * ((1.0 - b.skip) * full * values * value_bits + b.skip * skipped * slots)


def _met_reads(point: Point, a: OperandA, walked: Scalar, worked: Scalar) -> Scalar:
    """Bits that lanes read of two fibers: coordinates of both sides at each step, both values at each match.

    A leader's probe reads an expanded value instead; where A does not skip, B's entries meet A's values.
    """
    value_bits, coordinate = point.hardware.value_bits, point.tiles.k_bits
    leads = point.hardware.intersection[LEADER_FOLLOWER]
    at_step = (1.0 - leads) * 2.0 * coordinate + leads * (coordinate + value_bits + 1.0)
    at_match = 2.0 * value_bits + (1.0 - a.skip) * coordinate
    return a.skip * walked * at_step + worked * at_match


def _accumulator_accesses(point: Point, passes: Passes, worked: Scalar, results: Scalar) -> Scalar:
    """Sums are in a register while one group of columns is worked on; else each MAC reads and writes one."""
    in_registers = 2.0 * results
    in_banks = 2.0 * worked + results
    if point.dataflow == "inner_product":
        return in_registers
    if point.dataflow == "outer_product":
        return in_banks
    return in_registers + point.numerics.more_than_one(passes.together) * (in_banks - in_registers)


def _hops(point: Point, sums: Activity) -> Scalar:
    """Bits over the buses times the pitches of PEs that they travel."""
    array, hops, fetched = point.array, hops_of(point), point.fetches
    results = sums.results.total * point.hardware.accumulator_bits + sums.z_index_bits.total
    a_hops = (1.0 - array.on_m) * hops.row + array.on_m * hops.unicast
    b_hops = (1.0 - array.on_m) * hops.column + array.on_m * hops.all
    b_hops = b_hops + fetched * (hops.unicast - b_hops)
    a_sent = sums.a_value_bits.total + sums.a_index_bits.total
    b_sent = sums.b_value_bits.total + sums.b_index_bits.total
    return a_sent * a_hops + b_sent * b_hops + results * hops.unicast
