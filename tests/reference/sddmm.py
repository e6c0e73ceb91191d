"""Section 7, SDDMM: an entry of S at a time, its row of A in part A, its column of B in part B, lanes on k."""

from collections import Counter, deque
from math import inf

import numpy as np

from .accounting import Memory, Totals, VisitWork, outcome, spread_over_stays
from .accumulators import Outbox, Sum
from .buses import Sent, Stream, product_hops, stream_of_a, taken
from .design import SLOTS, Design, Outcome, ceil_div
from .output_traffic import ZBits, write_tile
from .pe import MASK, QUEUE, Entry, fate_of
from .placement import queued_rows
from .places import bus_need
from .schedule import deal
from .staying import glb_need, unless_kept, z_unless_kept
from .storage import Tile, store, widths_of
from .stores import Capacity, Clock, Fifo, Port, Store
from .tiles import Visit, cut, stays_until_complete, walk


class Pe:
    """Columns j with j mod c equal to `column`; a row of A at a time."""

    def __init__(self, design: Design, column: int, part_a: float, part_b: float):
        self.design, self.column, self.clock = design, column, Clock()
        self.part_a = Store(part_a, Port(self.clock), Port(Clock()))
        self.part_b = Store(part_b, Port(self.clock), Port(Clock()))
        self.out = Outbox(SLOTS, design.L, self.clock)
        self.left: list[Sum] = []
        self.counts = Counter()

    def fill(self, store: Store, name: int, values: list[float]) -> None:
        """Write a row of A or a column of B, a word of L values a cycle."""
        d = self.design
        for start in range(0, len(values), d.L):
            word = values[start : start + d.L]
            store.write_port.clock.tick()
            store.write((name, start // d.L), word, len(word) * d.value_bits)
            self.counts["words_written"] += 1

    def idle(self) -> None:
        """The next cycle, in which sums leave."""
        self.clock.tick()
        self.left += self.out.drain()

    def work_on(self, entry: Entry, w: int, number: int) -> int:
        """The steps of an entry of S, whose products the tree adds up into a register."""
        total, words = 0.0, ceil_div(w, self.design.L)
        for word in range(words):
            left, right = self.part_a.read((entry.row, word)), self.part_b.read((entry.k, word))
            self.counts["words_read"] += 2
            for x, y in zip(left, right, strict=True):
                total += x * y
                self.counts[fate_of_entry(self.design, entry)] += 1
            if word == words - 1 and not entry.padding:
                self.out.push(Sum(entry.value * total, (number, entry.row, entry.k)))
            self.idle()
        return words


def fate_of_entry(design: Design, entry: Entry) -> str:
    """Zeros of A and B are not looked at: the entry of S decides."""
    return fate_of(design, entry, Entry(0, 0, 1.0, False, False))


class Array:
    """The PEs in use, by queue and column."""

    def __init__(self, design: Design, w: int, fits: bool):
        self.design = design
        part_a = w * design.value_bits if fits else inf
        part_b = design.buffer_half_bits - part_a if fits else inf
        self.pes = [[Pe(design, p, part_a, part_b) for p in range(design.sharing)] for _ in range(design.P)]

    def owner(self, j: int) -> int:
        """The PE column of a column; on m, the only one."""
        return j % self.design.c

    def visit(self, number: int, s: Tile, a: Tile, b: Tile, rows_of: list[list[int]]) -> tuple[int, int, int]:
        """Steps and decoding of the most loaded queue, and cycles of the buffer port."""
        d, w = self.design, a.shape[1]
        steps = decode = port = 0
        touched = sorted({j for _, j, _, _ in s.worked})
        for queue, rows in zip(self.pes, rows_of, strict=True):
            for pe in queue:
                pe.part_b.clear()
                before = pe.counts["words_written"]
                for j in touched:
                    if self.owner(j) == pe.column:
                        pe.fill(pe.part_b, j, b.array[:, j].tolist())
                port = max(port, pe.counts["words_written"] - before)
            mine = [i for i in sorted(rows) if s.in_row[i]]
            decode = max(decode, self.decode(s, mine))
            steps = max(steps, sum(self.row(queue, s, i, a, w, number) for i in mine))
            for pe in queue:
                for _ in range(d.pass_cycles):
                    pe.idle()
        return steps, decode, port

    def row(self, queue: list[Pe], s: Tile, i: int, a: Tile, w: int, number: int) -> int:
        """A row of S: PEs that share its row of A wait for each other."""
        longest = 0
        entries = [Entry(i, j, value, padding, False) for j, value, padding in s.in_row[i]]
        starts = queue[0].clock.cycle
        for pe in queue:
            pe.part_a.clear()
            pe.fill(pe.part_a, i, a.array[i].tolist())
            mine = [entry for entry in entries if self.owner(entry.k) == pe.column]
            longest = max(longest, sum(pe.work_on(entry, w, number) for entry in mine))
        for pe in queue:
            while pe.clock.cycle < starts + longest:
                pe.idle()
        return longest

    def decode(self, s: Tile, rows: list[int]) -> int:
        """Cycles in which a decoder takes words of mask and L entries at a time through its queue."""
        d, clock = self.design, Clock()
        if not s.skips:
            return 0
        queue, cycles = Fifo(QUEUE * d.lanes, d.L, clock), 0
        words = ceil_div(s.shape[1], d.mask_word) if s.stored_as == "bitmask" else 0
        feed = deque([MASK] * (words * len(rows)) + [(i, j) for i in rows for j, _, _ in s.in_row[i]])
        while feed:
            if feed[0] is MASK:
                feed.popleft()
            else:
                for _ in range(min(d.L, len(feed))):
                    queue.push(feed.popleft())
                    queue.pop()
            clock.tick()
            cycles += 1
        return cycles

    def finish(self, shape: tuple[int, int], visits: list[Visit]) -> np.ndarray:
        """Z, of what left the array."""
        z, d = np.zeros(shape), self.design
        for pe in (pe for queue in self.pes for pe in queue):
            for _ in range(SLOTS):
                pe.idle()
            for value, destination in pe.left:
                assert destination is not None
                number, i, j = destination
                z[visits[number].m * d.tile_m + i, visits[number].n * d.tile_n + j] += value
        return z

    @property
    def counts(self) -> Counter:
        """What all PEs have done."""
        total = Counter()
        for pe in (pe for queue in self.pes for pe in queue):
            total.update(pe.counts)
            total["accumulator_accesses"] += pe.out.accesses
        return total


def conflicts(s: Tile, design: Design) -> list[int]:
    """Work of each row of S: its entries in the PE column that has most of them."""
    return [max(Counter(j % design.c for j, _, _ in s.in_row[i]).values(), default=0) for i in range(s.shape[0])]


def send(s: Tile, a: Tile, b: Tile, results: int, design: Design) -> Sent:
    """What crosses the buses: S, the rows of A and columns of B that it touches, and results without coordinates."""
    sent, v = Sent(), design.value_bits
    sent.a = stream_of_a(s, list(range(s.shape[1])))
    sent.a_taken = taken(s, sent.a.bits)
    sent.rows_of_a = Stream(len(queued_rows(s)) * a.shape[1] * v, 0)
    sent.b = Stream(len({j for _, j, _, _ in s.worked}) * a.shape[1] * v, 0)
    sent.z = Stream(results * design.accumulator_bits, 0)
    sent.a_entries = len(s.stored) if s.stored_as != "dense" else 0
    return sent


def results_of(s: Tile) -> int:
    """Results of a visit: non-zeros of S, or all positions if it does not skip."""
    return sum(s.row_nonzeros) if s.skips else s.shape[0] * s.shape[1]


def run_sddmm(
    s: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    design: Design,
    *,
    dram_bits_per_cycle: float,
    dram_latency_cycles: float,
    burst_bits: int,
) -> Outcome:
    """Run Z = S * (A B) at the non-zeros of S; ValueError for a design that cannot, StorageError as of `run`."""
    if reason := illegal(design):
        raise ValueError(reason)
    d, memory = design, Memory(dram_bits_per_cycle, dram_latency_cycles, burst_bits)
    tiles, trips = lay_out(s, a, b, d)
    visits = [visit for visit in walk(d.loop_order, trips) if not tiles["z"][visit.m, visit.n].seen_empty]
    h, w, columns = (
        min(getattr(d, f"tile_{loop}"), size) for loop, size in zip("mkn", (*a.shape, b.shape[1]), strict=True)
    )
    whole = (a.shape[0] * a.shape[1], b.shape[0] * b.shape[1])
    fits = needs(tiles["z"], (h, w, columns), whole, d)
    array = Array(d, w, fits["pe_buffer"] <= 1)
    works = work_off(array, tiles, visits, d, fits["glb"] <= 1)
    z = array.finish(s.shape, visits)
    dram = {name: operand_dram(name, tiles[name], visits, trips, d, memory) for name in "zab"}
    totals = Totals(
        works=works,
        a_dram=[x + y for x, y in zip(dram["z"], unless_kept(d.a_kept, dram["a"]), strict=True)],
        b_dram=unless_kept(d.b_kept, dram["b"]),
        z_dram=z_unless_kept(d.z_kept, z_traffic(tiles["z"], visits, trips, d, memory)),
        adds_up=trips["k"] > 1,
        counts=array.counts,
        positions=s.shape[0] * s.shape[1] * a.shape[1],
        actions=count_actions(array.counts, works, d),
        fits=fits,
        z=z,
    )
    return outcome(totals, d, memory)


def illegal(design: Design) -> str | None:
    """Why a design cannot run an SDDMM, None if it can."""
    if design.dataflow != "inner_product" or design.lanes_on != "k" or design.residency == "fetch":
        return "an SDDMM is an inner product with lanes on k"
    if design.a_kept == "pe":
        return "PEs hold a row of A at a time"
    if design.a_format == "csc" or (design.a_format == "dense" and design.a_zero == "skip"):
        return "S is walked by rows, and a dense one cannot skip"
    return None if design.accumulators else "a lane has no accumulator word"


def lay_out(s: np.ndarray, a: np.ndarray, b: np.ndarray, design: Design) -> tuple[dict[str, dict], dict[str, int]]:
    """Stored tiles of S ("z"), A and B, and the trips of the loops."""
    d = design
    cuts = {
        loop: cut(size, getattr(d, f"tile_{loop}")) for loop, size in zip("mkn", (*a.shape, b.shape[1]), strict=True)
    }

    def tiles_of(matrix: np.ndarray, loops: str, stored_as: str, zero: str) -> dict[tuple[int, int], Tile]:
        widths = widths_of(d.value_bits, *(getattr(d, f"tile_{loop}") for loop in loops))
        return store(matrix, tuple(cuts[loop] for loop in loops), stored_as, zero, widths)

    tiles = {
        "z": tiles_of(s, "mn", d.a_format, d.a_zero),
        "a": tiles_of(a, "mk", "dense", "compute"),
        "b": tiles_of(b, "kn", "dense", "compute"),
    }
    return tiles, {loop: len(ranges) for loop, ranges in cuts.items()}


def work_off(array: Array, tiles: dict[str, dict], visits: list[Visit], design: Design, fits: bool) -> list[VisitWork]:
    """Walk all visits through the array, their tiles and results in half the GLB."""
    d, works = design, []
    glb = Capacity(d.glb_bits / 2 if fits else inf)
    moved = {name: int(getattr(d, f"{name}_kept") == "no") for name in "abz"}
    for number, (m, k, n) in enumerate(visits):
        mask, left, right = tiles["z"][m, n], tiles["a"][m, k], tiles["b"][k, n]
        results = results_of(mask)
        held = mask.encoded.bits + moved["a"] * left.encoded.bits + moved["b"] * right.encoded.bits
        glb.hold("tiles and results", held + moved["z"] * results * d.accumulator_bits)
        rows_of = deal(conflicts(mask, d) if mask.skips else [1] * mask.shape[0], d.P, d.schedule)
        steps, decode, port = array.visit(number, mask, left, right, rows_of)
        works.append(VisitWork(steps, decode, port, 1, send(mask, left, right, results, d)))
    return works


def needs(s_tiles: dict, extents: tuple[int, int, int], whole: tuple[int, int], design: Design) -> dict[str, float]:
    """Needs over capacity: tiles of S, A and B and the results of S; a row of A and the columns of a PE column."""
    d, (h, w, columns) = design, extents
    v = d.value_bits
    largest = max((tile.encoded.bits for tile in s_tiles.values() if not tile.seen_empty), default=0)
    results = max((results_of(tile) for tile in s_tiles.values() if not tile.seen_empty), default=0)
    word = d.accumulator_bits
    tile_bits = {"a": h * w * v, "b": columns * w * v, "z": results * word}
    all_results = sum(results_of(tile) for tile in s_tiles.values() if not tile.seen_empty)
    all_bits = {"a": whole[0] * v, "b": whole[1] * v, "z": all_results * word}
    return {
        "glb": glb_need(tile_bits, all_bits, d, beside=largest),
        "pe_buffer": (1 + ceil_div(columns, d.c)) * w * v / d.buffer_half_bits,
        "accumulator": SLOTS * d.lanes / d.accumulators,
        "bus": bus_need(d),
    }


def operand_dram(name: str, tiles: dict, visits: list[Visit], trips: dict, design: Design, memory: Memory) -> list:
    """Bits fetched of S ("z": it stays as Z does), A or B in each visit."""
    loops = {"z": "mn", "a": "mk", "b": "kn"}[name]

    def bits_of(visit: Visit) -> float:
        tile = tiles[tuple(getattr(visit, loop) for loop in loops)]
        return memory.fetch(tile.encoded.bits) + tile.directory_bits

    return spread_over_stays(visits, design.loop_order, trips, name, bits_of)


def z_traffic(s_tiles: dict, visits: list[Visit], trips: dict, design: Design, memory: Memory) -> ZBits:
    """Z has the pattern of S: a value for each of its non-zeros; partial results as accumulator words."""
    bits = ZBits([0.0] * len(visits), [0.0] * len(visits), memory.burst_bits)
    stays = stays_until_complete(design.loop_order, trips)
    of_tile: dict[tuple[int, int], list[int]] = {}
    for position, visit in enumerate(visits):
        of_tile.setdefault((visit.m, visit.n), []).append(position)
    for place, positions in of_tile.items():
        partial = [results_of(s_tiles[place]) * design.accumulator_bits] * len(positions)
        write_tile(positions, partial, sum(s_tiles[place].row_nonzeros) * design.value_bits, stays, bits)
    return bits


def count_actions(counts: Counter, works: list[VisitWork], design: Design) -> dict[str, float]:
    """Section 7: what happens in the array and on its buses."""
    d = design
    word_bits = d.L * d.value_bits
    return {
        "tree_adds": sum(counts[fate] for fate in ("effectual", "ineffectual", "gated")),
        "queue_bits": 2 * sum(work.sent.a_taken for work in works) * d.sharing,
        "pe_buffer_read_bits": counts["words_read"] * word_bits,
        "pe_buffer_write_bits": counts["words_written"] * word_bits,
        "accumulator_accesses": counts["accumulator_accesses"],
        "intersection_steps": 0,
        "decoded_entries": sum(work.sent.a_entries for work in works) * d.sharing,
        "bus_hops": sum(product_hops(work.sent, d) for work in works),
    }
