"""Sections 7 and 8, naively: SDDMM and the element-wise kernels, visit by visit and entry by entry.

Each returns (Z, totals): busy cycles by resource, and the counts of section 5.
"""

from collections import Counter, defaultdict
from math import ceil

import numpy as np

from .design import Design, bits_to_number, ceil_div
from .inside import BITMASK_WORD, intersect
from .schedule import deal
from .storage import store, widths_of
from .tiles import Visit, cut, stay, stays_until_complete, walk

BANK_BITS = 64


def tiles_of(matrix: np.ndarray, loops: str, stored_as: str, zero: str, design: Design) -> dict:
    """Stored tiles of a matrix that is indexed by two loops."""
    sizes = [getattr(design, f"tile_{loop}") for loop in loops]
    cuts = tuple(cut(size, tile) for size, tile in zip(matrix.shape, sizes, strict=True))
    return store(matrix, cuts, stored_as, zero, widths_of(design.value_bits, *sizes))


def spread(total: dict, visits: list[Visit], keys: list, bits: list[float], name: str) -> None:
    """Move a tile's bits in the background of all visits with its key."""
    count = Counter(keys)
    for visit, key, amount in zip(visits, keys, bits, strict=True):
        total[visit][name] += amount / count[key]


def finish(total: dict[Visit, Counter], design: Design, bits_per_cycle: float) -> tuple[dict, dict]:
    """Busy and bound cycles by resource, and all counts, of the figures of each visit."""
    busy, bound, sums = Counter(), Counter(), Counter()
    for figures in total.values():
        read = figures["sent_value"] + figures["sent_index"] + figures["partial"] + figures["dram_write"]
        write = figures["z_value"] + figures["z_index"] + figures["dram_read"]
        times = {
            "compute": figures["compute"],
            "intersect": figures["intersect"],
            "index_bus": (figures["sent_index"] + figures["z_index"]) / design.index_bus_bits,
            "value_bus": (figures["sent_value"] + figures["z_value"]) / design.value_bus_bits,
            "glb": (read + write) / (BANK_BITS * design.glb_banks),
            "dram": (figures["dram_read"] + figures["dram_write"]) / bits_per_cycle,
        }
        slowest = max(times, key=lambda name: times[name])
        bound[slowest] += times[slowest]
        busy.update(times)
        sums.update({**figures, "glb_read_bits": read, "glb_write_bits": write})
    sums["bus_bits"] = sum(sums[f"{who}_{what}"] for who in ("sent", "z") for what in ("value", "index"))
    return {"busy": busy, "bound": bound}, sums


def words(length: int) -> int:
    return ceil_div(length, BITMASK_WORD)


def sddmm(mask: np.ndarray, a: np.ndarray, b: np.ndarray, design: Design, bits_per_cycle: float):
    """Section 7."""
    d, v = design, design.value_bits
    trips = {
        loop: ceil_div(size, getattr(d, f"tile_{loop}"))
        for loop, size in zip("mkn", (*a.shape, b.shape[1]), strict=True)
    }
    s_tiles = tiles_of(mask, "mn", d.a_format, d.a_zero, d)
    a_tiles, b_tiles = (tiles_of(x, loops, "dense", "compute", d) for x, loops in ((a, "mk"), (b, "kn")))
    visits = [visit for visit in walk(d.loop_order, trips) if not s_tiles[visit.m, visit.n].seen_empty]
    passes = 1
    if d.b_is_resident:
        share = min(d.tile_k, a.shape[1]) * min(d.tile_n, b.shape[1]) * v / d.pe_cols
        passes = max(1, ceil(share / d.buffer_half_bits))
    total: dict[Visit, Counter] = {visit: Counter() for visit in visits}
    z = np.zeros(mask.shape)
    of_tile = defaultdict(list)
    for visit in visits:
        s, left, right = s_tiles[visit.m, visit.n], a_tiles[visit.m, visit.k], b_tiles[visit.k, visit.n]
        (h, w), columns, figures = left.shape, right.shape[1], total[visit]
        of_tile[visit.m, visit.n].append(visit)
        rows_of = deal(s.row_nonzeros if s.skips else [1] * h, d.pe_rows, d.schedule)
        if d.dataflow == "inner_product":
            steps = [len(s.in_row[i]) * ceil_div(w, d.width) for i in range(h)]
        else:
            steps = [w * ceil_div(len(s.in_row[i]), d.width) for i in range(h)]
        if d.dataflow == "outer_product":
            figures["compute"] = w * len({(i // d.pe_rows, j // d.width) for i, j, _, _ in s.worked})
        else:
            figures["compute"] = max(sum(steps[i] for i in rows) for rows in rows_of)
            if s.skips:
                extra = words(columns) if d.a_format == "bitmask" else 0
                decode = [sum(len(s.in_row[i]) + extra * bool(s.in_row[i]) for i in rows) for rows in rows_of]
                figures["intersect"] = max(decode) * passes
        rows, touched = {i for i, _, _, _ in s.worked}, {j for _, j, _, _ in s.worked}
        fills = 1
        if d.a_is_resident:
            held = max(sum(i in rows for i in some) for some in rows_of) * w * v
            fills = max(1, ceil_div(held, d.buffer_half_bits))
        a_value, b_value = passes * (s.encoded.value_bits + len(rows) * w * v), fills * len(touched) * w * v
        figures["sent_value"], figures["sent_index"] = a_value + b_value, passes * s.encoded.metadata_bits
        results = sum(s.row_nonzeros) if s.skips else h * columns
        figures["z_value"] = results * d.accumulator_bits
        figures["partial"] = figures["z_value"] if trips["k"] > 1 else 0
        for i, j, value, padding in s.worked:
            if value != 0:
                z[visit.m * d.tile_m + i, visit.n * d.tile_n + j] += value * (left.array[i] @ right.array[:, j])
            kind = "effectual" if value != 0 else "gated" if padding or d.a_zero == "gate" else "ineffectual"
            figures[kind] += w
        processed = w * len(s.worked)
        coordinate = (s.widths.row if d.dataflow == "outer_product" else s.widths.column) if s.skips else 0
        figures["pe_buffer_read_bits"] = 2 * processed * v + len(s.worked) * d.pe_cols * passes * (v + coordinate)
        figures["pe_buffer_write_bits"] = (a_value + figures["sent_index"]) * d.pe_cols + b_value * d.pe_rows
        figures["accumulator_accesses"] = results if d.dataflow == "inner_product" else 2 * processed
        figures["decoded_entries"] = 0 if d.a_format == "dense" else len(s.stored) * passes * d.pe_cols
    for operand, tiles, loops in (("z", s_tiles, "mn"), ("a", a_tiles, "mk"), ("b", b_tiles, "kn")):
        keys = [stay(visit, d.loop_order, trips, operand) for visit in visits]
        bits = [tiles[tuple(getattr(visit, loop) for loop in loops)].fetched_bits for visit in visits]
        spread(total, visits, keys, bits, "dram_read")
    for place, those in of_tile.items():
        finished = sum(s_tiles[place].row_nonzeros) * v
        if stays_until_complete(d.loop_order, trips):
            spread(total, those, [place] * len(those), [finished] * len(those), "dram_write")
            continue
        for visit in those:
            total[visit]["dram_write"] += finished if visit == those[-1] else total[visit]["z_value"]
            total[visit]["dram_read"] += 0 if visit == those[0] else total[visit]["z_value"]
    return z, *finish(total, d, bits_per_cycle)


def elementwise(a: np.ndarray, b: np.ndarray, union: bool, design: Design, bits_per_cycle: float):
    """Section 8."""
    d, v = design, design.value_bits
    by_columns = d.dataflow == "outer_product"
    sides = [
        tiles_of(x, "mn", stored_as, zero, d)
        for x, stored_as, zero in ((a, d.a_format, d.a_zero), (b, d.b_format, d.b_zero))
    ]
    trips = {"m": ceil_div(a.shape[0], d.tile_m), "k": 1, "n": ceil_div(a.shape[1], d.tile_n)}
    total: dict[Visit, Counter] = {}
    z, lanes = np.zeros(a.shape), d.pe_rows * d.width
    for visit in walk(d.loop_order, trips):
        x, y = (side[visit.m, visit.n] for side in sides)
        if (x.seen_empty and y.seen_empty) if union else (x.seen_empty or y.seen_empty):
            continue
        figures = total[visit] = Counter()
        h, w = x.shape
        fibers, length = (w, h) if by_columns else (h, w)

        def entries(tile, f):
            return {p: value for p, value, _ in (tile.in_column[f] if by_columns else tile.in_row[f])}

        both_skip = x.skips and y.skips
        work = [1] * fibers
        if both_skip:
            pairs = zip(*((t.column_nonzeros if by_columns else t.row_nonzeros) for t in (x, y)), strict=True)
            work = [sum(pair) for pair in pairs]
        loads = [Counter() for _ in range(lanes)]
        for lane, hand in enumerate(deal(work, lanes, d.schedule)):
            for f in hand:
                left, right = entries(x, f), entries(y, f)
                met = set(left) & set(right)
                positions = set(left) | set(right) if union else met
                steps = 0
                if union and both_skip and positions:
                    steps = words(length) + len(positions) if d.intersection == "bitmask" else len(positions) + 1
                elif not union and x.skips:
                    steps = intersect(d.intersection, sorted(left), sorted(right), length)
                loads[lane].update(compute=len(positions), steps=steps)
                for name, tile, fiber in (("a", x, left), ("b", y, right)):
                    if tile.skips:
                        loads[lane][name] += len(fiber) + (
                            words(length) if tile.stored_as == "bitmask" and fiber else 0
                        )
                figures["intersection_steps"] += steps
                for p in positions:
                    i, j = (p, f) if by_columns else (f, p)
                    one, other = left.get(p, 0.0), right.get(p, 0.0)
                    if (one and other) or (union and (one or other)):
                        z[visit.m * d.tile_m + i, visit.n * d.tile_n + j] = one + other if union else one * other
                        figures["effectual"] += 1
                        continue
                    padded = (x.skips and p in left and not one) or (y.skips and p in right and not other)
                    if union:
                        padded = both_skip
                        decides = d.b_zero if x.skips else d.a_zero
                    else:
                        decides = d.a_zero if not one else d.b_zero
                    figures["gated" if padded or decides == "gate" else "ineffectual"] += 1
        figures["compute"] = max(load["compute"] for load in loads)
        figures["intersect"] = max(max(load[name] for name in ("steps", "a", "b")) for load in loads)
        column_bits, row_bits = x.widths.column, x.widths.row
        figures["z_value"] = figures["effectual"] * d.accumulator_bits
        figures["z_index"] = figures["effectual"] * column_bits
        figures["accumulator_accesses"] = figures["effectual"]
        figures["dram_write"] = figures["effectual"] * (v + column_bits)
        for tile in (x, y):
            if tile.seen_empty:
                continue
            figures["sent_value"] += tile.encoded.value_bits
            figures["sent_index"] += tile.encoded.metadata_bits
            figures["dram_read"] += tile.fetched_bits
            figures["decoded_entries"] += len(tile.stored) if tile.stored_as != "dense" else 0
            coordinate = (row_bits if by_columns else column_bits) if tile.skips else 0
            figures["pe_buffer_read_bits"] += len(tile.worked) * (v + coordinate)
        figures["pe_buffer_write_bits"] = figures["sent_value"] + figures["sent_index"]
    visits = list(total)
    pointer = bits_to_number(d.tile_m) + bits_to_number(d.tile_n) + 1
    rows = [sides[0][visit.m, visit.n].shape[0] * pointer for visit in visits]
    spread(total, visits, [visit.m for visit in visits], rows, "dram_write")
    return z, *finish(total, d, bits_per_cycle)
