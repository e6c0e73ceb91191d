"""Element-wise kernels of two sparse matrices: A * B (intersection) and A + B (union), and their statistics."""

import hashlib
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache import cached
from workloads.errors import InputError
from workloads.kernels.product import SparseKernel
from workloads.statistics.lattice import TINY, interpolate, interpolate_log, to_log
from workloads.statistics.occupancy import Cut, occupancy_table, occupied, places_of
from workloads.statistics.overlaid_operands import DEALT, DEALT_ALONE, EXTENTS, VISIT_QUANTITIES, overlay
from workloads.statistics.products import OperandStatistics, measure, pattern_hash
from workloads.statistics.tables import CLASSES

VERSION = 1
"""Raised whenever a stored table changes its meaning."""
OPERATIONS = ("multiply", "add")
POINTS = ("block_rows", "most_results")

Scalar = Float[Array, "..."]
PerClass = Float[Array, "c ..."]


@dataclass(frozen=True, eq=False)
class ElementwiseKernel:
    """Z = A * B ("multiply") or Z = A + B ("add"), both sparse [M, N]; the loop k has one trip.

    `repeats`: how often it runs in the workload. **Raises** `InputError` as `SparseKernel`, for an unknown operation
    and for shapes that differ.
    """

    name: str
    a: csr_array
    b: csr_array
    operation: str
    repeats: float | int = 1.0

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise InputError(f"{self.name}: operation {self.operation!r} is unknown; use {' or '.join(OPERATIONS)}.")
        for operand in "ab":
            checked = SparseKernel(self.name, getattr(self, operand), None, 1, self.repeats)
            object.__setattr__(self, operand, checked.a)
        if self.a.shape != self.b.shape:
            (m, n), (rows, columns) = self.a.shape, self.b.shape
            raise InputError(f"{self.name}: A is {m} x {n} but B is {rows} x {columns}; give both the same shape.")

    @property
    def m(self) -> int:
        """Rows of A, B and Z."""
        return int(self.a.shape[0])

    @property
    def k(self) -> int:
        """1: there is no sum."""
        return 1

    @property
    def n(self) -> int:
        """Columns of A, B and Z."""
        return int(self.a.shape[1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(m, 1, n)."""
        return self.m, self.k, self.n

    @property
    def kind(self) -> str:
        """`multiply` or `add`."""
        return self.operation

    @property
    def family(self) -> str:
        """`elementwise`: both operations share the shape of their statistics and stack."""
        return "elementwise"

    def content_hash(self) -> str:
        """SHA-256 of operation, shape and patterns, 64 hexadecimal digits; blind to values, name and repeats."""
        parts = (self.operation, pattern_hash(self.a), pattern_hash(self.b))
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def measured(self) -> "ElementwiseStatistics":
        """The kernel's statistics, from the disk cache if these patterns were measured before."""
        m, k, n = (jnp.asarray(float(size), jnp.float32) for size in self.shape)
        union = jnp.asarray(float(self.operation == "add"), jnp.float32)
        a, b = (measure(SparseKernel(self.name, matrix, None, 1)).a for matrix in (self.a, self.b))
        tables = cached(f"elementwise-{self.content_hash()}", lambda: _measure(self), VERSION)
        return ElementwiseStatistics(m, k, n, union, a, b, **{name: jnp.asarray(t) for name, t in tables.items()})


class ElementwiseStatistics(eqx.Module):
    """Sparse A and B [m, n]; see `workloads.statistics.overlaid_operands` for the joint quantities (log2 of counts)."""

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
        sums = (jnp.exp2(logs[:at]) - TINY).reshape(len(VISIT_QUANTITIES), CLASSES)
        points = dict(zip(POINTS, jnp.unstack(jnp.exp2(logs[at : at + len(POINTS)]) - TINY), strict=True))
        found = dict(zip(VISIT_QUANTITIES, jnp.unstack(sums), strict=True))
        places = occupied(logs[at + len(POINTS) :], (down, across))
        known = {name: places.total(which, by) for which, (name, by) in enumerate(zip(EXTENTS, SIDES, strict=True))}
        known["operations"] = self.operations
        scale = {name: value / jnp.maximum(found[name].sum(axis=0), TINY) for name, value in known.items()}
        # Extents of the operands' tiles go with those of the places.
        scale |= {f"{operand}_{name}": scale[name] for operand in "ab" for name in EXTENTS}
        return {name: value * scale.get(name, 1.0) for name, value in found.items()}, points

    def fullest(
        self, by_rows: bool, down: Cut, across: Cut, partitions: Scalar, schedule: Float[Array, "3"]
    ) -> dict[str, PerClass]:
        """Sum over the places of each class of what the fullest partition holds, by `DEALT` and `DEALT_ALONE`."""
        table = self.row_loads if by_rows else self.column_loads
        found = interpolate(table, jnp.append(places_of(down, across), jnp.log2(partitions)))
        named = zip((*DEALT, *DEALT_ALONE), found.reshape(len(DEALT) + len(DEALT_ALONE), 3, -1), strict=True)
        return {name: schedule @ loads for name, loads in named}


SIDES = ((), (0,), (1,), (0, 1))
"""Sides along which each of `EXTENTS` counts by length."""


def _measure(kernel: ElementwiseKernel) -> dict[str, np.ndarray]:
    """The tables of `ElementwiseStatistics`, counted at every lattice point."""
    found = overlay(kernel.a, kernel.b, kernel.operation == "add")
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
