"""A layer as a matrix product in numbers: sizes, repeats and the densities of both operands.

Z[m, n] = sum over k of A[m, k] B[k, n] with the weights as A and the activations as B. A convolution is taken by
im2col (Chellapilla et al., IWFHR 2006): m filters, k weights of each (channels x filter rows x filter columns), n
output positions; the kernel knows which positions are the same activation, so that a tile fetches each once. A
convolution in groups is as many smaller products.

Weights that are n:m are so along the channels of a filter, as they are pruned (Mishra et al., arXiv:2104.08378). Where
m does not divide the channels of a convolution's group (an image's three, a depthwise layer's one) nothing is pruned,
as by NVIDIA's ASP (github.com/NVIDIA/apex, apex/contrib/sparsity), which leaves such layers dense.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workloads.densities import NM, Dense, Uniform
from workloads.errors import InputError
from workloads.kernels.matrix_product import DensityKernel
from workloads.kernels.tensor_names import Loop, Reads, TensorNames, View, constant, outside, read
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
    tensors: TensorNames | None = None

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
        return DensityKernel(name, self.m, self.k, self.n, a, b, repeats, unfolding, self.tensors)


def convolution(
    name: str,
    shape: ConvolutionShape,
    weights: float = 1.0,
    activations: float = 1.0,
    *,
    b: Reads | None = None,
    c: Reads = (),
    loops: tuple[Loop, ...] = (),
    result: bool = False,
) -> Layer:
    """The layer of a convolution on one image, by im2col, with the densities of its weights and of what enters it.

    `b` is what enters it, an input of its own if None, `c` what is added; the result is called after the layer, and
    goes to memory in any case if it is a `result`. It runs inside `loops`, once for each group.
    """
    m, n = shape.filters // shape.groups, shape.rows * shape.columns
    loops = (*loops, (f"{name}.group", shape.groups)) if shape.groups > 1 else loops
    names = TensorNames(
        constant(f"{name}.weight"), b or outside(f"{name}.input", _seen(shape)), c=c, z=name, loops=loops, result=result
    )
    repeats = math.prod(trips for _, trips in loops)
    return Layer(name, m, shape.taps, n, repeats, weights, activations, shape=shape, tensors=names)


def fed_by(name: str, before: ConvolutionShape, shape: ConvolutionShape) -> Reads | None:
    """What a convolution reads of the layer `name` before it, through a ReLU; None where maps differ (pooling)."""
    sides = [
        shape.stride * out if shape.padding else (out - 1) * shape.stride + taps
        for out, taps in ((shape.rows, shape.filter_rows), (shape.columns, shape.filter_columns))
    ]
    same = before.filters == shape.channels and [before.rows, before.columns] == sides
    return read(name, _seen(shape)) if same else None


def _seen(shape: ConvolutionShape) -> View:
    """How a convolution sees the maps that enter it, through a ReLU."""
    return "pointwise" if (shape.filter_rows, shape.filter_columns, shape.stride) == (1, 1, 1) else "unfolded"


def chain(
    shapes: dict[str, ConvolutionShape], weights: Sequence[float] | None = None, outputs: Sequence[float] | None = None
) -> tuple[Layer, ...]:
    """Layers in a row, dense unless told otherwise.

    What enters a layer is as dense as what the one before gives out, and the image is dense.
    """
    layers, before, dense = [], None, [1.0] * len(shapes)
    for (name, shape), kept, active in zip(
        shapes.items(), weights or dense, [1.0, *(outputs or dense[1:])], strict=True
    ):
        b = None if before is None else fed_by(*before, shape)
        layers.append(convolution(name, shape, kept, active, b=b))
        before = name, shape
    return tuple(layers)


def in_batches(layers: Iterable[Layer], batch: int) -> list[Layer]:
    """Layers of images on a batch of them: as many times the columns of B."""
    return [replace(layer, n=layer.n * batch) for layer in layers]
