"""Density models: patterns known only as a distribution, for layers too large to be held.

| module | what is in it |
|---|---|
| `density` | `Density`, what every model promises |
| `uniform`, `fixed_structured`, `banded`, `power_law` | `Uniform` and `Dense`, `NM`, `Banded`, `PowerLawRows` |
| `transposed` | a density seen along its columns |
| `laws` | distributions on few points, and their sums; joint laws of sum and maximum |
| `row_laws` | what a row of a tile holds under each model |
| `stacks`, `dealing`, `across` | tiles as stacks of rows, and the fullest of parts of them; of columns, for B |
| `columns`, `classes`, `groups` | columns of tiles, classes of tiles, fullest groups |
| `bands`, `fullest` | tiles of a band, whose rows are not alike |
| `operand`, `joint`, `jumps` | the tables of one operand and of two |

Rows are independent; what a tile of h rows holds is the sum of h draws of one law, found by doubling. The fullest of P
parts goes with the tile's non-zeros (tiles are classed by them), so both are followed together: P(the tile holds n, no
part more than c). `experiments/validate_densities.py` compares every table with sampled patterns. Products of a band
with a sparse operand are not there; of power-law rows, tables of the transpose (B) and of few, long rows are rough.
"""

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.densities.uniform import Dense, Uniform

__all__ = ["NM", "Banded", "Dense", "Density", "PowerLawRows", "Uniform"]
