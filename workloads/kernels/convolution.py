"""Sparse convolution as a product of two sparse matrices: weights times the unfolded activations (`unfolding`)."""

import numpy as np
from scipy.sparse import csr_array

from workloads.errors import InputError
from workloads.kernels.matrix_product import SparseKernel
from workloads.kernels.unfolding import Unfolding, outputs, unfold


def sparse_convolution(
    weights: np.ndarray,
    activations: np.ndarray,
    name: str,
    *,
    stride: int = 1,
    padding: int = 0,
    channel_block: int = 1,
    repeats: float = 1.0,
) -> SparseKernel:
    """The product that a convolutional layer is, with the measured zeros of both operands.

    **Arguments**: `weights` [out, in, kh, kw]; `activations` [batch, in, h, w], both with zeros where they are pruned
    or rectified; `stride` and `padding` along both sides; `channel_block` of the `Unfolding`, m where the weights are
    n:m. Z is [out, batch oh ow]. **Raises** `InputError` for shapes that do not match, a filter larger than the padded
    map, operands without a non-zero.
    """
    weights, activations = np.asarray(weights), np.asarray(activations)
    if weights.ndim != 4 or activations.ndim != 4 or weights.shape[1] != activations.shape[1]:
        raise InputError(
            f"{name}: weights are {weights.shape} and activations {activations.shape}; give [out, in, kh, kw] and "
            "[batch, in, h, w] with as many input channels."
        )
    if stride < 1 or padding < 0 or stride != int(stride) or padding != int(padding):
        raise InputError(f"{name}: stride {stride} and padding {padding} must be whole, at least 1 and at least 0.")
    stride, padding = int(stride), int(padding)
    out_channels, channels, *kernel = weights.shape
    sides = activations.shape[2:]
    out = [outputs(side, of_filter, stride, padding) for side, of_filter in zip(sides, kernel, strict=True)]
    if min(out) < 1:
        raise InputError(
            f"{name}: filters of {kernel[0]} x {kernel[1]} do not fit a map of {sides[0]} x {sides[1]} with padding "
            f"{padding}; pad it or use smaller filters."
        )
    unfolding = Unfolding(channels, *sides, *kernel, *out, stride, padding, channel_block=channel_block)
    places = np.nonzero(activations)
    b = unfold(places, activations[places], len(activations), unfolding)
    a = csr_array(weights.reshape(out_channels, -1)[:, unfolding.in_this_order()])
    return SparseKernel(name, a, b, int(b.shape[1]), repeats, unfolding)
