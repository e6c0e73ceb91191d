"""Integers instead of floats, after pruning: symmetric, so that zero stays zero and a pruned weight stays pruned.

A number x becomes round(x / s), cut at +-(2^(b-1) - 1), with s the largest magnitude over that: Krishnamoorthi,
"Quantizing deep convolutional networks for efficient inference", arXiv:1806.08342, sections 2.2 and 2.4. Weights have
one s for a layer, or one for each of its outputs; the inputs of a layer have one, from images that were trained on.
Integers are carried in float64, which adds products of two b-bit numbers exactly up to K 2^(2b-2) = 2^53.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workloads.pruning.small_networks import Network, Params, recorded, walk


@dataclass(frozen=True)
class Quantised:
    """A network in integers of `bits`; by layer."""

    bits: int
    weights: Sequence[np.ndarray]
    """Integers [out, K]."""
    weight_scales: Sequence[np.ndarray]
    """What a one stands for, [out]."""
    biases: Sequence[np.ndarray]
    """Whole multiples of weight scale x input scale, [out]."""
    input_scales: Sequence[float]


def input_ranges(network: Network, params: Params, images: np.ndarray) -> list[float]:
    """The largest magnitude among the inputs of each layer for images [n, height, width]."""
    return [float(np.abs(x).max()) for x in recorded(network, params, images)[0]]


def quantise(params: Params, ranges: Sequence[float], bits: int, *, per_channel: bool = True) -> Quantised:
    """A network in integers; `ranges` are the largest inputs of each layer, `per_channel` as in the module's text."""
    most = 2 ** (bits - 1) - 1
    input_scales = [largest / most or 1.0 for largest in ranges]
    weights, scales, biases = [], [], []
    for (weight, bias), input_scale in zip(params, input_scales, strict=True):
        largest = np.abs(weight).astype(np.float64).max(axis=1)
        whole = largest.max() or 1.0
        scale = np.where(largest > 0, largest, whole) / most if per_channel else np.full(len(weight), whole / most)
        weights.append(np.rint(weight / scale[:, None]))
        scales.append(scale)
        biases.append(np.rint(bias / (scale * input_scale)))
    return Quantised(bits, weights, scales, biases, input_scales)


def recorded_integers(
    network: Network, quantised: Quantised, images: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Integer inputs of each layer as a matrix [batch x positions, K], and the logits [batch, classes]."""
    inputs: list[np.ndarray] = []
    most = 2 ** (quantised.bits - 1) - 1

    def product(at: int, x: np.ndarray) -> np.ndarray:
        scale = quantised.input_scales[at]
        integers = np.clip(np.rint(x.astype(np.float64) / scale), -most, most)
        inputs.append(integers.reshape(-1, integers.shape[-1]))
        sums = integers @ quantised.weights[at].T + quantised.biases[at]
        outputs = sums * (quantised.weight_scales[at] * scale)
        return np.maximum(outputs, 0) if at < len(quantised.weights) - 1 else outputs

    logits = walk(network, images, product)
    return inputs, logits
