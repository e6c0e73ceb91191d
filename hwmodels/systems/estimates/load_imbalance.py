"""Expectations that closed forms of load imbalance need, for patterns of which only the density is known."""

import numpy as np
from scipy.stats import binom, norm


def groups_of(count: int, density: float, width: int) -> tuple[float, float]:
    """Mean and variance of ceil(X / width), X ~ Binomial(count, density): cycles of `width` lanes on X non-zeros."""
    drawn = np.arange(int(count) + 1)
    chance = binom.pmf(drawn, int(count), density)
    groups = -(-drawn // width)
    mean = float(chance @ groups)
    return mean, max(float(chance @ groups**2) - mean**2, 0.0)


def expected_maximum(count: float | int) -> float:
    """Expected largest of `count` independent standard normals, in standard deviations; 0 for one.

    Blom's approximation (Statistical Estimates and Transformed Beta-Variables, 1958), within 0.01 below 10,000.
    """
    return float(norm.ppf((count - 0.375) / (count + 0.25))) if count > 1 else 0.0


def largest_groups(count: int, density: float, width: int, among: float | int) -> float:
    """Expected largest of `among` independent ceil(X / width), X ~ Binomial(count, density): of lanes that wait."""
    steps = np.arange(-(-int(count) // width))
    return float((1 - binom.cdf(steps * width, int(count), density) ** among).sum())
