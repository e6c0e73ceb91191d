"""What co-design gained, and where, in words."""

from collections.abc import Sequence

import numpy as np

from experiments.common.codesign.figure import LOOKS
from experiments.common.codesign.judge import Judged
from experiments.common.codesign.points import CodesignPoint, Comparison
from experiments.common.design_words import energy, quantity
from experiments.common.table import text_table
from hwmodels.cost import ENERGY_COMPONENTS

ARMS = {
    "codesign": "co-design",
    "still": "priced by the dense network's machine",
    "macs": "priced by multiplications",
    "prune": "prune, then design",
}


def mean_cost(point: CodesignPoint, what: str = "edp_js") -> float:
    """Geometric mean over seeds."""
    return float(np.exp(np.log(getattr(point, what)).mean()))


def point_table(points: Sequence[CodesignPoint], dense: CodesignPoint) -> str:
    """All points: accuracy with its spread over seeds, costs as geometric means."""
    rows = []
    for point in (dense, *points):
        change = 100 * (point.accuracy - dense.accuracy)  # of the same seed
        whole = point.arm != "prune" and point.level
        rows.append(
            (
                "dense" if point is dense else LOOKS[point.method]["label"],
                f"to {float(point.level):.1%} of the price" if whole else "" if point is dense else point.level,
                f"{100 * point.accuracy.mean():.2f} %",
                "" if point is dense else f"{change.mean():+.2f} +- {change.std():.2f}",
                energy(mean_cost(point, "energy_pj")),
                quantity(mean_cost(point, "latency_s"), "s"),
                f"{mean_cost(point) / mean_cost(dense):.1%}",
            )
        )
    header = ("", "", "accuracy", "points", "energy", "latency", "EDP of dense")
    return text_table(header, rows, left=(0, 1))


def comparison_words(comparison: Comparison, dense: float) -> str:
    """One accuracy, one ratio."""
    words = f"  at {100 * comparison.accuracy:.2f} % ({100 * (comparison.accuracy - dense):+.1f} points)"
    if not np.isfinite(comparison.ratio):
        return f"{words}: one of the two does not get there"
    spread = f", 90 % of draws of seeds between {comparison.low - 1:+.0%} and {comparison.high - 1:+.0%}"
    return f"{words}: {comparison.ratio - 1:+.1%}{spread if np.isfinite(comparison.low) else ''}"


def layer_table(points: dict[str, CodesignPoint], shapes: dict[str, tuple[int, int]]) -> str:
    """What is left of each layer, means over seeds."""
    rows = []
    for title, point in points.items():
        for layer, (outputs, inputs) in shapes.items():
            own = [
                (kernel, mapping)
                for one in point.judged
                for kernel, mapping in zip(one.network.kernels, one.design.mappings, strict=True)
                if kernel.name.rpartition("_")[2] == layer
            ]
            formats = [str(mapping["a_format"]) for _, mapping in own]
            rows.append(
                (
                    title if layer == next(iter(shapes)) else "",
                    layer,
                    f"{np.mean([k.m for k, _ in own]):.0f} of {outputs}",
                    f"{np.mean([k.k for k, _ in own]):.0f} of {inputs}",
                    f"{np.mean([k.a.nnz / (k.m * k.k) for k, _ in own]):.0%}",
                    f"{np.mean([k.a.nnz for k, _ in own]) / (outputs * inputs):.1%}",
                    ", ".join(f"{name} {formats.count(name)}" for name in dict.fromkeys(sorted(formats))),
                )
            )
    header = ("", "layer", "outputs", "inputs", "of the rest", "of all weights", "stored (networks)")
    return text_table(header, rows, left=(0, 1, 6))


def fixed_words(judged: Sequence[Judged], fixed_s: float, fixed_pj: float) -> str:
    """How much of what co-designed networks cost no sparsity can change."""
    latency, joules = (np.mean([getattr(one, name) for one in judged]) for name in ("latency_s", "energy_pj"))
    totals = np.sum([cost.energy_pj for one in judged for cost in one.costs], axis=0)
    parts = sorted(zip(totals / totals.sum(), ENERGY_COMPONENTS, strict=True), reverse=True)[:3]
    return (
        f"One output, input and weight a layer on the same machine still takes {fixed_s / latency:.0%} of the latency "
        f"and {fixed_pj / joules:.0%} of the energy; most energy goes to "
        f"{', '.join(f'{name} ({share:.0%})' for share, name in parts)}."
    )


def swapped_words(ratios: dict[str, float]) -> str:
    """What `judge.swapped` found."""
    parts = ", ".join(f"{name} {ratio - 1:+.0%}" for name, ratio in ratios.items())
    return f"EDP over that of prune-then-design where only a part of these two is taken from co-design: {parts}"
