"""From options to workload, problem and designs."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dse import (
    OBJECTIVES,
    Design,
    DesignSpace,
    Evolutionary,
    Exhaustive,
    Gradient,
    Problem,
    RandomSearch,
    default_space,
    knee,
    make_problem,
    parse_fixes,
    read_design,
    read_front,
    read_space,
)
from dse.files.design_reader import file_and_row
from experiments.common.progress import show_progress
from hwmodels.design.choices import DRAMS
from hwmodels.design.hardware import own_fields
from hwmodels.technology import NumberFormat, Technology
from hwmodels.technology.number_formats import QUANTISED
from workloads import Workload, resolve_workloads
from workloads.errors import InputError

STRATEGIES = {"gradient": Gradient, "random": RandomSearch, "evolutionary": Evolutionary, "exhaustive": Exhaustive}
ALIASES = {name.rsplit("_", 1)[0]: name for name in OBJECTIVES}
"""`latency` for `latency_s` and so on."""

TRADE_OFF = ("latency_s", "energy_pj", "area_mm2")


def objective_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Full names of objectives given as words or lists with commas, with or without unit."""
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    return tuple(ALIASES.get(word, word) for word in words)


def build_space(
    file: Path | None, fixes: Sequence[Sequence[str]], workload: Workload, numbers: NumberFormat = QUANTISED
) -> DesignSpace:
    """The default space of a workload for what values are, changed by a file and by `NAME=VALUE` texts."""
    space = default_space(workload, numbers)
    space = space if file is None else read_space(file, space)
    return space.fix(**parse_fixes([text for group in fixes for text in group]))


def build_problem(
    workload: Workload,
    space: DesignSpace,
    technology: Technology,
    names: Sequence[str],
    limits: Mapping[str, float | None],
    stays: str = "nothing",
) -> Problem:
    """The problem of a workload; limits that are None do not count."""
    given = {name: limit for name, limit in limits.items() if limit is not None}
    progress = show_progress()
    return make_problem(
        workload, space, technology, objectives=names, constraints=given, stays=stays, progress=progress
    )


def balanced_design(problem: Problem, budget: int, seed: int) -> Design:
    """The knee of a quick search in the problem's space."""
    result = problem.require_feasible(RandomSearch()(problem, budget=budget, seed=seed, progress=show_progress()))
    return problem.design(result.genomes[knee(result.objectives)])


def workload_of(specs: Sequence[str]) -> Workload:
    """The workload of names and paths; what a user should know of how files were read is printed."""
    workload = resolve_workloads(list(specs))
    for note in workload.notes:
        print(note)
    return workload


@dataclasses.dataclass(frozen=True)
class Start:
    """What a script starts from: a workload, and the design and scenario if a file was named."""

    workload: Workload
    design: Design | None = None
    scenario: Mapping[str, Any] | None = None

    @staticmethod
    def of(where: str | None, specs: Sequence[str]) -> "Start":
        """From `--design` and `--workload`; without the latter, the workload that the design was made for.

        InputError where the kernels of the two differ.
        """
        if where is None:
            return Start(workload_of(specs or ["embedded"]))
        design = read_design(where)
        file = read_front(file_and_row(where)[0])
        workload = workload_of(specs or _specs(file.workload))
        names = tuple(kernel.name for kernel in workload.kernels)
        if names != design.kernels:
            raise InputError(
                f"{where} maps the kernels {', '.join(design.kernels)}, but the workload has {', '.join(names)}; "
                f"give --workload {' '.join(_specs(file.workload))}."
            )
        return Start(workload, *with_its_memory(design, file.scenario))


def with_its_memory(design: Design, scenario: Mapping[str, Any]) -> tuple[Design, Mapping[str, Any]]:
    """The design and its scenario, with the DRAM that the design names as the scenario's, so that options change it."""
    named = own_fields(design.hardware)
    if "dram" not in named:
        return design, scenario
    memory = {"dram": [float(name == named["dram"]) for name in DRAMS], "dram_channels": named["dram_channels"]}
    left = {name: value for name, value in named.items() if name not in memory}
    return dataclasses.replace(design, hardware=left), {**scenario, **memory}


def _specs(workload: str) -> list[str]:
    """The texts a workload was made of; a file's own name may hold a plus."""
    return [workload] if os.path.exists(workload) else workload.split("+")
