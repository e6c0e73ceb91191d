"""Scales and zero points that lie over a weight in a grid: one for all, a row, a group of columns or a block."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import ml_dtypes
import numpy as np

from workloads.readers.checkpoints.packed.scheme import ArrayGroup

_AT_ONCE = 1 << 20
"""Weights unpacked in one go, so that what is made on the way stays in the cache."""
_ROUNDED = {"F16": np.float16, "BF16": ml_dtypes.bfloat16}
_USUAL_BLOCKS = (128, 64, 32, 16)


@dataclass(frozen=True)
class Grid:
    """Where the entry of a weight lies in an array of scales, axis by axis: None for the same place or for one entry.

    `blocks`: weights along each axis that share an entry.
    """

    shape: tuple[int, ...]
    blocks: tuple[int, ...]
    columns: np.ndarray | None = None
    """Entries of the last axis by column, where they follow no order of blocks."""

    def rows(self, entries: np.ndarray, of: tuple[int, ...], start: int, stop: int) -> np.ndarray:
        """The entries of some rows of a weight of a shape, to be broadcast against them."""
        entries = entries.reshape(self.shape)
        for axis, (entry, size, block) in enumerate(zip(self.shape, of, self.blocks, strict=True)):
            first, last = (start, stop) if axis == 0 else (0, size)
            if axis == len(of) - 1 and self.columns is not None:
                entries = entries[..., self.columns]
            elif entry > 1 and block > 1:
                entries = np.take(entries, np.arange(first, last) // block, axis=axis)
            elif entry > 1 and axis == 0:
                entries = entries[first:last]
        return entries

    def words(self, of: tuple[int, ...]) -> str:
        """As `in groups of 128`; empty for one entry."""
        if np.prod(self.shape) == 1:
            return "with one scale"
        if self.columns is None and all(b > 1 for b in self.blocks[-2:]) and len(of) > 1 and self.shape[-2] > 1:
            return "in blocks of " + " x ".join(str(b) for b in self.blocks[-2:])
        if self.shape[-1] == 1:
            return "by row"
        return "by column" if len(of) > 1 and self.shape[-2] == 1 else f"in groups of {self.blocks[-1]}"


def grid_over(group: ArrayGroup, role: str, of: tuple[int, ...], blocks: tuple[int, ...] = ()) -> Grid:
    """The grid that an array of scales is over a weight, from their shapes.

    `blocks`: what the file says of the last axes, used where it fits. **Raises** `InputError` where nothing does.
    """
    shape = _aligned(group.shape(role), of)
    if shape is None:
        _misfit(group, role, of)
    said = (0,) * (len(of) - len(blocks)) + tuple(blocks)
    found = tuple(_block(entry, size, one) for entry, size, one in zip(shape, of, said, strict=True))
    if None in found:
        _misfit(group, role, of)
    return Grid(shape, tuple(one for one in found if one is not None))


def dequantised(
    shape: tuple[int, ...],
    codes: Callable[[int, int], np.ndarray],
    scale: tuple[Grid, np.ndarray],
    zero: tuple[Grid, np.ndarray] | None = None,
    offset: tuple[Grid, np.ndarray] | None = None,
    rounded: str = "F32",
) -> np.ndarray:
    """(code - zero) * scale + offset, float32. `codes` gives those of some rows.

    `rounded`: the type that the product is rounded to before the offset is added, as libraries compute: whether the
    sum is zero depends on it.
    """
    weights = np.empty(shape, np.float32)
    step = max(1, _AT_ONCE // max(1, int(np.prod(shape[1:]))))
    for start in range(0, shape[0], step):
        part = weights[start : start + step]
        part[...] = codes(start, start + len(part))
        if zero is not None:
            _apply(np.subtract, part, zero, shape, start)
        _apply(np.multiply, part, scale, shape, start)
        if offset is not None:
            if rounded in _ROUNDED:
                part[...] = part.astype(_ROUNDED[rounded])
            _apply(np.add, part, offset, shape, start)
    return weights


def _apply(
    operation: np.ufunc, part: np.ndarray, entries: tuple[Grid, np.ndarray], of: tuple[int, ...], start: int
) -> None:
    """Some rows of a weight and their entries, in place; even groups of columns without spreading the entries."""
    grid, values = entries
    block, groups = grid.blocks[-1], grid.shape[-1]
    if grid.columns is None and 1 < block < of[-1] and block * groups == of[-1]:
        by_group = Grid(grid.shape, (*grid.blocks[:-1], 1)).rows(values, (*of[:-1], groups), start, start + len(part))
        view = part.reshape(*part.shape[:-1], groups, block)
        operation(view, by_group[..., None], out=view)
    else:
        operation(part, grid.rows(values, of, start, start + len(part)), out=part)


def _aligned(entries: tuple[int, ...], of: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of the scales with as many axes as the weight has."""
    if int(np.prod(entries, dtype=object)) == 1:
        return (1,) * len(of)
    if len(entries) > len(of):
        spare = len(entries) - len(of)
        return entries[:-spare] if entries[-spare:] == (1,) * spare else None
    if len(entries) < len(of) and entries[0] not in (1, of[0]):
        return None
    return entries + (1,) * (len(of) - len(entries))


def _block(entries: int, size: int, said: int) -> int | None:
    if entries in (1, size):
        return size if entries == 1 else 1
    for block in (said, size // entries if entries and size % entries == 0 else 0, *_USUAL_BLOCKS):
        if block > 0 and -(-size // block) == entries:
            return block
    return None


def _misfit(group: ArrayGroup, role: str, of: tuple[int, ...]) -> NoReturn:
    what = f"{group.parts[role].name} has the shape {list(group.shape(role))}, which fits no weight of {list(of)}"
    group.refuse(what)
