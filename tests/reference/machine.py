"""A product from end to end: operands laid out, visits walked through the array, and what is moved and counted."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np

from .accounting import Memory, Totals, VisitWork, outcome, spread_over_stays
from .array import Array, Work
from .buses import Sent, product_hops, send
from .design import COLUMNS_ADDRESSABLE, Design, Outcome, bits_to_number, illegal
from .fibers import FiberArray
from .output_traffic import z_traffic
from .placement import conflicts, queued_rows
from .places import Plan, plan
from .schedule import deal
from .staying import glb_need, unless_kept, z_unless_kept
from .storage import Tile, store, widths_of
from .stores import Capacity, StorageError
from .tiles import Visit, cut, walk

SEED = 0


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


def walks_fibers(design: Design) -> bool:
    """Whether lanes walk rows against columns."""
    return design.dataflow == "inner_product" and design.b_zero == "skip"


def work_off(kernel: Kernel) -> tuple[Plan, list[Work], Counter, list[list[list[int]]]]:
    """Walk all visits through the array."""
    d = kernel.design
    pairs = [kernel.pair(visit) for visit in kernel.visits]
    evenly = d.dataflow == "outer_product"
    hands = [deal(row_work(a, b, d), d.P, d.schedule, queued_rows(a) if evenly and a.skips else None) for a, b in pairs]
    planned = plan(pairs, hands, list(kernel.b_tiles.values()), kernel.extents, len(kernel.a_tiles), d)
    array = FiberArray(d, planned.limits) if walks_fibers(d) else Array(d, planned.limits, planned.sums_in)
    works = []
    for number, ((a, b), rows_of) in enumerate(zip(pairs, hands, strict=True)):
        works.append(array.visit(number, a, b, rows_of, planned.u, kernel.b_is_dense))
    array.finish(works)
    return planned, works, array.counts, hands


def unfolded_share(visit: Visit, tile: Tile, b_is_dense: bool, addresses: np.ndarray, d: Design) -> Fraction:
    """Section 9: addresses in memory of which a tile of B is made, over what it holds of them once unfolded."""
    rows, columns = tile.shape
    places = [(i, j) for i in range(rows) for j in range(columns) if b_is_dense or tile.array[i, j] != 0]
    found = {int(addresses[visit.k * d.tile_k + i, visit.n * d.tile_n + j]) for i, j in places}
    return Fraction(len(found - {-1}), max(1, len(places)))


def map_share(b: np.ndarray, b_is_dense: bool, addresses: np.ndarray) -> float:
    """Addresses of which all of B is made, over what it holds of them."""
    places = addresses.ravel() if b_is_dense else addresses[b != 0]
    return len(set(places.tolist()) - {-1}) / max(1, len(places))


def operand_dram(kernel: Kernel, operand: str, memory: Memory, addresses: np.ndarray | None = None) -> list[float]:
    """Bits of A or B fetched in each visit."""

    def bits_of(visit: Visit) -> float:
        tile, share = kernel.pair(visit)["ab".index(operand)], Fraction(1)
        if addresses is not None:
            share = unfolded_share(visit, tile, kernel.b_is_dense, addresses, kernel.design)
        return memory.fetch(tile.encoded.bits * share) + tile.directory_bits

    return spread_over_stays(kernel.visits, kernel.design.loop_order, kernel.trips, operand, bits_of)


def all_bits(kernel: Kernel) -> dict[str, int]:
    """Bits of all tiles of A and of B that are not seen to be empty, and of all words of Z."""
    stored = {"a": kernel.a_tiles, "b": kernel.b_tiles}
    bits = {name: sum(t.encoded.bits for t in tiles.values() if not t.seen_empty) for name, tiles in stored.items()}
    return bits | {"z": kernel.sizes["m"] * kernel.sizes["n"] * kernel.design.accumulator_bits}


def stay_in_pes(kernel: Kernel, hands: list[list[list[int]]], room: float) -> None:
    """Each queue's rows of every tile of A lie beside each other in the PE, and stay when other tiles are worked on."""
    stores = [Capacity(room) for _ in range(kernel.design.P)]
    dealt: dict[tuple[int, int], list[list[int]]] = {}
    for visit, rows_of in zip(kernel.visits, hands, strict=True):
        place = visit.m, visit.k
        if dealt.setdefault(place, rows_of) != rows_of:
            raise StorageError(f"rows of the tile of A at {place} are in other PEs than they are dealt to")
        tile = kernel.a_tiles[place]
        for part, rows in zip(stores, rows_of, strict=True):
            part.hold(str(place), sum(tile.stored_in_row[i] for i in rows) * tile.widths.value)


def stay_in_glb(kernel: Kernel, works: list[Work], capacity_bits: float, unfolds: bool) -> None:
    """Each visit finds its tiles, and the results of its Z tile so far, in half the GLB beside what stays."""
    glb, so_far = Capacity(capacity_bits), {}
    kept = [name for name in "abz" if getattr(kernel.design, f"{name}_kept") != "no"]
    elsewhere = [name for name in kept if name != "b" or not unfolds]
    for visit, work in zip(kernel.visits, works, strict=True):
        a, b = kernel.pair(visit)
        outputs = so_far.setdefault((visit.m, visit.n), set())
        outputs |= set(work.outputs)
        words = a.shape[0] * b.shape[1] if kernel.b_is_dense else len(outputs)
        for name in "abz":
            glb.hold(name, 0)
        for name, bits in (("a", a.encoded.bits), ("b", b.encoded.bits), ("z", words * kernel.z_word_bits)):
            glb.hold(name, 0 if name in elsewhere else bits)


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
    planned, works, counts, hands = work_off(kernel)
    if design.a_kept == "pe":
        stay_in_pes(kernel, hands, design.pe_buffer_bytes * 8 if planned.fits["pe_buffer"] <= 1 else inf)
    largest, z_words = glb_needs(kernel)
    tiles = dict(zip("abz", [*largest, z_words * kernel.z_word_bits], strict=True))
    everything, share = all_bits(kernel), 1.0
    if addresses is not None and design.b_kept == "glb":
        share = map_share(b, b_is_dense, addresses)
        everything["b"] = share * everything["b"]
    fits = {"glb": glb_need(tiles, everything, design, beside=largest[1] if share < 1 else 0)} | planned.fits
    kept = sum(bits for name, bits in everything.items() if getattr(design, f"{name}_kept") == "glb")
    stay_in_glb(kernel, works, (design.glb_bits - kept) / 2 if fits["glb"] <= 1 else inf, unfolds=share < 1)

    pairs = [kernel.pair(visit) for visit in kernel.visits]
    sends = [
        send(x, y, results_of(x, y, work, b_is_dense), work.passes, b_is_dense, design)
        for (x, y), work in zip(pairs, works, strict=True)
    ]
    shapes = [(x.shape[0], y.shape[1]) for x, y in pairs]
    outputs = [work.outputs for work in works]
    totals = Totals(
        works=[
            VisitWork(work.steps, work.decode, work.port, work.passes, sent)
            for work, sent in zip(works, sends, strict=True)
        ],
        a_dram=unless_kept(design.a_kept, operand_dram(kernel, "a", memory)),
        b_dram=unless_kept(design.b_kept, operand_dram(kernel, "b", memory, addresses)),
        z_dram=z_unless_kept(
            design.z_kept, z_traffic(kernel.visits, outputs, shapes, kernel.trips, b_is_dense, design, burst_bits)
        ),
        adds_up=kernel.trips["k"] > 1,
        counts=counts,
        positions=a.shape[0] * a.shape[1] * n,
        actions=count_actions(kernel, counts, sends),
        fits=fits,
        z=product(kernel, works),
        unfolded=operand_dram(kernel, "b", memory, addresses) if share < 1 else None,
    )
    return outcome(totals, design, memory)


def results_of(a: Tile, b: Tile, work: Work, dense_z: bool) -> int:
    """Accumulator words that leave the array in one visit."""
    count = len(queued_rows(a)) * b.shape[1] if dense_z else len(work.outputs)
    assert count == len(work.outputs)
    return count


def product(kernel: Kernel, works: list[Work]) -> np.ndarray:
    """Z, summed up from what left the array in each visit."""
    z = np.zeros((kernel.sizes["m"], kernel.sizes["n"]))
    d = kernel.design
    for visit, work in zip(kernel.visits, works, strict=True):
        for (i, j), value in work.outputs.items():
            z[visit.m * d.tile_m + i, visit.n * d.tile_n + j] += value
    return z


def count_actions(kernel: Kernel, counts: Counter, sends: list[Sent]) -> dict[str, float]:
    """Section 5, energy: what happens in the array and on its buses."""
    d = kernel.design
    b_skips, fetches = d.b_zero == "skip", d.residency == "fetch"
    cm, ck, cn = (max(1, bits_to_number(getattr(d, f"tile_{loop}"))) for loop in "mkn")
    coordinate = 0 if d.a_zero != "skip" else cm if d.dataflow == "outer_product" else ck
    word_bits = d.L * (d.value_bits + (cn + 1 if b_skips else 0))
    heard = sum(sent.a_times * sent.a_taken for sent in sends) * d.sharing  # none if A is there already
    queue_bits = 2 * sum(sent.fetched_bits for sent in sends)
    read = counts["read_bits"] + (0 if fetches else counts["b_reads"] * word_bits)
    written = counts["written_bits"] + counts["b_writes"] * word_bits
    if not d.holds_a(b_skips):
        queue_bits += 2 * heard
    elif d.residency == "ab" and not walks_fibers(d):
        read += counts["a_reads"] * (d.value_bits + coordinate)
        written += heard
    return {
        "tree_adds": sum(counts[fate] for fate in ("effectual", "ineffectual", "gated")) * (d.lanes_on == "k"),
        "queue_bits": queue_bits,
        "pe_buffer_read_bits": read,
        "pe_buffer_write_bits": written,
        "accumulator_accesses": counts["accumulator_accesses"],
        "intersection_steps": counts["intersection_steps"],
        "decoded_entries": sum(
            sent.passes * sent.a_entries * d.sharing + sent.b_entries * (1 if fetches else d.holding) for sent in sends
        ),
        "bus_hops": sum(product_hops(sent, d) for sent in sends),
    }
