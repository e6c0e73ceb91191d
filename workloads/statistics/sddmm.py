"""Statistics of SDDMM: those of the mask S as an operand, and the steps of the fullest queue.

The entries of a row of S are worked on by the PE columns that own them at once, so a row takes its conflicts over them,
which is what rows are dealt by (docs/machine.md, section 7).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from workloads.cache.tables import cached
from workloads.kernels.sddmm import SddmmKernel
from workloads.statistics.lattice import interpolate, levels, to_log
from workloads.statistics.load_balance import PARTITION_LEVELS
from workloads.statistics.occupancy import Cut, places_of
from workloads.statistics.operand import OperandStatistics, PerClass, Scalar, pattern_statistics
from workloads.statistics.operand_counts import SAMPLING
from workloads.statistics.row_conflicts import piece_conflicts
from workloads.statistics.row_segments import heights, segments
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES, into_classes
from workloads.statistics.tile_counts import scan_rows

VERSION = 2
"""Raised whenever the stored table changes its meaning."""
COLUMN_LEVELS = 7
"""Numbers of PE columns 1, 2, 4, ..., 64."""


class SddmmStatistics(eqx.Module):
    """A sparse mask S [m, n], dense A [m, k] and B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    mask: OperandStatistics
    steps: Float[Array, "lm ln p c r"]
    """log2 of the conflicts of the fullest of P queues over c PE columns, which rows are dealt by; last axis: schedule,
    then class. Of one PE column they are the entries."""

    def fullest(
        self, down: Cut, across: Cut, partitions: Scalar, columns: Scalar, schedule: Float[Array, " schedule"]
    ) -> PerClass:
        """Conflicts of the fullest queue over so many PE columns, summed over the tiles of each class."""
        places = jnp.append(places_of(down, across), jnp.log2(jnp.stack(jnp.broadcast_arrays(partitions, columns))))
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
    steps = np.zeros((height_levels, width_levels, PARTITION_LEVELS, COLUMN_LEVELS, len(SCHEDULES), CLASSES))
    sample_tiles = float(CLASSES * SAMPLING.tiles) if mask.nnz > SAMPLING.above else np.inf

    def scan_width(width: int) -> None:
        row, tile, count, *_ = segments(mask, width)
        conflicts = piece_conflicts(mask, width, row.size, COLUMN_LEVELS)
        listed = row, tile, count, np.zeros_like(row), np.arange(row.size)
        for height, (*cut, number) in enumerate(heights(listed, height_levels)):
            for level in range(COLUMN_LEVELS):
                if level > width:  # each entry of a row has a PE column of its own
                    steps[height, width, :, level] = steps[height, width, :, level - 1]
                    continue
                sums, *_ = scan_rows((*cut, conflicts[number, level]), height, rows, sample_tiles, only_work=True)
                by_work = sums[:, -len(SCHEDULES) * PARTITION_LEVELS :]
                classed = into_classes(np.ascontiguousarray(sums[:, 1]), by_work, CLASSES)
                found = classed.reshape(CLASSES, len(SCHEDULES), PARTITION_LEVELS)
                steps[height, width, :, level] = found.transpose(2, 1, 0)

    in_threads(scan_width, width_levels)
    return {"steps": to_log(steps.reshape(*steps.shape[:4], -1))}
