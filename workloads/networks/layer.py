"""A layer as a matrix product in numbers: sizes, repeats and the densities of both operands.

Z[m, n] = sum over k of A[m, k] B[k, n] with the weights as A and the activations as B. A convolution is taken by
im2col (Chellapilla et al., IWFHR 2006): m filters, k weights of each (channels x filter rows x filter columns), n
output positions; the kernel knows which positions are the same activation, so that a tile fetches each once. A
convolution in groups is as many smaller products.

Weights that are n:m are so along the channels of a filter, as they are pruned (Mishra et al., arXiv:2104.08378). Where
m does not divide the channels of a convolution's group (an image's three, a depthwise layer's one) nothing is pruned,
as by NVIDIA's ASP (github.com/NVIDIA/apex, apex/contrib/sparsity), which leaves such layers dense.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workloads.densities import NM, Dense, Uniform
from workloads.errors import InputError
from workloads.kernels.matrix_product import DensityKernel
from workloads.kernels.unfolding import Unfolding, unfolding_of


@dataclass(frozen=True)
class ConvolutionShape:
    """One convolution in counts: `filters` of `filter_rows` x `filter_columns` over `channels` give `rows` x `columns`.

    Channels and filters are totals over all `groups`, which share them out evenly; a depthwise layer has as many groups
    as channels, a fully connected one is 1 x 1 throughout. `padding` lies above and left of the image, and where it is
    not 0, the image is `stride` times as large as the output. **Raises** `InputError` for groups that do not divide
    both.
    """

    channels: int
    filters: int
    rows: int
    columns: int
    filter_rows: int = 1
    filter_columns: int = 1
    stride: int = 1
    groups: int = 1
    padding: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if self.channels % self.groups or self.filters % self.groups:
            raise InputError(
                f"{self.groups} groups do not divide {self.channels} channels and {self.filters} filters; "
                "give a number of groups that divides both."
            )

    @property
    def taps(self) -> int:
        """Weights of one filter: channels of its group times filter rows and columns."""
        return self.channels // self.groups * self.filter_rows * self.filter_columns

    def unfolding(self, channel_block: int = 1) -> Unfolding:
        """How the maps of one group become B."""
        return unfolding_of(
            self.channels // self.groups,
            (self.filter_rows, self.filter_columns),
            (self.rows, self.columns),
            (self.stride * self.rows, self.stride * self.columns) if self.padding else None,
            stride=(self.stride, self.stride),
            padding=(self.padding, self.padding),
            channel_block=channel_block,
        )


@dataclass(frozen=True)
class Layer:
    """One product of a network, `repeats` times; densities are shares of non-zeros, 1 where nothing is pruned.

    `n_of_m` says that the weights keep n of each m neighbours along k and goes before `weight_density`. `prunable`
    is False where A is not weights, or weights that no one prunes.
    """

    name: str
    m: int
    k: int
    n: int
    repeats: int = 1
    weight_density: float = 1.0
    activation_density: float = 1.0
    n_of_m: tuple[int, int] | None = None
    prunable: bool = True
    shape: ConvolutionShape | None = None

    @property
    def multiplies(self) -> int:
        """Those of the dense product, all repeats."""
        return self.m * self.k * self.n * self.repeats

    @property
    def weights(self) -> int:
        """Entries of A, zeros included, all repeats."""
        return self.m * self.k * self.repeats

    @property
    def pruned_n_of_m(self) -> tuple[int, int] | None:
        """`n_of_m`, where there are whole groups of channels of a filter to prune."""
        shape, pattern = self.shape, self.n_of_m
        if shape is None or pattern is None:
            return pattern
        channels = shape.channels // shape.groups
        return pattern if shape.taps == channels or channels % pattern[1] == 0 else None

    def kernel(self, network: str) -> DensityKernel:
        """The layer with its non-zeros anywhere with equal chance (or n of each m), named `network/layer`."""
        pattern = self.pruned_n_of_m
        dense = self.weight_density == 1.0
        a = NM(*pattern) if pattern else Dense() if dense else Uniform(self.weight_density)
        b = None if self.activation_density == 1.0 else Uniform(self.activation_density)
        unfolding = None if self.shape is None else self.shape.unfolding(pattern[1] if pattern else 1)
        if unfolding is not None and not unfolding.repeats_anything:
            unfolding = None
        name, repeats = f"{network}/{self.name}", float(self.repeats)
        return DensityKernel(name, self.m, self.k, self.n, a, b, repeats, unfolding)


def convolution(name: str, shape: ConvolutionShape, weights: float = 1.0, activations: float = 1.0) -> Layer:
    """The layer of a convolution on one image, by im2col, with the densities of its weights and of what enters it."""
    m, n = shape.filters // shape.groups, shape.rows * shape.columns
    return Layer(name, m, shape.taps, n, shape.groups, weights, activations, shape=shape)


def chain(shapes: dict[str, ConvolutionShape], weights: Sequence[float], outputs: Sequence[float]) -> tuple[Layer, ...]:
    """Layers in a row: what enters a layer is as dense as what the one before gives out, and the image is dense."""
    dense_in = zip(shapes.items(), weights, [1.0, *outputs], strict=True)
    return tuple(convolution(name, shape, kept, active) for (name, shape), kept, active in dense_in)


def in_batches(layers: Iterable[Layer], batch: int) -> list[Layer]:
    """Layers of images on a batch of them: as many times the columns of B."""
    return [replace(layer, n=layer.n * batch) for layer in layers]
