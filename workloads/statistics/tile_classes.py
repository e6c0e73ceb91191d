"""Classes of tiles of one shape, by their non-zeros: `CLASSES` of equal share of all non-zeros, lightest first.

So a maximum over resources can be taken for each class instead of over the means. Classes are cut from *buckets* of
tiles that hold (nearly) as much and are interchangeable.
"""

import numpy as np

from workloads.cache.machine_code import compiled

CLASSES = 8
FINE = 256
STEPS = 64
BUCKETS = FINE + STEPS * 24
"""Occupancy buckets: one per count below 256, then 64 per octave (a tile is at most 1.6 % off its bucket)."""


@compiled
def bucket_of(count):
    """Bucket of a tile with `count` non-zeros."""
    if count < FINE:
        return count
    octave = 8
    while count >> (octave + 1):
        octave += 1
    return FINE + (octave - 8) * STEPS + (((count - (1 << octave)) * STEPS) >> octave)


@compiled
def class_shares(amount, classes):
    """Cut buckets, lightest first, into classes of equal amount: share of each in each class, [buckets, classes].

    A bucket that straddles a class boundary is shared in proportion, so one single tile still fills every class alike.
    """
    share = amount.sum() / classes
    shares = np.zeros((amount.size, classes))
    at, room = 0, share
    for b in range(amount.size):
        rest = amount[b]
        while rest > 0:
            take = min(rest, room) if at < classes - 1 else rest
            shares[b, at] += take / amount[b]
            rest -= take
            room -= take
            if room <= share * 1e-12 and at < classes - 1:
                at += 1
                room = share
    return shares


def into_classes(amount: np.ndarray, sums: np.ndarray, classes: int) -> np.ndarray:
    """Sums over the buckets of each class of equal `amount`: `sums` [BUCKETS, q] to [classes, q]."""
    used = np.flatnonzero(amount > 0)
    return class_shares(amount[used], classes).T @ sums[used]


@compiled
def bucket_amounts(counts):
    """(bucket of each tile, non-zeros in each bucket) of tiles with so many non-zeros each."""
    buckets, amount = np.empty(counts.size, np.int64), np.zeros(BUCKETS)
    for t in range(counts.size):
        buckets[t] = bucket_of(counts[t])
        amount[buckets[t]] += counts[t]
    return buckets, amount
