"""Accuracy against energy-delay product: points, fronts, and what one arm needs at another's accuracy."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.common.codesign.judge import Judged

ROUNDING = 1e-9
"""Of means of accuracies."""
RESAMPLED = 2000
"""Draws of seeds, with replacement, that spreads are from (Efron, "Bootstrap methods", 1979)."""


@dataclasses.dataclass(frozen=True)
class CodesignPoint:
    """One method and level of an arm; figures by seed."""

    arm: str
    method: str
    level: str
    judged: tuple[Judged, ...]

    def _by_seed(self, name: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in self.judged])

    @property
    def accuracy(self) -> np.ndarray:
        """Shape [seed]."""
        return np.array([one.network.accuracy for one in self.judged])

    @property
    def latency_s(self) -> np.ndarray:
        """Shape [seed]; energy and energy-delay product likewise."""
        return self._by_seed("latency_s")

    @property
    def energy_pj(self) -> np.ndarray:
        """Shape [seed]."""
        return self._by_seed("energy_pj")

    @property
    def edp_js(self) -> np.ndarray:
        """Shape [seed]."""
        return self._by_seed("edp_js")


def points_of(judged: Sequence[Judged]) -> list[CodesignPoint]:
    """Points in the order in which their first networks come; seeds in theirs."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for one in judged:
        groups.setdefault((one.network.arm, one.network.method, one.network.level), []).append(one)
    return [CodesignPoint(*key, tuple(own)) for key, own in groups.items()]


def cost_at(points: Sequence[CodesignPoint], accuracy: float, seeds: np.ndarray, what: str = "edp_js") -> float:
    """The least cost with which one of the methods of some points reaches an accuracy; infinite if none does.

    Accuracies are means and costs geometric means over `seeds`. Between two neighbours on the front of one method the
    logarithm of the cost is linear in the accuracy; beyond its ends nothing is extrapolated.
    """
    least = np.inf
    for method in dict.fromkeys(point.method for point in points):
        own = [point for point in points if point.method == method]
        right = np.array([point.accuracy[seeds].mean() for point in own])
        logs = np.array([np.log(getattr(point, what)[seeds]).mean() for point in own])
        order = np.lexsort((-right, logs))
        right, logs = right[order], logs[order]
        best = np.maximum.accumulate(right)
        front = np.concatenate([[True], right[1:] > best[:-1]])
        right, logs = right[front], logs[front]
        if right[-1] >= accuracy - ROUNDING:
            least = min(least, float(np.exp(np.interp(accuracy, right, logs))))
    return least


def cheapest(points: Sequence[CodesignPoint], accuracy: float) -> CodesignPoint:
    """The point of least energy-delay product among those at least so accurate; the most accurate where none is."""
    near = [point for point in points if point.accuracy.mean() >= accuracy - ROUNDING]
    if not near:
        return max(points, key=lambda point: point.accuracy.mean())
    return min(near, key=lambda point: np.log(point.edp_js).mean())


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two arms at one accuracy: cost of the second over that of the first."""

    accuracy: float
    ratio: float
    """Not a number where one of them does not get there."""
    low: float
    """5th percentile over draws of seeds; high the 95th."""
    high: float


def compared(
    first: Sequence[CodesignPoint], second: Sequence[CodesignPoint], accuracy: float, seed: int, slack: float = 0.0
) -> Comparison:
    """The energy-delay product of the second arm over that of the first, which may be less accurate by `slack`."""

    def ratio(seeds: np.ndarray, shift: float = 0.0) -> float:
        ours, theirs = cost_at(second, accuracy + shift, seeds), cost_at(first, accuracy + shift - slack, seeds)
        return ours / theirs if np.isfinite(ours) and np.isfinite(theirs) else np.nan

    count = len(first[0].judged)
    every = np.arange(count)
    mean = np.mean([point.accuracy.mean() for point in first])
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(RESAMPLED if count > 1 else 1):
        seeds = rng.integers(count, size=count) if count > 1 else every
        # Splits differ in how hard they are, which is no difference between the arms.
        shift = np.mean([point.accuracy[seeds].mean() for point in first]) - mean
        drawn.append(ratio(seeds, float(shift)))
    drawn = np.array(drawn)[np.isfinite(drawn)]
    low, high = np.percentile(drawn, (5, 95)) if len(drawn) else (np.nan, np.nan)
    return Comparison(accuracy, ratio(every), float(low), float(high))


def point_rows(points: Sequence[CodesignPoint]) -> list[dict[str, Any]]:
    """Rows of `points.csv`: one a network."""
    return [
        {
            "arm": one.network.arm,
            "method": one.network.method,
            "level": one.network.level,
            "seed": one.network.seed,
            "accuracy": one.network.accuracy,
            "weights": sum(kernel.a.nnz for kernel in one.network.kernels),
            "energy_pj": one.energy_pj,
            "latency_s": one.latency_s,
            "edp_js": one.edp_js,
            "area_mm2": one.area_mm2,
            "evaluations": one.evaluations,
            **{name: float(one.design.hardware[name]) for name in MACHINE},
        }
        for point in points
        for one in point.judged
    ]


MACHINE = ("pe_rows", "pe_cols", "lanes", "glb_bytes", "glb_banks", "pe_buffer_bytes", "accumulator_bytes",
           "index_bus_bits", "value_bus_bits")  # fmt: skip


def layer_rows(points: Sequence[CodesignPoint], shapes: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Rows of `layers.csv`: one a network and layer; `shapes` are those of which nothing is gone."""
    rows = []
    for point in points:
        for one in point.judged:
            parts = zip(one.network.kernels, one.costs, one.design.mappings, strict=True)
            for kernel, cost, mapping in parts:
                layer = kernel.name.rpartition("_")[2]
                rows.append(
                    {
                        "arm": point.arm,
                        "method": point.method,
                        "level": point.level,
                        "seed": one.network.seed,
                        "layer": layer,
                        "outputs": kernel.m,
                        "outputs_whole": shapes[layer][0],
                        "inputs": kernel.k,
                        "inputs_whole": shapes[layer][1],
                        "weights": kernel.a.nnz,
                        "density_of_rest": kernel.a.nnz / (kernel.m * kernel.k),
                        "density": kernel.a.nnz / (shapes[layer][0] * shapes[layer][1]),
                        "energy_pj": float(np.sum(cost.energy_pj)),
                        "latency_s": float(cost.latency_s),
                        "a_format": mapping["a_format"],
                        "a_zero": mapping["a_zero"],
                    }
                )
    return rows
