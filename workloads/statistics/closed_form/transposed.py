"""A density seen along its columns."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from workloads.densities.density import Density
from workloads.densities.uniform import Uniform


@dataclass(frozen=True)
class Transposed(Density):
    """The transpose of a pattern whose rows are independent: along a column, non-zeros are too.

    Columns that lie in the same tile are not independent of each other; what a tile holds is taken from the rows.
    """

    of: Density

    def nonzeros(self, rows: int, columns: int) -> float:
        """Those of the density."""
        return self.of.nonzeros(columns, rows)

    def sample(self, rows: int, columns: int, seed: int) -> csr_array:
        """The transpose of a sample."""
        pattern = csr_array(self.of.sample(columns, rows, seed).T)
        pattern.sort_indices()
        return pattern


def transpose_of(density: Density) -> Density:
    """The density of the transpose."""
    return density if isinstance(density, Uniform) else Transposed(density)
