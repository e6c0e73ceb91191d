"""A product from end to end: visits, memories, the time of each visit, and what is counted."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf

import numpy as np

from .array import Array, Work
from .buses import Sent, product_hops, send
from .design import COLUMNS_ADDRESSABLE, RESOURCES, Design, Outcome, bits_to_number, illegal
from .fibers import FiberArray
from .output_traffic import ZBits, whole_bursts, z_traffic
from .places import Plan, plan
from .placement import conflicts, queued_rows
from .schedule import deal
from .storage import Tile, store, widths_of
from .stores import Capacity
from .tiles import Visit, cut, group_by_stay, walk

PIPELINE_STAGES = 16
BANK_BITS = 64
SEED = 0


@dataclass(frozen=True)
class Memory:
    """DRAM: bits a cycle, cycles to the first, bits of a burst."""

    bits_per_cycle: float
    latency_cycles: float
    burst_bits: int


@dataclass
class Kernel:
    """Operands cut into stored tiles, and the visits that are made."""

    design: Design
    b_is_dense: bool
    sizes: dict[str, int]
    trips: dict[str, int]
    a_tiles: dict[tuple[int, int], Tile]
    b_tiles: dict[tuple[int, int], Tile]
    visits: list[Visit]

    def pair(self, visit: Visit) -> tuple[Tile, Tile]:
        return self.a_tiles[visit.m, visit.k], self.b_tiles[visit.k, visit.n]

    @property
    def extents(self) -> tuple[int, int, int]:
        """h, w and n' of the nominal tile."""
        h, w, columns = (min(getattr(self.design, f"tile_{loop}"), self.sizes[loop]) for loop in "mkn")
        return h, w, columns

    @property
    def z_word_bits(self) -> int:
        """Bits of a result in the GLB: of a sparse Z with its coordinates."""
        d = self.design
        coordinates = sum(max(1, bits_to_number(tile)) for tile in (d.tile_m, d.tile_n))
        return d.accumulator_bits + (0 if self.b_is_dense else coordinates)


@dataclass
class Movement:
    """Bits that each visit moves, by what moves them."""

    value: list[float] = field(default_factory=list)
    index: list[float] = field(default_factory=list)
    glb_read: list[float] = field(default_factory=list)
    glb_write: list[float] = field(default_factory=list)
    dram_read: list[float] = field(default_factory=list)
    dram_write: list[float] = field(default_factory=list)


def lay_out(a: np.ndarray, b: np.ndarray, b_is_dense: bool, design: Design) -> Kernel:
    """Cut and store both operands, and list the visits that are not seen to be empty."""
    sizes = {"m": a.shape[0], "k": a.shape[1], "n": b.shape[1]}
    cuts = {loop: cut(size, getattr(design, f"tile_{loop}")) for loop, size in sizes.items()}
    trips = {loop: len(ranges) for loop, ranges in cuts.items()}
    a_widths = widths_of(design.value_bits, design.tile_m, design.tile_k)
    b_widths = widths_of(design.value_bits, design.tile_k, design.tile_n)
    a_tiles = store(a, (cuts["m"], cuts["k"]), design.a_format, design.a_zero, a_widths)
    b_tiles = store(b, (cuts["k"], cuts["n"]), design.b_format, design.b_zero, b_widths)
    visits = [
        visit
        for visit in walk(design.loop_order, trips)
        if not (a_tiles[visit.m, visit.k].seen_empty or b_tiles[visit.k, visit.n].seen_empty)
    ]
    return Kernel(design, b_is_dense, sizes, trips, a_tiles, b_tiles, visits)


def row_work(a: Tile, b: Tile, design: Design) -> list[int]:
    """What the firmware takes for the work of each row of A."""
    d = design
    if not a.skips:
        return [1] * a.shape[0]
    if not b.skips:
        return a.row_nonzeros
    if d.dataflow == "inner_product":
        alike = d.intersection in ("two_finger", "bitmask")
        return [int(nonzeros > 0) for nonzeros in a.row_nonzeros] if alike else a.row_nonzeros
    least = int(not (d.dataflow == "outer_product" and d.a_format in COLUMNS_ADDRESSABLE))
    steps = [max(least, count) for count in conflicts(b, d)]
    return [sum(steps[k] for k, _, _ in a.in_row[i]) for i in range(a.shape[0])]


def glb_needs(kernel: Kernel) -> tuple[list[int], int]:
    """Bits of the largest tile of A and of B, and the words that Z is guaranteed to need at most."""
    d = kernel.design
    words = min(d.tile_m, kernel.sizes["m"]) * min(d.tile_n, kernel.sizes["n"])
    if not kernel.b_is_dense:
        products = [0] * kernel.trips["m"]
        for m, k, n in walk("mkn", kernel.trips):
            a, b = kernel.a_tiles[m, k], kernel.b_tiles[k, n]
            products[m] += sum(x * y for x, y in zip(a.column_nonzeros, b.row_nonzeros, strict=True))
        words = min(words, max(products))
    stored = [[t for t in tiles.values() if not t.seen_empty] for tiles in (kernel.a_tiles, kernel.b_tiles)]
    return [max((tile.encoded.bits for tile in tiles), default=0) for tiles in stored], words


def work_off(kernel: Kernel) -> tuple[Plan, list[Work], Counter]:
    """Walk all visits through the array."""
    d = kernel.design
    pairs = [kernel.pair(visit) for visit in kernel.visits]
    hands = [deal(row_work(a, b, d), d.P, d.schedule) for a, b in pairs]
    planned = plan(pairs, hands, list(kernel.b_tiles.values()), kernel.extents, d)
    walks_fibers = d.dataflow == "inner_product" and d.b_zero == "skip"
    array = FiberArray(d, planned.limits) if walks_fibers else Array(d, planned.limits, planned.sums_in)
    works = []
    for number, ((a, b), rows_of) in enumerate(zip(pairs, hands, strict=True)):
        works.append(array.visit(number, a, b, rows_of, planned.u, kernel.b_is_dense))
    array.finish(works)
    return planned, works, array.counts


def unfolded_share(visit: Visit, tile: Tile, b_is_dense: bool, addresses: np.ndarray, d: Design) -> Fraction:
    """Section 9: addresses in memory of which a tile of B is made, over what it holds of them once unfolded."""
    rows, columns = tile.shape
    places = [(i, j) for i in range(rows) for j in range(columns) if b_is_dense or tile.array[i, j] != 0]
    found = {int(addresses[visit.k * d.tile_k + i, visit.n * d.tile_n + j]) for i, j in places}
    return Fraction(len(found - {-1}), max(1, len(places)))


def operand_dram(kernel: Kernel, operand: str, burst_bits: int, addresses: np.ndarray | None = None) -> list[float]:
    """Bits of A or B fetched in each visit: a tile is fetched in the background of all visits of its stay."""
    bits = [0.0] * len(kernel.visits)
    for positions in group_by_stay(kernel.visits, kernel.design.loop_order, kernel.trips, operand).values():
        first = kernel.visits[positions[0]]
        tile = kernel.pair(first)["ab".index(operand)]
        share = Fraction(1)
        if addresses is not None:
            share = unfolded_share(first, tile, kernel.b_is_dense, addresses, kernel.design)
        fetched = whole_bursts(tile.encoded.bits * share, burst_bits) + tile.directory_bits
        for position in positions:
            bits[position] += float(fetched) / len(positions)
    return bits


def stay_in_glb(kernel: Kernel, works: list[Work], capacity_bits: float) -> None:
    """Each visit finds its tiles in half the GLB, beside the results of its Z tile so far."""
    glb, so_far = Capacity(capacity_bits), {}
    for visit, work in zip(kernel.visits, works, strict=True):
        a, b = kernel.pair(visit)
        outputs = so_far.setdefault((visit.m, visit.n), set())
        outputs |= set(work.outputs)
        words = a.shape[0] * b.shape[1] if kernel.b_is_dense else len(outputs)
        for name, bits in (("a", 0), ("b", 0), ("z", 0)):
            glb.hold(name, bits)
        for name, bits in (("a", a.encoded.bits), ("b", b.encoded.bits), ("z", words * kernel.z_word_bits)):
            glb.hold(name, bits)


def move(sends: list[Sent], operands_read: list[float], z: ZBits, adds_up: bool) -> Movement:
    """Bits over the buses, the GLB and DRAM in each visit; results are added to partial ones if `adds_up`."""
    moved = Movement()
    for visit, sent in enumerate(sends):
        moved.value.append(sent.total("value"))
        moved.index.append(sent.total("index"))
        moved.dram_read.append(operands_read[visit] + z.read[visit])
        moved.dram_write.append(z.write[visit])
        out = moved.value[-1] + moved.index[-1] - sent.z.bits + sent.pointer_reads
        moved.glb_read.append(out + (sent.z.bits if adds_up else 0) + moved.dram_write[-1])
        moved.glb_write.append(sent.z.bits + moved.dram_read[-1])
    return moved


def add_up_times(works: list[Work], sends: list[Sent], moved: Movement, passes: list[int], d: Design, memory: Memory):
    """Busy cycles and cycles for which each resource binds, over all visits."""
    busy, bound = dict.fromkeys(RESOURCES, 0.0), dict.fromkeys(RESOURCES, 0.0)
    for visit, (work, sent) in enumerate(zip(works, sends, strict=True)):
        constant = d.pass_cycles * passes[visit]
        times = {
            "compute": work.steps + constant,
            "decode": work.decode + constant,
            "index_bus": sent.cycles("index", d.index_bus_bits),
            "value_bus": sent.cycles("value", d.value_bus_bits),
            "buffer_port": work.port,
            "glb": (moved.glb_read[visit] + moved.glb_write[visit]) / (BANK_BITS * d.glb_banks),
            "dram": (moved.dram_read[visit] + moved.dram_write[visit]) / memory.bits_per_cycle,
        }
        slowest = max(RESOURCES, key=lambda name: times[name])
        bound[slowest] += times[slowest]
        for name in RESOURCES:
            busy[name] += times[name]
    return busy, bound


def fill_cycles(design: Design, memory: Memory) -> float:
    """The first fill: DRAM, the pipeline, and a register at each branching of the bus trees."""
    branchings = bits_to_number(design.pe_rows) + bits_to_number(design.pe_cols)
    return memory.latency_cycles + PIPELINE_STAGES + branchings


def run(
    a: np.ndarray,
    b: np.ndarray | None,
    n: int,
    design: Design,
    *,
    dram_bits_per_cycle: float,
    dram_latency_cycles: float,
    burst_bits: int,
    addresses: np.ndarray | None = None,
) -> Outcome:
    """Run Z = A B on a design. `b` None: a dense B of `n` columns. ValueError if the combination is illegal.

    `addresses` [k, n]: where each position of B lies in memory, -1 for nowhere; each its own if None. StorageError if
    an operand is not where the page says, or a port is used twice.
    """
    memory = Memory(dram_bits_per_cycle, dram_latency_cycles, burst_bits)
    b_is_dense = b is None
    if reason := illegal(design, b_is_dense):
        raise ValueError(reason)
    if b is None:
        b = np.random.default_rng(SEED).uniform(0.5, 1.5, (a.shape[1], n))
    if b.shape != (a.shape[1], n):
        raise ValueError(f"B is {b.shape}, not {(a.shape[1], n)}")
    kernel = lay_out(a, b, b_is_dense, design)
    planned, works, counts = work_off(kernel)
    largest, z_words = glb_needs(kernel)
    half_glb = design.glb_bytes * 8 / 2
    fits = {"glb": (sum(largest) + z_words * kernel.z_word_bits) / half_glb} | planned.fits
    stay_in_glb(kernel, works, half_glb if fits["glb"] <= 1 else inf)

    pairs = [kernel.pair(visit) for visit in kernel.visits]
    passes = [-(-(-(-y.shape[1] // design.W)) // planned.u) for _, y in pairs]
    results = [
        len(queued_rows(x)) * y.shape[1] if b_is_dense else len(w.outputs)
        for (x, y), w in zip(pairs, works, strict=True)
    ]
    sends = [
        send(x, y, count, times, b_is_dense, design)
        for (x, y), count, times in zip(pairs, results, passes, strict=True)
    ]
    a_dram = operand_dram(kernel, "a", memory.burst_bits)
    b_dram = operand_dram(kernel, "b", memory.burst_bits, addresses)
    shapes = [(x.shape[0], y.shape[1]) for x, y in pairs]
    outputs = [work.outputs for work in works]
    z = z_traffic(kernel.visits, outputs, shapes, kernel.trips, b_is_dense, design, memory.burst_bits)
    moved = move(sends, [x + y for x, y in zip(a_dram, b_dram, strict=True)], z, kernel.trips["k"] > 1)
    busy, bound = add_up_times(works, sends, moved, passes, design, memory)
    fill = fill_cycles(design, memory)
    computes = {kind: counts[kind] for kind in ("effectual", "ineffectual", "gated")}
    computes["skipped"] = a.shape[0] * a.shape[1] * n - sum(computes.values())
    return Outcome(
        z=product(kernel, works),
        cycles=sum(bound.values()) + fill,
        resource_cycles=busy,
        bound_cycles=bound,
        fill_cycles=fill,
        actions=count_actions(kernel, counts, sends, moved, sum(results)),
        traffic={
            "dram_a_bytes": sum(a_dram) / 8,
            "dram_b_bytes": sum(b_dram) / 8,
            "dram_z_read_bytes": sum(z.read) / 8,
            "dram_z_write_bytes": sum(z.write) / 8,
            "glb_read_bytes": sum(moved.glb_read) / 8,
            "glb_write_bytes": sum(moved.glb_write) / 8,
            "value_bus_bytes": sum(moved.value) / 8,
            "index_bus_bytes": sum(moved.index) / 8,
        },
        computes=computes,
        fits=fits,
        visits=len(kernel.visits),
        waits=counts["waits"],
    )


def product(kernel: Kernel, works: list[Work]) -> np.ndarray:
    """Z, summed up from what left the array in each visit."""
    z = np.zeros((kernel.sizes["m"], kernel.sizes["n"]))
    d = kernel.design
    for visit, work in zip(kernel.visits, works, strict=True):
        for (i, j), value in work.outputs.items():
            z[visit.m * d.tile_m + i, visit.n * d.tile_n + j] += value
    return z


def count_actions(
    kernel: Kernel, counts: Counter, sends: list[Sent], moved: Movement, results: int
) -> dict[str, float]:
    """Section 5, energy: what happens in the array, on its buses and in the memories."""
    d = kernel.design
    b_skips = d.b_zero == "skip"
    a_held = d.holds_a(b_skips)
    cm, ck, cn = (max(1, bits_to_number(getattr(d, f"tile_{loop}"))) for loop in "mkn")
    coordinate = 0 if d.a_zero != "skip" else cm if d.dataflow == "outer_product" else ck
    a_heard = sum(sent.a_times * sent.a.bits for sent in sends) * d.sharing
    word_bits = d.L * (d.value_bits + (cn + 1 if b_skips else 0))
    macs_not_skipped = counts["effectual"] + counts["ineffectual"] + counts["gated"]
    fetches = d.residency == "fetch"
    return {
        "macs": counts["effectual"] + counts["ineffectual"],
        "gated_macs": counts["gated"],
        "tree_adds": macs_not_skipped if d.lanes_on == "k" else 0,
        "queue_bits": 2 * (0 if a_held else a_heard) + 2 * sum(sent.fetched_bits for sent in sends),
        "pe_buffer_read_bits": (0 if fetches else counts["b_reads"] * word_bits)
        + (counts["a_reads"] * (d.value_bits + coordinate) if a_held else 0)
        + counts["read_bits"],
        "pe_buffer_write_bits": counts["written_bits"]
        + counts["b_writes"] * word_bits
        + (a_heard if a_held and not counts["written_bits"] else 0),
        "accumulator_accesses": counts["accumulator_accesses"],
        "intersection_steps": counts["intersection_steps"],
        "decoded_entries": sum(
            sent.passes * sent.a_entries * d.sharing + sent.b_entries * (1 if fetches else d.holding) for sent in sends
        ),
        "bus_hops": sum(product_hops(sent, d) for sent in sends),
        "glb_read_bits": sum(moved.glb_read),
        "glb_write_bits": sum(moved.glb_write),
        "dram_read_bits": sum(moved.dram_read),
        "dram_write_bits": sum(moved.dram_write),
    }
