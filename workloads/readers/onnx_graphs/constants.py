"""Arrays that are known from the file alone: stored in it, or computed in the graph from what is stored."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_ENTRIES = 2**19
"""Of what is computed, beside a multiple of what it is computed from: what can be measured in seconds."""
_MOST_GROWTH = 8
"""Entries that are held at a time for each one that is stored."""
_MOST_STEPS = 2**30
"""Entries of all arrays on the way to one."""


class Unread(ValueError):
    """Why the weights of a product cannot be had, as part of a sentence: `are computed by Foo, which is not folded`."""


@dataclass(frozen=True, eq=False)
class StoredConstant:
    """An array that is stored, or made from other constants when it is read."""

    shape: tuple[int, ...]
    values: str
    """As `float32`, `int4 in groups of 32`: what is stored, not what it is computed into."""
    make: Callable[..., np.ndarray] | None
    """The array, given those that it is made `of`; None where the file has a shape but no values."""
    of: tuple["StoredConstant | None", ...] = ()

    def then(
        self, shape: tuple[int, ...], make: Callable[..., np.ndarray], *others: "StoredConstant | None"
    ) -> "StoredConstant":
        """What `make` turns this array (and others) into."""
        return derived(shape, self.values, make, (self, *others))

    def read(self) -> np.ndarray:
        """The array, each one on the way made once and let go of when none needs it any more.

        **Raises** `ValueError` for another shape or too many entries.
        """
        order = self._in_order()
        uses = Counter(id(part) for one in order for part in one.of if part is not None)
        done: dict[int, np.ndarray] = {}
        steps = held = stored = 0
        for one in order:
            size = math.prod(one.shape)
            steps, stored, held = steps + size * bool(one.of), stored + size * (not one.of), held + size
            if one.make is None:
                raise ValueError("no values are stored")
            if steps > _MOST_STEPS or held > MOST_ENTRIES + _MOST_GROWTH * stored:
                raise ValueError(f"it is computed from {stored} entries by way of {max(steps, held)}")
            with np.errstate(all="ignore"):
                made = one.make(*(None if part is None else done[id(part)] for part in one.of))
            if made.shape != one.shape:
                raise ValueError(f"an array has the shape {list(made.shape)}, not {list(one.shape)}")
            done[id(one)] = made
            for part in one.of:
                if part is not None:
                    uses[id(part)] -= 1
                    if not uses[id(part)]:
                        held -= math.prod(part.shape)
                        del done[id(part)]
        return done[id(self)]

    def _in_order(self) -> "list[StoredConstant]":
        """All constants on the way to this one, each once, behind those that it is made of."""
        order: list[StoredConstant] = []
        waiting, known = [self], set()
        while waiting:
            one = waiting[-1]
            missing = [part for part in one.of if part is not None and id(part) not in known]
            if missing and id(one) not in known:
                waiting += missing
                continue
            waiting.pop()
            if id(one) not in known:
                known.add(id(one))
                order.append(one)
        return order


def derived(
    shape: tuple[int, ...], values: str, make: Callable[..., np.ndarray], of: tuple[StoredConstant | None, ...]
) -> StoredConstant:
    """A constant made of others; without values if one of them has none."""
    known = all(part is None or part.make is not None for part in of)
    return StoredConstant(shape, values, make if known else None, of if known else ())


def held(array: np.ndarray) -> StoredConstant:
    """An array that is at hand."""
    return StoredConstant(array.shape, array.dtype.name, lambda: array)


def bounded(shape: tuple[int, ...], *sizes: int) -> tuple[int, ...]:
    """The shape of what is computed from arrays of some sizes.

    **Raises** `Unread` for a negative side, and for more than `MOST_ENTRIES` and twice these.
    """
    if min(shape, default=1) < 0 or math.prod(shape) > MOST_ENTRIES + 2 * sum(sizes):
        raise Unread(f"have the shape {list(shape)}, which is too large")
    return tuple(int(side) for side in shape)
