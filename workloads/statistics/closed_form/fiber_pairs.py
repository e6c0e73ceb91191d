"""Skip-ahead jumps of two fibers at random places: one for each match, one wherever the merge changes sides."""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.statistics.closed_form.row_distributions import lengths_of

MOST_PATTERNS = 2000
"""Patterns of a group up to which N:M is followed place by place; of more, places count as independent."""


def jumps_of_pairs(a: Density, share_a: float, share_b: float, columns: int, depth: int) -> float:
    """Expected jumps of a row of A and a column of B in `depth` places.

    With independent places a merge of the two meets A alone, B alone or both with chances a, b and c at each place; the
    last place that was met is A's alone with chance a / (a + b + c).
    """
    if isinstance(a, NM) and comb(a.m, a.n) * a.m <= MOST_PATTERNS:
        return _of_groups(a.n, a.m, share_b, depth)
    if isinstance(a, PowerLawRows):
        lengths, chance = lengths_of(a, columns)
        return float(_independent(lengths / columns, share_b, depth) @ chance)
    return float(_independent(np.array([share_a]), share_b, depth)[0])


def _independent(p: np.ndarray, q: float, depth: int) -> np.ndarray:
    only_a, only_b, both = p * (1 - q), q * (1 - p), p * q
    met = np.maximum(only_a + only_b + both, 1e-300)
    after = depth - (1 - (1 - np.minimum(met, 1.0)) ** depth) / met
    return depth * both + 2 * only_a * only_b / met * after


@lru_cache(maxsize=256)
def _of_groups(n: int, m: int, q: float, depth: int) -> float:
    """Jumps where A has n of each m places: followed by who was met last (nobody or both, A, B), group by group."""
    whole, rest = divmod(depth, m)
    state, total = np.array([1.0, 0.0, 0.0]), 0.0
    counts, step = _group(n, m, q, m)
    # After a few groups the state is stationary.
    followed = min(whole, 64)
    for _ in range(followed):
        total += float(state @ counts)
        state = state @ step
    total += (whole - followed) * float(state @ counts)
    if rest:
        total += float(state @ _group(n, m, q, rest)[0])
    return total


def _group(n: int, m: int, q: float, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected jumps in the first `places` of a group by the state before it, [3], and states after it, [3, 3]."""
    counts, steps = np.zeros(3), np.zeros((3, 3))
    patterns = list(combinations(range(m), n))
    nobody, last_a, last_b = range(3)
    for pattern in patterns:
        state, jumps = np.eye(3), np.zeros(3)
        for place in range(places):
            after = np.zeros((3, 3))
            if place in pattern:
                jumps += state.sum(axis=1) * q + state[:, last_b] * (1 - q)
                after[:, nobody] += state.sum(axis=1) * q
                after[:, last_a] += state.sum(axis=1) * (1 - q)
            else:
                jumps += state[:, last_a] * q
                after[:, last_b] += state.sum(axis=1) * q
                after += state * (1 - q)
            state = after
        counts += jumps / len(patterns)
        steps += state / len(patterns)
    return counts, steps
