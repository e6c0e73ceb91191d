"""A network without the outputs that nothing reads: what pruning whole rows and channels leaves is small and dense."""

import numpy as np

from workloads.pruning.networks import Params


def without_unread(params: Params) -> tuple[Params, list[np.ndarray]]:
    """The network without outputs whose every weight in the next layer is zero; it computes the same.

    **Returns** parameters, and for each layer which of its inputs are left (positions, of the last axis of its weight).
    Layers before lose what only such outputs read, so the walk is from the last to the first. One output always stays.
    """
    small, (weight, bias) = [], params[-1]
    kept = []
    for before, before_bias in reversed(params[:-1]):
        channels = len(before)
        read = np.any(weight.reshape(-1, channels), axis=0)  # channels are the fastest axis
        read[0] |= not read.any()
        columns = np.flatnonzero(np.tile(read, weight.shape[1] // channels))
        small.append((weight[:, columns], bias))
        kept.append(columns)
        weight, bias = before[read], before_bias[read]
    small.append((weight, bias))
    kept.append(np.arange(weight.shape[1]))
    return small[::-1], kept[::-1]
