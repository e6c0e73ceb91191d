"""Storage objects: what is not there cannot be read, what is full takes no more, a port moves one word a cycle."""

from collections import deque
from collections.abc import Hashable
from typing import Any


class StorageError(Exception):
    """A walk that no hardware of the stated sizes and ports can make."""


class Clock:
    """The cycle in which something is done."""

    def __init__(self) -> None:
        self.cycle = 0

    def tick(self, cycles: int = 1) -> None:
        """Let cycles pass."""
        self.cycle += cycles


class Port:
    """Moves one word at one address a cycle."""

    def __init__(self, clock: Clock):
        self.clock, self.used_at, self.uses = clock, -1, 0

    def use(self) -> None:
        """Move a word; StorageError if one was moved in this cycle."""
        if self.used_at == self.clock.cycle:
            raise StorageError(f"a port is used twice in cycle {self.clock.cycle}")
        self.used_at = self.clock.cycle
        self.uses += 1


class Store:
    """Words by address, of `bits` in all, behind one read port and one write port."""

    def __init__(self, bits: float, read_port: Port, write_port: Port):
        self.bits, self.read_port, self.write_port = bits, read_port, write_port
        self.words: dict[Hashable, tuple[Any, float]] = {}
        self.used = 0.0

    def write(self, address: Hashable, word: Any, bits: float) -> None:
        """Put a word of some bits; StorageError if there is no room."""
        self.write_port.use()
        self.reserve(bits - self.words.get(address, (None, 0))[1])
        self.words[address] = word, bits

    def reserve(self, bits: float) -> None:
        """Take room for what stands beside the words; StorageError if there is none."""
        self.used += bits
        if self.used > self.bits:
            raise StorageError(f"{self.used} bits in a store of {self.bits}")

    def clear(self) -> None:
        """Forget all words: the other half, or the next visit."""
        self.words.clear()
        self.used = 0.0

    def read(self, address: Hashable) -> Any:
        """The word at an address; StorageError if there is none."""
        self.read_port.use()
        if address not in self.words:
            raise StorageError(f"nothing was stored at {address}")
        return self.words[address][0]

    def take(self, address: Hashable) -> Any:
        """Read a word that is not used again, and free its place."""
        word = self.read(address)
        self.used -= self.words.pop(address)[1]
        return word


class Fifo:
    """A queue of `depth` entries that takes and gives `width` of them a cycle."""

    def __init__(self, depth: int, width: int, clock: Clock):
        self.depth, self.width, self.clock = depth, width, clock
        self.entries: deque = deque()
        self.moved = {"in": (-1, 0), "out": (-1, 0)}

    def __len__(self) -> int:
        return len(self.entries)

    def _move(self, way: str) -> None:
        cycle, count = self.moved[way]
        count = count + 1 if cycle == self.clock.cycle else 1
        if count > self.width:
            raise StorageError(f"{count} entries {way} of a queue that moves {self.width} a cycle")
        self.moved[way] = self.clock.cycle, count

    def push(self, entry: Any) -> None:
        """Put an entry; StorageError if the queue is full."""
        self._move("in")
        if len(self.entries) >= self.depth:
            raise StorageError(f"a queue of {self.depth} entries overflows")
        self.entries.append(entry)

    def pop(self) -> Any:
        """Take the oldest entry; StorageError if there is none."""
        self._move("out")
        if not self.entries:
            raise StorageError("a queue is empty")
        return self.entries.popleft()


class Capacity:
    """Room that named things take; they stay until they are replaced."""

    def __init__(self, bits: float):
        self.bits, self.held = bits, {}

    def hold(self, name: str, bits: float) -> None:
        """Keep something in the place of what had its name; StorageError if there is no room."""
        self.held[name] = bits
        if sum(self.held.values()) > self.bits:
            raise StorageError(f"{self.held} bits in a store of {self.bits}")
