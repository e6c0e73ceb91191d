"""What the model of the dual-side sparse tensor core says of its published points."""

from collections.abc import Sequence

from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.dstc import Dstc
from hwmodels.systems.work import Work, uniform_work

CHIP = Dstc()
LATENCY = "DSTC latency"
SINGLE = "single-side implicit speedup"
"""By the zeros of the activations: within a stage of a network it goes as the inverse of their density."""
LAYER_SIZE = 4096.0
"""Of networks whose layer sizes are not given: the speed-up does not depend on it where DRAM does not bind."""

BARS = {
    "latency over both sparsities (Fig. 21)": Bar(lambda point: point.metric == LATENCY, mean=0.15),
    "the same, as Sparseloop's authors read it": Bar(lambda point: point.metric.startswith(LATENCY)),
    "dual-side speed-up of layers": Bar(lambda point: point.metric.startswith("DSTC dual-side")),
    "single-side speed-up of layers": Bar(lambda point: point.metric == SINGLE),
    "im2col of bitmaps and CSR": Bar(lambda point: "im2col time" in point.metric),
}
REASONS = {
    "single-side (explicit": "a baseline's speed-up: no model of another paper's sparse tensor core behind an im2col",
    "dense explicit": "a baseline's speed-up: no model of an explicit im2col",
    "cuSPARSE": "a time of cuSPARSE: no model of its sparse x sparse product",
    "CUTLASS": "an input of the model: the rate of the dense baseline on the simulated V100",
    "Sparse Tensor Core": "another paper's tensor core: no model of its vector-wise pruning",
}
"""Start of a metric, or a word in it -> why it is not predicted."""


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Latency of products and speed-ups of layers by their densities; else the reason why not."""
    metric = point.metric
    if metric.startswith(LATENCY):
        work = _product(point)
        if isinstance(work, str):
            return work
        return CHIP.cost(work).latency_s * 1e6
    if "im2col time" in metric:
        return _im2col(point, points)
    if metric.startswith("DSTC dual-side") or metric == SINGLE:
        if "activation_sparsity_pct" not in point.params or "weight_sparsity_pct" not in point.params:
            return "the densities of this layer are not given"
        active, weights = (1 - point.params[f"{name}_sparsity_pct"] / 100 for name in ("activation", "weight"))
        if metric == SINGLE:
            weights = 1.0
        return CHIP.speedup(uniform_work(LAYER_SIZE, LAYER_SIZE, LAYER_SIZE, weights, active))
    return next((reason for word, reason in REASONS.items() if word in metric), "no model of this metric")


def _product(point: PublishedPoint) -> Work | str:
    p = point.params
    density = {}
    for side in ("A", "B"):
        if f"{side}_density" in p:
            density[side] = float(p[f"{side}_density"])
        elif f"{side}_sparsity_pct" in p:
            density[side] = 1 - float(p[f"{side}_sparsity_pct"]) / 100
    if len(density) < 2 or not {"M", "N", "K"} <= set(p):
        return "sizes or densities of this product are not given"
    if point.metric == LATENCY and density == {"A": 1.0, "B": 1.0}:
        return "an input of the model: its rate on the dense product, which the others are relative to"
    m, k, n = (float(p[name]) for name in "MKN")
    return uniform_work(m, k, n, density["A"], density["B"])


def _im2col(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Time over that of dense data: the map is passed over as if dense, and each non-zero takes extra, alike for all.

    What a non-zero takes is read off the program's own time without zeros, an input.
    """
    dense = [p.value for p in points if p.metric == point.metric and p.params.get("sparsity_pct") == 0]
    if point.params.get("sparsity_pct") == 0 or not dense:
        return "an input of the model: what this program takes for a non-zero"
    return 1.0 + (dense[0] - 1.0) * (1.0 - point.params["sparsity_pct"] / 100)
