"""Section 5: the array works on a visit, pass by pass, each PE on its own; PEs wait for each other at a pass's end."""

from collections import Counter
from dataclasses import dataclass, field

from .design import Design, ceil_div
from .lanes_on_k import LanesOnK
from .pe import LOOK_UP, Limits, Pe, Task
from .placement import Held, feed, hold_all, hold_column, hold_slots, sent_columns, sent_rows
from .storage import Tile


@dataclass
class Work:
    """What one visit took: cycles, and what was done in all PEs."""

    steps: int = 0
    decode: int = 0
    port: int = 0
    passes: int = 0
    counts: Counter = field(default_factory=Counter)
    outputs: dict[tuple[int, int], float] = field(default_factory=dict)

    def take_longest(self, times: list[tuple[int, int]]) -> None:
        """Add a pass: its most loaded PE, and its most loaded decoder."""
        self.passes += 1
        self.steps += max(steps for steps, _ in times)
        self.decode += max(decode for _, decode in times)


class Array:
    """The PEs in use, by queue of A and column of B."""

    def __init__(self, design: Design, limits: Limits, sums_in: str):
        self.design, self.sums_in = design, sums_in
        sharing = range(design.sharing)
        if design.lanes_on == "k":
            self.pes: list[list[Pe]] = [[LanesOnK(design, p, limits) for p in sharing] for _ in range(design.P)]
        else:
            self.pes = [[Pe(design, p, limits, sums_in) for p in sharing] for _ in range(design.P)]

    def visit(self, number: int, a: Tile, b: Tile, rows_of: list[list[int]], u: int, dense_z: bool) -> Work:
        """Work on a visit in passes over u groups."""
        d, work = self.design, Work()
        columns, rows = sent_columns(a, b, d), set(sent_rows(a, b, d))
        feeds = [feed(a, queue, columns, d) for queue in rows_of]
        groups = ceil_div(b.shape[1], d.W)
        before = [[pe.counts.b_writes for pe in queue] for queue in self.pes]
        copies = self.pes[0][0].copies_written
        feeds_of = [
            [self.held_or_sent(pe, a, fed, rows) for pe in queue]
            for queue, fed, rows in zip(self.pes, feeds, rows_of, strict=True)
        ]
        for first in range(0, groups, u):
            held = [self.hold(b, rows, range(first, min(first + u, groups)), p) for p in range(d.c)]
            times = []
            for queue, fed, own in zip(self.pes, feeds, feeds_of, strict=True):
                for p, pe in enumerate(queue):
                    mine = held[p if d.c > 1 else 0]
                    fetched = self.fetched(fed, mine) if d.residency == "fetch" else []
                    words = {} if d.residency == "fetch" else mine.words
                    task = Task(number, own[p], mine.addresses, words, fetched, a.shape[1], first, dense_z)
                    times.append(pe.run(task, self.word_bits(b)))
            work.take_longest(times)
        for queue, earlier in zip(self.pes, before, strict=True):
            for pe, writes in zip(queue, earlier, strict=True):
                work.port = max(work.port, (pe.counts.b_writes - writes) // copies)
        return work

    def hold(self, b: Tile, rows: set[int], groups: range, column: int) -> Held:
        """What a PE column holds of B in a pass."""
        if b.skips:
            return hold_slots(b, rows, column, self.design)
        if self.design.lanes_on == "k":
            return hold_column(b, groups[0], column, self.design)
        return hold_all(b, rows, groups, column, self.design)

    def word_bits(self, b: Tile) -> int:
        """Bits of a word of part B: of L values, or of L slots."""
        d = self.design
        return d.L * (d.value_bits + (b.widths.column + 1 if b.skips else 0))

    def held_or_sent(self, pe: Pe, a: Tile, fed: list, rows: list[int]) -> list:
        """What a PE is fed: entries as they are sent, or their places in part A, which then holds the queue's rows."""
        if self.design.residency != "ab":
            return fed
        queued = tuple(i for i in sorted(rows) if a.in_row[i])
        bits = a.part_of(queued).bits if queued else 0
        if a.stored_as == "bcsr":
            entries = sum(a.stored_in_row[i] for i in queued)
            bits = entries * (a.widths.value + a.widths.column) + (len(queued) + 1) * a.widths.pointer
        if a.stored_as == "csc":
            bits = sum(a.stored_in_row[i] for i in queued) * (a.widths.value + a.widths.row + a.widths.column)
        return pe.hold_a(fed, bits)

    def fetched(self, fed: list, held: Held) -> list:
        """Words that are fetched come in the order of the entries that ask for them."""
        asked = [address for entry in fed if entry for address in held.addresses[entry.k]]
        return [(address, held.words[address]) for address in asked if address not in (None, LOOK_UP)]

    def finish(self, works: list[Work]) -> None:
        """Let all sums leave, and give each visit its results."""
        for pe in (pe for queue in self.pes for pe in queue):
            pe.finish()
            for value, destination in pe.left:
                assert destination is not None
                visit, row, column = destination
                if (row, column) in works[visit].outputs:
                    raise AssertionError(f"two sums left for {destination}")
                works[visit].outputs[row, column] = value

    @property
    def counts(self) -> Counter:
        """What all PEs have done."""
        total = Counter()
        for pe in (pe for queue in self.pes for pe in queue):
            own = pe.counts
            total.update(
                steps=own.steps,
                a_reads=own.a_reads,
                b_reads=own.b_reads,
                b_writes=own.b_writes,
                waits=own.waits,
                accumulator_accesses=pe.accumulators.accesses,
            )
            total.update(own.fates)
        return total
