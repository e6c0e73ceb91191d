"""OuterSPACE's traffic, times and throughput by `hwmodels.systems.outerspace`."""

from collections.abc import Sequence

from experiments.common.published.matrices import square_of
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work, uniform_work
from hwmodels.systems.outerspace import OuterSpace
from hwmodels.systems.sparch import SpArch

BARS = {
    "traffic": Bar(lambda point: point.metric.startswith("DRAM traffic"), mean=0.1),
    "times on uniform matrices": Bar(lambda point: point.metric == "A*A^T time reported"),
    "A x A throughput, derived": Bar(lambda point: point.metric.startswith("A*A throughput")),
    "SpArch's speed-up": Bar(lambda point: point.metric == "SpArch speedup over OuterSPACE"),
}
MACHINE, OTHER = OuterSpace(), SpArch()


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if point.metric == "A*A^T time reported":
        if not {"rows", "nnz"} <= set(point.params):
            return "the size of this operand is not given"
        return float(MACHINE.cost(uniform(point)).latency_s) * 1e9
    work = square_of(point.workload, point.params)
    if isinstance(work, str):
        return work
    if point.metric.startswith("DRAM traffic "):
        operand = point.metric.removeprefix("DRAM traffic ").split()[0].lower()
        moved = MACHINE.traffic_bytes(work)
        return moved[operand] / minimum_bytes(work) if operand in moved else "no such operand"
    if point.metric.startswith("A*A throughput"):
        return 2e-9 * work.multiplies / float(MACHINE.cost(work).latency_s)
    if point.metric == "SpArch speedup over OuterSPACE":
        return float(MACHINE.cost(work).latency_s) / float(OTHER.cost(work).latency_s)
    return "no model of this metric"


def minimum_bytes(work: Work) -> float:
    """A, B and Z once each."""
    moved = MACHINE.traffic_bytes(work)
    return moved["a"] + moved["b"] + moved["z"]


def uniform(point: PublishedPoint) -> Work:
    """A uniformly random matrix times its transpose, from a point's sizes."""
    rows = float(point.params["rows"])
    density = float(point.params["nnz"]) / rows**2
    return uniform_work(rows, rows, rows, density, density)
