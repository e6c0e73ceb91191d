"""What the model of a server CPU says of published times of MKL."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.common.published.matrices import SQUARES
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems.server_cpu import ServerCpu, named_cpu
from hwmodels.systems.work import Work

BARS = {
    "TeAAL's MKL": Bar(lambda point: "E5-2699v4" not in point.metric),
    "MatRaptor's MKL, 12 threads": Bar(lambda point: "E5-2699v4" in point.metric and "1t" not in point.metric.lower()),
    "MatRaptor's MKL, 1 thread": Bar(lambda point: "E5-2699v4" in point.metric and "1t" in point.metric.lower()),
}
"""MatRaptor's times hold more than the product: 12 threads take at least 17 ms, however few the products; one thread
takes 0.07 to 1.05 s in hardly any order of the work (rank correlation of times and products 0.3)."""

START_S = 0.016
"""Fitted: start of MKL on 12 threads in MatRaptor's times, the median of the time less that of the products."""


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """Time, ns, or rate, GFLOP/s or GOP/s (two operations a product), of A x A; else the reason why not."""
    metric = point.metric.lower()
    if "cusparse" in metric:
        return "a GPU time: no model of that GPU"
    if "mkl" not in metric:
        return "no model of this metric"
    products = _products(point, points)
    if products is None:
        return "the multiplies of this product are not given"
    cpu, start_s = named_cpu("E5-2687W v4"), 0.0
    if "e5-2699v4" in metric:
        cpu, start_s = replace(named_cpu("E5-2699 v4"), cores=1 if "1t" in metric else 12), START_S
    seconds = start_s + _seconds(cpu, products)
    return seconds * 1e9 if "time" in metric else 2 * products / seconds * 1e-9


def _products(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | None:
    """Multiplies of A x A, of this point, of another of the same matrix, or of the table."""
    for other in (point, *points):
        if other.workload == point.workload and "AxA_mults" in other.params:
            return float(other.params["AxA_mults"])
    known = SQUARES.get(point.workload)
    return None if known is None else known.multiplies


def _seconds(cpu: ServerCpu, products: float) -> float:
    """Time by products alone, which bind: operands and result are taken to be a quarter as many."""
    size = products / 4
    return float(cpu.cost(Work(size, size, size, size, size, products, size)).latency_s)
