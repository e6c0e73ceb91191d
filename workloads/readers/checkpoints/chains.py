"""How arrays lie, told by a series of layers that fit each other only one way: each takes what the one before makes.

A series is what lies side by side under names that differ in numbers (`main.0`, `main.3`, `main.6`). Layers that lie
[out, in] as in PyTorch fit as they are; only where they do not, and every one of them fits another way, they lie so.

| way | made, taken of a shape |
|---|---|
| in first | last axis, first axis of two |
| channels last (TensorFlow) | last axis, last but one; the first two are the kernel, of a few taps |
| transposed (PyTorch) | second axis, first; a kernel of 2 or 4, as upsampling by 2 has |
"""

import itertools
import re
from collections.abc import Mapping

from workloads.readers.checkpoints.names import Name, natural

_WIDEST_KERNEL = 11
_UPSAMPLING = (2, 4)

Shape = tuple[int, ...]


class LayerSeries:
    """Series among the operands of a network, in order of their numbers."""

    def __init__(self, shapes: Mapping[str, Shape], operands: list[Name]) -> None:
        self._count, in_order = len(operands), sorted(operands, key=lambda one: natural(one.layer))
        runs: dict[tuple[str, int], list[list[Shape]]] = {}
        for key, run in itertools.groupby(in_order, key=lambda one: (_series(one), len(shapes[one.text]))):
            runs.setdefault(key, []).append([shapes[one.text] for one in run])
        self._shapes = {key: found[0] for key, found in runs.items() if len(found) == 1 and len(found[0]) > 1}

    def _of(self, name: Name, axes: int) -> list[Shape]:
        return self._shapes.get((_series(name), axes), [])

    def in_first(self, name: Name) -> bool:
        """Whether matrices of a series lie [in, out]; of PyTorch's `weight` only where it is the whole network."""
        series = self._of(name, 2)
        if name.leaf == "weight" and len(series) < self._count:
            return False
        return _fit(series, 1, 0) and not _fit(series, 0, 1)

    def channels_last(self, name: Name, axes: int) -> bool:
        """Whether convolutions of a series lie [kernel..., in, out]."""
        series = self._of(name, axes)
        small = all(max(one[:-2]) <= _WIDEST_KERNEL for one in series)
        small = small and any(one[-1] != one[-2] for one in series)
        other = not _fit(series, 0, 1) or any(is_doubtful(one) for one in series)
        return small and other and _fit(series, -1, -2)

    def transposed(self, name: Name, axes: int) -> bool:
        """Whether convolutions of a series lie [in, out, kernel...]."""
        series = self._of(name, axes)
        up = all(set(one[2:]) <= set(_UPSAMPLING) and one[0] != one[1] for one in series)
        return up and _fit(series, 1, 0) and not _fit(series, 0, 1)


def is_doubtful(shape: Shape) -> bool:
    """Whether [out, in, kernel...] would be as many outputs as inputs, and few, with a kernel that is no square."""
    few = len(shape) == 4 and shape[0] == shape[1] and shape[0] in (1, 3, 5, 7)
    return few and shape[2] != shape[3] and min(shape[2:]) > 1


def _series(name: Name) -> str:
    return re.sub(r"_?\d+", "", name.text)


def _fit(series: list[Shape], made: int, taken: int) -> bool:
    """Whether there are several and each takes, along an axis, what the one before makes along another."""
    return len(series) > 1 and all(one[made] == after[taken] for one, after in itertools.pairwise(series))
