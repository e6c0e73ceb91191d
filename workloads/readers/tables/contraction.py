"""Which matrix product an einsum of two operands is, if it is one.

Every index is placed by the operands that it occurs in (as in the TTGT method; Springer and Bientinesi,
arXiv:1607.00145): in A and the result it counts rows, in B and the result columns, in A and B it is summed over, in all
three it counts products of their own. A sum of two indices in one place of an operand, `p * stride + r`, is a
convolution, and the same rule makes im2col of it; one index that counts products of their own is that of its groups.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from workloads.densities import Density
from workloads.kernels.unfolding import Unfolding, unfolding_of
from workloads.readers.found import FoundLayer
from workloads.readers.source import Source
from workloads.readers.tables.layers import product

Place = Mapping[str, int]
"""One axis of an operand: the indices that add up to its coordinate, and what each is multiplied by."""

_WEIGHTS = re.compile(r"w|f$|filter|kernel", re.IGNORECASE)
"""Names of operands that are weights in Timeloop's, ZigZag's and AccelForge's files."""


@dataclass(frozen=True)
class Operand:
    """An operand, or the result, of an einsum."""

    name: str
    places: Sequence[Place]
    density: Density | None = None
    """None where it is dense."""

    @property
    def indices(self) -> set[str]:
        """All indices that its coordinates depend on."""
        return {index for place in self.places for index in place}


@dataclass(frozen=True)
class Contraction:
    """A sum of products of two operands. `weights` names the operand that becomes A; empty where the file is silent."""

    name: str
    inputs: tuple[Operand, Operand]
    output: Operand
    sizes: Mapping[str, int]
    weights: str = ""
    repeats: float | int = 1.0


def is_elementwise(one: Contraction) -> bool:
    """Whether operands share indices but nothing is summed: a scaling or a gate, no matrix product."""
    shared = one.inputs[0].indices & one.inputs[1].indices
    return bool(shared) and shared <= one.output.indices


def layer_of(source: Source, where: str, one: Contraction) -> FoundLayer:
    """The product that the einsum is. **Raises** `InputError` for an index without size or in a single operand."""
    a, b = _ordered(one)
    axes: dict[str, list[str]] = {"m": [], "n": [], "k": [], "repeats": []}
    for index in dict.fromkeys([*_listed(a), *_listed(b), *_listed(one.output)]):
        if index not in one.sizes:
            source.fail(where, f"gives no size of {index}", "write one")
        if one.sizes[index] == 1:
            continue
        found = (index in a.indices, index in b.indices, index in one.output.indices)
        axis = {(1, 0, 1): "m", (0, 1, 1): "n", (1, 1, 0): "k", (1, 1, 1): "repeats"}.get(tuple(map(int, found)))
        if axis is None:
            what = (
                f"has the index {index} in {sum(found)} of its operands and result alone, which no matrix product has"
            )
            source.fail(where, what, "give it as a product of two operands")
        axes[axis].append(index)
    m, n, k, repeats = (math.prod(one.sizes[index] for index in indices) for indices in axes.values())
    layer = product(source, where, one.name, (m, n, k), a.density, b.density, one.repeats * repeats)
    return replace(layer, unfolding=_unfolding(one, a, b, k, n))


def _ordered(one: Contraction) -> tuple[Operand, Operand]:
    """A and B: what is named as weights; else what is indexed plainly beside sums of indices; else by name."""
    first, second = one.inputs
    if one.weights in (first.name, second.name):
        return (first, second) if one.weights == first.name else (second, first)
    sums = [any(len(place) > 1 for place in operand.places) for operand in one.inputs]
    if sums[0] != sums[1]:
        return (second, first) if sums[0] else (first, second)
    if _WEIGHTS.match(second.name) and not _WEIGHTS.match(first.name):
        return second, first
    return first, second


def _listed(operand: Operand) -> list[str]:
    return [index for place in operand.places for index in place]


def _unfolding(one: Contraction, a: Operand, b: Operand, k: int, n: int) -> Unfolding | None:
    """How maps become B: one or two places of B that each add a position of the output and one of the filter.

    None for other sums, and where such an index is found in another place of B too, so that nothing is met twice.
    """
    summed = [place for place in b.places if len(place) > 1]
    if len(summed) not in (1, 2):
        return None
    axes = []
    for place in summed:
        out = [index for index in place if index in one.output.indices and index not in a.indices]
        tap = [index for index in place if index in a.indices and index not in one.output.indices]
        if len(place) != 2 or len(out) != 1 or len(tap) != 1 or any(_listed(b).count(index) > 1 for index in place):
            return None
        taps, outs = one.sizes[tap[0]], one.sizes[out[0]]
        axes.append((taps, outs, place[out[0]] if outs > 1 else 1, place[tap[0]] if taps > 1 else 1))
    kernel, outs, stride, dilation = zip(*axes, strict=True)
    if min(*stride, *dilation) < 1 or k % math.prod(kernel) or n % math.prod(outs):
        return None
    padding = [0] * len(axes)
    return unfolding_of(k // math.prod(kernel), kernel, outs, stride=stride, padding=padding, dilation=dilation)
