"""Figures that TeAAL's authors held their model to: ExTensor, GAMMA, OuterSPACE and SIGMA, by this project's models."""

import re
from collections.abc import Mapping, Sequence

from experiments.common.published import outerspace
from experiments.common.published.extensor import machine_for
from experiments.common.published.matrices import square_of
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work, uniform_work
from hwmodels.systems.gamma import Gamma
from hwmodels.systems.outerspace import OuterSpace
from hwmodels.systems.sigma import Sigma


def _reported(name: str) -> Bar:
    return Bar(lambda point: point.workload.startswith(name) and point.metric == "reported")


def _traffic(name: str, mean: float | None = None) -> Bar:
    metric = "total DRAM traffic / minimum: reported"
    return Bar(lambda point: point.workload.startswith(name) and point.metric == metric, mean=mean)


BARS = {
    "ExTensor, times": Bar(_reported("ExTensor time").covers, mean=0.2),
    "GAMMA, times": _reported("GAMMA time"),
    "OuterSPACE, times on uniform matrices": _reported("OuterSPACE time"),
    "SIGMA, cycles": _reported("SIGMA time"),
    "ExTensor, energy": _reported("ExTensor energy"),
    "OuterSPACE, traffic": _traffic("outerspace", 0.1),
    "ExTensor, traffic": _traffic("extensor"),
    "GAMMA, traffic": _traffic("gamma"),
}
UNIFORM: Mapping[str, tuple[float, float]] = {
    "uniform0": (4986.0, 8e-3),
    "uniform1": (9987.0, 2e-3),
    "uniform2": (19937.0, 5e-4),
    "uniform3": (39888.0, 1.3e-4),
    "uniform4": (79730.0, 3.1e-5),
}
"""Size and density (the artifact's scripts/outerspace.py)."""
SIGMA_DENSITIES = (0.2, 0.9)
"""Of A and B (the artifact's scripts/sigma.py)."""
SIGMA_PIECE = 128
"""Of k at a time (its yamls/teaal/sigma.yaml): as many as a Flex-DPE has multipliers."""


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if "reported" not in point.metric or "error" in point.metric:
        return "the figure of another model, or its error"
    kind, _, name = point.workload.rpartition(" ")
    if kind.startswith("SIGMA"):
        return _sigma(name)
    work = _uniform(name) if name in UNIFORM else square_of(name)
    if isinstance(work, str):
        return work
    if kind.startswith("ExTensor"):
        cost = machine_for(name).cost(work)
        return float(cost.total_energy_pj) if point.unit == "pJ" else 1e9 * float(cost.latency_s)
    if kind.startswith("GAMMA"):
        return 1e9 * float(Gamma().cost(work).latency_s)
    if kind.startswith("OuterSPACE"):
        return 1e9 * float(OuterSpace().cost(work).latency_s)
    if kind == "outerspace":
        return sum(OuterSpace().traffic_bytes(work).values()) / outerspace.minimum_bytes(work)
    if kind == "extensor":
        machine = machine_for(name)
        return sum(machine.traffic_bytes(work).values()) / machine.minimum_bytes(work)
    if kind == "gamma":
        moved = sum(Gamma().traffic_bytes(work).values())
        return moved / outerspace.minimum_bytes(work)
    return "no model of this machine"


def _uniform(name: str) -> Work:
    rows, density = UNIFORM[name]
    return uniform_work(rows, rows, rows, density, density)


def _sigma(name: str) -> float | str:
    if not re.fullmatch(r"\d+/\d+/\d+", name):
        return "the size of this product is not given"
    m, n, k = (int(size) for size in name.split("/"))
    whole, rest = divmod(k, SIGMA_PIECE)
    pieces = [(SIGMA_PIECE, whole)] * (whole > 0) + [(rest, 1)] * (rest > 0)
    return sum(
        count * float(Sigma().cost(uniform_work(m, piece, n, *SIGMA_DENSITIES)).cycles) for piece, count in pieces
    )
