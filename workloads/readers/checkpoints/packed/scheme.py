"""A scheme of packing: by which names its arrays are known, when they are its own, and how they become a weight.

A scheme finds its groups among the arrays that are left; each group becomes one array in their place, which later
schemes may take up again (a bitmask around FP8 codes, a mask upon a quantised weight).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from workloads.errors import InputError
from workloads.readers.checkpoints.packed.floats import as_float32
from workloads.readers.checkpoints.stored import StoredArray, StoredArrays, Weights
from workloads.readers.source import BROKEN, words_of

REWRITE = "write the file again, or dequantise it and save the weights as bfloat16"
"""What to do about arrays that contradict each other."""
DEQUANTISE = "dequantise the model and save its weights as bfloat16"
"""What to do about a scheme that is not read."""
MOST_READ_EARLY = 65_536
"""Values of an array that may be read before its layer is asked for: sizes, settings."""


@dataclass(frozen=True)
class Unpacked(Weights):
    """Weights with their type in safetensors' words, so that another scheme can go on from there."""

    dtype: str = "F32"
    note: str = ""
    """What is to be told of how it was made; equal ones once."""


@dataclass(frozen=True)
class ArrayGroup:
    """The arrays that together are one weight, by role."""

    stored: StoredArrays
    scheme: str
    name: str
    """Of the weight."""
    parts: Mapping[str, StoredArray]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the file says of this weight beside its arrays."""

    def __contains__(self, role: str) -> bool:
        return role in self.parts

    def shape(self, role: str) -> tuple[int, ...]:
        return self.parts[role].shape

    def dtype(self, role: str) -> str:
        """In safetensors' words; empty where there is no such part."""
        return self.parts[role].dtype if role in self.parts else ""

    def floats(self, role: str) -> np.ndarray:
        """In 32 bits."""
        return as_float32(self.read(role), self.parts[role].dtype)

    def read(self, role: str) -> np.ndarray:
        found = np.asarray(self.parts[role].read())
        if found.shape != self.parts[role].shape:
            self.refuse(f"{self.parts[role].name} has the shape {list(found.shape)}, not {list(self.shape(role))}")
        return found

    def bytes(self, role: str) -> np.ndarray:
        """The bytes of each value, along the last axis."""
        found = np.ascontiguousarray(self.read(role))
        return found.reshape(found.shape or (1,)).view(np.uint8)

    def integers(self, role: str) -> list[int]:
        """A small array of whole numbers, read now."""
        if int(np.prod(self.shape(role), dtype=object)) > MOST_READ_EARLY:
            self.refuse(f"{self.parts[role].name} has {list(self.shape(role))} entries")
        found = self.read(role).ravel()
        if found.dtype.kind not in "iu" and not np.array_equal(found, np.round(found.astype(np.float64))):
            self.refuse(f"{self.parts[role].name} holds other than whole numbers")
        return [int(one) for one in found]

    def text(self, role: str) -> str:
        """A small array of characters, read now."""
        return bytes(one % 256 for one in self.integers(role)).decode("utf-8", "replace")

    def require(self, holds: bool, problem: str, fix: str = REWRITE) -> None:
        if not holds:
            self.refuse(problem, fix)

    def refuse(self, problem: str, fix: str = REWRITE) -> NoReturn:
        """**Raises** `InputError`: `PATH: NAME is SCHEME, but PROBLEM; FIX.`"""
        self.stored.source.fail(self.name, f"is {self.scheme}, but {problem}", fix)


@dataclass(frozen=True)
class Scheme:
    """A way of packing weights. Adding one is a file with such a record, and the record in `SCHEMES`."""

    name: str
    find: Callable[[StoredArrays], Iterator[ArrayGroup]]
    """Its groups among the arrays; no array is in two of them."""
    unpack: Callable[[ArrayGroup], Unpacked]
    """From headers and small arrays alone. **Raises** `InputError`."""


@contextmanager
def told(group: ArrayGroup) -> Iterator[None]:
    """What goes wrong with arrays of types and sizes that no check foresaw, as a sentence.

    Values beyond the range of floats become infinite without a warning; who takes the weights up refuses them.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except InputError:
        raise
    except BROKEN as error:
        group.stored.source.fail(group.name, f"is {group.scheme}, but malformed ({words_of(error)})", REWRITE, error)


def by_suffixes(
    scheme: str,
    anchor: str,
    parts: Mapping[str, str],
    needs: tuple[str, ...] = (),
    fits: Callable[[ArrayGroup], bool] = lambda group: True,
    result: str = "weight",
    required: bool = False,
) -> Callable[[StoredArrays], Iterator[ArrayGroup]]:
    """Finds groups whose names differ in their last words: `anchor` (role and suffix alike) and `parts` by role.

    A suffix that begins with a letter or digit is a whole last word, as `qweight` of `q_proj.qweight`. `required`:
    the anchor belongs to no other scheme, so that what lacks a needed part is refused rather than passed over.
    """

    def find(stored: StoredArrays) -> Iterator[ArrayGroup]:
        for name in list(stored.arrays):
            stem = stem_of(name, anchor)
            if stem is None or name not in stored.arrays:
                continue
            missing = [stem + parts[role] for role in needs if stem + parts[role] not in stored.arrays]
            if missing and not required:
                continue
            named = {role: stored.arrays.get(stem + suffix) for role, suffix in parts.items()}
            found = {role: array for role, array in named.items() if array is not None}
            group = ArrayGroup(stored, scheme, stem + result, {anchor.strip("._:"): stored.arrays[name], **found})
            if missing:
                group.refuse(f"{missing[0]} is missing", "give the folder with all its shards, or write it again")
            with told(group):
                its_own = fits(group)
            if its_own:
                yield group

    return find


def stem_of(name: str, suffix: str) -> str | None:
    """What stands before a suffix, its separator included; None where the name does not end so."""
    if not name.endswith(suffix):
        return None
    stem = name[: len(name) - len(suffix)]
    return stem if not suffix[0].isalnum() or stem == "" or stem[-1] in "./" else None
