"""How a convolution's maps become the matrix B of a product (im2col), and which activation each position stands for.

Each row of the unfolded matrix is one weight of a filter, each column one output position, (image, y, x) (Chellapilla,
Puri and Simard, IWFHR 2006). An activation occurs in up to kernel_height x kernel_width columns, but lies in DRAM once:
a tile of the unfolded matrix is fetched as the distinct activations in it, and unfolded on the way into the buffer.

Rows are numbered (channel, y, x), so that a tile of few rows holds what is repeated. `channel_block` neighbouring
channels may be kept together as the innermost axis, (block, y, x, channel in it), as in the layouts NCHW[x]c of TVM and
NC/32HW32 of cuDNN: then n:m of the weights along the channels, which is how filters are pruned (Mishra et al.,
arXiv:2104.08378, section 3.2), is n:m of neighbours along a row of A. A block of all channels is (y, x, channel).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from workloads.errors import InputError

Pair = int | tuple[int, int]
"""One number for both sides of a map, or those of its height and width."""

OUTSIDE = -1
"""What the padding around a map stands for: nothing that lies in memory."""


@dataclass(frozen=True)
class Unfolding:
    """How a batch of maps becomes a matrix; all sizes are those of the maps, the filters and the outputs.

    `padding` is that above and left of a map; below and right there is as much as the outputs ask for. Of a convolution
    in groups there are two forms: one product of all channels whose A has the groups' stored weights as blocks along
    its diagonal, and where weights are known by a density, a product of one group's channels that is repeated.
    **Raises** `InputError` for sizes below one.
    """

    channels: int
    height: int
    width: int
    kernel_height: int
    kernel_width: int
    out_height: int
    out_width: int
    stride: Pair = 1
    padding: Pair = 0
    dilation: Pair = 1
    channel_block: int = 1
    """Channels beside each other that are the innermost axis of a row; a last block may have fewer."""

    def __post_init__(self) -> None:
        sizes = (self.channels, self.height, self.width, *self.kernel, self.out_height, self.out_width)
        steps = (*pair(self.stride), *pair(self.dilation), self.channel_block)
        if min(*sizes, *steps) < 1 or min(pair(self.padding)) < 0:
            raise InputError(f"{self}: a size, a step or the padding is too small; give sizes and steps of at least 1.")

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of a filter."""
        return self.kernel_height, self.kernel_width

    @property
    def taps(self) -> int:
        """Weights of a filter for one channel."""
        return self.kernel_height * self.kernel_width

    @property
    def rows(self) -> int:
        """Rows of B."""
        return self.channels * self.taps

    @property
    def positions(self) -> int:
        """Columns of B for one image."""
        return self.out_height * self.out_width

    @property
    def repeats_anything(self) -> bool:
        """Whether an activation can occur twice, or a position lie in the padding.

        Not with filters of one weight for each channel, nor where filters are as long as the map along the axis that
        they have several weights on, as in a plain product that is written as a convolution.
        """
        sizes = zip(self.kernel, (self.out_height, self.out_width), (self.height, self.width), strict=True)
        alone = all(taps == 1 or (outputs == 1 and taps <= side) for taps, outputs, side in sizes)
        return self.taps > 1 and not (alone and pair(self.padding) == (0, 0) and pair(self.dilation) == (1, 1))

    def images(self, columns: int) -> int:
        """Images that so many columns of B are of."""
        return columns // self.positions

    def check(self, name: str, k: int, n: int) -> None:
        """**Raises** `InputError` where B [k, n] is not what maps of these sizes unfold to."""
        if k != self.rows or n % self.positions:
            raise InputError(
                f"{name}: B is {k} x {n}, but maps of these sizes unfold to {self.rows} rows and {self.positions} "
                "columns for each image; correct the sizes of the convolution."
            )

    def row(self, channel: np.ndarray, tap: np.ndarray) -> np.ndarray:
        """Row of a channel's weight, whose taps are numbered (y, x)."""
        start = channel // self.channel_block * self.channel_block
        return start * self.taps + tap * np.minimum(self.channel_block, self.channels - start) + channel - start

    def weight(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Channel and tap of rows."""
        return weight_of_row(rows, self.channels, self.taps, self.channel_block)

    def source(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Number of the activation at positions of B, (image, channel, y, x) in C order; `OUTSIDE` in the padding."""
        channel, tap = self.weight(rows.astype(np.int64))
        image, output = np.divmod(columns.astype(np.int64), self.positions)
        (y, inside_y), (x, inside_x) = (
            self.coordinate(axis, *places)
            for axis, places in enumerate(
                zip(np.divmod(output, self.out_width), np.divmod(tap, self.kernel_width), strict=True)
            )
        )
        number = ((image * self.channels + channel) * self.height + y) * self.width + x
        return np.where(inside_y & inside_x, number, OUTSIDE)

    def coordinate(self, axis: int, output: np.ndarray, tap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where along the height (axis 0) or width of a map an output meets a tap, and whether that is inside."""
        stride, padding, dilation = (pair(value)[axis] for value in (self.stride, self.padding, self.dilation))
        found = output * stride + tap * dilation - padding
        return found, (found >= 0) & (found < (self.height, self.width)[axis])

    def output(self, axis: int, place: np.ndarray, tap: int) -> tuple[np.ndarray, np.ndarray]:
        """Which output along an axis meets a place of the map at a tap, and whether there is one."""
        stride, padding, dilation = (pair(value)[axis] for value in (self.stride, self.padding, self.dilation))
        found, rest = np.divmod(place + padding - tap * dilation, stride)
        return found, (rest == 0) & (found >= 0) & (found < (self.out_height, self.out_width)[axis])

    def in_this_order(self) -> np.ndarray:
        """For each row of B, where its weight lies among those of a filter in the order (channel, y, x)."""
        return filter_order(self.channels, self.taps, self.channel_block)


def weight_of_row(rows: np.ndarray, channels: int, taps: int, channel_block: int) -> tuple[np.ndarray, np.ndarray]:
    """Channel and tap of rows that are numbered (block of channels, tap, channel of the block)."""
    block, rest = np.divmod(rows, channel_block * taps)
    start = block * channel_block
    tap, inside = np.divmod(rest, np.minimum(channel_block, channels - start))
    return start + inside, tap


def filter_order(channels: int, taps: int, channel_block: int) -> np.ndarray:
    """For each row so numbered, where its weight lies among those of a filter in the order (channel, tap)."""
    channel, tap = weight_of_row(np.arange(channels * taps), channels, taps, channel_block)
    return channel * taps + tap


def pair(value: Pair) -> tuple[int, int]:
    """Both numbers of a `Pair`."""
    return value if isinstance(value, tuple) else (value, value)


def unfolding_of(
    channels: int,
    kernel: Sequence[int],
    out: Sequence[int],
    sides: Sequence[int] | None = None,
    *,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    channel_block: int = 1,
) -> Unfolding:
    """How maps become a matrix, of sizes axis by axis; maps of one axis are of a single row.

    Maps without `sides` end where the last filter does. **Raises** `InputError` for sizes below one.
    """
    if sides is None:
        steps = zip(kernel, out, stride, padding, dilation, strict=True)
        sides = [(count - 1) * step + (taps - 1) * apart + 1 - pad for taps, count, step, pad, apart in steps]
    sizes = (*_both(sides, 1), *_both(kernel, 1), *_both(out, 1))
    steps = [pair_of(*_both(stride, 1)), pair_of(*_both(padding, 0)), pair_of(*_both(dilation, 1))]
    return Unfolding(channels, *sizes, *steps, channel_block)


def _both(along: Sequence[int], alone: int) -> tuple[int, int]:
    return (along[0], along[1]) if len(along) == 2 else (alone, along[0])


def pair_of(y: int, x: int) -> Pair:
    """Both numbers as a `Pair`; one where they are equal, so that equal unfoldings compare equal."""
    return y if y == x else (y, x)


def outputs(side: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Outputs along one side of a map, with as much padding on both ends; below one where the filter does not fit."""
    return (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def unfold(places: Sequence[np.ndarray], values: np.ndarray, images: int, of: Unfolding) -> csr_array:
    """B [in kh kw, batch oh ow] of the non-zero activations: their `places` (image, channel, y, x) and values."""
    image, channel, y, x = places
    rows, columns, kept = [], [], []
    for tap in range(of.taps):
        down, right = divmod(tap, of.kernel_width)
        (out_y, inside_y), (out_x, inside_x) = of.output(0, y, down), of.output(1, x, right)
        here = np.flatnonzero(inside_y & inside_x)
        rows.append(of.row(channel[here], np.asarray(tap)))
        columns.append((image[here] * of.out_height + out_y[here]) * of.out_width + out_x[here])
        kept.append(values[here])
    shape = (of.rows, images * of.positions)
    return csr_array(coo_array((np.concatenate(kept), (np.concatenate(rows), np.concatenate(columns))), shape=shape))
