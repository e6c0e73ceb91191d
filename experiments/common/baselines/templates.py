"""Published machines as designs of the template: the best mapping of each kernel, beside their own small models."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from dse import Costed, Design, Encoding, Problem, default_space
from dse.mapper import Enumerated, best_mappings, mapping_space
from dse.space.encoding import batch_of
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from hwmodels.cost import Cost
from hwmodels.design.hardware import MAPPING_NUMBERS
from hwmodels.systems import SYSTEMS, Work
from hwmodels.systems.template_designs import TEMPLATES, TemplateMachine
from workloads.errors import InputError


def as_templates(problem: Problem) -> tuple[dict[str, Costed], list[str]]:
    """Every machine of `TEMPLATES` on the problem's kernels, by name, and why others cannot run them."""
    found, unable = {}, []
    for name, machine in tqdm(TEMPLATES.items(), desc="templates", disable=not show_progress()):
        try:
            found[name] = best_mapped(problem, machine)
        except InputError as error:
            unable.append(str(error))
    return found, unable


def best_mapped(problem: Problem, machine: TemplateMachine) -> Costed:
    """The machine with the mapping of least energy-delay product for each kernel, of all loop orders and tile sizes.

    **Raises** `InputError` where no tile of a kernel fits.
    """
    names = tuple(kernel.name for kernel in problem.kernels)
    held = problem.changed(encoding=_encoding(problem, machine))
    best = best_mappings(held, Enumerated(), "edp_js")
    for name, one in zip(names, best, strict=True):
        if one is None:
            raise InputError(f"{machine.title}: no tile of {name} fits.")
    mappings = tuple(one.mapping for one in best if one is not None)
    return problem.costed([Design(machine.hardware, mappings, names)])[0]


def _encoding(problem: Problem, machine: TemplateMachine) -> Encoding:
    """The mappings that the machine can run, on its hardware with all its units."""
    names, space = tuple(kernel.name for kernel in problem.kernels), mapping_space(default_space(), machine.hardware)
    fixed = [machine.mapping(family == "dense_b") for family in problem.families]
    values = {f"{kernel}.{name}": v for kernel, own in zip(names, fixed, strict=True) for name, v in own.items()}
    encoding = Encoding(space.fix(**values), problem.kernels)
    return Encoding(encoding.space, problem.kernels, batch_of([encoding.design(np.zeros(len(encoding.genes), int))])
                    .used_units()[0])  # fmt: skip


def comparison_rows(machine: TemplateMachine, costed: Costed, works: Sequence[Work]) -> list[dict[str, Any]]:
    """Cycles (of the array, and of the slowest resource) and DRAM bytes of each kernel, here and in the small model."""
    system = SYSTEMS[machine.system]
    rows = []
    for work, cost, name, mapping in zip(
        works, costed.kernels, costed.design.kernels, costed.design.mappings, strict=True
    ):
        reason, theirs = "", None
        try:
            theirs = system.cost(work)
        except InputError as error:
            reason = str(error)
        row: dict[str, Any] = {"machine": machine.name, "kernel": name}
        for which, one in (("template", cost), ("own_model", theirs)):
            row[f"array_cycles_{which}"] = float(np.max(one.resource_cycles[:2])) if one else np.nan
            row[f"cycles_{which}"] = float(one.cycles) if one else np.nan
            row[f"dram_bytes_{which}"] = _moved(one) if one else np.nan
        rows.append({**row, **{n: mapping[n] for n in ("loop_order", *MAPPING_NUMBERS)}, "reason": reason})
    return rows


def comparison_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Geometric means over kernels of what the template says over what the small model says."""
    lines = []
    for machine, group in itertools.groupby(rows, key=lambda row: row["machine"]):
        one = list(group)
        ratios = [_mean_ratio(one, what) for what in ("array_cycles", "cycles", "dram_bytes")]
        both = sum(not row["reason"] for row in one)
        lines.append((machine, *(f"{ratio:.2f} x" if ratio else "" for ratio in ratios), f"{both} of {len(one)}"))
    return text_table(("template / own model", "array cycles", "cycles", "DRAM bytes", "kernels"), lines, left=(0,))


def _mean_ratio(rows: Sequence[Mapping[str, Any]], what: str) -> float | None:
    """Over the kernels where both are known and not zero; None without any."""
    pairs = np.array([(row[f"{what}_template"], row[f"{what}_own_model"]) for row in rows])
    known = pairs[(pairs > 0).all(axis=1)]
    return float(np.exp(np.log(known[:, 0] / known[:, 1]).mean())) if len(known) else None


def _moved(cost: Cost) -> float:
    moved = cost.traffic
    return float(moved.dram_a_bytes + moved.dram_b_bytes + moved.dram_z_read_bytes + moved.dram_z_write_bytes)
