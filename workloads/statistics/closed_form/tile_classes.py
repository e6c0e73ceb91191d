"""Classes of equal share of the non-zeros when tiles are random: tiles of every class by the non-zeros that they hold.

Of many tiles, classes are cut from their distribution. Of few, a class holds what the tiles of some ranks hold: the
lightest, the second lightest, and so on (order statistics of independent, not identical variables; David and Nagaraja,
"Order Statistics", 3rd ed., 2003, section 5.2).
"""

from collections.abc import Sequence

import numpy as np

from workloads.statistics.tile_classes import FINE, STEPS, class_shares

FEW_TILES = 24
"""Tiles up to which ranks are told apart."""

Group = tuple[int, np.ndarray, np.ndarray]
"""Tiles alike: how many there are, the numbers of non-zeros that they may hold, and their probabilities."""


def tiles_by_class(groups: Sequence[Group], classes: int) -> list[np.ndarray]:
    """Expected tiles of each group with each number of non-zeros in each class, [n, classes]."""
    if sum(count for count, *_ in groups) <= FEW_TILES:
        return _by_rank(groups, classes)
    held = np.concatenate([points for _, points, _ in groups])
    number = np.concatenate([count * chance for count, _, chance in groups])
    kept = held * number > 0
    _, bucket = np.unique(_bucket(held[kept]), return_inverse=True)
    shares = class_shares(np.bincount(bucket, (held * number)[kept]), classes)
    found = np.zeros((held.size, classes))
    found[kept] = shares[bucket] * number[kept, None]
    return np.split(found, np.cumsum([points.size for _, points, _ in groups])[:-1])


def _bucket(held: np.ndarray) -> np.ndarray:
    """Numbers of non-zeros that `workloads.statistics.tile_classes` keeps together, by an increasing key."""
    octave = np.floor(np.log2(np.maximum(np.rint(held), FINE)))
    return np.where(held < FINE - 0.5, held, np.floor(np.rint(held) / 2**octave * STEPS) / STEPS * 2**octave)


def _by_rank(groups: Sequence[Group], classes: int) -> list[np.ndarray]:
    tiles = [(number, group) for number, group in enumerate(groups) for _ in range(group[0])]
    levels = np.unique(np.concatenate([points for _, points, _ in groups]))
    below, at = [], []
    for _, points, chance in groups:
        exactly = np.zeros(levels.size)
        exactly[np.searchsorted(levels, points)] = chance / chance.sum()
        at.append(exactly)
        below.append(np.cumsum(exactly) - exactly / 2)
    everyone = _counts([below[number] for number, _ in tiles])
    ranked = np.zeros((len(tiles), levels.size))
    by_group = []
    for number, (count, *_) in enumerate(groups):
        others = _without(everyone, below[number]) if count else everyone[:-1]
        mine = others * at[number] * count
        by_group.append(mine)
        ranked += mine
    held = ranked @ levels
    ends = np.cumsum(held) / max(held.sum(), 1e-300) * classes
    starts = ends - held / max(held.sum(), 1e-300) * classes
    edges = np.arange(classes)
    overlap = np.clip(
        np.minimum(ends[:, None], edges + 1) - np.maximum(starts[:, None], edges),
        0,
        None,
    )
    overlap /= np.maximum(ends - starts, 1e-300)[:, None]
    found = []
    for mine, (_, points, _) in zip(by_group, groups, strict=True):
        kept = mine[:, np.searchsorted(levels, points)]
        found.append(np.where(points[:, None] > 0, kept.T @ overlap, 0.0))
    return found


def _counts(below: Sequence[np.ndarray]) -> np.ndarray:
    """P(so many tiles lie below each level), [tiles + 1, levels]."""
    counts = np.zeros((len(below) + 1, below[0].size))
    counts[0] = 1.0
    for chance in below:
        counts[1:] = counts[1:] * (1 - chance) + counts[:-1] * chance
        counts[0] *= 1 - chance
    return counts


def _without(counts: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The counts of all tiles but one that lies below with this probability; solved from its stable end."""
    tiles = counts.shape[0] - 1
    up, down = np.zeros((tiles, chance.size)), np.zeros((tiles, chance.size))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for at in range(tiles):
            up[at] = (counts[at] - (up[at - 1] * chance if at else 0.0)) / (1 - chance)
        for at in range(tiles - 1, -1, -1):
            down[at] = (counts[at + 1] - (down[at + 1] * (1 - chance) if at + 1 < tiles else 0.0)) / chance
    return np.where(chance < 0.5, up, down)
