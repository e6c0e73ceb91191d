"""What the model of a server CPU says of published times of MKL."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.common.published.points import Bar, Point
from hwmodels.systems.server_cpu import ServerCpu, named_cpu
from hwmodels.systems.work import Work

BARS = {
    "TeAAL's MKL": Bar(lambda point: "E5-2699v4" not in point.metric),
    "MatRaptor's MKL": Bar(lambda point: "E5-2699v4" in point.metric),
}
"""The second include the start of MKL, by what their size-independent times suggest."""


def predict(point: Point, points: Sequence[Point]) -> float | str:
    """Time, ns, or rate, GFLOP/s or GOP/s (two operations a product), of A x A; else the reason why not."""
    metric = point.metric.lower()
    if "cusparse" in metric:
        return "a GPU time: no model of that GPU"
    if "mkl" not in metric:
        return "no model of this metric"
    products = _products(point, points)
    cpu = named_cpu("E5-2687W v4")
    if "e5-2699v4" in metric:
        cpu = replace(named_cpu("E5-2699 v4"), cores=1 if "1t" in metric else 12)
    if "time" in metric:
        return "the multiplies of this product are not given" if products is None else _seconds(cpu, products) * 1e9
    typical = 1e7 if products is None else products
    return 2 * typical / _seconds(cpu, typical) * 1e-9


def _products(point: Point, points: Sequence[Point]) -> float | None:
    """Multiplies of A x A, of this point or of another of the same matrix."""
    for other in (point, *points):
        if other.workload == point.workload and "AxA_mults" in other.params:
            return float(other.params["AxA_mults"])
    return None


def _seconds(cpu: ServerCpu, products: float) -> float:
    """Time by products alone, which bind: operands and result are taken to be a quarter as many."""
    size = products / 4
    return float(cpu.cost(Work(size, size, size, size, size, products, size)).latency_s)
