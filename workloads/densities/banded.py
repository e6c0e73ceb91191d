"""Banded density: non-zeros only near the diagonal of a square matrix."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads import generators
from workloads.densities.density import Density, check_shape, check_share
from workloads.errors import InputError


@dataclass(frozen=True)
class Banded(Density):
    """A square band |row - column| <= half_width: a full diagonal, other positions non-zero with `density`."""

    half_width: int
    density: float | int = 1.0

    def __post_init__(self) -> None:
        check_share("Banded", self.density)
        if self.half_width < 0:
            raise InputError(f"Banded: half_width is {self.half_width}; give a whole number of at least 0.")

    def nonzeros(self, rows: int, columns: int) -> float:
        """Expected number; exact where the band is full."""
        _check_square(rows, columns)
        reach = min(self.half_width, rows - 1)
        return rows + self.density * (2 * rows - 1 - reach) * reach

    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """`generators.banded`."""
        _check_square(rows, columns)
        return generators.banded(rows, self.half_width, seed, self.density)


def _check_square(rows: int, columns: int) -> None:
    check_shape(rows, columns)
    if rows != columns:
        raise InputError(f"Banded: a band of {rows} x {columns} is not square; give as many columns as rows.")
