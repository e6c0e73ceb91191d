"""Arrays that are known from the file alone: stored in it, or computed in the graph from what is stored."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_ENTRIES = 2**28
"""Of one array that is computed or unpacked: 1 GiB of float32."""
_MOST_STEPS = 4 * MOST_ENTRIES
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
        """The array, each one on the way made once. **Raises** `ValueError` for another shape or too many entries."""
        done: dict[int, np.ndarray] = {}
        waiting, steps = [self], 0
        with np.errstate(all="ignore"):
            while waiting:
                one = waiting[-1]
                missing = [part for part in one.of if part is not None and id(part) not in done]
                if id(one) not in done and missing:
                    waiting += missing
                    continue
                waiting.pop()
                if id(one) in done:
                    continue
                if one.make is None:
                    raise ValueError("no values are stored")
                steps += math.prod(one.shape) if one.of else 0
                if steps > _MOST_STEPS:
                    raise ValueError(f"it is computed in more than {_MOST_STEPS} entries")
                done[id(one)] = one.make(*(None if part is None else done[id(part)] for part in one.of))
                if done[id(one)].shape != one.shape:
                    raise ValueError(f"an array has the shape {list(done[id(one)].shape)}, not {list(one.shape)}")
        return done[id(self)]


def derived(
    shape: tuple[int, ...], values: str, make: Callable[..., np.ndarray], of: tuple[StoredConstant | None, ...]
) -> StoredConstant:
    """A constant made of others; without values if one of them has none."""
    known = all(part is None or part.make is not None for part in of)
    return StoredConstant(shape, values, make if known else None, of if known else ())


def held(array: np.ndarray) -> StoredConstant:
    """An array that is at hand."""
    return StoredConstant(array.shape, array.dtype.name, lambda: array)


def bounded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape. **Raises** `Unread` for a negative side and for more than `MOST_ENTRIES`."""
    if min(shape, default=1) < 0 or math.prod(shape) > MOST_ENTRIES:
        raise Unread(f"have the shape {list(shape)}, which is too large")
    return tuple(int(side) for side in shape)
