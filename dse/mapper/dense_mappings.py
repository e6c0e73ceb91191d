"""A mapping on dense operands: what any hardware can run, if its tiles are small enough."""

from collections.abc import Mapping, Sequence

from dse.space.design_space import Value
from hwmodels.design.hardware import MAPPING_NUMBERS

DENSE = {"a_format": "dense", "a_zero": "compute", "b_format": "dense", "b_zero": "compute"}
"""Choices of a mapping that stores both operands dense and computes every zero; any hardware can."""


def densified(mapping: Mapping[str, Value], shape: Sequence[float | int]) -> list[dict[str, Value]]:
    """The mapping on dense operands, its tiles cut at the kernel's `shape` (m, k, n); then with the largest tile halved
    again and again, until all are of one element."""
    sizes = {name: min(float(mapping[name]), float(side)) for name, side in zip(MAPPING_NUMBERS, shape, strict=True)}
    found = [{**mapping, **DENSE, **sizes}]
    while max(sizes.values()) > 1:
        largest = max(sizes, key=lambda name: sizes[name])
        sizes[largest] = float(-(-sizes[largest] // 2))
        found.append({**mapping, **DENSE, **sizes})
    return found
