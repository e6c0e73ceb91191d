"""When statistics are sampled, and how large the error of that is, measured on the matrix itself.

A sampled quantity is estimated a second time from each half of its sample. Half the difference between the two has the
spread of the estimate's own error, so over the many entries of a table their distribution is that of the error.
"""

from dataclasses import dataclass

import numpy as np

from workloads.cache.machine_code import compiled

SEED = 88172645463325252
"""Where the generator of `next_is_picked` starts."""


@dataclass(frozen=True)
class Sampling:
    """When and how densely the loads of partitions are sampled.

    Patterns of more than `above` non-zeros have the loads of a class of tiles measured on about `tiles` tiles, taken
    from all occupancies that make up the class in proportion to their non-zeros, spread over the matrix. Classes with
    fewer tiles are measured whole. All other quantities are counts over all tiles, and all maxima but shares are
    exact.
    """

    above: int = 2_000_000
    tiles: int = 32_768


@dataclass(frozen=True)
class SamplingError:
    """Relative error of the entries of a table, taken over all entries that are not zero.

    Root mean square, 99th percentile, largest; and the share of the entries that come from a sample: the others are
    exact and count with an error of 0.
    """

    rms: float
    percentile_99: float
    largest: float
    sampled: float


def summarize(errors: np.ndarray, values: np.ndarray) -> SamplingError:
    """Size of errors relative to values of the same shape."""
    there = values > 0
    relative = np.abs(errors[there]) / values[there]
    if relative.size == 0:
        return SamplingError(0.0, 0.0, 0.0, 0.0)
    rms, largest = np.sqrt(np.mean(relative**2)), relative.max()
    return SamplingError(float(rms), float(np.quantile(relative, 0.99)), float(largest), float((relative > 0).mean()))


@compiled
def next_is_picked(group, stride, at, pick, state):
    """Whether the next tile of a group is in the sample: of each `stride` that follow each other one, at random.

    **Arguments**: `at` and `pick` [groups], zeros at first, and `state` uint64 [1], `SEED` at first, are kept between
    calls. Source of the generator: Marsaglia, "Xorshift RNGs", J. Statistical Software 8(14), 2003.
    """
    if stride <= 1:
        return True
    if at[group] == 0:
        state[0] ^= state[0] << np.uint64(13)
        state[0] ^= state[0] >> np.uint64(7)
        state[0] ^= state[0] << np.uint64(17)
        pick[group] = np.int64((state[0] >> np.uint64(16)) % np.uint64(stride))
    picked = at[group] == pick[group]
    at[group] = at[group] + 1 if at[group] + 1 < stride else 0
    return picked
