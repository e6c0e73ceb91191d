"""One accounting for all families of kernels: from what visits do to time, counted actions, traffic, energy and area.

A family says what goes on in all visits of each class (`Activity`). All that follows is linear in it, so the same
formulas serve the classes and their sums; only the time of a visit, the maximum over its resources, is not.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.analytical.classes import total
from hwmodels.analytical.design_point import Point
from hwmodels.analytical.intersection import MASK_BITS_A_LANE
from hwmodels.area import WORD_BITS, area_mm2
from hwmodels.clock import clock_limits_ghz
from hwmodels.cost import RESOURCES, ActionCounts, Computes, Cost, Traffic, rows_of
from hwmodels.design.choices import IN_GLB
from hwmodels.design.hardware import Hardware
from hwmodels.energy import price
from hwmodels.numerics import Numerics
from workloads.statistics.lattice import computed_once, ratio

Scalar = Float[Array, ""]

PIPELINE_STAGES = 16.0
PASS_CYCLES = 8.0
"""From the queue to the last sum that leaves: what a column pass takes beside its steps."""
EVEN = 1e-6
"""Added to a relative variance, so that its root has a slope at zero."""
COMPUTE, GLB = RESOURCES.index("compute"), RESOURCES.index("glb")


class Parts(eqx.Module):
    """An amount by class, or of all: the part that all visits share alike, and the part that goes with what the tile of
    B holds. A part that is not there is None, and costs no operation."""

    even: Float[Array, "..."] | None
    with_b: Float[Array, "..."] | None

    @property
    def total(self) -> Float[Array, "..."]:
        """Over all visits."""
        return sum(part for part in (self.even, self.with_b) if part is not None)

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(_added(self.even, other.even), _added(self.with_b, other.with_b))

    def __mul__(self, factor: Array) -> "Parts":
        return jax.tree.map(lambda part: part * factor, self)


def _added(one: Array | None, other: Array | None) -> Array | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


Amount = Parts | Float[Array, "..."]
"""By class of visits, or of all. A plain array where visits of one class are alike, `Parts` where they are not."""


class Activity(eqx.Module):
    """What goes on in all visits of each class, or of all classes together."""

    compute: Amount
    """Cycles of the most loaded PE or lane: its steps, and the cycles of column passes."""
    decode: Amount
    """Cycles of the decoder that has most to do, and those of column passes."""
    buffer_port: Amount
    """Words that the operand buffer of a PE takes, of what is sent to it of B."""
    a_value_bits: Amount
    """Bits that cross the buses, values and metadata of each operand; likewise below."""
    a_index_bits: Amount
    b_value_bits: Amount
    b_index_bits: Amount
    results: Amount
    """Accumulator words that leave the array."""
    z_index_bits: Amount
    """Bits of their coordinates."""
    dram_a_bits: Amount
    """Bits from and to DRAM; of Z: partial results that come back and that leave, and finished ones."""
    dram_b_bits: Amount
    z_read_bits: Amount
    z_spilled_bits: Amount
    z_final_bits: Amount
    entries: Amount
    """Entries of A that are worked on, once for each column pass."""
    a_decoded: Amount
    """Compressed entries that are decoded, each counted once for all PEs that hear it."""
    b_decoded: Amount
    value_slack_bits: Amount | None = None
    """Bits that rows which are fetched one by one leave unused of the value bus; of the index bus likewise."""
    index_slack_bits: Amount | None = None
    pointer_bits: Amount | None = None
    """Bits read in the GLB to find these rows, which cross no bus."""
    unfolded_bits: Amount | None = None
    """Bits read in the GLB, of maps that stay there, and written as tiles of B."""

    @property
    def sent_bits(self) -> Amount:
        """Bits of both operands that are read from the GLB and sent to the array."""
        return self.a_value_bits + self.a_index_bits + self.b_value_bits + self.b_index_bits

    @property
    def operands_dram_bits(self) -> Amount:
        """Bits of both operands that come from DRAM."""
        return self.dram_a_bits + self.dram_b_bits


class Moved(eqx.Module):
    """Bits moved, by class or altogether; linear in the activity."""

    value_bus_bits: Amount
    index_bus_bits: Amount
    results_bits: Amount
    """Bits that leave the array."""
    added_bits: Amount
    """Partial sums that are read from the GLB, for results to be added to them."""


def _moved_by(point: Point, activity: Activity) -> Moved:
    """Bits over the buses and out of the array."""
    results = activity.results * point.hardware.accumulator_bits
    leaving = results + activity.z_index_bits
    return Moved(
        value_bus_bits=activity.a_value_bits + activity.b_value_bits + results,
        index_bus_bits=activity.a_index_bits + activity.b_index_bits + activity.z_index_bits,
        results_bits=leaving,
        added_bits=leaving * point.tiles.k_split,
    )


class VisitShares(eqx.Module):
    """Groups of the visits of each class that are not alike: inside and at the ends of a tile of Z, by B's tile."""

    ends: Float[Array, "e 1 1"]
    """Share of the visits inside a tile of Z, and of those that begin or end one."""
    visits: Float[Array, "g 1"]
    """Share of the visits by what the tile of B holds; of what goes with B: `with_b`."""
    with_b: Float[Array, "g c"]
    z_moved_bits: Float[Array, "e g c"]
    """Traffic of Z with DRAM."""

    def of(self, amount: Parts) -> Float[Array, "e g c"]:
        """What each group has of an amount by class."""
        pairs = ((self.visits, amount.even), (self.with_b, amount.with_b))
        return self.ends * sum(share * part for share, part in pairs if part is not None)


class ArrayCounts(eqx.Module):
    """Actions of the array that follow from a family's own rules (docs/machine.md, section 5)."""

    tree_adds: Scalar
    queue_bits: Scalar
    pe_buffer_read_bits: Scalar
    pe_buffer_write_bits: Scalar
    accumulator_accesses: Scalar
    intersection_steps: Scalar
    decoded_entries: Scalar
    bus_hops: Scalar


class Hops(eqx.Module):
    """Pitches of PEs that a bit travels on a bus, by who hears it (docs/machine.md, "Energy and area")."""

    unicast: Scalar
    row: Scalar
    column: Scalar
    all: Scalar


def hops_of(point: Point) -> Hops:
    """By the rows and columns that there are."""
    rows, columns = point.hardware.pe_rows, point.hardware.pe_cols
    return Hops(0.5 * (rows + columns), columns + 0.5 * rows, rows + 0.5 * columns, rows + rows * columns)


def in_bursts(point: Point, bits: Float[Array, "..."], count: Float[Array, "..."]) -> Float[Array, "..."]:
    """Bits that `count` fetches or writes, all alike, move of `bits` altogether, in whole bursts of the DRAM."""
    burst = point.technology.dram_burst_bits()
    whole = count * burst * point.numerics.ceil_of_many(ratio(bits, count * burst))
    return jnp.where(bits > 0, jnp.maximum(whole, bits), 0.0)


def in_varied_bursts(
    point: Point, bits: Float[Array, "..."], count: Float[Array, "..."], spread: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The same where they vary, none of them empty, `spread` being the relative variance of their size."""
    burst = point.technology.dram_burst_bits()
    mean, reach = ratio(bits, count * burst), jnp.minimum(jnp.sqrt(spread + EVEN) - EVEN**0.5, 1.0)
    less, more = (point.numerics.ceil_of_many(mean * (1.0 + side * reach)) for side in (-1.0, 1.0))
    return jnp.where(bits > 0, jnp.maximum(count * burst * 0.5 * (less + more), bits), 0.0)


def in_scattered_bursts(
    point: Point,
    entries: Float[Array, "..."],
    entry_bits: Scalar,
    pieces: Float[Array, "..."],
    spread: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Bits that entries take in DRAM that fall where they may on so many pieces, some of which stay empty; `spread`:
    relative variance of what pieces hold beside that."""
    held = ratio(entries, pieces)
    filled = -jnp.expm1(-held) * pieces
    return in_varied_bursts(point, entries * entry_bits, filled, spread + 1.0 / jnp.maximum(held, 1.0))


def with_sums(activity: Activity) -> tuple[Activity, Activity]:
    """The same by class, and summed over the classes."""
    leaves, structure = jax.tree.flatten(activity)
    rows = computed_once([leaf.ravel() for leaf in leaves])
    by_class = [row.reshape(leaf.shape) for row, leaf in zip(jnp.unstack(rows), leaves, strict=True)]
    sums = jnp.unstack(rows @ jnp.ones(rows.shape[1], rows.dtype))
    return jax.tree.unflatten(structure, by_class), jax.tree.unflatten(structure, sums)


def account(
    point: Point,
    activity: Activity,
    sums: Activity,
    *,
    groups: VisitShares | None,
    array: ArrayCounts,
    computes: Computes,
    fits: tuple[Any, Any, Any],
) -> Cost:
    """Cost of a kernel (docs/machine.md, sections 4 and 5).

    **Arguments**: `activity` by class and its `sums`, of `with_sums`; `groups` of visits where its amounts are `Parts`,
    None where visits of one class are alike; `array`: the family's own actions; `computes`: the fate of every multiply;
    `fits`: need over capacity of the GLB, the PE buffer and the accumulators.
    """
    busy = _busy(point, activity, groups)
    cycles, resource_cycles, bound_cycles = _time(point, busy, computes)
    moved = _moved_by(point, sums)
    actions = _actions(sums, moved, array, computes, cycles)
    hardware, technology = point.hardware, point.technology
    clock_ghz = technology.scenario.clock_ghz
    limit_ghz = point.numerics.min_of(*jnp.unstack(clock_limits_ghz(hardware, technology)))
    area = area_mm2(hardware, technology)
    return Cost(
        latency_s=cycles / clock_ghz * 1e-9,
        cycles=cycles,
        resource_cycles=resource_cycles,
        bound_cycles=bound_cycles,
        energy_pj=price(actions, hardware, point.mapping, area, technology),
        area_mm2=area,
        utilization=computes.effectual / (hardware.pe_rows * hardware.pe_cols * hardware.lanes * cycles),
        computes=computes,
        traffic=_traffic(sums, moved, actions),
        actions=actions,
        fits=rows_of(*fits, _bus_fit(hardware), clock_ghz / limit_ghz),
    )


def glb_fit(
    point: Point,
    tiles: tuple[Scalar, Scalar, Scalar],
    whole: tuple[Scalar, Scalar, Scalar],
    unfolds: Scalar | None = None,
) -> Scalar:
    """Need over capacity of the GLB: of A, B and Z the largest tiles, twice, or where they stay all that they take; of
    a B that `unfolds` both."""
    moved, mapping = point.moved, point.mapping
    if unfolds is not None:
        moved = moved._replace(b=moved.b + (1.0 - moved.b) * unfolds)
    kept = (choice[IN_GLB] for choice in (mapping.a_kept, mapping.b_kept, mapping.z_kept))
    need = sum(
        off * tile + 0.5 * stays * all_of_it
        for off, tile, stays, all_of_it in zip(moved, tiles, kept, whole, strict=True)
    )
    return need / point.half_glb_bits


def _bus_fit(hardware: Hardware) -> Scalar:
    """The wider bus over the words that PEs can take or give at once."""
    values, indices = widest_buses(hardware.pe_rows * hardware.pe_cols, hardware.lanes, hardware.accumulator_bits)
    return jnp.maximum(hardware.value_bus_bits / values, hardware.index_bus_bits / indices)


def widest_buses(pes: Any, lanes: Any, accumulator_bits: Any, maximum: Callable = jnp.maximum) -> tuple[Any, Any]:
    """Bits of the value bus and of the index bus that PEs can take or give at once (docs/machine.md, section 4);
    `np.maximum` for arrays of NumPy."""
    return pes * lanes * accumulator_bits, pes * maximum(WORD_BITS, MASK_BITS_A_LANE * lanes)


def _whole(amount: Amount) -> Scalar:
    """An amount over all visits."""
    return amount.total if isinstance(amount, Parts) else amount


def _busy(point: Point, activity: Activity, groups: VisitShares | None) -> list[Float[Array, " v"]]:
    """Busy cycles of each of `RESOURCES` in the visits of each group."""
    hardware, moved = point.hardware, _moved_by(point, activity)
    glb_rate = 1.0 / (WORD_BITS * hardware.glb_banks)
    dram_rate = 1.0 / (point.technology.dram_gbps() * 8.0 / point.technology.scenario.clock_ghz)
    glb_bits = activity.sent_bits + activity.operands_dram_bits + moved.results_bits * (1.0 + point.tiles.k_split)
    if activity.pointer_bits is not None:
        glb_bits = glb_bits + activity.pointer_bits
    if activity.unfolded_bits is not None:
        glb_bits = glb_bits + activity.unfolded_bits + activity.unfolded_bits
    on_index, on_value = moved.index_bus_bits, moved.value_bus_bits
    if activity.index_slack_bits is not None and activity.value_slack_bits is not None:
        on_index, on_value = on_index + activity.index_slack_bits, on_value + activity.value_slack_bits
    by_class = (
        activity.compute,
        activity.decode,
        on_index * (1.0 / hardware.index_bus_bits),
        on_value * (1.0 / hardware.value_bus_bits),
        activity.buffer_port,
        glb_bits * glb_rate,
        activity.operands_dram_bits * dram_rate,
    )
    if groups is None:
        busy, z_bits = list(by_class), activity.z_read_bits + activity.z_spilled_bits + activity.z_final_bits
    else:
        leaves, structure = jax.tree.flatten(by_class)
        by_class = jax.tree.unflatten(structure, jnp.unstack(computed_once(leaves)))
        busy, z_bits = [groups.of(amount) for amount in by_class], groups.z_moved_bits
    busy[GLB:] = [cycles + z_bits * rate for cycles, rate in zip(busy[GLB:], (glb_rate, dram_rate), strict=True)]
    return list(jnp.unstack(computed_once([cycles.ravel() for cycles in busy])))


def _time(
    point: Point, busy: list[Float[Array, " v"]], computes: Computes
) -> tuple[Scalar, Float[Array, " resource"], Float[Array, " resource"]]:
    """Cycles of all visits and the fill; busy cycles, and those for which it is the bottleneck, by `RESOURCES`.

    The most loaded PE has no less to do than the mean. Where loads are interpolated this need not follow, so what is
    missing until an array that is all busy has done its MACs is added.
    """
    array, numerics = point.array, point.numerics
    visit_cycles = numerics.max_of(*busy)
    # In one stack with the maximum, lest XLA write one of its parts over it, in place and slowly.
    rows = computed_once([*busy, visit_cycles, *numerics.attributed(*busy)])
    by_resource = rows @ jnp.ones_like(visit_cycles)
    found, bound, visited = by_resource[: len(busy)], by_resource[len(busy) + 1 :], total(visit_cycles)
    worked = computes.effectual + computes.ineffectual + computes.gated
    least = worked / array.macs
    found = found.at[COMPUTE].max(least)
    bound = bound.at[COMPUTE].add(jnp.maximum(least - visited, 0.0))
    latency = point.technology.dram_latency_ns() * point.technology.scenario.clock_ghz
    hardware = point.hardware
    fill = latency + PIPELINE_STAGES + stages(hardware.pe_rows, numerics) + stages(hardware.pe_cols, numerics)
    return jnp.maximum(visited, least) + fill, found, bound


def stages(ways: Scalar, numerics: Numerics) -> Scalar:
    """Stages of a tree with so many leaves: ceil(log2), none for one."""
    return numerics.ceil(1.0 + jnp.log2(ways)) - 1.0


def _actions(sums: Activity, moved: Moved, array: ArrayCounts, computes: Computes, cycles: Scalar) -> ActionCounts:
    z_read, z_written = _whole(sums.z_read_bits), _whole(sums.z_spilled_bits) + _whole(sums.z_final_bits)
    fetched = _whole(sums.operands_dram_bits)
    pointers = 0.0 if sums.pointer_bits is None else _whole(sums.pointer_bits)
    unfolded = 0.0 if sums.unfolded_bits is None else _whole(sums.unfolded_bits)
    return ActionCounts(
        macs=computes.effectual + computes.ineffectual,
        gated_macs=computes.gated,
        tree_adds=array.tree_adds,
        queue_bits=array.queue_bits,
        pe_buffer_read_bits=array.pe_buffer_read_bits,
        pe_buffer_write_bits=array.pe_buffer_write_bits,
        accumulator_accesses=array.accumulator_accesses,
        intersection_steps=array.intersection_steps,
        decoded_entries=array.decoded_entries,
        bus_hops=array.bus_hops,
        glb_read_bits=_whole(sums.sent_bits) + pointers + unfolded + _whole(moved.added_bits) + z_written,
        glb_write_bits=_whole(moved.results_bits) + fetched + unfolded + z_read,
        dram_read_bits=fetched + z_read,
        dram_write_bits=z_written,
        cycles=cycles,
    )


def _traffic(sums: Activity, moved: Moved, actions: ActionCounts) -> Traffic:
    return Traffic(
        dram_a_bytes=_whole(sums.dram_a_bits) / 8.0,
        dram_b_bytes=_whole(sums.dram_b_bits) / 8.0,
        dram_z_read_bytes=_whole(sums.z_read_bits) / 8.0,
        dram_z_write_bytes=actions.dram_write_bits / 8.0,
        glb_read_bytes=actions.glb_read_bits / 8.0,
        glb_write_bytes=actions.glb_write_bits / 8.0,
        value_bus_bytes=_whole(moved.value_bus_bits) / 8.0,
        index_bus_bytes=_whole(moved.index_bus_bits) / 8.0,
    )
