"""The design file: a front, or one design, that every search writes and every script reads.

JSON of schema `sparse-dse-designs`, version 2: `created_by`, `workload`, `kernels` (name, family, m, k, n, repeats),
`scenario`, `objectives` (name, unit), `units` of the numbers, and `rows`, each with `objectives`, `hardware` and one
entry of `mappings` for each kernel. Numbers are plain, choices are names. `front.json:7` is row 7; rows count from 0.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from dse.problem.result import Result
from dse.problem.search_problem import Problem
from dse.space.design import Design
from hwmodels.design.hardware import UNITS, own_fields
from workloads.atomic_write import written_whole
from workloads.errors import InputError

SCHEMA, VERSION = "sparse-dse-designs", 2


def write_front(path: str | Path, problem: Problem, result: Result, *, created_by: str) -> None:
    """Write a front; a reader never sees half a file."""
    _write(Path(path), problem, problem.designs(result.genomes), result.objectives, created_by)


def write_design(path: str | Path, problem: Problem, design: Design, *, created_by: str) -> None:
    """Write one design, scored exactly."""
    _write(Path(path), problem, [design], problem.score_designs([design]).objectives, created_by)


def _write(path: Path, problem: Problem, designs: list[Design], values: np.ndarray, created_by: str) -> None:
    rows = [
        {
            "objectives": dict(zip(problem.objective_names, map(float, row), strict=True)),
            "hardware": own_fields(design.hardware),
            "mappings": {k: dict(m) for k, m in zip(design.kernels, design.mappings, strict=True)},
        }
        for design, row in zip(designs, values, strict=True)
    ]
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "created_by": created_by,
        "workload": problem.workload,
        "kernels": [dataclasses.asdict(kernel) for kernel in problem.kernels],
        "scenario": scenario_of(problem.technology),
        "objectives": [{"name": o.name, "unit": o.unit} for o in problem.objectives],
        "units": UNITS,
        "rows": rows,
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    try:
        with written_whole(path) as draft:
            draft.write_text(text, newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder.") from error


def scenario_of(technology: Any) -> dict[str, Any]:
    """The scenario of a technology as plain values."""
    scenario = getattr(technology, "scenario", None)
    if not dataclasses.is_dataclass(scenario):
        return {}
    fields = {field.name: getattr(scenario, field.name) for field in dataclasses.fields(scenario)}
    return {
        name: v if isinstance(v, str | int | float | bool) else np.asarray(v).tolist() for name, v in fields.items()
    }
