"""Designs of a front scored again by the simulator: how far the models were off."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from dse import Costed
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from hwmodels import simulate_kernel
from hwmodels.cost import within_limit
from hwmodels.technology import Technology
from workloads import Workload

LISTED = 5
"""Designs that the story lists, those with the largest differences."""


@dataclasses.dataclass(frozen=True)
class Confirmed:
    """One design by the models and by the simulator: the workload's latency in s and energy in pJ, repeats included."""

    row: int
    modelled: tuple[float, float]
    simulated: tuple[float, float]
    bottleneck: str
    """What binds the longest kernel, by the simulator."""
    fits: bool
    """Whether everything fits, by the simulator."""

    @property
    def errors(self) -> tuple[float, float]:
        """Of the model against the simulator, relative."""
        return tuple(model / truth - 1 for model, truth in zip(self.modelled, self.simulated, strict=True))


def confirm(front: Sequence[Costed], workload: Workload, technology: Technology, seed: int = 0) -> list[Confirmed]:
    """Run every kernel of the workload on every design; values of dense operands are drawn at random."""
    checked = []
    for row, costed in enumerate(tqdm(front, desc="simulating", disable=not show_progress())):
        hardware, mappings = costed.design.build()
        runs = [
            simulate_kernel(hardware, mapping, kernel, technology, seed)
            for mapping, kernel in zip(mappings, workload.kernels, strict=True)
        ]
        latencies = np.array([float(run.cost.latency_s) for run in runs]) * costed.repeats
        energies = np.array([float(run.cost.energy_pj.sum()) for run in runs]) * costed.repeats
        checked.append(
            Confirmed(
                row=row,
                modelled=costed.point[:2],
                simulated=(float(latencies.sum()), float(energies.sum())),
                bottleneck=runs[int(np.argmax(latencies))].bottleneck,
                fits=all(bool(within_limit(run.cost.fits.max())) for run in runs),
            )
        )
    return checked


def confirm_rows(checked: Sequence[Confirmed]) -> list[dict[str, Any]]:
    """Rows of a table, one a design."""
    return [
        {
            "row": one.row,
            "latency_s": one.modelled[0],
            "simulated_latency_s": one.simulated[0],
            "latency_error": one.errors[0],
            "energy_pj": one.modelled[1],
            "simulated_energy_pj": one.simulated[1],
            "energy_error": one.errors[1],
            "simulated_bottleneck": one.bottleneck,
            "simulated_fits": one.fits,
        }
        for one in checked
    ]


def confirm_story(checked: Sequence[Confirmed]) -> str:
    """The differences in words, and the designs where they are largest."""
    errors = np.abs([one.errors for one in checked])
    lines = [f"confirmed by the simulator: {len(checked)} designs"]
    for column, what in enumerate(("latency", "energy")):
        median, high = np.median(errors[:, column]), np.quantile(errors[:, column], 0.95)
        worst = errors[:, column].max()
        lines.append(f"  {what}: the models are off by {median:.2%} (median), {high:.2%} (95th), {worst:.2%} (worst)")
    unfit = [str(one.row) for one in checked if not one.fits]
    if unfit:
        lines.append(f"  rows that do not fit when simulated: {', '.join(unfit)}")
    largest = sorted(checked, key=lambda one: -max(map(abs, one.errors)))[:LISTED]
    table = [
        (str(one.row), *(f"{error:+.2%}" for error in one.errors), one.bottleneck, "yes" if one.fits else "no")
        for one in largest
    ]
    header = ("row", "latency", "energy", "bound by", "fits")
    return "\n".join([*lines, text_table(header, table, indent="  ", left=(3, 4))])
