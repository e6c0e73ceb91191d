"""What a kernel reads and writes, by name: the edges of a workload's graph.

A result and an operand of one name are one tensor. What lies between them is the operand's view:

| view | the operand is | where the result stays |
|---|---|---|
| `same` | the result as it is | it is the operand |
| `pointwise` | a function of each element (ReLU, a bias), or of equal parts one below the other (gates) | likewise |
| `normalised` | a function of rows or columns as a whole (softmax, layer norm) | likewise, once one is complete |
| `transposed` | the result transposed, be it through a function | read the other way |
| `unfolded` | its elements in another arrangement, be it through a function | some are read often, or not at all |

Unfolded are the patches of a convolution (im2col), every other place of a map, a map as one long vector, the last token
of many. Anything else that is no kernel (pooling, a look-up, a sum) breaks the edge: what it makes has a name of its
own that no kernel writes, and comes from memory.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

View = Literal["same", "pointwise", "normalised", "transposed", "unfolded"]
VIEWS: tuple[View, ...] = get_args(View)

Loop = tuple[str, int]
"""Name and trips of a loop around kernels: layers, heads, time steps."""


@dataclass(frozen=True)
class TensorRead:
    """One tensor that an operand is read from."""

    tensor: str
    view: View = "same"
    constant: bool = False
    """Whether it is a part of the network, the same in every run of the workload: weights, a graph, a mask."""
    shared: tuple[str, ...] = ()
    """Loops of its reader in all of whose trips a tensor that no kernel writes is the same: weights over time steps. In
    other loops each trip has its own: the weights of layers."""
    previous: bool = False
    """Whether it is what the trip before this wrote, of the innermost loop around reader and writer: a recurrent state,
    the residual stream through layers. Kernels behind that loop read what its last trip wrote."""
    initial: str = ""
    """The tensor that the first trip reads in the place of a `previous` one; it comes from outside where none is
    named."""


Reads = tuple[TensorRead, ...]
"""What an operand is made of, one below the other, as rows; empty where it is not known."""


@dataclass(frozen=True)
class TensorNames:
    """What a kernel reads as its operands and writes as its result `z`.

    An operand of several tensors is made of these one below the other, as rows (concatenated channels or features);
    one of none is not known. `c` is what is added to the result or multiplied with it, element by element, as it leaves
    (the C of GEMM: a residual, a gate).
    """

    a: Reads = ()
    b: Reads = ()
    mask: Reads = ()
    c: Reads = ()
    z: str = ""
    loops: tuple[Loop, ...] = ()
    """Around the kernel, outermost first; its repeats are their trips. Kernels beside each other whose outer loops are
    equal are in the same ones and take turns: `a b a b`, not `a a b b`."""
    result: bool = False
    """Whether all of `z` goes to memory though kernels read it: keys and values for a cache, maps that are pooled."""

    def of(self, operand: str) -> Reads:
        """The tensors of `a`, `b`, `mask` or `c`."""
        return getattr(self, operand)

    def renamed(self, ending: str) -> "TensorNames":
        """The same with an ending behind all names, so that two workloads can be one."""

        def ended(reads: Reads) -> Reads:
            shared = [tuple(f"{loop}{ending}" for loop in read.shared) for read in reads]
            initial = [f"{read.initial}{ending}" if read.initial else "" for read in reads]
            return tuple(
                replace(read, tensor=f"{read.tensor}{ending}", shared=loops, initial=first)
                for read, loops, first in zip(reads, shared, initial, strict=True)
            )

        operands = {operand: ended(self.of(operand)) for operand in OPERANDS}
        loops = tuple((f"{name}{ending}", trips) for name, trips in self.loops)
        return replace(self, **operands, z=f"{self.z}{ending}" if self.z else "", loops=loops)


OPERANDS = ("a", "b", "mask", "c")


def read(tensor: str, view: View = "same") -> Reads:
    """An operand that is the result of a kernel before."""
    return (TensorRead(tensor, view),)


def carried(tensor: str, view: View = "same", *, initial: str = "") -> Reads:
    """An operand that is a result of the trip before, in the first trip the tensor `initial`."""
    return (TensorRead(tensor, view, previous=True, initial=initial),)


def constant(tensor: str, *, shared: tuple[str, ...] = ()) -> Reads:
    """An operand that is a part of the network: weights, a graph, a mask."""
    return (TensorRead(tensor, constant=True, shared=shared),)


def outside(tensor: str, view: View = "same", *, shared: tuple[str, ...] = ()) -> Reads:
    """An operand that no kernel writes and that is no part of the network: an input, a cache, what pooling makes."""
    return (TensorRead(tensor, view, shared=shared),)
