"""What a run returns, and how time, traffic and actions follow from the figures of its visits."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from hwmodels.cost import RESOURCES
from hwmodels.formats.encoders.encoded import bits_for
from hwmodels.simulator.concrete_design import ConcreteDesign
from hwmodels.simulator.counters import ArrayActions, ArrayWork, BusTraffic, DramTraffic, Fates, Fits
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
    cycles: Float[np.ndarray, "7 visits"]
    """Busy cycles by `RESOURCES`."""

    def __len__(self) -> int:
        return len(self.m)


@dataclasses.dataclass(frozen=True)
class Memory:
    """DRAM as the array sees it."""

    bits_per_cycle: float
    latency_cycles: float
    burst_bits: int

    @staticmethod
    def of(technology: Technology) -> "Memory":
        """Of a technology."""
        clock_ghz = float(technology.scenario.clock_ghz)
        return Memory(
            bits_per_cycle=float(technology.dram_gbps()) * 8 / clock_ghz,
            latency_cycles=float(technology.dram_latency_ns()) * clock_ghz,
            burst_bits=round(float(technology.dram_burst_bits())),
        )

    def in_bursts(self, bits: Integer[np.ndarray, " _"]) -> Integer[np.ndarray, " _"]:
        """Bits that a fetch or a write of each of so many bits moves: whole bursts."""
        return -(-bits // self.burst_bits) * self.burst_bits

    def fetched_bits(self, operand: StoredOperand) -> Integer[np.ndarray, " tiles"]:
        """Bits that come in with each tile of an operand: whole bursts, and its entry in the tile directory."""
        return self.in_bursts(operand.bits) + operand.directory_bits


@dataclasses.dataclass(frozen=True)
class KernelRun:
    """One kernel, run on real values: everything that no energy or area is needed for. Counts are float64."""

    result: Any
    """Z: a NumPy array where Z is dense, else a `csr_array` that keeps entries which cancelled to zero."""
    visits: Timeline
    cycles: float
    fill_cycles: float
    resource_cycles: Float[np.ndarray, " 7"]
    """Busy cycles by `RESOURCES`."""
    bound_cycles: Float[np.ndarray, " 7"]
    utilization: float
    """Effectual MACs over those that the array could do in the time."""
    actions: dict[str, float]
    """By the fields of `ActionCounts`; `traffic` and `computes` likewise."""
    traffic: dict[str, float]
    computes: dict[str, float]
    fits: dict[str, float]
    """Need over capacity by `FITS`, the clock apart."""


def account(
    design: ConcreteDesign,
    memory: Memory,
    *,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    work: ArrayWork,
    fates: Fates,
    bus: BusTraffic,
    dram: DramTraffic,
    array: ArrayActions,
    fits: Fits,
    positions: int,
    adds_partials: bool,
    result: Any,
    unfolded: np.ndarray | int = 0,
) -> KernelRun:
    """Time of each visit, and the sums of all.

    `places` of the visits along m, k and n; `positions` of the dense iteration space; `adds_partials`: results are
    added to partial sums in the GLB; `unfolded`: bits of maps that stay there, read and written as tiles of B.
    """
    glb_read = bus.read + (bus.results if adds_partials else 0) + dram.z_write + unfolded
    glb_write = bus.results + dram.read + unfolded
    on_values, on_index = bus.cycles(design.value_bus_bits, design.index_bus_bits)
    cycles = np.empty((len(RESOURCES), len(glb_read)))
    for at, busy in enumerate(
        (
            work.compute,
            work.decode,
            on_index,
            on_values,
            work.buffer_port,
            (glb_read + glb_write) / (BANK_BITS * design.glb_banks),
            (dram.read + dram.z_write) / memory.bits_per_cycle,
        )
    ):
        cycles[at] = busy
    bound_cycles = _bound_cycles(cycles)
    stages = PIPELINE_STAGES + bits_for(design.pe_rows) + bits_for(design.pe_cols)
    fill = memory.latency_cycles + stages
    total = float(bound_cycles.sum()) + fill
    computes = {name: float(getattr(fates, name).sum()) for name in ("effectual", "ineffectual", "gated")}
    moved = {field.name: float(getattr(dram, field.name).sum()) for field in dataclasses.fields(dram)}
    actions = {name: float(count) for name, count in dataclasses.asdict(array).items()} | {
        "macs": computes["effectual"] + computes["ineffectual"],
        "gated_macs": computes["gated"],
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
        utilization=computes["effectual"] / (design.pe_rows * design.pe_cols * design.lanes * total),
        actions=actions,
        traffic=traffic,
        computes=computes | {"skipped": positions - sum(computes.values())},
        fits=dataclasses.asdict(fits),
    )


def _bound_cycles(cycles: Float[np.ndarray, "7 visits"]) -> Float[np.ndarray, " 7"]:
    """Cycles for which each resource is what visits wait for: the first of those that take longest."""
    most, bound = cycles[0].copy(), np.zeros(cycles.shape[1], np.int8)
    for at in range(1, len(RESOURCES)):
        bound[cycles[at] > most] = at
        np.maximum(most, cycles[at], out=most)
    return np.bincount(bound, most, len(RESOURCES)).astype(float)
