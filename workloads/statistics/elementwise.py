"""Statistics of element-wise kernels: those of both operands, and of what their tiles and fibers hold together."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.cache.tables import cached
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.statistics.elementwise_counts import DEALT, DEALT_ALONE, EXTENTS, VISIT_QUANTITIES, count_overlay
from workloads.statistics.lattice import from_log, interpolate, interpolate_log, ratio, to_log
from workloads.statistics.occupancy import Cut, occupancy_table, occupied, places_of
from workloads.statistics.operand import OperandStatistics, PerClass, Scalar, pattern_statistics
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.tile_classes import CLASSES

VERSION = 1
"""Raised whenever a stored table changes its meaning."""
POINTS = ("block_rows", "most_results")
SIDES = ((), (0,), (1,), (0, 1))
"""Sides along which each of `EXTENTS` counts by length."""


class ElementwiseStatistics(eqx.Module):
    """Sparse A and B [m, n]; see `elementwise_counts` for the joint quantities (log2 of counts)."""

    m: Scalar
    k: Scalar
    n: Scalar
    union: Scalar
    """1 for A + B, 0 for A * B."""
    a: OperandStatistics
    b: OperandStatistics
    operations: Scalar
    """Non-zeros of Z, if none cancel."""
    visits: Float[Array, "lm ln q"]
    """Last axis: `VISIT_QUANTITIES` by class, `POINTS`, then occupancy of the places visited, with their extents."""
    row_loads: Float[Array, "lm ln p r"]
    """Fullest partitions where fibers are rows; last axis: by `DEALT` and `DEALT_ALONE`, then schedule, then class."""
    column_loads: Float[Array, "lm ln p r"]

    def overlaid(self, down: Cut, across: Cut) -> tuple[dict[str, PerClass], dict[str, Scalar]]:
        """What the places hold that have a tile of both operands (`union`: of either), by class, and `POINTS`."""
        logs = interpolate_log(self.visits, places_of(down, across))
        at = len(VISIT_QUANTITIES) * CLASSES
        sums = from_log(logs[:at]).reshape(len(VISIT_QUANTITIES), CLASSES)
        points = dict(zip(POINTS, jnp.unstack(from_log(logs[at : at + len(POINTS)])), strict=True))
        found = dict(zip(VISIT_QUANTITIES, jnp.unstack(sums), strict=True))
        places = occupied(logs[at + len(POINTS) :], (down, across))
        known = {name: places.total(which, by) for which, (name, by) in enumerate(zip(EXTENTS, SIDES, strict=True))}
        known["operations"] = self.operations
        scale = {name: ratio(value, found[name].sum(axis=0)) for name, value in known.items()}
        # Extents of the operands' tiles go with those of the places.
        scale |= {f"{operand}_{name}": scale[name] for operand in "ab" for name in EXTENTS}
        return {name: value * scale.get(name, 1.0) for name, value in found.items()}, points

    def fullest(
        self, by_rows: bool, down: Cut, across: Cut, partitions: Scalar, schedule: Float[Array, " schedule"]
    ) -> dict[str, PerClass]:
        """Sum over the places of each class of what the fullest partition holds, by `DEALT` and `DEALT_ALONE`."""
        table = self.row_loads if by_rows else self.column_loads
        found = interpolate(table, jnp.append(places_of(down, across), jnp.log2(partitions)))
        names = (*DEALT, *DEALT_ALONE)
        named = zip(names, found.reshape(len(names), len(SCHEDULES), -1), strict=True)
        return {name: schedule @ loads for name, loads in named}


def measure_elementwise(kernel: ElementwiseKernel) -> ElementwiseStatistics:
    """Statistics of an element-wise kernel, from the disk cache if its patterns were measured before."""
    m, k, n = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    union = jnp.asarray(float(kernel.operation == "add"), jnp.float32)
    a, b = pattern_statistics(kernel.a), pattern_statistics(kernel.b)
    tables = cached(f"elementwise-{kernel.content_hash()}", lambda: _tables(kernel), VERSION)
    return ElementwiseStatistics(m, k, n, union, a, b, **{name: jnp.asarray(t) for name, t in tables.items()})


def _tables(kernel: ElementwiseKernel) -> dict[str, np.ndarray]:
    """The tables of `ElementwiseStatistics`, counted at every lattice point."""
    found = count_overlay(kernel.a, kernel.b, kernel.operation == "add")
    lead = found.visits.shape[:2]
    totals = dict(zip(VISIT_QUANTITIES, np.moveaxis(found.visits.sum(axis=-1), -1, 0), strict=True))
    places = occupancy_table(kernel.a.shape, *((totals[name], by) for name, by in zip(EXTENTS, SIDES, strict=True)))
    points = np.stack([found.block_rows, found.most_results], axis=-1)
    return {
        "operations": np.asarray(totals["operations"][-1, -1], np.float32),
        "visits": np.concatenate([to_log(found.visits.reshape(*lead, -1)), to_log(points), places], axis=-1),
        "row_loads": to_log(found.row_loads.reshape(*found.row_loads.shape[:3], -1)),
        "column_loads": to_log(found.column_loads.reshape(*found.column_loads.shape[:3], -1)),
    }
