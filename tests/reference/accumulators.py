"""Where sums are formed and from where they leave: a bank for each lane, with a slot for what is being formed."""

from collections import deque
from typing import Any, NamedTuple

from .design import SLOTS
from .stores import Clock, Fifo, Port, Store


class Sum(NamedTuple):
    """A sum, and what it is a part of: (visit, row, column); None if it does not leave."""

    value: float
    destination: tuple[int, int, int] | None


class Regions:
    """Partial sums in several slots of a bank: one is added to while another leaves, a sum a bank a cycle."""

    def __init__(self, count: int, words: float, lanes: int, clock: Clock):
        self.slots = [[Store(words, Port(clock), Port(clock)) for _ in range(lanes)] for _ in range(count)]
        self.leaving: deque[int] = deque()
        self.accesses = 0

    def is_free(self, slot: int) -> bool:
        """Whether sums can be formed in a slot."""
        return slot not in self.leaving

    def add(self, slot: int, lane: int, address: Any, product: float, destination: Any) -> None:
        """Read a sum, add to it and write it back, all at one address; a first product is only written."""
        store = self.slots[slot][lane]
        if address in store.words:
            old = store.read(address)
            product, destination = product + old.value, old.destination or destination
        store.write(address, Sum(product, destination), 1)
        self.accesses += 2

    def close(self, slot: int) -> None:
        """Let the sums of a slot leave, after those of the slots before it."""
        self.leaving.append(slot)

    def most_in_a_bank(self, slot: int) -> int:
        """Cycles in which the sums of a slot leave."""
        return max(sum(word.destination is not None for word, _ in store.words.values()) for store in self.slots[slot])

    def drain(self) -> list[Sum]:
        """What leaves in this cycle."""
        if not self.leaving:
            return []
        gone, left = [], False
        for store in self.slots[self.leaving[0]]:
            used = [address for address, (word, _) in store.words.items() if word.destination]
            if used:
                gone.append(store.take(used[0]))
            left |= len(used) > 1
        if not left:
            for store in self.slots[self.leaving.popleft()]:
                store.clear()
        self.accesses += len(gone)
        return gone


class Outbox:
    """Finished sums on their way out of registers: four places in each bank, of which a sum a cycle leaves."""

    def __init__(self, words: float, lanes: int, clock: Clock):
        self.banks = [Fifo(int(min(SLOTS, words)), 1, clock) for _ in range(lanes)]
        self.next, self.accesses = 0, 0

    def has_room(self, sums: int) -> bool:
        """Whether the next banks take so many sums."""
        chosen = [self.banks[(self.next + turn) % len(self.banks)] for turn in range(sums)]
        return all(len(bank) < bank.depth for bank in chosen)

    def push(self, finished: Sum) -> None:
        """A finished sum into the next bank."""
        self.banks[self.next].push(finished)
        self.next = (self.next + 1) % len(self.banks)
        self.accesses += 1

    def drain(self) -> list[Sum]:
        """What leaves in this cycle."""
        gone = [bank.pop() for bank in self.banks if len(bank)]
        self.accesses += len(gone)
        return gone
