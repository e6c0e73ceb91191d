"""Sparse convolution as a product of two sparse matrices: weights times the unfolded activations (im2col).

Each row of the unfolded matrix is one weight of a filter, (channel, y, x), each column one output position, (image, y,
x) (Chellapilla, Puri and Simard, IWFHR 2006). An activation occurs in up to kernel_height x kernel_width columns, but
lies in DRAM once: a tile of the unfolded matrix is fetched as the distinct activations in it, and unfolded on the way
into the buffer. `Unfolding` knows which activation each position stands for.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.errors import InputError
from workloads.kernels.matrix_product import SparseKernel


@dataclass(frozen=True)
class Unfolding:
    """How a batch of maps becomes a matrix; all sizes are those of the maps, the filters and the outputs."""

    channels: int
    height: int
    width: int
    kernel_height: int
    kernel_width: int
    out_height: int
    out_width: int
    stride: int
    padding: int

    def source(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Number of the activation at positions of the unfolded matrix, (image, channel, y, x) in C order.

        Positions outside the map (its padding) are zero and are never asked for.
        """
        rows, columns = rows.astype(np.int64), columns.astype(np.int64)
        channel, of_filter = np.divmod(rows, self.kernel_height * self.kernel_width)
        image, output = np.divmod(columns, self.out_height * self.out_width)
        y = output // self.out_width * self.stride + of_filter // self.kernel_width - self.padding
        x = output % self.out_width * self.stride + of_filter % self.kernel_width - self.padding
        return ((image * self.channels + channel) * self.height + y) * self.width + x


@dataclass(frozen=True, eq=False)
class UnfoldedKernel(SparseKernel):
    """A product of sparse weights A with sparse unfolded activations B, of which each is fetched once for a tile."""

    unfolding: Unfolding | None = None


def sparse_convolution(
    weights: np.ndarray,
    activations: np.ndarray,
    name: str,
    *,
    stride: int = 1,
    padding: int = 0,
    repeats: float = 1.0,
) -> UnfoldedKernel:
    """The product that a convolutional layer is, with the measured zeros of both operands.

    **Arguments**: `weights` [out, in, kh, kw]; `activations` [batch, in, h, w], both with zeros where they are pruned
    or rectified; `stride` and `padding` along both sides. Z is [out, batch oh ow]. **Raises** `InputError` for shapes
    that do not match, a filter larger than the padded map, operands without a non-zero.
    """
    weights, activations = np.asarray(weights), np.asarray(activations)
    if weights.ndim != 4 or activations.ndim != 4 or weights.shape[1] != activations.shape[1]:
        raise InputError(
            f"{name}: weights are {weights.shape} and activations {activations.shape}; give [out, in, kh, kw] and "
            "[batch, in, h, w] with as many input channels."
        )
    if stride < 1 or padding < 0 or stride != int(stride) or padding != int(padding):
        raise InputError(f"{name}: stride {stride} and padding {padding} must be whole, at least 1 and at least 0.")
    out_channels, channels, kernel_height, kernel_width = weights.shape
    height, width = activations.shape[2:]
    out_height, out_width = (
        (side + 2 * padding - of_filter) // stride + 1
        for side, of_filter in ((height, kernel_height), (width, kernel_width))
    )
    if out_height < 1 or out_width < 1:
        raise InputError(
            f"{name}: filters of {kernel_height} x {kernel_width} do not fit a map of {height} x {width} with padding "
            f"{padding}; pad it or use smaller filters."
        )
    unfolding = Unfolding(
        channels, height, width, kernel_height, kernel_width, out_height, out_width, int(stride), int(padding)
    )
    b = _unfold(activations, unfolding)
    a = csr_array(weights.reshape(out_channels, -1))
    return UnfoldedKernel(name, a, b, int(b.shape[1]), repeats, unfolding)


def _unfold(activations: np.ndarray, of: Unfolding) -> csr_array:
    """The unfolded matrix [in kh kw, batch oh ow] of the non-zero activations."""
    image, channel, y, x = np.nonzero(activations)
    values = activations[image, channel, y, x]
    rows, columns, kept = [], [], []
    for down in range(of.kernel_height):
        out_y, off_y = np.divmod(y + of.padding - down, of.stride)
        for right in range(of.kernel_width):
            out_x, off_x = np.divmod(x + of.padding - right, of.stride)
            inside = (off_y == 0) & (off_x == 0) & (out_y >= 0) & (out_y < of.out_height)
            here = np.flatnonzero(inside & (out_x >= 0) & (out_x < of.out_width))
            rows.append((channel[here] * of.kernel_height + down) * of.kernel_width + right)
            columns.append((image[here] * of.out_height + out_y[here]) * of.out_width + out_x[here])
            kept.append(values[here])
    shape = (of.channels * of.kernel_height * of.kernel_width, len(activations) * of.out_height * of.out_width)
    return csr_array(coo_array((np.concatenate(kept), (np.concatenate(rows), np.concatenate(columns))), shape=shape))
