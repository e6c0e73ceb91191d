"""Which tiles are visited, in which order, and how long each operand's tile stays in the GLB."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from hwmodels.simulator.stored_operand import StoredOperand
from workloads.errors import InputError

LOOPS_OF = {"a": "mk", "b": "kn", "z": "mn"}
MOST_VISITS = 40_000_000
"""Beyond this many, the visits themselves do not fit in memory."""

PerVisit = Integer[np.ndarray, " visits"]


@dataclasses.dataclass(frozen=True)
class TileVisits:
    """Places of the tiles in each visit, in the order of the loops; `a` and `b` are numbers of the operands' tiles."""

    m: PerVisit
    k: PerVisit
    n: PerVisit
    a: PerVisit
    b: PerVisit
    order: str
    trips: dict[str, int]

    def __len__(self) -> int:
        return len(self.m)

    def depth(self, operand: str) -> int:
        """Loops, from the outside, whose steps fetch the tile of operand "a", "b" or "z" anew."""
        counting = [at + 1 for at, loop in enumerate(self.order) if loop in LOOPS_OF[operand] and self.trips[loop] > 1]
        return max(counting, default=0)

    def stays(self, operand: str) -> PerVisit:
        """Number of the stay that each visit belongs to; visits of one stay follow each other."""
        changes = np.zeros(len(self), bool)
        for loop in self.order[: self.depth(operand)]:
            places = getattr(self, loop)
            changes[1:] |= places[1:] != places[:-1]
        return np.cumsum(changes)

    @property
    def z_stays(self) -> bool:
        """Whether a tile of Z leaves the GLB only when it is complete, as the loops decide."""
        outside = self.order[: self.depth("z")]
        return "k" not in outside or self.trips["k"] == 1

    def spread(self, bits: np.ndarray, operand: str) -> Float[np.ndarray, " visits"]:
        """Bits of each visit's tile, fetched once in the background of all visits of its stay."""
        stays = self.stays(operand)
        return bits / np.bincount(stays)[stays] if len(self) else np.zeros(0)


@dataclasses.dataclass(frozen=True)
class VisitGroups:
    """Visits that share a key: `of` numbers the group of each visit; `first`, `last` mark its ends."""

    of: PerVisit
    first: Bool[np.ndarray, " visits"]
    last: Bool[np.ndarray, " visits"]

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum over the group of each visit."""
        return np.bincount(self.of, values)[self.of] if len(self.of) else np.zeros(0)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the group of each visit."""
        return self.total(values) / self.total(np.ones(len(self.of)))


def group(keys: np.ndarray) -> VisitGroups:
    """Group visits by key, whole numbers from 0."""
    size = int(keys.max(initial=-1)) + 1
    if size <= 4 * len(keys):
        of = keys
    else:
        _, of = np.unique(keys, return_inverse=True)
        size = int(of.max(initial=-1)) + 1
    ends = np.zeros((2, size), np.int64)
    places = np.arange(len(keys))
    ends[0, of[::-1]], ends[1, of] = places[::-1], places
    return VisitGroups(of, places == ends[0][of], places == ends[1][of])


def check_count(visits: int) -> int:
    """The number of visits; InputError where they are too many to hold."""
    if visits > MOST_VISITS:
        raise InputError(
            f"The mapping visits {visits:,} tiles, more than the {MOST_VISITS:,} that can be simulated; "
            "raise tile_m, tile_k or tile_n."
        )
    return visits


class Numbering(NamedTuple):
    """Visits as the loops m, k, n number them, for code that goes through A's tiles and through B's in each.

    `first` [A's tiles + 1]: the first visit of each tile of A; `rank` [B's tiles]: visits of the same tile of A before
    that of a tile of B; `order` [visits]: their numbers in the order of the mapping's loops, None if it is the same.
    """

    first: PerVisit
    rank: PerVisit
    order: PerVisit | None

    def in_order(self, found: np.ndarray) -> np.ndarray:
        """Rows of visits in the order of the mapping's loops."""
        return found if self.order is None else found[self.order]


def visit(a: StoredOperand, b: StoredOperand, order: str) -> tuple[TileVisits, Numbering]:
    """All visits in which neither tile is seen to be empty. InputError where there are too many to hold."""
    trips = {"m": a.trips[0], "k": a.trips[1], "n": b.trips[1]}
    ends = np.searchsorted(b.i, np.arange(trips["k"] + 1))
    partners = np.diff(ends)[a.j]
    total = check_count(int(partners.sum()))
    first, numbers = np.concatenate([[0], np.cumsum(partners)]), None
    a_tile = np.repeat(np.arange(len(a.i)), partners)
    b_tile = np.arange(total) - (first[:-1] - ends[a.j])[a_tile]
    rank = np.arange(len(b.i)) - ends[b.i]
    places = {"m": a.i[a_tile], "k": a.j[a_tile], "n": b.j[b_tile]}
    if order != "mkn":
        key = (places[order[0]] * trips[order[1]] + places[order[1]]) * trips[order[2]] + places[order[2]]
        numbers = np.argsort(key, kind="stable")
        places = {loop: place[numbers] for loop, place in places.items()}
        a_tile, b_tile = a_tile[numbers], b_tile[numbers]
    return TileVisits(**places, a=a_tile, b=b_tile, order=order, trips=trips), Numbering(first, rank, numbers)
