"""One PE with lanes on k: the next L entries of its queue at once, of whichever rows, products added by a tree."""

from collections import deque
from typing import Any

from .accumulators import Sum
from .design import Design, ceil_div
from .pe import MASK, Entry, Limits, Pe, Task, fate_of
from .stores import Port, StorageError, Store


class ReadAhead:
    """A column of B in two banks of words, read in order again and again, a little ahead of the lanes."""

    WINDOW = 4

    def __init__(self, store: list[Store], column: int, length: int, lanes: int):
        self.banks, self.column, self.length, self.lanes = store, column, length, lanes
        self.window: dict[int, list] = {}
        self.next, self.order = 0, deque()
        self.words = ceil_div(length, lanes)

    def prefetch(self) -> None:
        """A cycle of both banks: words that are in the window already are not read again."""
        for _ in range(2):
            address = self.next % self.words
            if len(self.order) == 2 * self.WINDOW:
                return
            if address not in self.window:
                bank = self.banks[address % 2]
                if len(self.window) == self.WINDOW or bank.read_port.used_at == bank.read_port.clock.cycle:
                    return
                self.window[address] = bank.read((self.column, address))
            self.order.append(address)
            self.next += 1

    def values(self, ks: list[int]) -> list:
        """The slots at the next k's; StorageError if they were not read in time."""
        found = []
        for k in ks:
            address = k // self.lanes
            if address not in self.window:
                raise StorageError(f"word {address} of B was not read in time")
            found.append(self.window[address][k % self.lanes])
        self._forget(ks[-1])
        return found

    def _forget(self, last: int) -> None:
        """Words before the last one that was used are not needed until they come again."""
        while self.order and self.order[0] != last // self.lanes:
            gone = self.order.popleft()
            if gone not in self.order:
                del self.window[gone]


class LanesOnK(Pe):
    """A copy of B for each lane where A skips, else one in two banks."""

    def __init__(self, design: Design, column: int, limits: Limits):
        super().__init__(design, column, limits, "registers")
        self.copies = design.L if design.a_zero == "skip" else 2
        self.copies_written = self.copies if design.a_zero == "skip" else 1
        self.read_ports = [Port(self.clock) for _ in range(self.copies)]
        self.write_ports = [Port(self.filling) for _ in range(self.copies)]

    def fill(self, words: dict[Any, list], bits: int) -> None:
        """Each word is written to all copies at once, or to the bank that it belongs to."""
        banked = self.design.a_zero != "skip"
        size = self.limits.part_b / (1 if banked else self.copies)
        ports = zip(self.read_ports, self.write_ports, strict=True)
        self.stores = [Store(size, read, write) for read, write in ports]
        for address, word in words.items():
            wide = bits // self.design.L * len(word)
            for store in [self.stores[address[1] % 2]] if banked else self.stores:
                store.write(address, word, wide)
            self.filling.tick()
        if sum(store.used for store in self.stores) > self.limits.part_b:
            raise StorageError("both banks together are larger than part B")
        self.counts.b_writes += len(words) * self.copies_written

    def run(self, task: Task, word_bits: int) -> tuple[int, int]:
        """Work on a pass; its steps and its cycles of decoding."""
        self.fill(task.words, word_bits)
        d, feed = self.design, deque(task.feed)
        skips = d.a_zero == "skip"
        before = self.counts.steps, self.counts.decode
        column = task.first_group * d.W + self.column
        works = bool(task.words)
        ahead = None
        if works and not skips:
            length = task.length
            ahead = ReadAhead(self.stores, column, length, d.L)
            ahead.prefetch()
            self.idle()
        while feed or len(self.queue):
            self.decode(feed, skips)
            if len(self.queue) >= d.L or not feed:
                batch = [self.queue.entries[at] for at in range(min(d.L, len(self.queue)))]
                ended = sum(entry.ends_row for entry in batch) if works else 0
                if batch and self.accumulators.has_room(ended):
                    self.step_of(batch, column if works else None, task, ahead)
                elif batch:
                    self.counts.waits += 1
            if ahead:
                ahead.prefetch()
            self.idle()
        for _ in range(d.pass_cycles):
            self.idle()
        return self.counts.steps - before[0], self.counts.decode - before[1]

    def decode(self, feed: deque, skips: bool) -> None:
        """A word of mask, or the next L entries, which wait while the queue has no room for them."""
        if not feed:
            return
        if feed[0] is MASK:
            feed.popleft()
            self.counts.decode += skips
            return
        room = len(self.queue) + self.design.L <= self.queue.depth
        for _ in range(self.design.L if room else 0):
            if not feed:
                break
            self.queue.push(self.next_entry(feed))
        self.counts.decode += skips and room

    def step_of(self, batch: list[Entry], column: int | None, task: Task, ahead: ReadAhead | None) -> None:
        """Each lane multiplies its entry; the products of a row are added up, and go on in a register or leave."""
        self.counts.steps += 1
        self.counts.a_reads += len(batch)
        self.counts.b_reads += self.copies_written
        for _ in batch:
            self.queue.pop()
        if column is None:
            return
        slots = ahead.values([entry.k for entry in batch]) if ahead else self.from_copies(batch, column)
        for entry, slot in zip(batch, slots, strict=True):
            fate = fate_of(self.design, entry, slot)
            self.counts.fates[fate] += 1
            old = self.sums[0] or Sum(0.0, None)
            leaves = task.dense_z or fate == "effectual"
            destination = old.destination or ((task.visit, entry.row, column) if leaves else None)
            self.sums[0] = Sum(old.value + entry.value * slot.value, destination)
            if entry.ends_row:
                if destination:
                    self.accumulators.push(self.sums[0])
                self.sums[0] = None

    def from_copies(self, batch: list[Entry], column: int) -> list:
        """Each lane reads its copy at its entry's k."""
        lanes, found = self.design.L, []
        for store, entry in zip(self.stores, batch, strict=False):
            found.append(store.read((column, entry.k // lanes))[entry.k % lanes])
        return found
