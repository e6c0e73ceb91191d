"""What a run returns, and how time, traffic and actions follow from the figures of its visits."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from hwmodels.cost import RESOURCES
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayWork, BusTraffic, DramTraffic, Fits
from hwmodels.simulator.stored_operand import StoredOperand
from hwmodels.technology import Technology

BANK_BITS = 64
PIPELINE_STAGES = 16


@dataclasses.dataclass(frozen=True)
class Timeline:
    """What each visit took, in the order of the visits."""

    m: Integer[np.ndarray, " visits"]
    """Place of the visit's tiles along m; k and n likewise."""
    k: Integer[np.ndarray, " visits"]
    n: Integer[np.ndarray, " visits"]
    cycles: Float[np.ndarray, "6 visits"]
    """Busy cycles by `RESOURCES`."""

    def __len__(self) -> int:
        return len(self.m)


@dataclasses.dataclass(frozen=True)
class Memory:
    """DRAM as the array sees it."""

    bits_per_cycle: float
    latency_cycles: float

    @staticmethod
    def of(technology: Technology) -> "Memory":
        """Of a technology's scenario."""
        clock_ghz = float(technology.scenario.clock_ghz)
        return Memory(float(technology.dram_gbps()) * 8 / clock_ghz, float(technology.dram_latency_ns()) * clock_ghz)


@dataclasses.dataclass(frozen=True)
class KernelRun:
    """One kernel, run on real values: everything that no energy or area is needed for. Counts are float64."""

    result: Any
    """Z: a NumPy array where Z is dense, else a `csr_array` that keeps entries which cancelled to zero."""
    visits: Timeline
    cycles: float
    fill_cycles: float
    resource_cycles: Float[np.ndarray, " 6"]
    """Busy cycles by `RESOURCES`."""
    bound_cycles: Float[np.ndarray, " 6"]
    utilization: float
    """Effectual MACs over those that the array could do in the time."""
    actions: dict[str, float]
    """By the fields of `ActionCounts`; `traffic` and `computes` likewise."""
    traffic: dict[str, float]
    computes: dict[str, float]
    fits: dict[str, float]
    """Need over capacity by `FITS`, the clock apart."""


@dataclasses.dataclass(frozen=True)
class ArrayActions:
    """Actions inside the array, all visits together; the others follow from what is moved."""

    pe_buffer_read_bits: int
    pe_buffer_write_bits: int
    accumulator_accesses: int
    intersection_steps: int
    decoded_entries: int
    crossbar_words: int


def array_actions(
    design: ConcreteDesign,
    a: StoredOperand,
    work: ArrayWork,
    bus: BusTraffic,
    passes: int,
    *,
    reads_a_mac: int,
    scatters: bool,
) -> ArrayActions:
    """Actions of the array where PE rows hold A, or the mask of an SDDMM (docs/machine.md, sections 5 and 7).

    `reads_a_mac`: values that each MAC reads from the buffer, beside the entries of A; `scatters`: the outer product's
    results cross the array to their accumulators.
    """
    inner, outer = design.dataflow == "inner_product", design.dataflow == "outer_product"
    coordinate = (a.widths.row if outer else a.widths.column) if design.a_skips else 0
    processed, worked = work.processed, int(work.entries_worked.sum())
    a_sent = int(bus.a_value.sum()) + int(bus.a_index.sum())
    b_sent = int(bus.b_value.sum()) + int(bus.b_index.sum())
    return ArrayActions(
        pe_buffer_read_bits=reads_a_mac * processed * design.value_bits
        + worked * design.pe_cols * passes * (design.value_bits + coordinate),
        pe_buffer_write_bits=a_sent * design.pe_cols + b_sent * design.pe_rows,
        accumulator_accesses=int(work.results.sum()) if inner else 2 * processed,
        intersection_steps=int(work.intersection_steps.sum()),
        decoded_entries=int(bus.a_decoded.sum()) * design.pe_cols + int(bus.b_decoded.sum()) * design.pe_rows,
        crossbar_words=processed if outer and scatters else 0,
    )


def account(
    design: ConcreteDesign,
    memory: Memory,
    *,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    work: ArrayWork,
    bus: BusTraffic,
    dram: DramTraffic,
    array: ArrayActions,
    fits: Fits,
    positions: int,
    adds_partials: bool,
    result: Any,
) -> KernelRun:
    """Time of each visit, and the sums of all.

    `places` of the visits along m, k and n; `positions` of the dense iteration space; `adds_partials`: results are
    added to partial sums in the GLB.
    """
    glb_read = bus.operands + (bus.results if adds_partials else 0) + dram.z_write
    glb_write = bus.results + dram.read
    cycles = np.empty((len(RESOURCES), len(glb_read)))
    for at, busy in enumerate(
        (
            work.compute,
            work.intersect,
            bus.index / design.index_bus_bits,
            bus.value / design.value_bus_bits,
            (glb_read + glb_write) / (BANK_BITS * design.glb_banks),
            (dram.read + dram.z_write) / memory.bits_per_cycle,
        )
    ):
        cycles[at] = busy
    bound_cycles = _bound_cycles(cycles)
    fill = memory.latency_cycles + design.pe_rows + design.pe_cols + PIPELINE_STAGES
    total = float(bound_cycles.sum()) + fill
    computes = {name: float(getattr(work, name).sum()) for name in ("effectual", "ineffectual", "gated")}
    moved = {field.name: float(getattr(dram, field.name).sum()) for field in dataclasses.fields(dram)}
    actions = {name: float(count) for name, count in dataclasses.asdict(array).items()} | {
        "macs": computes["effectual"] + computes["ineffectual"],
        "gated_macs": computes["gated"],
        "bus_bits": float(bus.value.sum()) + float(bus.index.sum()),
        "glb_read_bits": float(glb_read.sum()),
        "glb_write_bits": float(glb_write.sum()),
        "dram_read_bits": float(dram.read.sum()),
        "dram_write_bits": moved["z_write"],
        "cycles": total,
    }
    traffic = {f"dram_{name}_bytes": bits / 8 for name, bits in moved.items()} | {
        "glb_read_bytes": actions["glb_read_bits"] / 8,
        "glb_write_bytes": actions["glb_write_bits"] / 8,
        "value_bus_bytes": float(bus.value.sum()) / 8,
        "index_bus_bytes": float(bus.index.sum()) / 8,
    }
    return KernelRun(
        result=result,
        visits=Timeline(*places, cycles),
        cycles=total,
        fill_cycles=fill,
        resource_cycles=cycles.sum(axis=1),
        bound_cycles=bound_cycles,
        utilization=computes["effectual"] / (design.pe_rows * design.width * total),
        actions=actions,
        traffic=traffic,
        computes=computes | {"skipped": positions - sum(computes.values())},
        fits=dataclasses.asdict(fits),
    )


def _bound_cycles(cycles: Float[np.ndarray, "6 visits"]) -> Float[np.ndarray, " 6"]:
    """Cycles for which each resource is what visits wait for: the first of those that take longest."""
    most, bound = cycles[0].copy(), np.zeros(cycles.shape[1], np.int8)
    for at in range(1, len(RESOURCES)):
        bound[cycles[at] > most] = at
        np.maximum(most, cycles[at], out=most)
    return np.bincount(bound, most, len(RESOURCES)).astype(float)
