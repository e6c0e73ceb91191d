"""The inner product with a B that skips: each lane walks its rows against its columns, from stores of its own."""

from collections import Counter
from collections.abc import Iterator

from .accumulators import Outbox, Sum
from .array import Work
from .design import Design, ceil_div
from .intersection import UNITS, Fiber, Item, load, load_mask
from .pe import Limits, fate_of
from .placement import queued_rows
from .schedule import deal
from .storage import Tile
from .stores import Clock, Port, Store


def runs_unit(design: Design) -> bool:
    """Whether two fibers are intersected: both operands skip."""
    return design.a_zero == design.b_zero == "skip"


class Lane:
    """A copy of A's share, columns of B and an intersection unit."""

    def __init__(self, design: Design, limits: Limits):
        self.design, self.clock = design, Clock()
        self.a = Store(limits.part_a / design.L, Port(self.clock), Port(Clock()))
        self.b = Store(limits.part_b / design.L, Port(self.clock), Port(Clock()))
        self.out = Outbox(limits.accumulators // design.L, 1, self.clock)
        self.left: list[Sum] = []
        self.counts = Counter()

    def fill(self, a: Tile, rows: list[int], b: Tile, columns: list[int]) -> int:
        """Write rows of A (decoded, expanded or as masks) and columns of B; entries of B that are written."""
        unit = self.design.intersection if runs_unit(self.design) else None
        v, ck = a.widths.value, a.widths.column
        for store in (self.a, self.b):
            store.clear()
        for i in rows:
            items = [Item(k, value, padding) for k, value, padding in a.in_row[i]]
            entry = v if unit == "bitmask" or not a.skips else v + ck
            if unit == "bitmask":
                load_mask(self.a, i, items, a.shape[1])
            else:
                self.a.reserve(a.widths.pointer if a.skips else 0)
            load(self.a, i, items, entry, False)
        entries = 0
        self.b.reserve(0 if unit in ("bitmask", "leader_follower") else b.widths.pointer)
        for j in columns:
            items = [Item(k, value, padding) for k, value, padding in b.in_column[j]]
            entries += len(items)
            if unit == "leader_follower":
                self.b.reserve(a.shape[1] * (v + 1))
                load(self.b, j, items, 0, True)
            elif unit == "bitmask":
                load_mask(self.b, j, items, a.shape[1])
                load(self.b, j, items, v, False)
            else:
                self.b.reserve(b.widths.pointer)
                load(self.b, j, items, v + ck, False)
        return entries

    def pairs(self, a: Tile, rows: list[int], b: Tile, columns: list[int]) -> Iterator[tuple[int, int, Fiber, Fiber]]:
        """Rows against columns, as the unit takes them."""
        for i in rows:
            for j in columns:
                yield i, j, Fiber(self.a, i, len(a.in_row[i])), Fiber(self.b, j, len(b.in_column[j]))

    def work(self, number: int, a: Tile, rows: list[int], b: Tile, columns: list[int]) -> int:
        """All pairs; the steps they take."""
        before = self.counts["steps"]
        for i, j, row, column in self.pairs(a, rows, b, columns):
            total = Sum(0.0, None)
            walk = UNITS[self.design.intersection](row, column, a.shape[1]) if a.skips else read_at(row, column)
            for met in walk:
                self.counts["steps"] += 1
                if met:
                    one, other = met
                    fate = fate_of(self.design, one, other)
                    self.counts[fate] += 1
                    self.counts["matches"] += 1
                    destination = (number, i, j) if fate == "effectual" else total.destination
                    total = Sum(total.value + one.value * other.value, destination)
                self.idle()
            if total.destination:
                self.out.push(total)
        return self.counts["steps"] - before

    def idle(self) -> None:
        """The next cycle, in which a sum leaves."""
        self.clock.tick()
        self.left += self.out.drain()


def read_at(row: Fiber, column: Fiber) -> Iterator[tuple[Item, Item]]:
    """A that does not skip is read at the coordinates of the column's entries."""
    for at in range(column.length):
        one = column.read(at)
        yield row.read(one.k), one


class FiberArray:
    """The PEs in use, lane by lane."""

    def __init__(self, design: Design, limits: Limits):
        self.design = design
        queues, columns, lanes = range(design.P), range(design.sharing), range(design.L)
        self.lanes = [[[Lane(design, limits) for _ in lanes] for _ in columns] for _ in queues]
        self.written = Counter()

    def visit(self, number: int, a: Tile, b: Tile, rows_of: list[list[int]], u: int, dense_z: bool) -> Work:
        """Work on a visit in one pass; lanes do not wait for each other."""
        d, work = self.design, Work(passes=1)
        dealt = deal(b.column_nonzeros, d.W, d.schedule)
        columns_of = [[j for j in sorted(lane) if b.in_column[j]] for lane in dealt]
        queued = set(queued_rows(a))
        for queue, rows in zip(self.lanes, rows_of, strict=True):
            mine = [i for i in sorted(rows) if i in queued]
            work.decode = max(work.decode, self.decode(a, mine))
            for p, pe in enumerate(queue):
                first = (p if d.c > 1 else 0) * d.L
                for lane, columns in zip(pe, columns_of[first : first + d.L], strict=True):
                    entries = lane.fill(a, mine, b, columns)
                    work.port = max(work.port, entries)
                    work.steps = max(work.steps, lane.work(number, a, mine, b, columns))
                    for _ in range(d.pass_cycles):
                        lane.idle()
                    self.count_writes(a, mine, b, columns, entries)
        return work

    def decode(self, a: Tile, rows: list[int]) -> int:
        """Cycles in which a PE's decoder reads its rows, as they are written into part A."""
        if not a.skips:
            return 0
        words = ceil_div(a.shape[1], self.design.mask_word) if a.stored_as == "bitmask" else 0
        return sum(len(a.in_row[i]) + words for i in rows)

    def count_writes(self, a: Tile, rows: list[int], b: Tile, columns: list[int], entries: int) -> None:
        """Bits that a lane's stores were written, without pointers."""
        unit = self.design.intersection if runs_unit(self.design) else None
        v, ck, w = a.widths.value, a.widths.column, a.shape[1]
        a_entries = sum(len(a.in_row[i]) for i in rows)
        if unit == "bitmask":
            self.written["bits"] += (a_entries + entries) * v + (len(rows) + len(columns)) * w
            return
        self.written["bits"] += a_entries * (v + ck if a.skips else v)
        self.written["bits"] += entries * (v + 1 if unit == "leader_follower" else v + ck)

    def finish(self, works: list[Work]) -> None:
        """Let all sums leave, and give each visit its results."""
        for lane in (lane for queue in self.lanes for pe in queue for lane in pe):
            for _ in range(lane.out.banks[0].depth):
                lane.idle()
            for value, destination in lane.left:
                assert destination is not None
                visit, row, column = destination
                works[visit].outputs[row, column] = value

    @property
    def counts(self) -> Counter:
        """What all lanes have done; bits read and written, and steps of units where they run."""
        d, total = self.design, Counter()
        for lane in (lane for queue in self.lanes for pe in queue for lane in pe):
            total.update(lane.counts)
            total["accumulator_accesses"] += lane.out.accesses
        v = d.value_bits
        ck = max(1, (d.tile_k - 1).bit_length())
        total["written_bits"] = self.written["bits"]
        if not runs_unit(d):
            total["read_bits"] = total["steps"] * (ck + 2 * v)
            return total
        total["intersection_steps"] = total["steps"]
        if d.intersection == "leader_follower":
            total["read_bits"] = total["steps"] * (ck + v + 1) + total["matches"] * v
        else:
            total["read_bits"] = total["steps"] * 2 * ck + total["matches"] * 2 * v
        return total
