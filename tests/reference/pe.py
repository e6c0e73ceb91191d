"""One PE with lanes on n: entries of A from a queue, a word of B a step, sums in registers or in accumulators."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from .accumulators import Outbox, Regions, Sum
from .design import SLOTS, Design
from .stores import Capacity, Clock, Fifo, Port, StorageError, Store

QUEUE = 16
MASK = None
"""In what a decoder is fed: a word of mask, which takes a cycle."""
LOOK_UP = "look-up"
"""In place of an address: a row of B that is found to be empty. None: a group without a column of the PE."""


class Entry(NamedTuple):
    """An entry of A that is worked on."""

    row: int
    k: int
    value: float
    padding: bool
    ends_row: bool


class Slot(NamedTuple):
    """A value of B and its column in the tile."""

    column: int
    value: float
    padding: bool


class Limits(NamedTuple):
    """Sizes of a PE's stores: bits of part A and part B, words of accumulators; infinite where they do not fit."""

    part_a: float
    part_b: float
    accumulators: float


@dataclass
class Task:
    """One column pass of one PE."""

    visit: int
    feed: list
    """Entries of A (their places in part A, where it is held) and words of mask, in the order of the queue."""
    addresses: dict[int, list]
    """k -> a step each: an address of part B, `LOOK_UP`, or None."""
    words: dict[Any, list]
    """Address -> what is sent to part B: a word of slots, None where there is no value."""
    fetched: list
    """(address, word of B), in the order in which they are sent to the queue of B (`fetch`)."""
    length: int
    """Columns of the tile of A."""
    first_group: int
    dense_z: bool


@dataclass
class Counts:
    """What a PE has done."""

    steps: int = 0
    decode: int = 0
    a_reads: int = 0
    b_reads: int = 0
    b_writes: int = 0
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("effectual", "ineffectual", "gated"), 0))
    waits: int = 0


class Pe:
    """Stores and counters of a PE of column `column`; it goes from visit to visit with sums still on their way out."""

    copies_written = 1

    def __init__(self, design: Design, column: int, limits: Limits, sums_in: str):
        self.design, self.column, self.limits, self.sums_in = design, column, limits, sums_in
        self.clock, self.filling = Clock(), Clock()
        deep, wide = (QUEUE * design.lanes, design.L) if design.lanes_on == "k" else (QUEUE, 1)
        self.queue, self.queue_of_b = Fifo(deep, wide, self.clock), Fifo(QUEUE, 1, self.clock)
        self.part_a = Capacity(limits.part_a)
        self.part_a_banks = [Store(inf, Port(self.clock), Port(Clock())) for _ in range(self.queue.width)]
        self.read_port, self.write_port = Port(self.clock), Port(self.filling)
        self.sums: list[Sum | None] = [None] * design.L
        each = limits.accumulators // design.L
        if sums_in == "registers":
            self.accumulators = Outbox(each, design.L, self.clock)
        else:
            self.slots = SLOTS if sums_in == "rows" else 2
            self.accumulators = Regions(self.slots, each // self.slots, design.L, self.clock)
        self.slot = 0
        self.counts, self.left = Counts(), []

    def idle(self) -> None:
        """The next cycle, in which sums leave that were finished before it."""
        self.clock.tick()
        self.left += self.accumulators.drain()

    def finish(self) -> None:
        """Let all sums leave."""
        for _ in range(10**6):
            count = len(self.left)
            self.idle()
            if len(self.left) == count and not getattr(self.accumulators, "leaving", None):
                return

    def fill(self, words: dict[Any, list], bits: int) -> None:
        """Write a pass's words into a half of part B, one a cycle."""
        self.part_b = Store(self.limits.part_b, self.read_port, self.write_port)
        for address, word in words.items():
            self.part_b.write(address, word, bits)
            self.filling.tick()
        self.counts.b_writes += len(words)

    def hold_a(self, fed: list, bits: float) -> list:
        """Write A into part A, an entry after the other over its banks; the places from where it is decoded."""
        self.part_a.hold("A", bits)
        places = []
        for bank in self.part_a_banks:
            bank.clear()
        for entry in fed:
            if entry is MASK:
                places.append(MASK)
                continue
            at = sum(len(bank.words) for bank in self.part_a_banks)
            bank = self.part_a_banks[at % len(self.part_a_banks)]
            bank.write_port.clock.tick()
            bank.write(at, entry, 0)
            places.append(at)
        return places

    def next_entry(self, feed: deque) -> Entry:
        """The next entry, as it was sent or from its place in part A."""
        entry = feed.popleft()
        if isinstance(entry, Entry):
            return entry
        return self.part_a_banks[entry % len(self.part_a_banks)].read(entry)

    def decode(self, feed: deque, skips: bool) -> None:
        """A cycle of the decoder, which waits while the queue is full."""
        if not feed:
            return
        if feed[0] is MASK:
            feed.popleft()
        elif len(self.queue) == self.queue.depth:
            return
        else:
            self.queue.push(self.next_entry(feed))
        self.counts.decode += skips

    def run(self, task: Task, word_bits: int) -> tuple[int, int]:
        """Work on a pass; its steps and its cycles of decoding."""
        self.fill(task.words, word_bits)
        before = self.counts.steps, self.counts.decode
        skips = self.design.a_zero == "skip"
        feed, fetched = deque(task.feed), deque(task.fetched)
        entry, steps, starts = None, deque(), True
        if self.sums_in == "passes":
            self.wait_for_slot()
        while feed or entry or len(self.queue):
            self.decode(feed, skips)
            if fetched and len(self.queue_of_b) < QUEUE:
                self.queue_of_b.push(fetched.popleft())
            if entry is None and len(self.queue):
                entry = self.queue.pop()
                self.counts.a_reads += 1
                steps = deque(task.addresses[entry.k])
            if entry and self.can_step(starts, entry.ends_row):
                starts = False
                self.step(entry, steps.popleft(), task)
                if not steps:
                    if entry.ends_row and self.sums_in != "passes":
                        self.end_row()
                        starts = True
                    entry = None
            self.idle()
        if self.sums_in == "passes":
            if self.accumulators.most_in_a_bank(self.slot) > self.counts.steps - before[0]:
                raise StorageError("the results of a pass take longer to leave than the pass")
            self.end_row()
        for _ in range(self.design.pass_cycles):
            self.idle()
        return self.counts.steps - before[0], self.counts.decode - before[1]

    def wait_for_slot(self) -> None:
        """Sums of the pass before the last leave: in their own time, which is no longer than that pass's steps."""
        while not self.accumulators.is_free(self.slot):
            self.idle()

    def can_step(self, starts: bool, ends: bool) -> bool:
        """Whether a row that begins finds a slot, and one that ends a place for its sums."""
        ready = True
        if self.sums_in == "rows" and starts:
            ready = self.accumulators.is_free(self.slot)
        elif self.sums_in == "registers" and ends:
            ready = self.accumulators.has_room(self.design.L)
        self.counts.waits += not ready
        return ready

    def end_row(self) -> None:
        """The sums of a row (of a pass in the outer product) go to where they leave from."""
        if self.sums_in != "registers":
            self.accumulators.close(self.slot)
            self.slot = (self.slot + 1) % self.slots
            return
        for lane, finished in enumerate(self.sums):
            self.accumulators.next = lane
            if finished and finished.destination:
                self.accumulators.push(finished)
        self.accumulators.next = 0
        self.sums = [None] * self.design.L

    def step(self, entry: Entry, address: Any, task: Task) -> None:
        """A stationary entry of A meets a word of B."""
        self.counts.steps += 1
        self.counts.b_reads += address != LOOK_UP
        if address in (None, LOOK_UP):
            return
        word = self.fetched_word(address) if self.design.residency == "fetch" else self.part_b.read(address)
        for lane, slot in enumerate(word):
            if slot is not None:
                self.multiply(lane, entry, slot, task)

    def fetched_word(self, address: Any) -> list:
        """The next word of the queue of B, which must be the one that is asked for."""
        came_from, word = self.queue_of_b.pop()
        if came_from != address:
            raise StorageError(f"{came_from} was fetched where {address} is needed")
        return word

    def multiply(self, lane: int, entry: Entry, slot: Slot, task: Task) -> None:
        """The MAC of a lane: the product goes to the sum that the lane owns."""
        fate = fate_of(self.design, entry, slot)
        self.counts.fates[fate] += 1
        leaves = task.dense_z or fate == "effectual"
        destination = (task.visit, entry.row, slot.column) if leaves else None
        value = entry.value * slot.value
        if self.sums_in == "registers":
            old = self.sums[lane]
            if old:
                value, destination = value + old.value, old.destination or destination
            self.sums[lane] = Sum(value, destination)
            return
        group = slot.column // self.design.W - task.first_group
        address = group if self.sums_in == "rows" else (entry.row, group)
        self.accumulators.add(self.slot, lane, address, value, destination)


def fate_of(design: Design, a: Any, b: Any) -> str:
    """Section 3: what becomes of the product of two entries, each with a value and whether it is padding."""
    if a.value != 0 and b.value != 0:
        return "effectual"
    if a.padding or b.padding or (design.a_zero if a.value == 0 else design.b_zero) == "gate":
        return "gated"
    return "ineffectual"
