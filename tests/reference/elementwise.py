"""Section 8, element-wise kernels: each lane walks pairs of fibers, rows of a tile of both operands."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from math import inf

import numpy as np

from .accounting import Memory, Totals, VisitWork, outcome
from .accumulators import Outbox, Sum
from .buses import Sent, Stream, hops, stored_entries, taken
from .design import MASK_BITS, SLOTS, Design, Outcome, bits_to_number, ceil_div
from .intersection import UNITS, Fiber, Item, load, load_mask, two_finger
from .output_traffic import z_traffic
from .places import bus_need
from .schedule import deal
from .staying import glb_need, unless_kept, z_unless_kept
from .storage import Tile, store, widths_of
from .stores import Capacity, Clock, Port, Store
from .tiles import Visit, cut, walk

NOTHING = Item(-1, 0.0, False)
"""An operand without an entry at a position: a zero that is not worked on."""


def union_steps(unit: str, row: Fiber, column: Fiber, length: int, positions: int) -> Iterator:
    """Steps in which a unit adds two fibers with entries at some positions; no unit skips anything in a union."""
    if unit == "leader_follower":
        yield from range(length)
    elif unit == "bitmask":
        yield from range(ceil_div(length, MASK_BITS))
        yield from islice(two_finger(row, column, length), positions)
    else:
        yield from two_finger(row, column, length)


class Lane:
    """A unit with a fiber of each operand in its part of the operand buffer."""

    def __init__(self, design: Design, union: bool, room: float):
        self.design, self.union, self.clock = design, union, Clock()
        self.a = Store(inf, Port(self.clock), Port(Clock()))
        self.b = Store(room, Port(self.clock), Port(Clock()))
        self.out = Outbox(SLOTS, 1, self.clock)
        self.left: list[Sum] = []
        self.counts = Counter()

    @property
    def both_skip(self) -> bool:
        return self.design.a_zero == self.design.b_zero == "skip"

    def hold(self, store: Store, items: list[Item], expanded: bool, length: int) -> Fiber:
        """A fiber into its store, decoded, and as masks; of leader-follower's B expanded, a bit beside each value."""
        store.clear()
        d = self.design
        store.reserve(length * (d.value_bits + 1) if expanded else 0)
        load(store, 0, items, 0, expanded)
        if d.intersection == "bitmask":
            load_mask(store, 0, items, length)
        return Fiber(store, 0, len(items))

    def work_on(self, a: list[Item], b: list[Item], length: int, place: tuple[int, int]) -> Counter:
        """A pair of fibers: operations and steps, and the results that leave."""
        loads, d = Counter(), self.design
        left, right = {item.k: item for item in a}, {item.k: item for item in b}
        positions = sorted(set(left) | set(right) if self.union else set(left) & set(right))
        for k in positions:
            one, other = left.get(k, NOTHING), right.get(k, NOTHING)
            fate = fate_of_pair(d, self.union, one, other)
            self.counts[fate] += 1
            loads["operations"] += 1
            if fate == "effectual":
                value = one.value + other.value if self.union else one.value * other.value
                self.out.push(Sum(value, (*place, k)))
            self.idle()
        if self.both_skip and (positions if self.union else a and b):
            expanded = d.intersection == "leader_follower"
            row, column = self.hold(self.a, a, False, length), self.hold(self.b, b, expanded, length)
            unit = UNITS[d.intersection]
            steps = unit(row, column, length)
            if self.union:
                steps = union_steps(d.intersection, row, column, length, len(positions))
            for _ in steps:
                loads["steps"] += 1
                self.idle()
        self.counts["steps"] += loads["steps"]
        return loads

    def idle(self) -> None:
        """The next cycle, in which a result leaves."""
        self.clock.tick()
        self.left += self.out.drain()


def fate_of_pair(design: Design, union: bool, one: Item, other: Item) -> str:
    """A position with a result is effectual, else padding is gated, and else the operand whose zero it is decides.

    In a union where an operand does not skip, all positions are worked on for its sake: it decides.
    """
    if (one.value and other.value) or (union and (one.value or other.value)):
        return "effectual"
    if union:
        modes = [mode for mode in (design.a_zero, design.b_zero) if mode != "skip"]
        return "ineffectual" if modes and modes[0] == "compute" else "gated"
    if one.padding or other.padding:
        return "gated"
    return "gated" if (design.b_zero if one.value else design.a_zero) == "gate" else "ineffectual"


def items_of(tile: Tile, i: int) -> list[Item]:
    """Entries of a fiber."""
    return [Item(k, value, padding) for k, value, padding in tile.in_row[i]]


def decode_cycles(tile: Tile, items: list[Item], length: int) -> int:
    """Cycles in which a lane decodes a fiber of an operand that skips."""
    if not tile.skips or not items:
        return 0
    return len(items) + (ceil_div(length, MASK_BITS) if tile.stored_as == "bitmask" else 0)


def work_off(number: int, x: Tile, y: Tile, lanes: list[Lane], design: Design) -> tuple[int, int]:
    """Compute and decode of the most loaded lane in one visit."""
    length = x.shape[1]
    both_skip = x.skips and y.skips
    work = [n + o if both_skip else 1 for n, o in zip(x.row_nonzeros, y.row_nonzeros, strict=True)]
    compute = decode = 0
    for lane, fibers in zip(lanes, deal(work, len(lanes), design.schedule), strict=True):
        loads = Counter()
        for i in fibers:
            one, other = items_of(x, i), items_of(y, i)
            loads["a"] += decode_cycles(x, one, length)
            loads["b"] += decode_cycles(y, other, length)
            loads.update(lane.work_on(one, other, length, (number, i)))
        compute = max(compute, loads["operations"], loads["steps"])
        decode = max(decode, loads["a"], loads["b"])
    return compute, decode


def send(tiles: list[Tile], results: int, design: Design) -> Sent:
    """Both tiles, whole, and a word and a coordinate for each result."""
    sent = Sent()
    for tile in tiles:
        if not tile.seen_empty:
            sent.b.value += tile.encoded.value_bits
            sent.b.index += tile.encoded.metadata_bits
            sent.b_entries += stored_entries(tile.encoded)
    sent.z = Stream(results * design.accumulator_bits, results * max(1, bits_to_number(design.tile_n)))
    return sent


def needs(sides: list[dict], union: bool, length: int, design: Design) -> dict[str, float]:
    """Needs over capacity: the largest tiles and all results there can be; leader-follower's expanded fibers."""
    d = design
    stored = [[t for t in side.values() if not t.seen_empty] for side in sides]
    words, nonzeros_of = 0, [sum(sum(t.row_nonzeros) for t in tiles) for tiles in stored]
    positions = sum(t.shape[0] * t.shape[1] for t in sides[0].values())
    all_words = min(sum(nonzeros_of) if union else min(nonzeros_of), positions)
    for place, x in sides[0].items():
        nonzeros = [sum(tile.row_nonzeros) for tile in (x, sides[1][place])]
        words = max(words, min(sum(nonzeros) if union else min(nonzeros), x.shape[0] * x.shape[1]))
    word_bits = d.accumulator_bits + sum(max(1, bits_to_number(tile)) for tile in (d.tile_m, d.tile_n))
    probes = d.intersection == "leader_follower" and d.a_zero == d.b_zero == "skip"
    bits = {name: [t.encoded.bits for t in tiles] for name, tiles in zip("ab", stored, strict=True)}
    tile_bits = {name: max(each, default=0) for name, each in bits.items()}
    all_bits = {name: sum(each) for name, each in bits.items()}
    return {
        "glb": glb_need(tile_bits | {"z": words * word_bits}, all_bits | {"z": all_words * word_bits}, d),
        "pe_buffer": d.L * length * (d.value_bits + 1) / d.buffer_half_bits if probes else 0.0,
        "accumulator": SLOTS * d.lanes / d.accumulators,
        "bus": bus_need(d),
    }


def illegal(design: Design) -> str | None:
    """Why a design cannot run an element-wise kernel, None if it can."""
    if design.dataflow != "inner_product" or design.residency == "fetch":
        return "element-wise kernels run on the units of the inner product"
    if design.a_kept == "pe":
        return "PEs hold nothing"
    for stored, zero in ((design.a_format, design.a_zero), (design.b_format, design.b_zero)):
        if stored == "csc" or (stored == "dense" and zero == "skip"):
            return "operands are read by rows, and a dense one cannot skip"
    return None if design.accumulators else "a lane has no accumulator word"


def lay_out(a: np.ndarray, b: np.ndarray, design: Design) -> tuple[list[dict], dict[str, int]]:
    """Stored tiles of both operands, and the trips of the loops."""
    d = design
    cuts = cut(a.shape[0], d.tile_m), cut(a.shape[1], d.tile_n)
    widths = widths_of(d.value_bits, d.tile_m, d.tile_n)
    sides = [store(a, cuts, d.a_format, d.a_zero, widths), store(b, cuts, d.b_format, d.b_zero, widths)]
    return sides, {"m": len(cuts[0]), "k": 1, "n": len(cuts[1])}


def run_elementwise(
    a: np.ndarray,
    b: np.ndarray,
    union: bool,
    design: Design,
    *,
    dram_bits_per_cycle: float,
    dram_latency_cycles: float,
    burst_bits: int,
) -> Outcome:
    """Run Z = A + B (`union`) or A * B; ValueError for a design that cannot, StorageError as of `run`."""
    if reason := illegal(design):
        raise ValueError(reason)
    d, memory = replace(design, lanes_on="n"), Memory(dram_bits_per_cycle, dram_latency_cycles, burst_bits)
    sides, trips = lay_out(a, b, d)
    visits, pairs = [], []
    for visit in walk(d.loop_order, trips):
        x, y = (side[visit.m, visit.n] for side in sides)
        if not ((x.seen_empty and y.seen_empty) if union else (x.seen_empty or y.seen_empty)):
            visits.append(visit)
            pairs.append((x, y))
    fits = needs(sides, union, min(d.tile_n, a.shape[1]), d)
    room = d.buffer_half_bits / d.L if fits["pe_buffer"] <= 1 else inf
    lanes = [Lane(d, union, room) for _ in range(d.R * d.C * d.L)]
    times = [work_off(number, x, y, lanes, d) for number, (x, y) in enumerate(pairs)]
    outputs, counts = finish(lanes, len(visits))
    sends = [send([x, y], len(found), d) for (x, y), found in zip(pairs, outputs, strict=True)]
    stay_in_glb(pairs, outputs, d, fits["glb"] <= 1)
    totals = Totals(
        works=[VisitWork(*time, 0, 1, sent) for time, sent in zip(times, sends, strict=True)],
        a_dram=unless_kept(d.a_kept, [fetched(x, memory) for x, _ in pairs]),
        b_dram=unless_kept(d.b_kept, [fetched(y, memory) for _, y in pairs]),
        z_dram=z_unless_kept(
            d.z_kept, z_traffic(visits, outputs, [x.shape for x, _ in pairs], trips, False, d, burst_bits)
        ),
        adds_up=False,
        counts=counts,
        positions=a.shape[0] * a.shape[1],
        actions=count_actions(pairs, sends, counts, d),
        fits=fits,
        z=assemble(a.shape, visits, outputs, d),
    )
    return outcome(totals, d, memory)


def fetched(tile: Tile, memory: Memory) -> float:
    """Bits of a tile from DRAM; none if it is seen to be empty."""
    return 0.0 if tile.seen_empty else memory.fetch(tile.encoded.bits) + tile.directory_bits


def finish(lanes: list[Lane], visits: int) -> tuple[list[dict], Counter]:
    """Results of each visit, and what all lanes have done."""
    outputs, counts = [{} for _ in range(visits)], Counter()
    for lane in lanes:
        for _ in range(SLOTS):
            lane.idle()
        counts.update(lane.counts)
        counts["accumulator_accesses"] += lane.out.accesses
        for value, destination in lane.left:
            assert destination is not None
            outputs[destination[0]][destination[1:]] = value
    return outputs, counts


def stay_in_glb(pairs: list, outputs: list[dict], design: Design, fits: bool) -> None:
    """Both tiles of a visit and its results are in half the GLB."""
    d = design
    glb = Capacity(d.glb_bits / 2 if fits else inf)
    moved = {name: int(getattr(d, f"{name}_kept") == "no") for name in "abz"}
    word_bits = d.accumulator_bits + sum(max(1, bits_to_number(tile)) for tile in (d.tile_m, d.tile_n))
    for (x, y), found in zip(pairs, outputs, strict=True):
        held = sum(moved[name] * tile.encoded.bits for name, tile in (("a", x), ("b", y)) if not tile.seen_empty)
        glb.hold("tiles and results", held + moved["z"] * len(found) * word_bits)


def assemble(shape: tuple[int, ...], visits: list[Visit], outputs: list[dict], design: Design) -> np.ndarray:
    """Z, of what left the lanes in each visit."""
    z = np.zeros(shape)
    for visit, found in zip(visits, outputs, strict=True):
        for (i, j), value in found.items():
            z[visit.m * design.tile_m + i, visit.n * design.tile_n + j] = value
    return z


def count_actions(pairs: list, sends: list[Sent], counts: Counter, design: Design) -> dict[str, float]:
    """Section 8: operand buffers serve as queues, written for each bit sent and read for each entry worked on."""
    cn, read, written = max(1, bits_to_number(design.tile_n)), 0, 0.0
    for tile in (tile for pair in pairs for tile in pair if not tile.seen_empty):
        read += len(tile.worked) * (design.value_bits + (cn if tile.skips else 0))
        written += taken(tile, tile.encoded.bits)
    return {
        "tree_adds": 0,
        "queue_bits": 0,
        "pe_buffer_read_bits": read,
        "pe_buffer_write_bits": written,
        "accumulator_accesses": counts["accumulator_accesses"],
        "intersection_steps": counts["steps"],
        "decoded_entries": sum(sent.b_entries for sent in sends),
        "bus_hops": sum(hops({"one": sent.b.bits + sent.z.bits}, design) for sent in sends),
    }
