"""Heavy tails: do counts by row or column fall off as a power law, against the geometric law?

Discrete power law P(x) = x^-a / zeta(a, x_min) for x >= x_min, the exponent by maximum likelihood, x_min where the
Kolmogorov-Smirnov distance is least, and Vuong's likelihood ratio against the geometric law on the same tail: Clauset,
Shalizi, Newman, "Power-law distributions in empirical data", SIAM Review 51(4), 2009 (arXiv:0706.1062).
The geometric law stands for light tails: one that is lighter still, such as Poisson's, it fits better than a power law
does. A log-normal tail can seldom be told from a power law, and is called one here.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer
from scipy.optimize import minimize_scalar
from scipy.special import zeta
from scipy.stats import norm

EXPONENTS = (1.05, 6.0)
LEAST_TAIL = 50
"""Counts that a tail needs: fits below this are not to be trusted (Clauset et al., section 3)."""
MOST_STARTS = 64
"""Values of x_min that are tried."""
SIGNIFICANCE = 0.05
LARGEST_DISTANCE = 0.05
"""Largest Kolmogorov-Smirnov distance, unless sampling explains more. Our choice."""
SAMPLING_DISTANCE = 0.9
"""Over the root of the tail's size: the 95th percentile with a fitted parameter (Lilliefors, JASA 62, 1967)."""
HEAVIEST = 4.0
"""Largest exponent of what is called a heavy tail: most of the data in Clauset et al. has 2 to 3. Our choice."""
LEAST_REACH = 8.0
"""Largest count over x_min, at least: just under a decade of tail. Our choice."""
LEAST_LOAD = 0.2
"""Share of the non-zeros that lie in the tail, at least: less would not matter. Our choice."""


@dataclass(frozen=True)
class Tail:
    """A power law fitted to the counts of rows or columns."""

    exponent: float
    start: int
    """x_min."""
    counts: int
    """How many rows or columns are in the tail."""
    load: float
    """Share of the non-zeros that they hold."""
    reach: float
    """Largest count over x_min."""
    distance: float
    """Kolmogorov-Smirnov."""
    p_light: float
    """One-sided p-value of Vuong's test: small if the geometric law fits the tail worse."""

    @property
    def found(self) -> bool:
        """Heavier than geometric and well fitted."""
        return (
            self.p_light < SIGNIFICANCE
            and self.distance <= max(LARGEST_DISTANCE, SAMPLING_DISTANCE / self.counts**0.5)
            and self.exponent <= HEAVIEST
        )


def find_tail(counts: Integer[np.ndarray, " parts"]) -> Tail | None:
    """The tail of counts that fits best, of those large, long and loaded enough to matter; None where none is."""
    values, times = np.unique(counts[counts > 0], return_counts=True)
    above = np.cumsum(times[::-1])[::-1]
    load = np.cumsum((values * times)[::-1])[::-1] / max(int(counts.sum()), 1)
    starts = np.flatnonzero(
        (above >= LEAST_TAIL) & (load >= LEAST_LOAD) & (values * LEAST_REACH <= values.max(initial=0))
    )
    if starts.size == 0:
        return None
    if starts.size > MOST_STARTS:
        starts = np.unique(starts[np.geomspace(1, starts.size, MOST_STARTS).astype(int) - 1])
    fits = [(_fit(values[at:], times[at:]), at) for at in starts]
    (exponent, distance), at = min(fits, key=lambda fit: fit[0][1])
    x, n = values[at:].astype(float), times[at:]
    total = int(n.sum())
    return Tail(
        exponent,
        int(x[0]),
        total,
        float((x * n).sum() / (values * times).sum()),
        float(x[-1] / x[0]),
        distance,
        _against_geometric(x, n, exponent),
    )


def _fit(values: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """Exponent by maximum likelihood, and the Kolmogorov-Smirnov distance."""
    x, total = values.astype(float), int(times.sum())
    logs = float((times * np.log(x)).sum())
    best = minimize_scalar(lambda a: a * logs + total * np.log(zeta(a, x[0])), bounds=EXPONENTS, method="bounded")
    exponent = float(best.x)
    model = 1 - zeta(exponent, x + 1) / zeta(exponent, x[0])
    return exponent, float(np.abs(np.cumsum(times) / total - model).max())


def _against_geometric(x: np.ndarray, n: np.ndarray, exponent: float) -> float:
    total = int(n.sum())
    excess = float((n * (x - x[0])).sum()) / total
    stay = excess / (1 + excess)
    geometric = np.log1p(-stay) + (x - x[0]) * np.log(stay)
    ratio = -exponent * np.log(x) - np.log(zeta(exponent, x[0])) - geometric
    mean = float((n * ratio).sum()) / total
    deviation = float(np.sqrt((n * (ratio - mean) ** 2).sum() / total))
    return float(norm.sf(np.sqrt(total) * mean / max(deviation, 1e-12)))
