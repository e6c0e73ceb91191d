"""SDDMM: Z[m, n] = S[m, n] * sum over k of A[m, k] * B[k, n] at the non-zeros of a sparse S; A and B are dense.

The kernel, and its statistics: those of S as an operand, and what the fullest PE row holds when the rows of S are dealt
by their non-zeros and each is worked on W entries at a time, `ceil(s / W)` steps for s entries. One step for each entry
(W = 1) counts the entries, one for each row (any W) the rows.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache import cached
from workloads.errors import InputError
from workloads.kernels.product import SparseKernel
from workloads.statistics.lattice import interpolate, levels, to_log
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.occupancy import Cut, places_of
from workloads.statistics.products import OperandStatistics, measure, pattern_hash
from workloads.statistics.row_assignment import loads_by_class, tile_starts
from workloads.statistics.row_segments import heights, segments
from workloads.statistics.tables import CLASSES

VERSION = 1
"""Raised whenever the stored table changes its meaning."""
WIDTH_LEVELS = 13
"""Array widths 1, 2, 4, ..., 2048, and one that takes any row in one step."""
ANY_WIDTH = 2.0 ** (WIDTH_LEVELS - 1)

Scalar = Float[Array, "..."]
PerClass = Float[Array, "c ..."]


@dataclass(frozen=True, eq=False)
class SddmmKernel:
    """Z = S * (A B): `mask` S sparse [M, N], A [M, K] and B [K, N] dense, K = `depth`.

    `repeats`: how often it runs in the workload. **Raises** `InputError` as `SparseKernel`, and for `depth` < 1.
    """

    name: str
    mask: csr_array
    depth: int
    repeats: float | int = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.depth, bool) or self.depth != int(self.depth) or self.depth < 1:
            raise InputError(f"{self.name}: depth is {self.depth}; give A at least one column, a whole number.")
        checked = SparseKernel(self.name, self.mask, None, 1, self.repeats)
        object.__setattr__(self, "mask", checked.a)

    @property
    def m(self) -> int:
        """Rows of S, A and Z."""
        return int(self.mask.shape[0])

    @property
    def k(self) -> int:
        """Columns of A, rows of B."""
        return int(self.depth)

    @property
    def n(self) -> int:
        """Columns of S, B and Z."""
        return int(self.mask.shape[1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(m, k, n)."""
        return self.m, self.k, self.n

    @property
    def kind(self) -> str:
        """`sddmm`."""
        return "sddmm"

    @property
    def family(self) -> str:
        """`sddmm`: these kernels share the shape of their statistics and stack."""
        return "sddmm"

    def content_hash(self) -> str:
        """SHA-256 of shape and pattern, 64 hexadecimal digits; blind to values, name, repeats and depth."""
        return pattern_hash(self.mask)

    def measured(self) -> "SddmmStatistics":
        """The kernel's statistics, from the disk cache if this pattern was measured before."""
        sizes = (jnp.asarray(float(size), jnp.float32) for size in self.shape)
        tables = cached(f"sddmm-{self.content_hash()}", lambda: _measure(self.mask), VERSION)
        return SddmmStatistics(
            *sizes, measure(SparseKernel(self.name, self.mask, None, 1)).a, jnp.asarray(tables["steps"])
        )


class SddmmStatistics(eqx.Module):
    """A sparse mask S [m, n], dense A [m, k] and B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    mask: OperandStatistics
    steps: Float[Array, "lm ln p w r"]
    """log2 of the steps of the fullest of P partitions, W entries of a row a step, rows dealt by their non-zeros; last
    axis: schedule, then class."""

    def fullest(
        self, down: Cut, across: Cut, partitions: Scalar, width: Scalar, schedule: Float[Array, "3"]
    ) -> PerClass:
        """Steps of the fullest partition, summed over the tiles of each class; `ANY_WIDTH` counts rows."""
        places = jnp.append(places_of(down, across), jnp.log2(jnp.stack(jnp.broadcast_arrays(partitions, width))))
        return schedule @ interpolate(self.steps, places).reshape(3, -1)


def _measure(mask: csr_array) -> dict[str, np.ndarray]:
    """The table of `SddmmStatistics`, counted at every lattice point."""
    rows, columns = mask.shape
    height_levels, width_levels = levels(rows), levels(columns)
    steps = np.zeros((height_levels, width_levels, PARTITION_LEVELS, WIDTH_LEVELS, 3, CLASSES))
    widths = 1 << np.arange(WIDTH_LEVELS, dtype=np.int64)
    widths[-1] = math.ceil(2.0**40)

    def scan_width(width: int) -> None:
        row, tile, count, *none = segments(mask, width)
        work = count.astype(np.int64)
        held = -(-work[:, None] // widths)
        listed = (row, tile, np.arange(row.size, dtype=np.int32), *none)
        for height, cut in enumerate(heights(listed, height_levels)):
            starts = tile_starts(cut, height)
            amount = np.add.reduceat(work[cut[2]], starts[:-1])
            found = loads_by_class(cut, starts, amount, (height, rows), work, held, PARTITION_LEVELS, CLASSES)
            steps[height, width] = np.moveaxis(found, 1, -1).swapaxes(1, 2)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(scan_width, range(width_levels)))
    return {"steps": to_log(steps.reshape(*steps.shape[:4], -1))}
