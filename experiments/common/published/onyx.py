"""Onyx's sparsity sweep, cycles and gains in energy-delay product, by `hwmodels.systems.onyx` and `onyx_kernels`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from scipy.optimize import brentq

from experiments.common.published.onyx_kernels import ONYX_KERNELS, bcsstm26_cycles
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work, uniform_work
from hwmodels.systems.onyx import Onyx

BARS = {
    "sparsity sweep": Bar(lambda point: point.metric == "sparse configuration time", mean=0.15),
    "dense mode and crossover": Bar(
        lambda point: (
            point.metric in ("dense configuration time", "crossover sparsity") or "speedup over dense" in point.metric
        )
    ),
    "SpMSpM of bcsstm26": Bar(lambda point: point.workload == "bcsstm26"),
    "gain in EDP over a CPU": Bar(lambda point: point.metric.startswith("EDP gain"), factor=2.0, rank=0.9),
}
CHIP = Onyx()
SIMULATED = replace(CHIP, clock_ghz=CHIP.rtl_clock_ghz)
SIDE = 512
"""Of the product of the sweep, where a point's params do not say."""


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if point.metric.startswith("EDP gain"):
        known = ONYX_KERNELS.get(point.workload)
        return known.edp_gain if known else "no model of this kernel"
    if (point.workload, point.metric) == ("bcsstm26", "SpMSpM CGRA cycles after optimisation"):
        return 1e-6 * bcsstm26_cycles()
    if point.metric == "sparse configuration time" and "sparsity_pct" in point.params:
        return 1e3 * _seconds(SIMULATED.sparse_cycles(_product(point, float(point.params["sparsity_pct"]))))
    if point.metric == "dense configuration time":
        return 1e3 * _seconds(SIMULATED.dense_cycles(_product(point, 0.0)))
    if stated := re.search(r"speedup over dense.* at ([\d.]+) ?%", point.metric):
        zeros = float(stated[1])
        return SIMULATED.dense_cycles(_product(point, 0.0)) / SIMULATED.sparse_cycles(_product(point, zeros))
    if point.metric == "crossover sparsity":
        dense = SIMULATED.dense_cycles(_product(point, 0.0))
        return float(brentq(lambda zeros: SIMULATED.sparse_cycles(_product(point, zeros)) - dense, 1.0, 99.9)) / 100
    return _why_not(point)


def _product(point: PublishedPoint, zeros_percent: float) -> Work:
    m, k, n = (float(point.params.get(name, SIDE)) for name in "MKN")
    density = 1 - zeros_percent / 100
    return uniform_work(m, k, n, density, density)


def _seconds(cycles: float) -> float:
    return cycles / SIMULATED.clock_ghz * 1e-9


def _why_not(point: PublishedPoint) -> str:
    if "Amber" in point.metric:
        return "the schedules of dense layers on either chip are not published"
    if "unroll" in point.workload or "cycles" in point.metric:
        return "cycles of graphs on patterns that are not at hand"
    return "sizes of this kernel's operands are not given"
