"""A network without the outputs that nothing reads: what pruning whole rows and channels leaves is small and dense."""

import numpy as np

from workloads.pruning.small_networks import ConvolutionLayer, Network, Params


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


def without_silent(network: Network, params: Params) -> Params:
    """The network without reading outputs that have no weights left: they are constants, and go into the next biases.

    It computes the same. A constant that a convolution reads stays, because the border of an image does not have it.
    """
    params = [(weight.copy(), bias.copy()) for weight, bias in params]
    for at, layer in enumerate(network.layers[1:], start=1):
        (weight, bias), (before, constants) = params[at], params[at - 1]
        silent = ~before.any(axis=1)
        if isinstance(layer, ConvolutionLayer):
            silent &= constants <= 0
        by_output = weight.reshape(len(weight), -1, len(before))  # channels are the fastest axis; a view
        params[at] = weight, bias + by_output[:, :, silent].sum(axis=1) @ np.maximum(constants[silent], 0)
        by_output[:, :, silent] = 0
    return params
