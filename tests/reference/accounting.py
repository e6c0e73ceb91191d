"""Sections 1 and 5: what memories move in each visit, the time of each, and the totals of a run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .buses import Sent
from .design import RESOURCES, Design, Outcome, bits_to_number
from .output_traffic import ZBits
from .tiles import Visit, group_by_stay

PIPELINE_STAGES = 16
BANK_BITS = 64


@dataclass(frozen=True)
class Memory:
    """DRAM: bits a cycle, cycles to the first, bits of a burst."""

    bits_per_cycle: float
    latency_cycles: float
    burst_bits: int

    @property
    def fetch(self) -> Callable[[float], float]:
        """Bits that are moved for bits that are wanted: whole bursts."""
        return lambda bits: float(-(-bits // self.burst_bits) * self.burst_bits)


@dataclass
class VisitWork:
    """What a visit takes of the array: cycles without the constant, column passes, and what crosses the buses."""

    steps: float
    decode: float
    port: float
    passes: int
    sent: Sent


@dataclass
class Movement:
    """Bits that each visit moves, by what moves them."""

    value: list[float] = field(default_factory=list)
    index: list[float] = field(default_factory=list)
    glb_read: list[float] = field(default_factory=list)
    glb_write: list[float] = field(default_factory=list)
    dram_read: list[float] = field(default_factory=list)
    dram_write: list[float] = field(default_factory=list)


def spread(visits: list[Visit], keys: list, bits_of: Callable[[Visit], float]) -> list[float]:
    """Bits fetched in each visit: what several visits share is fetched in the background of all of them."""
    positions: dict = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    bits = [0.0] * len(visits)
    for shared in positions.values():
        for position in shared:
            bits[position] = bits_of(visits[shared[0]]) / len(shared)
    return bits


def spread_over_stays(
    visits: list[Visit], order: str, trips: dict, operand: str, bits_of: Callable[[Visit], float]
) -> list[float]:
    """Bits of an operand fetched in each visit."""
    stays = group_by_stay(visits, order, trips, operand)
    key_of = {position: key for key, positions in stays.items() for position in positions}
    return spread(visits, [key_of[position] for position in range(len(visits))], bits_of)


def move(works: list[VisitWork], operands_read: list[float], z: ZBits, adds_up: bool) -> Movement:
    """Bits over the buses, the GLB and DRAM in each visit; results are added to partial ones if `adds_up`."""
    moved = Movement()
    for visit, work in enumerate(works):
        sent = work.sent
        moved.value.append(sent.total("value"))
        moved.index.append(sent.total("index"))
        moved.dram_read.append(operands_read[visit] + z.read[visit])
        moved.dram_write.append(z.write[visit])
        out = moved.value[-1] + moved.index[-1] - sent.z.bits + sent.pointer_reads
        moved.glb_read.append(out + (sent.z.bits if adds_up else 0) + moved.dram_write[-1])
        moved.glb_write.append(sent.z.bits + moved.dram_read[-1])
    return moved


def add_up_times(works: list[VisitWork], moved: Movement, d: Design, memory: Memory) -> tuple[dict, dict]:
    """Busy cycles and cycles for which each resource binds, over all visits."""
    busy, bound = dict.fromkeys(RESOURCES, 0.0), dict.fromkeys(RESOURCES, 0.0)
    for visit, work in enumerate(works):
        constant = d.pass_cycles * work.passes
        times = {
            "compute": work.steps + constant,
            "decode": work.decode + constant,
            "index_bus": work.sent.cycles("index", d.index_bus_bits),
            "value_bus": work.sent.cycles("value", d.value_bus_bits),
            "buffer_port": work.port,
            "glb": (moved.glb_read[visit] + moved.glb_write[visit]) / (BANK_BITS * d.glb_banks),
            "dram": (moved.dram_read[visit] + moved.dram_write[visit]) / memory.bits_per_cycle,
        }
        slowest = max(RESOURCES, key=lambda name: times[name])
        bound[slowest] += times[slowest]
        for name in RESOURCES:
            busy[name] += times[name]
    return busy, bound


@dataclass
class Totals:
    """What a run is made of, before it is added up."""

    works: list[VisitWork]
    a_dram: list[float]
    b_dram: list[float]
    z_dram: ZBits
    adds_up: bool
    """Whether results are added to partial ones in the GLB."""
    counts: Counter
    positions: int
    actions: dict[str, float]
    fits: dict[str, float]
    z: np.ndarray
    unfolded: list[float] | None = None
    """Bits of a map that stays in the GLB, read and written there as tiles of B."""


def outcome(totals: Totals, design: Design, memory: Memory) -> Outcome:
    """The totals of a run."""
    t = totals
    moved = move(t.works, [x + y for x, y in zip(t.a_dram, t.b_dram, strict=True)], t.z_dram, t.adds_up)
    for moves in (moved.glb_read, moved.glb_write):
        moves[:] = [bits + more for bits, more in zip(moves, t.unfolded or [0.0] * len(moves), strict=True)]
    busy, bound = add_up_times(t.works, moved, design, memory)
    fill = memory.latency_cycles + PIPELINE_STAGES + bits_to_number(design.pe_rows) + bits_to_number(design.pe_cols)
    computes = {kind: t.counts[kind] for kind in ("effectual", "ineffectual", "gated")}
    computes["skipped"] = t.positions - sum(computes.values())
    memories = ("glb_read", "glb_write", "dram_read", "dram_write")
    traffic = {
        "dram_a_bytes": t.a_dram,
        "dram_b_bytes": t.b_dram,
        "dram_z_read_bytes": t.z_dram.read,
        "dram_z_write_bytes": t.z_dram.write,
        "glb_read_bytes": moved.glb_read,
        "glb_write_bytes": moved.glb_write,
        "value_bus_bytes": moved.value,
        "index_bus_bytes": moved.index,
    }
    return Outcome(
        z=t.z,
        cycles=sum(bound.values()) + fill,
        resource_cycles=busy,
        bound_cycles=bound,
        fill_cycles=fill,
        actions={"macs": computes["effectual"] + computes["ineffectual"], "gated_macs": computes["gated"]}
        | t.actions
        | {f"{name}_bits": sum(getattr(moved, name)) for name in memories},
        traffic={name: sum(bits) / 8 for name, bits in traffic.items()},
        computes=computes,
        fits=t.fits,
        visits=len(t.works),
        waits=t.counts["waits"],
    )
