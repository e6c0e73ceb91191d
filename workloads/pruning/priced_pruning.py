r"""Gradual pruning under a price: which weights, whole outputs and inputs go is weighed against what each costs.

The price is a function of three counts of each layer: outputs, inputs and weights that are left. What it means is the
caller's: before each pass he says what it is and by what share it changes with each count. So one loop descends the
loss by the weights and the logarithm of the price by the masks. Where weights go, the price follows `schedule.cubic`
from the dense network's down to a share of it: all that could go is ranked by its damage over its part of the price,
and the cheapest goes until the schedule is met. What is left has the same ratio everywhere, as at the least damage for
a price (Lagrange).

Damage is a share of squared magnitude, in which layers, and weights and whole outputs, can be compared: that of Lee et
al., "Layer-adaptive sparsity for the magnitude-based pruning", arXiv:2010.07611, who rank weights so without a price.
Outputs count for more in a layer that has lost more of them than others have: a layer too narrow chokes the network.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from workloads.pruning.images import Images
from workloads.pruning.masks import Masks
from workloads.pruning.small_networks import Network, Params
from workloads.pruning.train import Recipe, Share, train_group


class LayerCounts(NamedTuple):
    """What is left of each layer, or something for each of these counts; leaves have the layers as last axis."""

    outputs: Any
    inputs: Any
    weights: Any


class Damage(NamedTuple):
    """Of taking away single weights [out, K] or whole outputs [out] of each layer, or inputs [K] of the network."""

    weights: list[np.ndarray]
    outputs: list[np.ndarray]
    """Of all layers but the last."""
    inputs: np.ndarray


Price = Callable[[LayerCounts, float], tuple[np.ndarray, LayerCounts]]
"""`price(counts, done)`: the logarithm of the price over the dense network's, shape [...], and its derivatives by log
counts, shape [..., layer]; `done` is the share of the schedule that lies behind."""


def counts_of(masks: Masks) -> LayerCounts:
    """What masks leave, shape [layer]; at least one of each."""
    alive = [mask > 0 for mask in masks]
    found = [(a.any(axis=1).sum(), a.any(axis=0).sum(), a.sum()) for a in alive]
    return LayerCounts(*np.maximum(np.array(found), 1).T)


def shares_of_larger(squares: np.ndarray) -> np.ndarray:
    """Each over the sum of itself and all larger ones (Lee et al., equation 4). Any shape; 0 for what is 0."""
    order = np.argsort(-squares, axis=None, kind="stable")
    falling = squares.ravel()[order].astype(float)
    scores = np.empty(falling.size)
    scores[order] = falling / np.maximum(np.cumsum(falling), 1e-30)
    return scores.reshape(squares.shape)


def damage(weights: Sequence[np.ndarray]) -> Damage:
    """By squared magnitudes: of an output, those of its weights times those of the weights that it feeds.

    Damage of outputs is multiplied by the share that is left of their layer's, in the geometric mean over layers, over
    that of their own. That it is the first power is a guess.
    """
    squares = [np.square(weight, dtype=float) for weight in weights]
    strengths = []
    for own, following in itertools.pairwise(squares):
        fed = following.reshape(-1, len(own)).sum(axis=0)  # channels are the fastest axis
        strengths.append(own.sum(axis=1) * fed)
    left = np.array([max(np.count_nonzero(strength), 1) / strength.size for strength in strengths])
    scarcity = np.exp(np.log(left).sum() / max(len(left), 1)) / left
    outputs = [shares_of_larger(strength) * factor for strength, factor in zip(strengths, scarcity, strict=True)]
    return Damage([shares_of_larger(own) for own in squares], outputs, shares_of_larger(squares[0].sum(axis=0)))


def prune_to(masks: Masks, harm: Damage, slopes: LayerCounts, excess: float, *, singly: bool = True) -> Masks:
    """Masks [out, K] without what does least damage for what it saves, until the price has fallen by `excess`, a log.

    **Arguments**: `harm`, 0 for what is gone already; `slopes`, d log price / d log count, shape [layer]. One way
    through the network always stays, the strongest. `singly`: whether weights may go one by one.
    """
    way = _way(harm, [mask.shape[1] // before for mask, before in zip(masks[1:], map(len, masks), strict=False)])
    by_output, by_input, by_weight = (
        np.maximum(slope / count, 0.0) for slope, count in zip(slopes, counts_of(masks), strict=True)
    )
    going, harmed, saved = [], [], []

    def offer(at: int, kind: int, names: np.ndarray, stays: int, damages: np.ndarray, savings: Any) -> None:
        names = names[names != stays]
        going.append(np.column_stack([np.full(len(names), at), np.full(len(names), kind), names]))
        harmed.append(damages[names])
        saved.append(np.broadcast_to(savings, damages.shape)[names])

    for at, mask in enumerate(masks):
        row, column = way[at]
        if singly:
            offer(at, 0, np.flatnonzero(mask), row * mask.shape[1] + column, harm.weights[at].ravel(), by_weight[at])
        if at + 1 < len(masks):
            fed = masks[at + 1].reshape(-1, len(mask)).sum(axis=0)
            copies = masks[at + 1].shape[1] // len(mask)
            own = by_output[at] + by_weight[at] * mask.sum(axis=1)
            after = copies * by_input[at + 1] + by_weight[at + 1] * fed
            offer(at, 1, np.flatnonzero(mask.any(axis=1)), row, harm.outputs[at], own + after)
    own = by_input[0] + by_weight[0] * masks[0].sum(axis=0)
    offer(0, 2, np.flatnonzero(masks[0].any(axis=0)), way[0][1], harm.inputs, own)

    gains = np.concatenate(saved)
    order = np.argsort(np.concatenate(harmed) / np.maximum(gains, 1e-30), kind="stable")
    order = order[gains[order] > 0]
    order = order[: np.searchsorted(np.cumsum(gains[order]), excess)]
    gone = np.concatenate(going)[order]
    masks = [mask.copy() for mask in masks]
    for at, mask in enumerate(masks):
        names = [gone[(gone[:, 0] == at) & (gone[:, 1] == kind), 2] for kind in range(3)]
        mask.ravel()[names[0]] = 0
        mask[names[1]] = 0
        mask[:, names[2]] = 0
    return connected(masks)


def _way(harm: Damage, copies: Sequence[int]) -> list[tuple[int, int]]:
    """(row, column) of one weight of each layer that make a way through the network."""
    rows = [int(np.argmax(outputs)) for outputs in harm.outputs]
    way = []
    for at, weights in enumerate(harm.weights):
        open_rows = [rows[at]] if at < len(rows) else list(range(len(weights)))
        columns = range(weights.shape[1])
        if at:
            channels = weights.shape[1] // copies[at - 1]
            columns = range(rows[at - 1], weights.shape[1], channels)
        part = weights[np.ix_(open_rows, list(columns))]
        row, column = np.unravel_index(int(np.argmax(part)), part.shape)
        way.append((open_rows[int(row)], columns[int(column)]))
    return way


def connected(masks: Masks) -> Masks:
    """Masks without weights whose output nothing reads, and without those that read what has no weights."""
    masks = [mask.copy() for mask in masks]
    for before, after in reversed(list(itertools.pairwise(masks))):
        read = after.reshape(-1, len(before)).any(axis=0)  # channels are the fastest axis
        before *= np.expand_dims(read, 1)
    for before, after in itertools.pairwise(masks):
        after *= np.tile(before.any(axis=1), after.shape[1] // len(before))
    return masks


def prune_priced(
    network: Network,
    images: Sequence[Images],
    shares: Sequence[float],
    seeds: Sequence[int],
    recipe: Recipe,
    price: Price,
    *,
    singly: bool = True,
    progress: Callable[[range], Iterable[int]] = lambda rounds: rounds,
) -> list[list[Params]]:
    """Networks by share of the price (outer list) and seed (inner), trained together; weights and biases in NumPy.

    **Arguments**: `images` of each seed; `shares` of the dense network's price that are left in the end; `price`, of
    counts of shape [seed, share, layer]. The dense part of a run is that of `train.prune_many`, batch by batch, and a
    run has as many steps.
    """
    goals = np.log(np.asarray(shares, float))
    held: list[np.ndarray] = []

    def masks_of(params: Params, share: Share) -> list[np.ndarray]:
        nonlocal held
        weights = [np.asarray(weight) for weight, _ in params]
        held = held or [np.ones_like(weight) for weight in weights]
        places = list(np.ndindex(*weights[0].shape[:2]))
        counts = np.array([counts_of([mask[place] for mask in held]) for place in places])
        counts = counts.reshape(*weights[0].shape[:2], *counts.shape[1:])
        log_price, slopes = price(LayerCounts(*np.moveaxis(counts, 2, 0)), share(1.0))
        excess = log_price - share(1.0) * goals
        held = [mask.copy() for mask in held]
        for place in places:
            if excess[place] > 0:
                harm = damage([weight[place] for weight in weights])
                own = [mask[place] for mask in held]
                own = prune_to(
                    own, harm, LayerCounts(*(part[place] for part in slopes)), float(excess[place]), singly=singly
                )
                for mask, new in zip(held, own, strict=True):
                    mask[place] = new
        return held

    return train_group(network, images, len(shares), seeds, recipe, masks_of, progress)
