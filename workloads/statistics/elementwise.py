"""Statistics of element-wise kernels: those of both operands, and of what their tiles and fibers hold together."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.cache.tables import cached
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.statistics.elementwise_counts import (
    DEALT,
    DEALT_ALONE,
    EXTENTS,
    VISIT_CLASSES,
    VISIT_QUANTITIES,
    count_overlay,
)
from workloads.statistics.lattice import from_log, interpolate, interpolate_log, ratio, to_log
from workloads.statistics.occupancy import Cut, occupancy_table, occupied, places_of
from workloads.statistics.operand import OperandStatistics, PerClass, Scalar, pattern_statistics
from workloads.statistics.schedules import SCHEDULES

VERSION = 3
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
    loads: Float[Array, "lm ln p r"]
    """What the fullest partition holds; last axis: `DEALT`, each by schedule and class of visits, then `DEALT_ALONE`,
    each by schedule and class of the operand's tiles."""

    def overlaid(self, down: Cut, across: Cut) -> tuple[dict[str, PerClass], dict[str, Scalar]]:
        """What the places hold that are visited, by class (`VISIT_CLASSES`), and `POINTS`."""
        logs = interpolate_log(self.visits, places_of(down, across))
        at = len(VISIT_QUANTITIES) * VISIT_CLASSES
        sums = from_log(logs[:at]).reshape(len(VISIT_QUANTITIES), -1)
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
        self, down: Cut, across: Cut, partitions: Scalar, schedule: Float[Array, " schedule"]
    ) -> dict[str, PerClass]:
        """Sum over the places of each class of what the fullest partition holds, by `DEALT` and `DEALT_ALONE`."""
        found = interpolate(self.loads, jnp.append(places_of(down, across), jnp.log2(partitions)))
        visited, alone = jnp.split(found, [len(DEALT) * len(SCHEDULES) * VISIT_CLASSES])
        parts = ((DEALT, visited), (DEALT_ALONE, alone))
        return {
            name: schedule @ loads
            for names, values in parts
            for name, loads in zip(names, values.reshape(len(names), len(SCHEDULES), -1), strict=True)
        }


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
        "loads": to_log(
            np.concatenate([part.reshape(*part.shape[:3], -1) for part in (found.loads, found.loads_alone)], axis=-1)
        ),
    }
