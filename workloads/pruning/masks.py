"""Which weights go: one function for each pattern of zeros, all by magnitude.

Each takes the weights of all layers, [out, K] each, and the share of all of them that is to be zero, and returns
masks of ones (stays) and zeros (goes). What is zero already goes first, so that masks of a rising share are nested.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

Weights = Sequence[np.ndarray]
Masks = list[np.ndarray]


def global_magnitude(weights: Weights, zeros: float) -> Masks:
    """The smallest of all layers together (Han et al., arXiv:1506.02626, with one threshold for all layers)."""
    sizes = [np.abs(np.asarray(weight)) for weight in weights]
    every = np.concatenate([size.ravel() for size in sizes])
    threshold = _threshold(every, zeros)
    return [(size > threshold).astype(size.dtype) for size in sizes]


def layer_magnitude(weights: Weights, zeros: float) -> Masks:
    """The smallest of each layer, the same share of every one."""
    sizes = [np.abs(np.asarray(weight)) for weight in weights]
    return [(size > _threshold(size.ravel(), zeros)).astype(size.dtype) for size in sizes]


def n_of_m(weights: Weights, zeros: float, m: int) -> Masks:
    """At most n of each m neighbours along K, the largest; n is the least that leaves no more zeros than are asked for.

    At least one stays, so the share is at most 1 - 1/m. Growing the share takes n down step by step, the structure
    decay of Kao et al., arXiv:2209.07617. Groups start at the beginning of a row; the last one may be short.
    """
    n = kept_of(m, zeros)
    masks = []
    for weight in weights:
        out, inputs = weight.shape
        size = np.full((out, -(-inputs // m) * m), -1.0, np.float32)
        size[:, :inputs] = np.abs(weight)
        groups = size.reshape(out, -1, m)
        rank = np.argsort(np.argsort(-groups, axis=2, kind="stable"), axis=2, kind="stable")
        masks.append((rank < n).reshape(out, -1)[:, :inputs].astype(weight.dtype))
    return masks


def kept_of(m: int, zeros: float) -> int:
    """The n of n:m for a share of zeros."""
    return max(1, int(np.ceil(m * (1 - zeros) - 1e-9)))


def whole_rows(weights: Weights, zeros: float) -> Masks:
    """Whole outputs (units, or channels of a convolution) of least L1 norm, with the inputs that they feed.

    Norms: Li et al., "Pruning filters for efficient ConvNets", arXiv:1608.08710. Each layer but the last loses the same
    share of its outputs, as many as it takes to reach the share of zeros; at least one stays.
    """
    kept, outputs = _rows_to_keep([weight.shape for weight in weights], zeros), []
    for weight, count in zip(weights, kept, strict=True):
        norms = np.abs(weight).sum(axis=1)
        stays = np.zeros(len(norms), bool)
        stays[np.argsort(-norms, kind="stable")[:count]] = True
        outputs.append(stays)
    return _between(weights, np.ones(weights[0].shape[1], bool), outputs)


def whole_units(weights: Weights, zeros: float) -> Masks:
    """Whole outputs of all layers but the last, and whole inputs of the network, of least L1 norm over all together.

    Norms are those of `whole_rows`, of an input that of its column, over the root of the sum of their squares in the
    same layer, so that layers compare: Molchanov et al., "Pruning convolutional neural networks for resource efficient
    inference", arXiv:1611.06440, section 2.2. As many go as it takes to reach the share; of each kind one stays.
    """
    sizes = [np.abs(np.asarray(weight)) for weight in weights]
    norms = [sizes[0].sum(axis=0), *(size.sum(axis=1) for size in sizes[:-1])]
    scores = np.concatenate([norm / max(np.linalg.norm(norm), 1e-30) for norm in norms])
    counts = [len(norm) for norm in norms]
    first = np.cumsum([0, *counts[:-1]])
    never = first + [np.argmax(norm) for norm in norms]
    order = np.argsort(scores, kind="stable")
    order = order[~np.isin(order, never)]
    gone = np.searchsorted(first, order, side="right")[:, None] == np.arange(1, len(counts) + 1)
    left = counts - np.concatenate([np.zeros((1, len(counts)), int), np.cumsum(gone, axis=0)])
    copies = [size.shape[1] // count for size, count in zip(sizes, counts, strict=True)]
    outputs = [*left.T[1:], len(sizes[-1])]
    stored = sum(out * copy * before for out, copy, before in zip(outputs, copies, left.T, strict=True))
    total = sum(size.size for size in sizes)
    going = np.count_nonzero(total - stored < zeros * total - 1e-6)  # the first so many are too few
    stays = scores > 0
    stays[never] = True
    stays[order[:going]] = False
    inputs, *hidden = np.split(stays, first[1:])
    return _between(weights, inputs, [*hidden, np.ones(len(sizes[-1]), bool)])


def _between(weights: Weights, inputs: np.ndarray, outputs: Sequence[np.ndarray]) -> Masks:
    """Masks of the weights between inputs [K of the first layer] and outputs [out] of each layer that stay."""
    masks = []
    for weight, stays in zip(weights, outputs, strict=True):
        columns = np.tile(inputs, weight.shape[1] // len(inputs))  # channels are the fastest axis
        masks.append((stays[:, None] & columns).astype(weight.dtype))
        inputs = stays
    return masks


def _rows_to_keep(shapes: Sequence[tuple[int, int]], zeros: float) -> list[int]:
    units = [out for out, _ in shapes]
    per_channel = [k // before for (_, k), before in zip(shapes, [1, *units], strict=False)]
    most = max(units[:-1], default=1)
    total = sum(out * k for out, k in shapes)
    kept = units
    for left in range(most, 0, -1):
        kept = [max(1, round(count * left / most)) for count in units[:-1]] + units[-1:]
        stored = sum(out * per * before for out, per, before in zip(kept, per_channel, [1, *kept], strict=False))
        if total - stored >= zeros * total - 1e-6:
            break
    return kept


def _threshold(sizes: np.ndarray, zeros: float) -> float:
    """The largest of the magnitudes that go."""
    dropped = round(zeros * sizes.size)
    return float(np.partition(sizes, dropped - 1)[dropped - 1]) if dropped else -1.0


Pattern = Callable[[Weights, float], Masks]

PATTERNS: dict[str, Pattern] = {
    "global": global_magnitude,
    "layer": layer_magnitude,
    "nm4": partial(n_of_m, m=4),
    "nm8": partial(n_of_m, m=8),
    "rows": whole_rows,
    "units": whole_units,
}
"""Name -> pattern."""


def pattern_words(name: str, zeros: float) -> str:
    """What a pattern is called at a share of zeros: `2:4`, else the share."""
    if name in ("nm4", "nm8"):
        return f"{kept_of(int(name[2:]), zeros)}:{name[2:]}"
    return f"{100 * zeros:g} %"
