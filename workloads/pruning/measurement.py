"""What pruning left: accuracy on images that no training saw, zeros of weights and of activations by layer, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from workloads.pruning.images import Images
from workloads.pruning.quantisation import Quantised, input_ranges, quantise, recorded_integers
from workloads.pruning.small_networks import Network, Params, recorded

CALIBRATION = 512
"""Training images that say how large inputs get; the first ones."""
COUNTED = 512
"""Held-out images whose inputs' zeros are counted; the first ones."""
WIDTHS = (4, 8, 16)
"""Bits that networks are rounded to."""
AT_ONCE = 1024
"""Images of one walk through a network: im2col of more takes too much memory."""

_one_thread = threadpool_limits.wrap(limits=1, user_api="blas")
"""Products this small take longer on more threads, on a busy machine twenty times."""


@_one_thread
def accuracy(network: Network, params: Params, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images [n, height, width] labelled right, in float32."""
    return _right(lambda batch: recorded(network, params, batch)[1], images, labels)


@_one_thread
def integer_accuracy(network: Network, quantised: Quantised, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images [n, height, width] labelled right, in integers."""
    return _right(lambda batch: recorded_integers(network, quantised, batch)[1], images, labels)


def _right(logits_of: Callable[[np.ndarray], np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    batches = [images[at : at + AT_ONCE] for at in range(0, len(images), AT_ONCE)]
    found = np.concatenate([np.argmax(logits_of(batch), axis=1) for batch in batches])
    return float(np.mean(found == labels))


def zeros(matrix: np.ndarray) -> float:
    """Share of zeros of an array."""
    return 1 - np.count_nonzero(matrix) / matrix.size


@dataclass(frozen=True)
class InputZeros:
    """Shares of a layer's inputs that are zero, by what made them so; they add up to all zeros."""

    natural: float
    """Zero in the dense network too: ReLU, dark pixels, the border of a convolution."""
    pruning: float
    """Zero in the pruned network only."""
    rounding: float
    """Zero only once they are rounded to integers."""

    @property
    def total(self) -> float:
        """Share of all zeros."""
        return self.natural + self.pruning + self.rounding


def input_zeros(dense: np.ndarray, pruned: np.ndarray, rounded: np.ndarray) -> InputZeros:
    """Zeros of `rounded`, which is what multiplies, beside the same inputs of the pruned and of the dense network."""
    zero, count = rounded == 0, rounded.size
    natural = zero & (dense == 0)
    induced = zero & ~natural & (pruned == 0)
    left = np.count_nonzero(zero) - np.count_nonzero(natural) - np.count_nonzero(induced)
    return InputZeros(np.count_nonzero(natural) / count, np.count_nonzero(induced) / count, left / count)


@dataclass(frozen=True)
class Measured:
    """One pruned network."""

    accuracies: dict[str, float]
    """On all held-out images: `float32`, and for each of `WIDTHS` `int8` (a scale for each output) and `int8_layer`."""
    quantised: dict[int, Quantised]
    """By bits, a scale for each output."""
    inputs: Sequence[np.ndarray]
    """Integer inputs of each layer [batch x positions, K] for the first held-out images."""
    input_zeros: Sequence[InputZeros]
    """By layer, of `COUNTED` held-out images."""
    weight_zeros: Sequence[float]
    """By layer, as quantised; of what is left, where outputs were removed."""


@_one_thread
def measure_network(
    network: Network,
    params: Params,
    dense: Params,
    columns: Sequence[np.ndarray],
    images: Images,
    bits: int,
    batch: int,
) -> Measured:
    """Accuracy at every precision, zeros at `bits`, and the inputs of a batch.

    **Arguments**: `dense`, the same network unpruned; `columns`, for each layer which of its inputs are left
    (`shrink.without_unread`; all of them where none were removed).
    """
    ranges = input_ranges(network, params, images.training[:CALIBRATION])
    accuracies = {"float32": accuracy(network, params, images.held_out, images.held_out_labels)}
    quantised = {}
    for width in WIDTHS:
        for per_channel in (False, True):
            integers = quantise(params, ranges, width, per_channel=per_channel)
            right = integer_accuracy(network, integers, images.held_out, images.held_out_labels)
            accuracies[f"int{width}{'' if per_channel else '_layer'}"] = right
            quantised[width] = integers
    shown = images.held_out[:COUNTED]
    of_dense, _ = recorded(network, dense, shown)
    floats, _ = recorded(network, params, shown)
    rounded, _ = recorded_integers(network, quantised[bits], shown)
    causes = [
        input_zeros(unpruned[:, left], pruned, integers)
        for unpruned, left, pruned, integers in zip(of_dense, columns, floats, rounded, strict=True)
    ]
    return Measured(
        accuracies,
        quantised,
        recorded_integers(network, quantised[bits], images.held_out[:batch])[0],
        causes,
        [zeros(weight) for weight in quantised[bits].weights],
    )
