"""Steps of the intersection units; docs/machine.md, section 5, is the law. Weights over `INTERSECTIONS` mix units."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.numerics import Numerics

Value = Float[Array, "..."]
"""One number, or one for each occupancy class."""

BITMASK_WORD = 64.0
"""Positions of a bitmask that a decoder or a bitmask intersection takes in one step."""
MASK_BITS_A_LANE = 16.0
"""Positions that the decoder takes for each entry of a step, where that is more."""


def bitmask_words(depth: Value, numerics: Numerics, entries: Value | float = 1.0) -> Value:
    """Words of the bitmask of a fiber with `depth` positions, for a decoder of so many `entries` a step."""
    return numerics.ceil(depth / jnp.maximum(BITMASK_WORD, MASK_BITS_A_LANE * entries))


def steps_of_pairs(
    unit: Float[Array, " unit"],
    *,
    pairs: Value,
    a_elements: Value,
    b_elements: Value,
    matches: Value,
    jumps: Value,
    words: Value,
) -> Value:
    """Steps of `pairs` of non-empty sparse fibers with so many elements, matches and steps of a skip-ahead unit.

    Estimates of different sources need not agree: there are no more matches than elements of either side.
    """
    matches = jnp.minimum(matches, jnp.minimum(a_elements, b_elements))
    two_finger, leader_follower, skip_ahead, bitmask = jnp.unstack(unit)
    return (
        two_finger * (a_elements + b_elements - matches + pairs)
        + leader_follower * a_elements
        + skip_ahead * jumps
        + bitmask * (pairs * words + matches)
    )


def steps_of_merged_pairs(
    unit: Float[Array, " unit"], *, counted: Mapping[str, Value], pairs: Value, operations: Value, words: Value
) -> Value:
    """Steps of `pairs` of fibers of an element-wise kernel that work on so many positions: those that both have
    (multiply) or either (add). `counted`: steps of the units of `elementwise_counts.STEPS`."""
    two_finger, leader_follower, skip_ahead, bitmask = jnp.unstack(unit)
    return (
        two_finger * counted["two_finger"]
        + leader_follower * counted["leader_follower"]
        + skip_ahead * counted["skip_ahead"]
        + bitmask * (pairs * words + operations)
    )
