"""Density models: patterns known only as a distribution, for layers too large to be held.

| module | what is in it |
|---|---|
| `density` | `Density`, what every model promises |
| `uniform` | `Uniform`, `Dense` |
| `fixed_structured` | `NM` |
| `banded` | `Banded` |
| `power_law` | `PowerLawRows` |

What statistics are expected of them is in `workloads.statistics.closed_form`.
"""

from workloads.densities.banded import Banded
from workloads.densities.density import Density
from workloads.densities.fixed_structured import NM
from workloads.densities.power_law import PowerLawRows
from workloads.densities.uniform import Dense, Uniform

__all__ = ["NM", "Banded", "Dense", "Density", "PowerLawRows", "Uniform"]
