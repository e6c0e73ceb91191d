"""MatRaptor's published throughput on A x A, and its speed-ups, by `hwmodels.systems.matraptor`."""

from collections.abc import Sequence

import numpy as np

from experiments.common.published.matrices import MATRAPTOR_SET, square_of, work_row_length
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work
from hwmodels.systems.matraptor import MatRaptor
from hwmodels.systems.outerspace import OuterSpace

BARS = {
    "A x A throughput": Bar(lambda point: point.metric == "A*A throughput", mean=0.2),
    "share of cycles that multiply": Bar(lambda point: point.metric.startswith("fraction of PE cycles")),
    "speed-up, from OuterSPACE's": Bar(lambda point: point.metric == "MatRaptor speedup vs CPU-1T"),
}
MACHINE, OTHER = MatRaptor(), OuterSpace()


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if point.metric == "MatRaptor speedup vs CPU-1T":
        return _speedup(point, points)
    if point.metric not in ("A*A throughput", "fraction of PE cycles busy with MAC"):
        return _why_not(point.metric)
    work = square_of(point.workload, point.params)
    if isinstance(work, str):
        return work
    length = work_row_length(point.workload)
    if point.metric == "A*A throughput":
        return MACHINE.throughput_gops(work, length)
    return MACHINE.mac_share(work, length)


def _speedup(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """OuterSPACE's published speed-up over the same CPU, times the ratio of the two machines' modelled times."""
    same = [other for other in points if other.workload == point.workload]
    base = next((other.value for other in same if other.metric == "OuterSPACE speedup vs CPU-1T"), None)
    if base is None:
        return "OuterSPACE's speed-up over the same CPU is not given"
    names = MATRAPTOR_SET if point.workload == "geomean" else (point.workload,)
    ratios = []
    for name in names:
        work = square_of(name, point.params)
        if isinstance(work, str):
            return work
        ratios.append(_seconds(work, work_row_length(name)) / float(OTHER.cost(work).latency_s))
    return base / float(np.exp(np.mean(np.log(ratios))))


def _seconds(work: Work, length: float | None) -> float:
    return 2e-9 * work.multiplies / MACHINE.throughput_gops(work, length)


def _why_not(metric: str) -> str:
    if "-BW" in metric:
        return "a definition: another published ratio times the ratio of two bandwidths"
    if "energy" in metric:
        return "an energy ratio to a CPU whose energy is not given"
    if metric.startswith(("CPU", "GPU", "OuterSPACE")):
        return "a ratio to CPU times that contain MKL's start-up, according to the collectors of the figures"
    return "no model of this metric"
