"""Why most of what Cerebras publishes of unstructured sparsity cannot be predicted, and what can."""

import math
from collections.abc import Sequence

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.cerebras import CerebrasWse2
from hwmodels.systems.work import uniform_work

BARS = {"speed-ups": Bar(lambda point: "speedup" in point.metric)}

WAFER = CerebrasWse2()


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Speed-up of a sparse layer over the dense one where m, k, n and a density are given; else the reason why not."""
    metric, params = point.metric.lower(), point.params
    if math.isnan(point.value):
        return "published in words"
    if "vs cpu" in metric or "cpu inference" in metric:
        return "a ratio to a CPU and a kernel whose sizes are not given"
    if "speedup" not in metric:
        return "a property of the pruned network, not of the machine"
    density = params.get("density", params.get("weight_density"))
    if density is None or not {"m", "k", "n"} <= set(params):
        return "neither sizes nor density of the layer are given"
    sizes = [float(params[name]) for name in "mkn"]
    dense, sparse = (WAFER.cost(uniform_work(*sizes, share)).latency_s for share in (1.0, float(density)))
    return float(dense / sparse)
