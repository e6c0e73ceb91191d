"""How long something takes: the median of repeated runs after a warm-up, within a budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SAMPLE_S = 1e-4
"""Least length of a sample, a thousand times what reading the clock takes: shorter runs are timed several at a time."""
MOST_SAMPLES = 201


@dataclass(frozen=True)
class Timing:
    """Of one run."""

    median_s: float
    fastest_s: float
    spread: float
    """Interquartile range over median."""
    runs: int
    total_s: float
    """From before the warm-up until after the last run."""


def time_runs(run: Callable[[], object], budget_s: float, least_s: float = 0.0) -> Timing:
    """Median seconds of `run`, after warm-up runs that take no more than a fifth of the budget (but at least one).

    Samples are taken until `budget_s` is spent or there are 201 that add up to `least_s` or more; always at least one,
    so that a run longer than the budget is run twice, once to warm up and once to be timed.
    """
    start = time.perf_counter()
    warm = [_once(run, 1)]
    while time.perf_counter() - start + warm[-1] < 0.2 * budget_s and len(warm) < 5:
        warm.append(_once(run, 1))
    each = max(1, round(SAMPLE_S / max(min(warm), 1e-9)))
    samples: list[float] = []
    while not samples or (
        time.perf_counter() - start < budget_s
        and (len(samples) < MOST_SAMPLES or time.perf_counter() - start < least_s)
    ):
        samples.append(_once(run, each))
    total = time.perf_counter() - start
    low, median, high = np.quantile(samples, (0.25, 0.5, 0.75))
    fastest = min(samples) / each
    return Timing(float(median) / each, fastest, float((high - low) / median), each * len(samples), total)


def _once(run: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return time.perf_counter() - start
