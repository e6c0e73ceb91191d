"""What a density model promises: how many non-zeros a matrix of any size has and where, as a distribution."""

import math
from abc import ABC, abstractmethod

from scipy.sparse import csr_array

from workloads.errors import InputError


class Density(ABC):
    """A distribution of sparse patterns, for any number of rows and columns. Final classes are frozen dataclasses."""

    @abstractmethod
    def nonzeros(self, rows: int, columns: int) -> float:
        """Expected number of non-zeros. **Raises** `InputError` for a shape that the model does not have."""

    @abstractmethod
    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """One pattern [rows, columns] of this distribution, sorted, float64; the same for the same arguments."""


def check_shape(rows: int, columns: int) -> None:
    """**Raises** `InputError` for a matrix without rows or columns."""
    for name, size in (("rows", rows), ("columns", columns)):
        if size < 1:
            raise InputError(f"{name} is {size}; give a whole number of at least 1.")


def check_share(model: str, density: float) -> None:
    """**Raises** `InputError` for a share of non-zeros outside 0..1."""
    if not 0 < density <= 1 or not math.isfinite(density):
        raise InputError(f"{model}: density is {density}; give a share of non-zeros above 0 and up to 1.")
