"""Statistics of SDDMM: those of the mask S as an operand, and the steps of the fullest PE row.

The rows of S are dealt by their non-zeros and each is worked on W entries at a time, `ceil(s / W)` steps for s entries.
One step for each entry (W = 1) counts the entries, one for each row (any W) the rows.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache.tables import cached
from workloads.kernels.sddmm import SddmmKernel
from workloads.statistics.lattice import ARRAY_WIDTHS, interpolate, levels, to_log
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.occupancy import Cut, places_of
from workloads.statistics.operand import OperandStatistics, PerClass, Scalar, pattern_statistics
from workloads.statistics.row_assignment import loads_by_class, tile_starts
from workloads.statistics.row_segments import heights, segments
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES

VERSION = 1
"""Raised whenever the stored table changes its meaning."""


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
        self, down: Cut, across: Cut, partitions: Scalar, width: Scalar, schedule: Float[Array, " schedule"]
    ) -> PerClass:
        """Steps of the fullest partition, summed over the tiles of each class; `ANY_WIDTH` counts rows."""
        places = jnp.append(places_of(down, across), jnp.log2(jnp.stack(jnp.broadcast_arrays(partitions, width))))
        return schedule @ interpolate(self.steps, places).reshape(len(SCHEDULES), -1)


def measure_sddmm(kernel: SddmmKernel) -> SddmmStatistics:
    """Statistics of an SDDMM, from the disk cache if its mask was measured before."""
    sizes = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    tables = cached(f"sddmm-{kernel.content_hash()}", lambda: _tables(kernel.mask), VERSION)
    return SddmmStatistics(*sizes, pattern_statistics(kernel.mask), jnp.asarray(tables["steps"]))


def _tables(mask: csr_array) -> dict[str, np.ndarray]:
    """The table of `SddmmStatistics`, counted at every lattice point."""
    rows, columns = mask.shape
    height_levels, width_levels = levels(rows), levels(columns)
    steps = np.zeros((height_levels, width_levels, PARTITION_LEVELS, ARRAY_WIDTHS.size, len(SCHEDULES), CLASSES))

    def scan_width(width: int) -> None:
        row, tile, count, *none = segments(mask, width)
        work = count.astype(np.int64)
        held = -(-work[:, None] // ARRAY_WIDTHS)
        listed = (row, tile, np.arange(row.size, dtype=np.int32), *none)
        for height, cut in enumerate(heights(listed, height_levels)):
            starts = tile_starts(cut, height)
            amount = np.add.reduceat(work[cut[2]], starts[:-1])
            found = loads_by_class(cut, starts, amount, (height, rows), work, held, PARTITION_LEVELS, CLASSES)
            steps[height, width] = np.moveaxis(found, 1, -1).swapaxes(1, 2)

    in_threads(scan_width, width_levels)
    return {"steps": to_log(steps.reshape(*steps.shape[:4], -1))}
