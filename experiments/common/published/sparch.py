"""SpArch's design space, ablation and speed-ups by `hwmodels.systems.sparch`; means are geometric, over 20 matrices."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from experiments.common.published.matrices import SPARCH_SET, square_of
from experiments.common.published.points import Bar, PublishedPoint
from hwmodels.systems import Work
from hwmodels.systems.outerspace import OuterSpace
from hwmodels.systems.server_cpu import named_cpu
from hwmodels.systems.sparch import SpArch

BARS = {
    "design space, DRAM traffic": Bar(lambda point: point.metric.startswith("DSE") and point.unit == "MB", rank=0.9),
    "design space, throughput": Bar(lambda point: point.metric.startswith("DSE") and point.unit == "GFLOPS", rank=0.9),
    "ablation": Bar(lambda point: point.metric.startswith("ablation")),
    "speed-up over OuterSPACE": Bar(lambda point: point.metric.startswith("A*A speedup over OuterSPACE")),
    "energy saving over OuterSPACE": Bar(lambda point: point.metric.startswith("A*A energy saving over OuterSPACE")),
    "speed-up over MKL": Bar(lambda point: point.metric.startswith("A*A speedup over MKL")),
}
MACHINE, OTHER = SpArch(), OuterSpace()
DESKTOP = named_cpu("i7-5930K")
ABLATION: Mapping[str, dict[str, bool]] = {
    "+pipelined multiply-merge": {"condensed": False, "huffman": False, "prefetched": False},
    "+matrix condensing": {"huffman": False, "prefetched": False},
    "+Huffman scheduler": {"prefetched": False},
    "+row prefetcher": {},
}


def predict(point: PublishedPoint, points: Sequence[PublishedPoint]) -> float | str:
    """The figure that the model gives, or why it gives none."""
    if point.metric.startswith("DSE"):
        design = _design(point.metric) if point.unit in ("MB", "GFLOPS") else "neither traffic nor throughput"
        return design if isinstance(design, str) else average(design, point.unit)
    if point.metric.startswith("ablation"):
        return _ablation(point)
    if not re.match(r"A\*A (speedup|energy saving) over", point.metric):
        return "no model of this metric"
    if "OuterSPACE" not in point.metric and not point.metric.startswith("A*A speedup over MKL"):
        return "a ratio to a GPU, an ARM core or a CPU's measured power, of which there is no model"
    names = SPARCH_SET if point.workload == "geomean" else (point.workload,)
    ratios = []
    for name in names:
        work = square_of(name, point.params)
        if isinstance(work, str):
            return work
        ratios.append(_ratio(point.metric, work))
    return _mean(ratios)


def _design(metric: str) -> SpArch | str:
    numbers = [int(number) for number in re.findall(r"\d+", metric)]
    if not numbers or min(numbers) < 1:
        return "the setting is not given"
    if "prefetch lines x elements" in metric and len(numbers) == 2:
        return replace(MACHINE, buffer_lines=numbers[0], line_elements=numbers[1])
    if "comparator array" in metric:
        return replace(MACHINE, comparators=numbers[0])
    if "lookahead" in metric:
        return replace(MACHINE, look_ahead=numbers[0])
    if "merge tree layers" in metric:
        return replace(MACHINE, merge_layers=numbers[0])
    return "no such parameter in the model"


@lru_cache(maxsize=64)
def average(machine: SpArch, unit: str) -> float:
    """Geometric mean over the 20 matrices of the traffic in MB, or of the throughput in GFLOPS."""
    works = [work for name in SPARCH_SET if isinstance(work := square_of(name), Work)]
    if unit == "MB":
        return _mean([sum(machine.traffic_bytes(work).values()) / 1e6 for work in works])
    return _mean([machine.flops(work) / float(machine.cost(work).latency_s) / 1e9 for work in works])


def _ablation(point: PublishedPoint) -> float | str:
    step = point.metric.removeprefix("ablation ")
    if step.startswith("outer product"):
        works = [work for name in SPARCH_SET if isinstance(work := square_of(name), Work)]
        return _mean([MACHINE.flops(work) / float(OTHER.cost(work).latency_s) / 1e9 for work in works])
    return average(replace(MACHINE, **ABLATION[step]), "GFLOPS") if step in ABLATION else "no such step in the model"


def _ratio(metric: str, work: Work) -> float:
    ours = MACHINE.cost(work)
    if "energy" in metric:
        return float(OTHER.cost(work).total_energy_pj) / float(ours.total_energy_pj)
    base = DESKTOP if "MKL" in metric else OTHER
    return float(base.cost(work).latency_s) / float(ours.latency_s)


def _mean(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))
