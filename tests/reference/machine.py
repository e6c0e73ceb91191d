"""Section 4 and 5: passes, buses, memories, the time of each visit, and what is counted."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from .design import RESOURCES, Design, Outcome, bits_to_number, ceil_div, illegal
from .inside import Work, work_off
from .output_traffic import z_traffic
from .storage import Encoded, Tile, store, widths_of
from .tiles import Visit, cut, group_by_stay, walk

ROWS_OF_B_ADDRESSABLE = ("dense", "bitmask", "rle", "csr", "nm4", "nm8")
PIPELINE_STAGES = 16
BANK_BITS = 64
SEED = 0
ARRAY_ACTIONS = (
    "macs",
    "gated_macs",
    "pe_buffer_read_bits",
    "pe_buffer_write_bits",
    "accumulator_accesses",
    "intersection_steps",
    "decoded_entries",
    "bus_bits",
    "crossbar_words",
)


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


@dataclass
class Sent:
    """Bits that cross the buses in one visit: operands by kind, and results."""

    a_value: float
    a_index: float
    b_value: float
    b_index: float
    z_value: float
    z_index: float
    b_entries: int

    @property
    def value(self) -> float:
        return self.a_value + self.b_value + self.z_value

    @property
    def index(self) -> float:
        return self.a_index + self.b_index + self.z_index


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


def plan_passes(kernel: Kernel) -> tuple[int, dict[str, float]]:
    """Column passes of every visit, and need over capacity of the PE's two memories (0: no limit)."""
    d = kernel.design
    h, w, columns = (min(getattr(d, f"tile_{loop}"), kernel.sizes[loop]) for loop in "mkn")
    tile_b_bits = Fraction(w * columns * d.value_bits)
    if not kernel.b_is_dense:
        held = [kernel.pair(visit)[1].encoded.bits for visit in kernel.visits]
        tile_b_bits = Fraction(sum(held), max(1, len(held)))
    share_b = tile_b_bits / d.pe_cols
    acc, buf = d.accumulators, d.buffer_half_bits
    fits = {"pe_buffer": 0.0, "accumulator": 0.0}
    passes = 1
    if d.dataflow == "outer_product":
        array_words = d.pe_rows * d.pe_cols * acc
        passes = ceil_div(h * columns, array_words)
        fits["accumulator"] = h / array_words
    elif d.b_is_resident:
        passes = ceil(share_b / buf)
        if d.dataflow == "gustavson":
            passes = max(passes, ceil_div(columns, d.pe_cols * acc))
        fits["pe_buffer"] = float(share_b * d.pe_cols / columns / buf)
    elif d.dataflow == "gustavson":
        rows = ceil_div(h, d.pe_rows)
        passes = ceil_div(rows * columns, d.pe_cols * acc)
        fits["accumulator"] = rows / acc
    return max(1, passes), fits


def glb_fit(kernel: Kernel) -> float:
    """The largest tile of each operand and the Z tile, over half the GLB."""
    d = kernel.design
    words = min(d.tile_m, kernel.sizes["m"]) * min(d.tile_n, kernel.sizes["n"])
    word_bits = d.accumulator_bits
    if not kernel.b_is_dense:
        products = [0] * kernel.trips["m"]
        for m, k, n in walk("mkn", kernel.trips):
            a, b = kernel.a_tiles[m, k], kernel.b_tiles[k, n]
            products[m] += sum(x * y for x, y in zip(a.column_nonzeros, b.row_nonzeros, strict=True))
        words = min(words, max(products))
        word_bits += sum(max(1, bits_to_number(tile)) for tile in (d.tile_m, d.tile_n))
    stored = [[t for t in tiles.values() if not t.seen_empty] for tiles in (kernel.a_tiles, kernel.b_tiles)]
    largest = [max((tile.encoded.bits for tile in tiles), default=0) for tiles in stored]
    return (sum(largest) + words * word_bits) / (d.glb_bytes * 8 / 2)


def send(a: Tile, b: Tile, work: Work, kernel: Kernel, column_passes: int) -> Sent:
    """Bits on the buses in one visit."""
    d = kernel.design
    a_times = 1 if d.a_is_resident else column_passes
    b_times = fills_of_a(a, work, d) if d.a_is_resident else 1
    sent_b = b.encoded
    if a.skips and d.b_format in ROWS_OF_B_ADDRESSABLE and d.dataflow != "inner_product":
        sent_b = b.part_of(tuple(sorted({k for _, k, _, _ in a.worked})))
    results = results_of(a, b, work, kernel.b_is_dense)
    return Sent(
        a_value=a_times * a.encoded.value_bits,
        a_index=a_times * a.encoded.metadata_bits,
        b_value=b_times * sent_b.value_bits,
        b_index=b_times * sent_b.metadata_bits,
        z_value=results * d.accumulator_bits,
        z_index=0 if kernel.b_is_dense else results * max(1, bits_to_number(d.tile_n)),
        b_entries=b_times * stored_entries(sent_b),
    )


def stored_entries(tile: Encoded) -> int:
    """Entries that a decoder turns into coordinates: non-zeros, and the padding of RLE; none of a dense tile."""
    if tile.stored_as == "dense":
        return 0
    return len(tile.values) if tile.stored_as == "rle" else sum(value != 0 for value in tile.values)


def fills_of_a(a: Tile, work: Work, design: Design) -> int:
    """How often the PE row with the most bits of A fills its buffer."""
    share_a = max(a.part_of(tuple(sorted(rows))).bits for rows in work.rows_of if rows)
    return max(1, ceil(share_a / design.buffer_half_bits))


def results_of(a: Tile, b: Tile, work: Work, b_is_dense: bool) -> int:
    """Accumulator words that leave the array in one visit."""
    if not b_is_dense:
        return len(work.outputs)
    return sum(1 for i in range(a.shape[0]) if a.in_row[i]) * b.shape[1]


def unfolded_share(visit: Visit, tile: Tile, b_is_dense: bool, addresses: np.ndarray, d: Design) -> Fraction:
    """Section 10: addresses in memory of which a tile of B is made, over what it holds of them once unfolded."""
    rows, columns = tile.shape
    places = [(i, j) for i in range(rows) for j in range(columns) if b_is_dense or tile.array[i, j] != 0]
    found = {int(addresses[visit.k * d.tile_k + i, visit.n * d.tile_n + j]) for i, j in places}
    return Fraction(len(found - {-1}), max(1, len(places)))


def operand_dram(kernel: Kernel, operand: str, addresses: np.ndarray | None = None) -> list[float]:
    """Bits of A or B fetched in each visit: a tile is fetched in the background of all visits of its stay."""
    bits = [0.0] * len(kernel.visits)
    for positions in group_by_stay(kernel.visits, kernel.design.loop_order, kernel.trips, operand).values():
        first = kernel.visits[positions[0]]
        tile = kernel.pair(first)["ab".index(operand)]
        fetched = tile.fetched_bits
        if addresses is not None:
            share = unfolded_share(first, tile, kernel.b_is_dense, addresses, kernel.design)
            fetched += tile.encoded.bits * float(share) - tile.encoded.bits
        for position in positions:
            bits[position] += fetched / len(positions)
    return bits


def run(
    a: np.ndarray,
    b: np.ndarray | None,
    n: int,
    design: Design,
    *,
    dram_bits_per_cycle: float,
    dram_latency_cycles: float,
    addresses: np.ndarray | None = None,
) -> Outcome:
    """Run Z = A B on a design. `b` None: a dense B of `n` columns. ValueError if the combination is illegal.

    `addresses` [k, n]: where each position of B lies in memory, -1 for nowhere; each its own if None.
    """
    b_is_dense = b is None
    if reason := illegal(design, b_is_dense):
        raise ValueError(reason)
    if b is None:
        b = np.random.default_rng(SEED).uniform(0.5, 1.5, (a.shape[1], n))
    if b.shape != (a.shape[1], n):
        raise ValueError(f"B is {b.shape}, not {(a.shape[1], n)}")
    kernel = lay_out(a, b, b_is_dense, design)
    column_passes, fits = plan_passes(kernel)
    pairs = [kernel.pair(visit) for visit in kernel.visits]
    works = [work_off(x, y, b_is_dense, column_passes, design) for x, y in pairs]
    sends = [send(x, y, work, kernel, column_passes) for (x, y), work in zip(pairs, works, strict=True)]

    a_dram, b_dram = operand_dram(kernel, "a"), operand_dram(kernel, "b", addresses)
    shapes = [(x.shape[0], y.shape[1]) for x, y in pairs]
    z_dram = z_traffic(kernel.visits, works, shapes, kernel.trips, b_is_dense, design)
    dram_read = [sum(bits) for bits in zip(a_dram, b_dram, z_dram.read, strict=True)]
    glb_read, glb_write = [], []
    for sent, fetched, evicted in zip(sends, dram_read, z_dram.write, strict=True):
        results = sent.z_value + sent.z_index
        added_to = results if kernel.trips["k"] > 1 else 0
        glb_read.append(sent.value + sent.index - results + added_to + evicted)
        glb_write.append(results + fetched)

    resource_cycles, bound_cycles = dict.fromkeys(RESOURCES, 0.0), dict.fromkeys(RESOURCES, 0.0)
    for visit in range(len(kernel.visits)):
        times = {
            "compute": works[visit].compute_cycles,
            "intersect": works[visit].intersect_cycles,
            "index_bus": sends[visit].index / design.index_bus_bits,
            "value_bus": sends[visit].value / design.value_bus_bits,
            "glb": (glb_read[visit] + glb_write[visit]) / (BANK_BITS * design.glb_banks),
            "dram": (dram_read[visit] + z_dram.write[visit]) / dram_bits_per_cycle,
        }
        slowest = max(RESOURCES, key=lambda name: times[name])
        bound_cycles[slowest] += times[slowest]
        for name in RESOURCES:
            resource_cycles[name] += times[name]
    fill = dram_latency_cycles + design.pe_rows + design.pe_cols + PIPELINE_STAGES

    computes = {kind: sum(getattr(work, kind) for work in works) for kind in ("effectual", "ineffectual", "gated")}
    computes["skipped"] = a.shape[0] * a.shape[1] * n - sum(computes.values())
    actions = count_array_actions(kernel, works, sends, column_passes) | {
        "glb_read_bits": sum(glb_read),
        "glb_write_bits": sum(glb_write),
        "dram_read_bits": sum(dram_read),
        "dram_write_bits": sum(z_dram.write),
    }
    traffic_bits = {
        "dram_a": sum(a_dram),
        "dram_b": sum(b_dram),
        "dram_z_read": sum(z_dram.read),
        "dram_z_write": sum(z_dram.write),
        "glb_read": sum(glb_read),
        "glb_write": sum(glb_write),
        "value_bus": sum(sent.value for sent in sends),
        "index_bus": sum(sent.index for sent in sends),
    }
    return Outcome(
        z=product(kernel, works),
        cycles=sum(bound_cycles.values()) + fill,
        resource_cycles=resource_cycles,
        bound_cycles=bound_cycles,
        fill_cycles=fill,
        actions=actions,
        traffic={f"{name}_bytes": bits / 8 for name, bits in traffic_bits.items()},
        computes=computes,
        fits={"glb": glb_fit(kernel)} | fits,
        visits=len(kernel.visits),
    )


def product(kernel: Kernel, works: list[Work]) -> np.ndarray:
    """Z, summed up from the outputs of each visit."""
    z = np.zeros((kernel.sizes["m"], kernel.sizes["n"]))
    d = kernel.design
    for visit, work in zip(kernel.visits, works, strict=True):
        for (i, j), value in work.outputs.items():
            z[visit.m * d.tile_m + i, visit.n * d.tile_n + j] += value
    return z


def count_array_actions(kernel: Kernel, works: list[Work], sends: list[Sent], column_passes: int) -> dict[str, float]:
    """Section 5: what happens in the array and on its buses."""
    d = kernel.design
    counts = dict.fromkeys(ARRAY_ACTIONS, 0.0)
    for visit, work, sent in zip(kernel.visits, works, sends, strict=True):
        a, b = kernel.pair(visit)
        outer = d.dataflow == "outer_product"
        coordinate = (a.widths.row if outer else a.widths.column) if a.skips else 0
        counts["macs"] += work.effectual + work.ineffectual
        counts["gated_macs"] += work.gated
        counts["pe_buffer_read_bits"] += work.macs_not_skipped * d.value_bits
        counts["pe_buffer_read_bits"] += len(a.worked) * d.pe_cols * column_passes * (d.value_bits + coordinate)
        counts["pe_buffer_write_bits"] += (sent.a_value + sent.a_index) * d.pe_cols
        counts["pe_buffer_write_bits"] += (sent.b_value + sent.b_index) * d.pe_rows
        if d.dataflow == "inner_product":
            counts["accumulator_accesses"] += results_of(a, b, work, kernel.b_is_dense)
        else:
            counts["accumulator_accesses"] += 2 * work.macs_not_skipped
        counts["intersection_steps"] += work.intersection_steps
        a_entries = len(a.stored) * column_passes if a.stored_as != "dense" else 0
        counts["decoded_entries"] += a_entries * d.pe_cols + sent.b_entries * d.pe_rows
        counts["bus_bits"] += sent.value + sent.index
        counts["crossbar_words"] += work.macs_not_skipped if outer else 0
    return counts
