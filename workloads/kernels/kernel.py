"""What every kernel has: a name, sizes of its loops, how often it runs, a hash of its patterns."""

import math
from abc import ABC, abstractmethod
from typing import Literal, get_args

from workloads.errors import InputError
from workloads.kernels.tensor_names import TensorNames

Numbers = Literal["pattern", "integer", "real"]
"""What the values of the sparse operands are: places alone; whole numbers, or weights and activations of networks,
which run quantised by convention; or real numbers, which take floating point."""


class Kernel(ABC):
    """Loops over m, k and n of which some are sparse. Final classes are frozen dataclasses with these attributes.

    `repeats`: how often it runs in the workload (layers of equal pattern, iterations of a solver). `tensors`: the names
    of what it reads and writes, and the loops that its repeats are of; None where they are not known.
    """

    name: str
    m: int
    k: int
    n: int
    repeats: float | int
    tensors: TensorNames | None
    numbers: Numbers

    @property
    def shape(self) -> tuple[int, int, int]:
        """(m, k, n)."""
        return self.m, self.k, self.n

    def operand_shape(self, operand: str) -> tuple[int, int]:
        """Rows and columns of `a`, `b`, `mask`, `z`, or of `c`, which joins `z` element by element."""
        return {"a": (self.m, self.k), "b": (self.k, self.n)}.get(operand, (self.m, self.n))

    @property
    @abstractmethod
    def kind(self) -> str:
        """What is computed, in the field's word, as `spmm`."""

    @property
    @abstractmethod
    def family(self) -> str:
        """Kernels of one family share the shape of their statistics and stack."""

    @abstractmethod
    def content_hash(self) -> str:
        """SHA-256 of patterns or densities, 64 hexadecimal digits; blind to values, name and repeats."""

    def check_name_and_repeats(self) -> None:
        """**Raises** `InputError` for an empty name, repeats that are no finite number above 0, unknown `numbers`."""
        if not self.name:
            raise InputError("A kernel's name is empty; give it one.")
        if not 0 < self.repeats < math.inf:
            raise InputError(f"{self.name}: repeats is {self.repeats}; give a finite number above 0.")
        if self.numbers not in get_args(Numbers):
            choices = ", ".join(get_args(Numbers))
            raise InputError(f"{self.name}: numbers {self.numbers!r} are unknown; choose one of: {choices}.")
