"""The graph of a workload: its tensors, who writes and reads each, and for how long each is needed.

Kernels run in their order; inside a loop (`TensorNames.loops`) they take turns, trip by trip. A tensor lives in the
loops that its writer and all its readers share; what loops further in make of it, or read of it, are parts that exist
together. Whoever keeps a tensor from its writer to its readers needs room for `at_once` copies of `shape` while any of
the kernels `alive` runs.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from workloads.kernels.tensor_names import View

Trip = Literal["this", "previous", "first", "last"]


@dataclass(frozen=True)
class TensorUse:
    """That a kernel reads a tensor."""

    kernel: int
    operand: str
    """`a`, `b`, `mask`, or `c` for what joins the result element by element."""
    view: View
    trip: Trip
    """Which one's it reads: of its own trip of their loops, of the one before (but in the first trip), in the first
    trip only, or of the last trip of a loop that is over."""
    share: float
    """Of all that the operand is read from in all runs, the part that is this tensor: less than 1 where others lie
    beside it, and where another trip reads another one."""


@dataclass(frozen=True)
class GraphTensor:
    """One tensor of a workload."""

    name: str
    shape: tuple[int, int]
    """Of one copy: the result of one run of its writer, or what one run reads, without its view."""
    copies: int
    """Different ones in the whole workload: layers times heads, say; 1 of weights that are the same in every repeat."""
    at_once: int
    """Of these, how many there are together; of a constant all."""
    is_weight: bool
    """Whether it is a part of the network, the same in every run of the workload."""
    producer: int | None
    """Index of the kernel that writes it; None of what comes from outside."""
    consumers: tuple[TensorUse, ...]
    alive: tuple[int, ...]
    """Indices of the kernels during which it takes room if it stays, its writer and readers included; all of a
    constant."""
    is_result: bool
    """Whether it goes to memory: no kernel reads it, or what is no kernel does too."""

    @property
    def is_input(self) -> bool:
        """Whether it comes from outside and is no part of the network."""
        return self.producer is None and not self.is_weight

    @property
    def is_carried(self) -> bool:
        """Whether it goes from trip to trip of a loop."""
        return any(use.trip == "previous" for use in self.consumers)

    @property
    def elements(self) -> int:
        """Of all copies that there are together, zeros included."""
        return math.prod(self.shape) * self.at_once


@dataclass(frozen=True)
class WorkloadGraph:
    """Tensors in the order in which they are first met; none where kernels name none."""

    tensors: tuple[GraphTensor, ...]

    @cached_property
    def by_name(self) -> dict[str, GraphTensor]:
        """The tensors by name."""
        return {tensor.name: tensor for tensor in self.tensors}

    def __getitem__(self, name: str) -> GraphTensor:
        return self.by_name[name]

    def read_by(self, kernel: int, operand: str) -> tuple[GraphTensor, ...]:
        """The tensors that an operand is made of; none where they are not known."""
        uses = [(tensor, use) for tensor in self.tensors for use in tensor.consumers]
        return tuple(tensor for tensor, use in uses if (use.kernel, use.operand) == (kernel, operand))

    def written_by(self, kernel: int) -> GraphTensor | None:
        """The result of a kernel; None where it has no name."""
        return next((tensor for tensor in self.tensors if tensor.producer == kernel), None)
