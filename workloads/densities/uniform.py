"""Uniform density: a fixed number of non-zeros, every set of positions as likely as any other."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads import generators
from workloads.densities.density import Density, check_shape, check_share


@dataclass(frozen=True)
class Uniform(Density):
    """round(density rows columns) non-zeros, at least one, placed uniformly: tiles hold a hypergeometric number."""

    density: float | int

    def __post_init__(self) -> None:
        check_share("Uniform", self.density)

    def nonzeros(self, rows: int, columns: int) -> float:
        """The exact number."""
        check_shape(rows, columns)
        return float(max(round(self.density * rows * columns), 1))

    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """`generators.uniform`."""
        return generators.uniform(rows, columns, self.density, seed)


def Dense() -> Uniform:
    """Every position is a non-zero."""
    return Uniform(1.0)
