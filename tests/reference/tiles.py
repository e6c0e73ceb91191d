"""Section 1: tiles, the order of visits, and how long a tile stays in the GLB."""

from collections.abc import Iterator
from typing import NamedTuple

OPERAND_LOOPS = {"a": "mk", "b": "kn", "z": "mn"}


class Visit(NamedTuple):
    """Tile indices of one step of the loop nest."""

    m: int
    k: int
    n: int


def cut(size: int, tile: int) -> list[slice]:
    """Ranges of the tiles of one dimension, anchored at the origin; the last may be smaller."""
    return [slice(start, min(start + tile, size)) for start in range(0, size, tile)]


def walk(order: str, trips: dict[str, int]) -> Iterator[Visit]:
    """Every step of the loop nest, outermost loop first in `order`."""
    outer, middle, inner = order
    for x in range(trips[outer]):
        for y in range(trips[middle]):
            for z in range(trips[inner]):
                yield Visit(**{outer: x, middle: y, inner: z})


def stay(visit: Visit, order: str, trips: dict[str, int], operand: str) -> tuple[int, ...]:
    """Which stay in the GLB a visit belongs to: visits with equal keys find the tile where the first one put it.

    The key is the step of the innermost loop that indexes the operand and has more than one trip, and of all loops
    outside it.
    """
    depth = 0
    for position, loop in enumerate(order, start=1):
        if loop in OPERAND_LOOPS[operand] and trips[loop] > 1:
            depth = position
    return tuple(getattr(visit, loop) for loop in order[:depth])


def fetches(order: str, trips: dict[str, int], operand: str) -> int:
    """Number of stays of an operand in the whole nest, when no visit is skipped."""
    return len({stay(visit, order, trips, operand) for visit in walk(order, trips)})


def stays_until_complete(order: str, trips: dict[str, int]) -> bool:
    """Whether a Z tile leaves the GLB only when it is complete, as the loop nest decides before skipping."""
    return fetches(order, trips, "z") == trips["m"] * trips["n"]


def group_by_stay(visits: list[Visit], order: str, trips: dict[str, int], operand: str) -> dict[tuple, list[int]]:
    """Stay -> positions in `visits` of the visits that are made during it."""
    groups: dict[tuple, list[int]] = {}
    for position, visit in enumerate(visits):
        groups.setdefault(stay(visit, order, trips, operand), []).append(position)
    return groups
