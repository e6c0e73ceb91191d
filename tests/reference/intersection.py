"""Section 5, intersection: units walk two sorted fibers in their stores, one read of each a step."""

from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple

from .design import MASK_BITS, ceil_div
from .stores import Clock, Port, Store

TAGS = 4
"""Coordinates of each side that a skip-ahead unit sees."""


class Item(NamedTuple):
    """An entry of a fiber."""

    k: int
    value: float
    padding: bool


class Fiber(NamedTuple):
    """A sorted fiber in a store."""

    store: Store
    name: int
    length: int

    def read(self, at: int) -> Item:
        """An entry, by its number; of an expanded fiber, by its coordinate."""
        return self.store.read((self.name, at))


def load(store: Store, fiber: int, items: list[Item], bits: int, expanded: bool) -> None:
    """Write a fiber, an entry a cycle: one after the other, or each at its coordinate."""
    for at, item in enumerate(items):
        store.write_port.clock.tick()
        store.write((fiber, item.k if expanded else at), item, bits)


def load_mask(store: Store, fiber: int, items: list[Item], w: int) -> None:
    """Write the mask of a fiber, a word a cycle; a word tells which entries lie in it."""
    for start in range(0, w, MASK_BITS):
        inside = [(at, item) for at, item in enumerate(items) if start <= item.k < start + MASK_BITS]
        store.write_port.clock.tick()
        store.write((fiber, "mask", start // MASK_BITS), inside, min(MASK_BITS, w - start))


Walk = Iterator[tuple[Item, Item] | None]
"""What a unit finds in each of its steps."""


def two_finger(row: Fiber, column: Fiber, w: int) -> Walk:
    """Each step drops the smaller head, or both at a match; one more sees that both fibers are at their ends."""
    heads = [fiber.read(0) if fiber.length else None for fiber in (row, column)]
    at = [0, 0]
    while any(heads):
        one, other = heads
        met = bool(one and other and one.k == other.k)
        drops = [bool(one and (other is None or one.k <= other.k)), bool(other and (one is None or other.k <= one.k))]
        yield (one, other) if met and one and other else None
        for side, fiber in enumerate((row, column)):
            if drops[side]:
                at[side] += 1
                heads[side] = fiber.read(at[side]) if at[side] < fiber.length else None
    yield None


def leader_follower(row: Fiber, column: Fiber, w: int) -> Walk:
    """A leads: each of its coordinates is probed in the expanded column."""
    for at in range(row.length):
        one = row.read(at)
        there = (column.name, one.k) in column.store.words
        yield (one, column.read(one.k)) if there else None


def bitmask(row: Fiber, column: Fiber, w: int) -> Walk:
    """A word of both masks a step, then a step for each match in it."""
    for word in range(ceil_div(w, MASK_BITS)):
        left, right = (dict_of(fiber.store.read((fiber.name, "mask", word))) for fiber in (row, column))
        yield None
        for k in sorted(set(left) & set(right)):
            yield row.read(left[k]), column.read(right[k])


def dict_of(places: list[tuple[int, Item]]) -> dict[int, int]:
    """Coordinate -> number of the entry, of the entries that a word of mask covers."""
    return {item.k: at for at, item in places}


def skip_ahead(row: Fiber, column: Fiber, w: int) -> Walk:
    """Two steps to fill the windows; then the lagging side drops up to four coordinates below the other's head."""
    yield None
    yield None
    at = [0, 0]
    fibers = (row, column)
    while at[0] < row.length and at[1] < column.length:
        windows = [window(fiber, at[side]) for side, fiber in enumerate(fibers)]
        one, other = windows[0][0], windows[1][0]
        if one.k == other.k:
            at = [at[0] + 1, at[1] + 1]
            yield one, other
            continue
        lags = 0 if one.k < other.k else 1
        target = max(one.k, other.k)
        at[lags] += sum(item.k < target for item in windows[lags])
        yield None


def window(fiber: Fiber, start: int) -> list[Item]:
    """The next coordinates of a fiber, which its store gives as one word."""
    fiber.store.read_port.use()
    last = min(start + TAGS, fiber.length)
    return [fiber.store.words[fiber.name, at][0] for at in range(start, last)]


UNITS: dict[str, Callable[[Fiber, Fiber, int], Walk]] = {
    "two_finger": two_finger,
    "leader_follower": leader_follower,
    "bitmask": bitmask,
    "skip_ahead": skip_ahead,
}


def steps_of(unit: str, row: list[int], column: list[int], w: int) -> int:
    """Steps in which a unit walks two fibers of `w` positions, given by sorted coordinates; none if one is empty."""
    if not row or not column:
        return 0
    clock = Clock()
    fibers = []
    for ks, expanded in ((row, False), (column, unit == "leader_follower")):
        store = Store(inf, Port(clock), Port(Clock()))
        load(store, 0, [Item(k, 1.0, False) for k in ks], 0, expanded)
        load_mask(store, 0, [Item(k, 1.0, False) for k in ks], w)
        fibers.append(Fiber(store, 0, len(ks)))
    steps = 0
    for _ in UNITS[unit](*fibers, w):
        steps += 1
        clock.tick()
    return steps
