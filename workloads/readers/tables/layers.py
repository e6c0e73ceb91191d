"""From sizes to a layer: a product or a convolution whose weights are known by their number and density alone.

A convolution is taken by im2col with the filters as A (Chellapilla, Puri and Simard, IWFHR 2006); one in groups is one
group's product, repeated; a transposed one is its own matrix product, a column for each position of its input (Dumoulin
and Visin, arXiv:1603.07285, section 4), whose results overlap when they are added.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from workloads.densities import Dense, Density
from workloads.kernels.unfolding import unfolding_of
from workloads.readers.found import FoundLayer
from workloads.readers.source import Source

MOST_SIDE = 2**40
"""Rows or columns of a layer that is only described; above it a size is taken for a mistake."""

TABLE = "a table of layers (.csv) with the heading name,M,N,K,density"
"""What a user can always write instead."""


@dataclass(frozen=True)
class TableConvolution:
    """Sizes of one convolution; channels and filters are totals over all groups, padding is that of each side."""

    filters: int
    channels: int
    kernel: tuple[int, int]
    map: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    images: int = 1
    rounding_up: bool = False
    """Whether a last filter position that hangs over the map counts, as in SCALE-Sim."""

    @property
    def out(self) -> tuple[int, int]:
        """Rows and columns of an output map; below one where the filter is larger than the padded map."""
        sides = zip(self.map, self.padding, self.dilation, self.kernel, self.stride, strict=True)
        spare = [side + 2 * pad - apart * (taps - 1) - 1 for side, pad, apart, taps, _ in sides]
        steps = [
            -(-one // stride) if self.rounding_up else one // stride
            for one, stride in zip(spare, self.stride, strict=True)
        ]
        return steps[0] + 1, steps[1] + 1


def with_own_names(layers: Iterable[FoundLayer]) -> tuple[FoundLayer, ...]:
    """The same; a name that returns gets `#2`, `#3`, ... appended."""
    found, taken = [], dict[str, int]()
    for layer in layers:
        name = layer.name
        while name in taken:
            taken[layer.name] += 1
            name = f"{layer.name}#{taken[layer.name]}"
        taken[name] = 1
        found.append(layer if name == layer.name else replace(layer, name=name))
    return tuple(found)


def check_layer(source: Source, where: str, *sizes: int) -> None:
    """**Raises** `InputError` for a size below one or one that no layer has."""
    for size in sizes:
        if not 1 <= size <= MOST_SIDE:
            source.fail(where, f"has a size of {size:.12g}", f"give whole numbers from 1 to {MOST_SIDE}")


def product(
    source: Source,
    where: str,
    name: str,
    sizes: tuple[int, int, int],
    a: Density | None = None,
    b: Density | None = None,
    repeats: float | int = 1.0,
) -> FoundLayer:
    """A layer of M, N, K; None is dense. **Raises** `InputError` for sizes and densities that do not fit."""
    m, n, k = sizes
    check_layer(source, where, m, n, k)
    a = a or Dense()
    a.nonzeros(m, k)
    if b is not None:
        b.nonzeros(k, n)
    return FoundLayer(name, (m, k), density=a, columns=n, activations=b, repeats=float(repeats))


def convolution(
    source: Source,
    where: str,
    name: str,
    sizes: TableConvolution,
    a: Density | None = None,
    b: Density | None = None,
    repeats: float | int = 1.0,
) -> FoundLayer:
    """A layer of filters. **Raises** `InputError` for sizes that do not fit each other."""
    one = sizes
    all_sizes = (one.filters, one.channels, *one.kernel, *one.map, *one.stride, *one.dilation, one.groups, one.images)
    check_layer(source, where, *all_sizes)
    if one.filters % one.groups or one.channels % one.groups:
        what = f"has {one.groups} groups, which do not divide {one.channels} channels and {one.filters} filters"
        source.fail(where, what, "correct its sizes")
    out_height, out_width = one.out
    if min(*one.out, *(p + 1 for p in one.padding)) < 1:
        (rows, columns), (height, width) = one.kernel, one.map
        source.fail(where, f"has a filter of {rows} x {columns} but a map of {height} x {width}", "add its padding")
    k = one.channels // one.groups * math.prod(one.kernel)
    n = out_height * out_width * one.images
    found = product(source, where, name, (one.filters // one.groups, n, k), a, b, repeats * one.groups)
    unfolding = unfolding_of(
        one.channels // one.groups, one.kernel, one.out, one.map,
        stride=one.stride, padding=one.padding, dilation=one.dilation,
    )  # fmt: skip
    return replace(found, unfolding=unfolding)


def transposed_convolution(source: Source, where: str, name: str, sizes: TableConvolution) -> FoundLayer:
    """A layer of filters that spread each position of the map. **Raises** `InputError`."""
    check_layer(source, where, sizes.filters, sizes.channels, *sizes.kernel, *sizes.map, sizes.groups, sizes.images)
    if sizes.filters % sizes.groups or sizes.channels % sizes.groups:
        source.fail(where, f"has {sizes.groups} groups, which do not divide its channels", "correct its sizes")
    m = sizes.filters // sizes.groups * math.prod(sizes.kernel)
    n, k = math.prod(sizes.map) * sizes.images, sizes.channels // sizes.groups
    return product(source, where, name, (m, n, k), repeats=sizes.groups)
