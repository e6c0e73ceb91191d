"""A mapping on dense operands: what any hardware can run if its tiles are small, and what sparsity must beat."""

from collections.abc import Mapping, Sequence

from dse.mapper.best_mapping import MappedKernel
from dse.mapper.merit import Merit
from dse.space.design_space import Value
from hwmodels.design.hardware import TILE_SIZES
from hwmodels.design.legality import DENSE_A, DENSE_B

DENSE = DENSE_A | DENSE_B
"""Choices of a mapping that stores both operands dense and computes every zero; any hardware can."""

ROUNDING = 1e-5
"""Relative gain of a sparse run that float32 may cause; dense is simpler and wins a tie."""


def densified(mapping: Mapping[str, Value], shape: Sequence[float | int]) -> list[dict[str, Value]]:
    """The mapping on dense operands, its tiles cut at the kernel's `shape` (m, k, n); then with the largest tile halved
    again and again, until all are of one element."""
    sizes = {name: min(float(mapping[name]), float(side)) for name, side in zip(TILE_SIZES, shape, strict=True)}
    found = [{**mapping, **DENSE, **sizes}]
    while max(sizes.values()) > 1:
        largest = max(sizes, key=lambda name: sizes[name])
        sizes[largest] = float(-(-sizes[largest] // 2))
        found.append({**mapping, **DENSE, **sizes})
    return found


def sparsity_pays(sparse: MappedKernel | None, dense: MappedKernel | None, merit: Merit) -> bool:
    """Whether the best sparse run of a kernel is better than its best dense one, beyond rounding; None: none fits."""
    if sparse is None or dense is None:
        return sparse is not None
    least = merit(dense.latency_s, dense.energy_pj) * (1 - ROUNDING)
    return bool(merit(sparse.latency_s, sparse.energy_pj) < least)
