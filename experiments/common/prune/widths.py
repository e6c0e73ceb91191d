"""Fewer bits against fewer weights: every pruned network at every width, on the same machine built for that width."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dse import Design, nondominated
from experiments.common.design_words import energy
from experiments.common.prune.networks import Pruned, title_of
from experiments.common.prune.price import on_design
from experiments.common.table import text_table
from hwmodels.analytical.accounting import widest_buses
from hwmodels.technology import Technology
from workloads.pruning.train import PruningCase

LOSSES = (0.0025, 0.005, 0.01, 0.02)
"""Accuracy lost at most, against the dense network in floats, at which the cheapest of each width are compared."""


@dataclasses.dataclass(frozen=True)
class WidthPoint:
    """One way and level of pruning at one width: figures by seed, shape [seeds]."""

    bits: int
    case: PruningCase
    zeros: np.ndarray
    """Share of the weights that are zero once they are rounded."""
    accuracy: np.ndarray
    energy_pj: np.ndarray
    """Of a batch; latency likewise."""
    latency_s: np.ndarray
    area_mm2: float
    """Of the machine, without the PHY of its DRAM."""

    @property
    def title(self) -> str:
        """As in `int4 global 90 %`."""
        return f"int{self.bits} {title_of(self.case)}"


def machine_at(design: Design, bits: int) -> Design:
    """The machine with values of another width: its buffers hold as many values and sums, its buses bring as many.

    Sums keep the bits that they have above twice a value's; the value bus stays within what the PEs take
    (docs/machine.md, section 4). The array, the index bus and the banks are the same.
    """
    old = {name: float(value) for name, value in design.hardware.items() if not isinstance(value, str)}
    word = old["accumulator_bits"] - 2 * old["value_bits"] + 2 * bits
    wider, longer = bits / old["value_bits"], word / old["accumulator_bits"]
    widest, _ = widest_buses(old["pe_rows"] * old["pe_cols"], old["lanes"], word, max)
    return design.with_(
        value_bits=bits,
        accumulator_bits=word,
        glb_bytes=math.ceil(old["glb_bytes"] * max(wider, longer)),
        pe_buffer_bytes=math.ceil(old["pe_buffer_bytes"] * wider),
        accumulator_bytes=math.ceil(old["accumulator_bytes"] * longer),
        value_bus_bits=math.ceil(min(old["value_bus_bits"] * wider, float(widest))),
    )


def width_points(
    pruned: Sequence[Sequence[Pruned]], design: Design, technology: Technology, widths: Sequence[int]
) -> list[WidthPoint]:
    """Every network at every width; by width, then case."""
    points = []
    for bits in widths:
        kernels = [kernel for row in pruned for one in row for kernel in one.by_bits[bits]]
        priced = on_design(machine_at(design, bits), kernels, technology)
        area, flat = float(priced[0].cost.core_area_mm2), iter(priced)
        for row in pruned:
            runs = [[next(flat) for _ in one.by_bits[bits]] for one in row]
            left = [sum(np.count_nonzero(w) for w in one.measured.quantised[bits].weights) for one in row]
            points.append(
                WidthPoint(
                    bits,
                    row[0].case,
                    1 - np.array(left) / [one.size for one in row],
                    np.array([one.measured.accuracies[f"int{bits}"] for one in row]),
                    np.array([sum(run.energy_pj for run in own) for own in runs]),
                    np.array([sum(run.latency_s for run in own) for own in runs]),
                    area,
                )
            )
    return points


def accuracy_front(points: Sequence[WidthPoint]) -> list[int]:
    """Rows of the points that no other beats in mean accuracy and energy alike, cheapest first."""
    table = np.array([(1 - point.accuracy.mean(), point.energy_pj.mean()) for point in points])
    front = np.flatnonzero(nondominated(table))
    return [int(row) for row in front[np.argsort(table[front, 1])]]


def width_rows(points: Sequence[WidthPoint], front: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of `widths.csv`: means, and standard deviations over seeds."""
    rows = []
    for at, point in enumerate(points):
        row: dict[str, Any] = {
            "bits": point.bits,
            "method": "dense" if point.case.zeros == 0 else point.case.pattern,
            "level": title_of(point.case),
        }
        for name in ("zeros", "accuracy", "energy_pj", "latency_s"):
            values = getattr(point, name)
            row |= {name: float(values.mean()), f"{name}_std": float(values.std())}
        rows.append(row | {"area_mm2": point.area_mm2, "front": at in front})
    return rows


def front_table(points: Sequence[WidthPoint], front: Sequence[int]) -> str:
    """What is on the front of accuracy and energy."""
    rows = [
        (
            points[at].title,
            f"{points[at].zeros.mean():.1%}",
            f"{100 * points[at].accuracy.mean():.2f} +- {100 * points[at].accuracy.std():.2f} %",
            energy(float(points[at].energy_pj.mean())),
        )
        for at in front
    ]
    return text_table(("front of accuracy and energy", "zeros", "accuracy", "energy"), rows, left=(0,))


def equal_accuracy_table(points: Sequence[WidthPoint], float_accuracy: float) -> str:
    """The cheapest dense and the cheapest pruned network of each width that lose no more than so much accuracy."""
    widths = sorted({point.bits for point in points}, reverse=True)
    header = ["accuracy lost, at most"] + [f"int{w} {kind}" for kind in ("dense", "pruned") for w in widths]
    rows = []
    for loss in LOSSES:
        row = [f"{100 * loss:.2g} points"]
        for dense in (True, False):
            for bits in widths:
                near = [
                    point
                    for point in points
                    if point.bits == bits
                    and (point.case.zeros == 0) == dense
                    and point.accuracy.mean() >= float_accuracy - loss - 1e-9
                ]
                best = min(near, key=lambda point: point.energy_pj.mean(), default=None)
                words = "" if best is None or dense else f" ({title_of(best.case)})"
                row.append("-" if best is None else f"{energy(float(best.energy_pj.mean()))}{words}")
        rows.append(tuple(row))
    return text_table(tuple(header), rows, left=(0,))


def width_words(points: Sequence[WidthPoint], float_accuracy: float, loss: float = 0.01) -> str:
    """What width alone, zeros alone and both together save, for a point of accuracy."""
    near = [point for point in points if point.accuracy.mean() >= float_accuracy - loss - 1e-9]
    widest = max(point.bits for point in points)
    kinds: Mapping[str, list[WidthPoint]] = {
        "fewer bits alone": [p for p in near if p.case.zeros == 0],
        f"zeros alone, at {widest} bits": [p for p in near if p.bits == widest],
        "both": near,
    }
    start = next(p for p in points if p.case.zeros == 0 and p.bits == widest)
    parts = []
    for words, own in kinds.items():
        best = min(own, key=lambda point: point.energy_pj.mean(), default=None)
        if best is not None:
            gain = start.energy_pj.mean() / best.energy_pj.mean()
            parts.append(f"{words} 1/{gain:.3g} of the energy ({best.title})")
    what = f"Within {100 * loss:g} point of the network in floats, of dense int{widest}"
    return f"{what}: {'; '.join(parts)}." if parts else f"{what}: no network is."
