"""Power-law rows: rows of heavy-tailed length at uniform columns."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from workloads import generators
from workloads.densities.density import Density, check_shape, check_share
from workloads.errors import InputError


@dataclass(frozen=True)
class PowerLawRows(Density):
    """Rows of independent lengths, P(length > x) ~ x^(1 - exponent), each at uniform columns.

    Lengths are Pareto of mean `density` times columns, rounded and then cut to 1..columns, which changes the mean.
    """

    density: float | int
    exponent: float | int

    def __post_init__(self) -> None:
        check_share("PowerLawRows", self.density)
        if not 2 < self.exponent < math.inf:
            raise InputError(f"PowerLawRows: exponent is {self.exponent}; give a finite one above 2.")

    def nonzeros(self, rows: int, columns: int) -> float:
        """Expected number, rounding and cuts included."""
        check_shape(rows, columns)
        lengths = np.arange(1, columns + 1)
        return float(rows * -np.diff(self.longer(np.append(lengths, columns + 1) - 1, columns)) @ lengths)

    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """`generators.power_law_rows`."""
        return generators.power_law_rows(rows, columns, self.mean_length(columns), self.exponent, seed)

    def mean_length(self, columns: int) -> float:
        """Mean of the Pareto law. **Raises** `InputError` where it is below one non-zero a row."""
        mean = self.density * columns
        if mean < 1:
            raise InputError(
                f"PowerLawRows: a density of {self.density} of {columns} columns is less than one non-zero a row; "
                f"give at least {1 / columns:.3g}."
            )
        return mean

    def longer(self, lengths: np.ndarray, columns: int) -> np.ndarray:
        """P(a row has more than so many non-zeros), after rounding and cuts."""
        smallest = self.mean_length(columns) * (self.exponent - 2) / (self.exponent - 1)
        tail = np.minimum(((lengths + 0.5) / smallest), np.inf)
        tail = np.minimum(tail, 1e300) ** (1 - self.exponent)
        return np.where(lengths < 1, 1.0, np.where(lengths >= columns, 0.0, np.minimum(tail, 1.0)))
