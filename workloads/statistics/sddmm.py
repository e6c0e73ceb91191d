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
from workloads.statistics.row_assignment import loads_by_class, tile_starts
from workloads.statistics.row_conflicts import piece_conflicts
from workloads.statistics.row_segments import heights, segments
from workloads.statistics.schedules import BALANCED, SCHEDULES
from workloads.statistics.threads import in_threads
from workloads.statistics.tile_classes import CLASSES

VERSION = 2
"""Raised whenever the stored table changes its meaning."""
COLUMN_LEVELS = 7
"""Numbers of PE columns 1, 2, 4, ..., 64."""
DEALT = ("steps", "entries", "rows")
"""What the fullest queue holds."""


class SddmmStatistics(eqx.Module):
    """A sparse mask S [m, n], dense A [m, k] and B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    mask: OperandStatistics
    loads: Float[Array, "lm ln p c r"]
    """log2 of what the fullest of P queues holds where rows are dealt by their conflicts over c PE columns; last axis:
    steps by schedule, then entries and rows of the balanced one (of the others those of the mask), each by class."""

    def fullest(
        self,
        down: Cut,
        across: Cut,
        partitions: Scalar,
        columns: Scalar,
        schedule: Float[Array, " schedule"],
        scale: dict[str, Scalar],
    ) -> dict[str, PerClass]:
        """What the fullest queue holds, by `DEALT`, summed over the tiles of each class; `scale`: see `Tiles`."""
        places = jnp.append(places_of(down, across), jnp.log2(jnp.stack(jnp.broadcast_arrays(partitions, columns))))
        found = interpolate(self.loads, places).reshape(-1, CLASSES)
        steps, (entries, rows) = schedule @ found[: len(SCHEDULES)], found[len(SCHEDULES) :] * schedule[BALANCED]
        in_order = schedule * jnp.array([way != BALANCED for way in range(len(SCHEDULES))], schedule.dtype)
        dealt = self.mask.most_loaded(down, across, partitions, in_order, in_order, scale)
        return {
            "steps": steps * scale["nonzeros"],
            "entries": entries * scale["nonzeros"] + dealt["nonzeros"],
            "rows": rows * scale["rows"] + dealt["rows"],
        }


def measure_sddmm(kernel: SddmmKernel) -> SddmmStatistics:
    """Statistics of an SDDMM, from the disk cache if its mask was measured before."""
    sizes = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    tables = cached(f"sddmm-{kernel.content_hash()}", lambda: _tables(kernel.mask), VERSION)
    return SddmmStatistics(*sizes, pattern_statistics(kernel.mask), jnp.asarray(tables["loads"]))


def _tables(mask: csr_array) -> dict[str, np.ndarray]:
    """The table of `SddmmStatistics`, counted at every lattice point."""
    rows, columns = mask.shape
    height_levels, width_levels = levels(rows), levels(columns)
    kept = len(SCHEDULES) + len(DEALT) - 1
    loads = np.zeros((height_levels, width_levels, PARTITION_LEVELS, COLUMN_LEVELS, kept, CLASSES))

    def scan_width(width: int) -> None:
        row, tile, count, *none = segments(mask, width)
        entries = count.astype(np.int64)
        conflicts = piece_conflicts(mask, width, row.size, COLUMN_LEVELS)
        listed = (row, tile, np.arange(row.size, dtype=np.int32), *none)
        for height, cut in enumerate(heights(listed, height_levels)):
            starts = tile_starts(cut, height)
            amount = np.add.reduceat(entries[cut[2]], starts[:-1])
            for level in range(COLUMN_LEVELS):
                if level > width:  # each entry of a row has a PE column of its own
                    loads[height, width, :, level] = loads[height, width, :, level - 1]
                    continue
                work = np.ascontiguousarray(conflicts[:, level])
                held = np.stack([work, entries, np.ones_like(entries)], axis=1)
                found = loads_by_class(cut, starts, amount, (height, rows), work, held, PARTITION_LEVELS, CLASSES)
                loads[height, width, :, level, : len(SCHEDULES)] = found[..., 0].swapaxes(1, 2)
                loads[height, width, :, level, len(SCHEDULES) :] = found[:, :, BALANCED, 1:].swapaxes(1, 2)

    in_threads(scan_width, width_levels)
    return {"loads": to_log(loads.reshape(*loads.shape[:4], -1))}
