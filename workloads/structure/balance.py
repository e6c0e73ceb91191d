"""How uneven the work is: the fullest row, the Gini coefficient, and the most loaded of P partitions of the rows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from workloads.statistics.load_balance import PARTITION_LEVELS, balanced_loads
from workloads.statistics.schedules import SCHEDULES

PARTITIONS = (4, 16, 64, 256)


@dataclass(frozen=True)
class Balance:
    """Unevenness of the non-zeros by row."""

    fullest: float
    """Of the fullest row, over the mean row."""
    empty: float
    """Share of rows without a non-zero."""
    variation: float
    """Coefficient of variation of the rows that have any."""
    gini: float
    """0: all rows alike; near 1: one row holds all."""
    most: dict[tuple[int, str], float]
    """(partitions, schedule) -> load of the most loaded partition over the mean load."""


def measure_balance(counts: Integer[np.ndarray, " rows"]) -> Balance:
    """Unevenness of counts by row. Balanced: longest processing time first (Graham, SIAM J. Applied Math. 17, 1969)."""
    total = int(counts.sum())
    size, rows = len(counts), np.arange(len(counts))
    loads = np.zeros(PARTITION_LEVELS, np.int64)
    items = np.ascontiguousarray(counts[counts > 0], np.int64)
    balanced_loads(items, len(items), np.zeros(len(items), np.int64), np.zeros(1 << PARTITION_LEVELS, np.int64), loads)
    most = {}
    for parts in PARTITIONS:
        dealt = {
            "row_blocks": np.bincount(rows * parts // size, counts).max(),
            "cyclic": np.bincount(rows % parts, counts).max(),
            "balanced": loads[parts.bit_length() - 1],
        }
        most |= {(parts, name): float(dealt[name]) * parts / total for name in SCHEDULES}
    variation = float(items.std() / items.mean())
    return Balance(float(counts.max()) * size / total, 1 - len(items) / size, variation, gini(counts), most)


def gini(counts: Integer[np.ndarray, " parts"]) -> float:
    """Gini coefficient: half the mean difference of two counts, over the mean."""
    ordered, n = np.sort(counts).astype(float), len(counts)
    rank = np.arange(1, n + 1)
    return float((2 * rank - n - 1) @ ordered / (n * ordered.sum()))
