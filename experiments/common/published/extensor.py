"""ExTensor's times, traffic, energy and speed-ups on A x A by `hwmodels.systems.extensor`."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.common.published.matrices import SQUARES, square_of
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work
from hwmodels.systems.extensor import ExTensor
from hwmodels.systems.server_cpu import named_cpu

BARS = {
    "times": Bar(lambda point: point.metric == "SpMSpM A*A time reported by authors", mean=0.2),
    "speed-up over MKL, artifact": Bar(lambda point: point.metric == "speedup vs MKL"),
    "DRAM traffic": Bar(lambda point: point.metric.startswith("DRAM traffic")),
    "energy": Bar(lambda point: point.metric == "energy reported"),
    "MKL times": Bar(lambda point: point.metric == "MKL time"),
    "speed-up over MKL, Fig. 14": Bar(lambda point: point.metric.endswith("vs MKL, Skip intersection")),
}
WORKSTATION = named_cpu("E5-2687W v4")
TILES: Mapping[str, tuple[int, int]] = {
    "wiki-Vote": (64, 128),
    "p2p-Gnutella31": (64, 128),
    "ca-CondMat": (64, 96),
    "poisson3Da": (64, 96),
    "email-Enron": (256, 32),
}
"""PE tiles along k and n of a tile in the LLB, as TeAAL's artifact maps them (scripts/extensor.py)."""
TRAFFIC = {"A": "a", "B": "b", "PO": "partial", "Z": "z"}


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if "NoSkip" in point.metric or point.metric.startswith("SpMM"):
        return "what walking without skipping, or a dense B, costs the machine is not published"
    if point.workload == "geomean":
        return "the mean includes layers of which no size is given"
    if point.metric.endswith("Skip intersection") and point.workload not in SQUARES:
        return "neither the size nor A x A's multiplies are given"
    work = square_of(point.workload, point.params)
    if isinstance(work, str):
        return work
    machine = machine_for(point.workload, point.params)
    if point.metric == "MKL time":
        return 1e9 * float(WORKSTATION.cost(work).latency_s)
    if point.metric.startswith("DRAM traffic "):
        operand = point.metric.removeprefix("DRAM traffic ")
        if operand == "Minimum Traffic":
            return machine.minimum_bytes(work)
        return machine.traffic_bytes(work)[TRAFFIC[operand]] if operand in TRAFFIC else "no such operand"
    if point.metric == "energy reported":
        return float(machine.cost(work).total_energy_pj)
    seconds = float(machine.cost(work).latency_s)
    if point.metric == "SpMSpM A*A time reported by authors":
        return 1e9 * seconds
    if "vs MKL" in point.metric:
        return _mkl_seconds(point, points, work) / seconds
    return "no model of this metric"


def machine_for(name: str, params: Mapping[str, Any] | None = None) -> ExTensor:
    """The machine with the tiles of a point or of the table, else its defaults."""
    given = (params or {}).get("tile_M1_K1_N1_in_units_of_128")
    tiles = given[1:] if given else TILES.get(name)
    return ExTensor(*(int(count) for count in tiles)) if tiles else ExTensor()


def _mkl_seconds(point: PublishedPoint, points: Sequence[PublishedPoint], work: Work) -> float:
    """MKL's published time if there is one, else that of the model of its CPU."""
    for other in points:
        if other.workload == point.workload and other.metric == "MKL time":
            return other.value * 1e-9
    return float(WORKSTATION.cost(work).latency_s)
