"""What the model of Loihi says of published points: energy and time of layers whose sizes and rates are given."""

from collections.abc import Sequence

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.loihi import Loihi
from hwmodels.systems.work import uniform_work

BARS: dict[str, Bar] = {}
"""None: the collected facts are the energies that the model is made of, and hold no run."""

CHIP = Loihi()
SCALE = {"pJ": 1.0, "nJ": 1e-3, "uJ": 1e-6, "mJ": 1e-9, "s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Energy or time of m neurons with k inputs over n timesteps; else the reason why not."""
    metric, params = point.metric.lower(), point.params
    if not {"m", "k", "n"} <= set(params) or point.unit not in SCALE:
        return "sizes, timesteps and spike rates of this run are not given"
    densities = (float(params.get(name, 1.0)) for name in ("weight_density", "activation_density"))
    cost = CHIP.cost(uniform_work(*(float(params[name]) for name in "mkn"), *densities))
    if "energy" in metric:
        return float(cost.energy_pj.sum()) * SCALE[point.unit]
    if "latency" in metric or "time" in metric:
        return float(cost.latency_s) * SCALE[point.unit]
    return "no model of this metric"
