"""N:M density: n non-zeros in each aligned group of m neighbours along a row."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads import generators
from workloads.densities.density import Density, check_shape
from workloads.errors import InputError


@dataclass(frozen=True)
class NM(Density):
    """n non-zeros at uniform places of each group of m columns, along K where A is the operand.

    A last group cut short holds min(n, its width). Source: Mishra et al., arXiv:2104.08378.
    """

    n: int
    m: int

    def __post_init__(self) -> None:
        if not 1 <= self.n <= self.m:
            raise InputError(f"NM: {self.n}:{self.m} is no pattern; give n from 1 to m = {self.m}.")

    def nonzeros(self, rows: int, columns: int) -> float:
        """The exact number."""
        check_shape(rows, columns)
        groups, rest = divmod(columns, self.m)
        return float(rows * (groups * self.n + min(self.n, rest)))

    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """`generators.n_of_m`."""
        return generators.n_of_m(rows, columns, self.n, self.m, seed)
