"""What a kernel's mapping is chosen by: a number of its latency and energy that is to be small."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dse.problem.objectives import find_objectives

Merit = Callable[[Any, Any], Any]
"""(latency in s, energy in pJ), numbers or arrays of them -> what is to be small, and does not fall where either grows;
all are of one hardware and area."""


def merit_of(objective: str) -> Merit:
    """An objective by name (`edp_js`, `latency_s`, `energy_pj`, ...) but for its area, which all mappings share."""
    by_latency, by_energy, _ = find_objectives([objective])[0].exponents
    return lambda latency_s, energy_pj: latency_s**by_latency * energy_pj**by_energy


def weighted_sum(latency_s: float, energy_pj: float) -> Merit:
    """Latency and energy as shares of these: to first order, the energy-delay product of a workload that takes them."""
    return lambda latency, energy: latency / latency_s + energy / energy_pj


def first_that_fits(latency_s: np.ndarray, energy_pj: np.ndarray) -> np.ndarray:
    """The same for all: of equal ones the mapper takes the first."""
    return np.zeros(len(latency_s))
