"""Statistics of SDDMM: those of the mask S as an operand, the steps of the fullest queue, and the columns of B sent.

The entries of a row of S are worked on by the PE columns that own them at once, so a row takes its conflicts over them,
which is what rows are dealt by (docs/machine.md, section 7). Of the columns of B that a tile touches, the PE column
that is sent most has their conflicts, as if they were the entries of one row.
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
from workloads.statistics.row_segments import csr_arrays, heights, segments
from workloads.statistics.schedules import SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import BUCKETS, CLASSES, bucket_amounts, into_classes
from workloads.statistics.tile_counts import scan_rows

VERSION = 3
"""Raised whenever the stored tables change their meaning."""
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
    columns: Float[Array, "lm ln c k"]
    """log2 of the columns of B that a tile touches and the PE column has that is sent most; last axis: class."""

    def fullest(
        self, down: Cut, across: Cut, partitions: Scalar, columns: Scalar, schedule: Float[Array, " schedule"]
    ) -> PerClass:
        """Conflicts of the fullest queue over so many PE columns, summed over the tiles of each class."""
        places = jnp.append(places_of(down, across), jnp.log2(jnp.stack(jnp.broadcast_arrays(partitions, columns))))
        return schedule @ interpolate(self.steps, places).reshape(len(SCHEDULES), -1)

    def most_sent(self, down: Cut, across: Cut, columns: Scalar) -> PerClass:
        """Columns of B that the PE column has that is sent most of so many, summed over the tiles of each class."""
        return interpolate(self.columns, jnp.append(places_of(down, across), jnp.log2(columns)))


def measure_sddmm(kernel: SddmmKernel) -> SddmmStatistics:
    """Statistics of an SDDMM, from the disk cache if its mask was measured before."""
    sizes = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    tables = cached(f"sddmm-{kernel.content_hash()}", lambda: _tables(kernel.mask), VERSION)
    steps, columns = (jnp.asarray(tables[name]) for name in ("steps", "columns"))
    return SddmmStatistics(*sizes, pattern_statistics(kernel.mask), steps, columns)


def _tables(mask: csr_array) -> dict[str, np.ndarray]:
    """The tables of `SddmmStatistics`, counted at every lattice point."""
    return {"steps": to_log(_steps(mask)), "columns": to_log(_columns(mask))}


def _steps(mask: csr_array) -> np.ndarray:
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
    return steps.reshape(*steps.shape[:4], -1)


def _columns(mask: csr_array) -> np.ndarray:
    rows, columns = mask.shape
    found = np.zeros((levels(rows), levels(columns), COLUMN_LEVELS, CLASSES))
    row = np.repeat(np.arange(rows), np.diff(mask.indptr))

    def scan_height(height: int) -> None:
        # Rows of a block on top of each other: its touched columns, each with its entries.
        touched = csr_array((np.ones(mask.nnz, np.int64), (row >> height, mask.indices)))
        for width in range(found.shape[1]):
            entries = _entries_of_tiles(touched, width)
            most = piece_conflicts(touched, width, entries.size, COLUMN_LEVELS)
            buckets, amounts = bucket_amounts(entries)
            sums = np.stack([np.bincount(buckets, of, BUCKETS) for of in most.T], axis=1)
            found[height, width] = into_classes(amounts, sums, CLASSES).T

    in_threads(scan_height, found.shape[0])
    return found


def _entries_of_tiles(touched: csr_array, width: int) -> np.ndarray:
    """Entries of each non-empty tile, by row block, then by tile; `touched`: entries of each column of each block."""
    pointers, columns = csr_arrays(touched)
    block = np.repeat(np.arange(touched.shape[0]), np.diff(pointers))
    tile = columns >> width
    starts = np.flatnonzero(np.diff(block, prepend=-1) | np.diff(tile, prepend=-1))
    return np.add.reduceat(touched.data, starts)
