"""Columns of tiles: how many are non-empty, and in how many passes each is dealt, given the non-zeros of the tile."""

import math

import numpy as np

from workloads.cache.machine_code import compiled
from workloads.statistics.closed_form.sum_distributions import Law
from workloads.statistics.load_balance import PARTITION_LEVELS


def column_passes(law: Law, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(non-empty columns [n], sum over the columns of ceil(entries / P) [n, P]) given the non-zeros of the tile.

    Entries of a row are at uniform places: a column has n / width on average, with the variance of independent rows;
    in between, the binomial law of this mean and variance is taken. The share of empty columns is exact.
    """
    mean = law.points / width
    variance = np.maximum(mean - law.given("squares") / width**2, 0.0)
    none = law.given("no_entry")
    passes = passes_of(mean, variance, none, height, 1 << np.arange(PARTITION_LEVELS)) * width
    used = np.where(mean > 0, np.minimum(np.maximum(1 - none, mean / height), np.minimum(mean, 1.0)), 0.0) * width
    return used, passes


@compiled
def passes_of(mean, variance, empty, height, widths):
    """Mean of ceil(x / P) for counts x of at most `height`, [n, widths], from their mean, variance and P(x = 0)."""
    passes = np.zeros((mean.size, widths.size))
    for n in range(mean.size):
        m, v = mean[n], variance[n]
        if m <= 0:
            continue
        some = min(max(1.0 - empty[n], m / height), min(1.0, m))
        deviation = math.sqrt(v)
        for level in range(widths.size):
            parts = widths[level]
            if parts == 1:
                more = m - some
            elif m + 8 * deviation + 2 < parts or parts >= height:
                more = 0.0
            elif m > 64 and deviation > parts:
                more = m / parts + 0.5 * (1 - 1 / parts) - some
            elif m > 64:
                sure = max(math.floor((m - 7 * deviation - 1) / parts), 0)
                more, j = float(sure), sure + 1
                while j * parts < m + 7 * deviation + 1:
                    more += 0.5 * math.erfc((j * parts + 0.5 - m) / max(deviation, 1e-6) / math.sqrt(2.0))
                    j += 1
            else:
                more = _more_passes(m, v, parts, height) * (m - some) / max(_more_passes(m, v, 1, height), 1e-300)
            passes[n, level] = some + more
    return passes


@compiled
def _more_passes(mean, variance, parts, height):
    """Mean of ceil(x / P) - 1 over x > 0 for the binomial or Poisson law of this mean and variance."""
    ratio = min(max(variance / mean, 0.0), 1.0)
    if ratio < 1e-6:
        return max(math.ceil(mean / parts - 1e-9) - 1.0, 0.0)
    trials = mean / (1 - ratio) if ratio < 1 - 1e-6 else 1e300
    log_first = trials * math.log(ratio) if trials < 1e299 else -mean
    odds = (1 - ratio) / ratio
    chance, total, x = math.exp(log_first), 0.0, 0
    while x < height and x < trials and x < mean + 12 * math.sqrt(variance) + 16:
        chance *= ((trials - x) * odds if trials < 1e299 else mean) / (x + 1)
        x += 1
        total += chance * ((x + parts - 1) // parts - 1)
    return total
