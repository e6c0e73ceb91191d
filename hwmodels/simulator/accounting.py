"""What a run returns, how time, traffic and actions follow from the figures of its visits, and what it costs."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer

from hwmodels.area import area_mm2, glb_bank_bytes
from hwmodels.cost import FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.energy import price
from hwmodels.simulator.concrete_design import Machine
from hwmodels.simulator.counters import Dram, Fits, Sent, Work
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

    @property
    def bound(self) -> Integer[np.ndarray, " visits"]:
        """Position in `RESOURCES` of what each visit waits for."""
        return np.argmax(self.cycles, axis=0)

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
class Run:
    """One kernel, run on real values: everything that no energy or area is needed for. Counts are float64."""

    result: Any
    """Z: a NumPy array where Z is dense, else a `csr_array` that keeps entries which cancelled to zero."""
    visits: Timeline
    cycles: float
    fill_cycles: float
    resource_cycles: Float[np.ndarray, " 6"]
    """Busy cycles by `RESOURCES`."""
    bound_cycles: Float[np.ndarray, " 6"]
    actions: dict[str, float]
    """By the fields of `ActionCounts`; `traffic` and `computes` likewise."""
    traffic: dict[str, float]
    computes: dict[str, float]
    fits: dict[str, float]
    """Need over capacity by `FITS`, the clock apart."""


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A run, and what it costs in a technology."""

    run: Run
    cost: Cost
    """Counts and cycles are float64 NumPy; energy and area, priced by the models' technology, are float32."""

    @property
    def result(self) -> Any:
        """Z: a NumPy array where Z is dense, else a `csr_array` that keeps entries which cancelled to zero."""
        return self.run.result

    @property
    def visits(self) -> Timeline:
        """What each visit took."""
        return self.run.visits

    @property
    def bottleneck(self) -> str:
        """Name of the resource that binds for the most cycles."""
        return RESOURCES[int(np.argmax(self.run.bound_cycles))]


@dataclasses.dataclass(frozen=True)
class Charges:
    """Array actions of a kernel that follow from rules of its own."""

    pe_buffer_read_bits: int
    pe_buffer_write_bits: int
    accumulator_accesses: int
    intersection_steps: int
    decoded_entries: int
    crossbar_words: int


def conclude(
    machine: Machine,
    memory: Memory,
    *,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    work: Work,
    sent: Sent,
    dram: Dram,
    charges: Charges,
    fits: Fits,
    positions: int,
    adds_partials: bool,
    result: Any,
) -> Run:
    """Time of each visit, and the sums of all.

    `places` of the visits along m, k and n; `positions` of the dense iteration space; `adds_partials`: results are
    added to partial sums in the GLB.
    """
    glb_read = sent.operands + (sent.results if adds_partials else 0) + dram.z_write
    glb_write = sent.results + dram.read
    cycles = np.empty((len(RESOURCES), len(glb_read)))
    for at, busy in enumerate(
        (
            work.compute,
            work.intersect,
            sent.index / machine.index_bus_bits,
            sent.value / machine.value_bus_bits,
            (glb_read + glb_write) / (BANK_BITS * machine.glb_banks),
            (dram.read + dram.z_write) / memory.bits_per_cycle,
        )
    ):
        cycles[at] = busy
    visits = Timeline(*places, cycles)
    bound_cycles = _bound_cycles(cycles)
    fill = memory.latency_cycles + machine.pe_rows + machine.pe_cols + PIPELINE_STAGES
    total = float(bound_cycles.sum()) + fill
    computes = {name: float(getattr(work, name).sum()) for name in ("effectual", "ineffectual", "gated")}
    moved = {field.name: float(getattr(dram, field.name).sum()) for field in dataclasses.fields(dram)}
    actions = {name: float(count) for name, count in dataclasses.asdict(charges).items()} | {
        "macs": computes["effectual"] + computes["ineffectual"],
        "gated_macs": computes["gated"],
        "bus_bits": float(sent.value.sum()) + float(sent.index.sum()),
        "glb_read_bits": float(glb_read.sum()),
        "glb_write_bits": float(glb_write.sum()),
        "dram_read_bits": float(dram.read.sum()),
        "dram_write_bits": moved["z_write"],
        "cycles": total,
    }
    traffic = {f"dram_{name}_bytes": bits / 8 for name, bits in moved.items()} | {
        "glb_read_bytes": actions["glb_read_bits"] / 8,
        "glb_write_bytes": actions["glb_write_bits"] / 8,
        "value_bus_bytes": float(sent.value.sum()) / 8,
        "index_bus_bytes": float(sent.index.sum()) / 8,
    }
    return Run(
        result=result,
        visits=visits,
        cycles=total,
        fill_cycles=fill,
        resource_cycles=cycles.sum(axis=1),
        bound_cycles=bound_cycles,
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


def priced(run: Run, machine: Machine, hardware: Hardware, mapping: Mapping, technology: Technology) -> Simulation:
    """A run with its latency, energy and area in a technology."""
    counts = ActionCounts(**{name: np.float32(number) for name, number in run.actions.items()})
    mapping = dataclasses.replace(mapping, dataflow=DATAFLOWS[0])  # it has no price, and one program does for all
    area, energy, clock_ghz, limit_ghz = _bill(counts, hardware, mapping, technology)
    needs = run.fits | {"clock": float(clock_ghz) / float(limit_ghz)}
    possible = machine.pe_rows * machine.width * run.cycles
    cost = Cost(
        latency_s=np.float64(run.cycles / float(clock_ghz) * 1e-9),
        cycles=np.float64(run.cycles),
        resource_cycles=run.resource_cycles,
        bound_cycles=run.bound_cycles,
        energy_pj=energy,
        area_mm2=area,
        utilization=np.float64(run.computes["effectual"] / possible),
        computes=Computes(**{name: np.float64(count) for name, count in run.computes.items()}),
        traffic=Traffic(**{name: np.float64(count) for name, count in run.traffic.items()}),
        actions=ActionCounts(**{name: np.float64(count) for name, count in run.actions.items()}),
        fits=np.array([needs[name] for name in FITS]),
    )
    return Simulation(run, cost)


@jax.jit
def _bill(counts: ActionCounts, hardware: Hardware, mapping: Mapping, technology: Technology) -> tuple[Array, ...]:
    """Area and energy by component; the clock of the scenario and the highest that the design can run at, GHz."""
    technology = technology.solved()
    area = area_mm2(hardware, technology)
    limit_ghz = jnp.minimum(technology.max_clock_ghz(), technology.glb_clock_limit_ghz(glb_bank_bytes(hardware)))
    energy = price(counts, hardware, mapping, area, technology)
    return area, energy, jnp.asarray(technology.scenario.clock_ghz), limit_ghz
