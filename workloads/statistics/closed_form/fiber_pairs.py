"""Skip-ahead steps of two fibers at random places, followed place by place.

A walk takes a step for each match, and one for each `TAGS` entries, or less, of a run of entries of one side between
two of the other; the run after which a side is at its end takes none. Places are read backwards, so that this run comes
first. Steps and states after twice as many places follow from those after half.
"""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.statistics.closed_form.row_distributions import lengths_of
from workloads.statistics.fiber_pairs import TAGS

MOST_PATTERNS = 2000
"""Patterns of a group up to which N:M is followed place by place; of more, places count as independent."""
NOTHING, ONLY_A, ONLY_B, MATCH = range(4)
RUN_OF_A, RUN_OF_B = 4, 4 + TAGS
"""States: nothing yet, only A or only B yet, a match last; then runs of A and of B, by their length modulo `TAGS`."""
STATES = 4 + 2 * TAGS

Walk = tuple[np.ndarray, np.ndarray]
"""Chances of the states after some places, [..., STATES, STATES], and steps taken in them, [..., STATES], by the state
before."""


def walk_steps(a: Density, share_a: float, share_b: float, columns: int, depth: int) -> float:
    """Expected steps of the walk along a row of A and a column of B in `depth` places."""
    if isinstance(a, NM) and comb(a.m, a.n) * a.m <= MOST_PATTERNS:
        return _of_groups(a.n, a.m, share_b, depth)
    if isinstance(a, PowerLawRows):
        lengths, chance = lengths_of(a, columns)
        return float(_independent(lengths / columns, share_b, depth) @ chance)
    return float(_independent(np.array([share_a]), share_b, depth)[0])


def _independent(p: np.ndarray, q: float, depth: int) -> np.ndarray:
    """Steps where A has an entry at each place with each of the chances `p`, and B with `q`, [p]."""
    here, there = p[:, None, None], p[:, None]
    with_a, without_a = _place(True, q), _place(False, q)
    place = here * with_a[0] + (1 - here) * without_a[0], there * with_a[1] + (1 - there) * without_a[1]
    return _repeated(place, depth)[1][:, NOTHING]


@lru_cache(maxsize=256)
def _of_groups(n: int, m: int, q: float, depth: int) -> float:
    """Steps where A has n of each m places."""
    whole, rest = divmod(depth, m)
    group = _group(n, m, q, m)
    walk = _then(_group(n, m, q, rest), _repeated(group, whole)) if rest else _repeated(group, whole)
    return float(walk[1][NOTHING])


def _group(n: int, m: int, q: float, places: int) -> Walk:
    """The first `places` of a group."""
    patterns = list(combinations(range(m), n))
    chances, steps = np.zeros((STATES, STATES)), np.zeros(STATES)
    for pattern in patterns:
        walk = np.eye(STATES), np.zeros(STATES)
        for place in reversed(range(places)):
            walk = _then(walk, _place(place in pattern, q))
        chances, steps = chances + walk[0] / len(patterns), steps + walk[1] / len(patterns)
    return chances, steps


def _then(first: Walk, second: Walk) -> Walk:
    """One stretch of places and then another."""
    return first[0] @ second[0], first[1] + (first[0] @ second[1][..., None])[..., 0]


def _repeated(walk: Walk, times: int) -> Walk:
    """A stretch of places so many times, by doubling."""
    found = np.broadcast_to(np.eye(STATES), walk[0].shape), np.zeros_like(walk[1])
    while times:
        if times & 1:
            found = _then(found, walk)
        walk, times = _then(walk, walk), times >> 1
    return found


def _place(has_a: bool, q: float) -> Walk:
    """One place where A has an entry or none, and B one with chance `q`."""
    chances, steps = np.zeros((STATES, STATES)), np.zeros(STATES)
    for state in range(STATES):
        with_b, without_b = (_after(state, has_a, has_b) for has_b in (True, False))
        chances[state, with_b[0]] += q
        chances[state, without_b[0]] += 1 - q
        steps[state] = q * with_b[1] + (1 - q) * without_b[1]
    return chances, steps


def _after(state: int, has_a: bool, has_b: bool) -> tuple[int, int]:
    """(next state, steps) where a side, both or none have an entry."""
    if has_a and has_b:
        return MATCH, 1
    if not has_a and not has_b:
        return state, 0
    only, run = (ONLY_A, RUN_OF_A) if has_a else (ONLY_B, RUN_OF_B)
    if state in (NOTHING, only):
        return only, 0
    if run <= state < run + TAGS:
        length = (state - run + 1) % TAGS
        return run + length, int(length == 1)
    return run + 1, 1
