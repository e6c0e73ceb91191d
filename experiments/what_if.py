"""What changes if this design gets another part or another mapping, and what is it most sensitive to?

Usage:
    python experiments/what_if.py --set index_bus_bits=64
    python experiments/what_if.py --design out/pareto_front/front.json:7 --set index_bus_bits=64 --set a_format=bitmask
    python experiments/what_if.py --design front.json:7 --set "rmat_10@axa.dataflow=inner_product"
    python experiments/what_if.py --design front.json:7 --set glb_bytes=262144 --retune --tune latency

A change names a parameter of the hardware, or of the mapping: of all kernels, or of one as KERNEL.NAME (changes of B go
to the kernels whose B is sparse). Without --design it starts from the balanced design of a quick search. After the
change mappings stay as they are; with --retune they are the best for the changed hardware and its units, by --tune,
out of all mappings. What --set says of mappings stays; a unit that no mapping uses any more is left out.

Slopes are per cent of an objective for one per cent more of a parameter, from gradients of the models smoothed over 5 %
of a step (`dse.elasticities`). Beside them stands what half and double of the parameter do to the same design, with its
best mappings there against its best mappings here (tiles: all else held), and a mark where the slope foretells another
direction, or a change where there is none, or none where there is one (`dse.finite_changes`). The same from Python:

    problem = make_problem(resolve_workload("embedded"), default_space(), make_technology())
    design = read_design("front.json:7")
    costs, total = problem.detail(design); slopes = elasticities(problem, design)
    changes = finite_changes(problem, design); changes.above["pe_rows"].anew; changes.misleading(slopes); changes.tuned

Writes to --out:
    what_if.csv        each component of latency, energy and area, before and after
    elasticities.csv   one row a parameter: slopes, ratios at half and double, where slopes mislead
    retuned.csv        with --retune: one row a kernel, its mapping before and after the change
    what_if.png        both as a figure
    before.json, after.json   the designs, for the other scripts
    provenance.json    versions, commit, configuration
"""

from experiments.common.cli import main

import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from dse import (
    Costed,
    Design,
    FiniteChanges,
    Problem,
    change_design,
    default_space,
    elasticities,
    finite_changes,
    parse_changes,
    write_design,
)
from experiments.common.design_words import hardware_words, quantity
from experiments.common.figures.what_if import what_if_figure
from experiments.common.options import Evaluations, Seed
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import ALIASES, Start, balanced_design, build_problem
from experiments.common.slopes import misleading_words, slope_rows, slope_table, strongest
from experiments.common.table import text_table
from hwmodels.cost import FITS, misfit_words, within_limit
from workloads.errors import InputError

OBJECTIVES = ("latency_s", "energy_pj", "area_mm2", "power_w", "edp_js")
PRINTED = ("latency_s", "energy_pj", "area_mm2", "edp_js")
"""Objectives of the table and of the figure; the file has all."""
ALIKE = 5e-4
"""Relative gain below which mappings chosen anew are said to be no better."""


@dataclass(frozen=True)
class Config:
    """Options."""

    design: str | None = None
    """Design to change, such as front.json:7."""
    set: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE or KERNEL.NAME=VALUE: a change."""
    retune: bool = False
    """Choose the mappings anew after the change, out of all that the changed hardware can run."""
    tune: Literal["edp", "latency", "energy"] = "edp"
    """What mappings are chosen for, where they are chosen anew."""
    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the design's own, or `embedded`, unless given."""
    budget: Evaluations = 1500
    """Evaluations of the quick search, where no design is given."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the quick search."""
    out: Path = Path("out/what_if")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: budget 100 at most, and the workload `digits` unless one is given."""


def run(config: Config) -> None:
    """Compare, differentiate, write the files, say what changed."""
    output = Output(config.out)
    specs, budget = config.workload, config.budget
    if config.smoke:
        specs, budget = specs or (() if config.design else ("digits",)), min(budget, 100)
    settings = parse_changes([text for group in config.set for text in group])
    start = Start.of(config.design, specs)
    technology, numbers = config.scenario.built_for(start.workload, start.design, start.scenario)
    problem = build_problem(start.workload, default_space(numbers=numbers), technology, OBJECTIVES, {})
    design = start.design or balanced_design(problem, budget, config.seed)
    changed = change_design(design, problem.families, settings)
    began, spent = time.perf_counter(), problem.evaluations
    tuned_for = ALIASES[config.tune]
    changes = finite_changes(problem, changed, objective=tuned_for, held=settings, progress=show_progress())
    effort = f"{problem.evaluations - spent:,} evaluations in {time.perf_counter() - began:.1f} s"
    before, held, after = problem.costed([design, changed, retuned(changes) if config.retune else changed])
    slopes = elasticities(problem, after.design)

    words = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in settings.items()
    )
    output.csv("what_if.csv", component_rows(before, after))
    output.csv("elasticities.csv", slope_rows(slopes, changes))
    if config.retune:
        output.csv("retuned.csv", retuned_rows(held, after))
    title = f"{words or 'no change'}{f', mappings tuned for {config.tune}' if config.retune else ''}: "
    title += f"{start.workload.name} ({scenario_words(technology)})"
    shown = strongest(slopes, changes)
    parts = before.total.parts(), after.total.parts()
    output.figure("what_if.png", what_if_figure(*parts, slopes, changes, (shown, PRINTED), title))
    write_designs(output, problem, before.design, after.design)
    output.provenance("experiments/what_if.py", config, changes=settings)
    print(f"Design: {hardware_words(before.design)}\nChange: {words or 'none'}\n")
    print(comparison(before, after))
    print("\n" + (retuned_words(held, after) if config.retune else gain_words(changes, config.tune)))
    print(
        f"\n{'After the change: ' if settings else ''}% for 1 % more of each parameter; change at half and double, "
        f"mappings tuned for {config.tune} there\n(tiles: the strongest, all else held); ! where the slope misleads\n"
    )
    print(slope_table(slopes, changes, shown, PRINTED))
    misled = misleading_words(slopes, changes, PRINTED)
    print("\n" + "\n".join(["Slopes that mislead about doubling:", *misled] if misled else ["No slope misleads."]))
    print(f"\nmappings: {effort}; {output.seconds:.1f} s in all")
    print(output.listing())


def retuned(changes: FiniteChanges) -> Design:
    """The design with its mappings chosen anew; InputError where none fits."""
    if changes.tuned is None:
        raise InputError("--retune: no mapping fits the changed hardware; give it larger buffers.")
    return changes.tuned


def write_designs(output: Output, problem: Problem, before: Design, after: Design) -> None:
    """`before.json` and `after.json`."""
    for name, design in (("before.json", before), ("after.json", after)):
        output.write(name, lambda path, d=design: write_design(path, problem, d, created_by="experiments/what_if.py"))


def gain_words(changes: FiniteChanges, tune: str) -> str:
    """What choosing the mappings anew would do to the design as it stands after the change."""
    if changes.tuned is None:
        return "No mapping fits this hardware."
    gain = changes.gain[ALIASES[tune]]
    if math.isnan(gain):
        return "With its mappings chosen anew (--retune) it can be built."
    worth = f"{gain - 1:+.1%}" if gain < 1 - ALIKE else "no less"
    return f"Mappings chosen anew on this hardware (--retune, --tune {tune}): {worth} {tune}."


def retuned_rows(held: Costed, after: Costed) -> list[dict[str, Any]]:
    """Rows of `retuned.csv`: a run of each kernel and its mapping, before and after the mappings were chosen anew."""
    rows = []
    each = zip(
        held.design.kernels, held.design.mappings, after.design.mappings, held.kernels, after.kernels, strict=True
    )
    for kernel, old, new, had, has in each:
        row: dict[str, Any] = {"kernel": kernel, "fitted": int(bool(within_limit(np.max(had.fits))))}
        for when, cost in (("held", had), ("retuned", has)):
            row |= {f"latency_s_{when}": float(cost.latency_s), f"energy_pj_{when}": float(np.sum(cost.energy_pj))}
        rows.append(row | {f"{name}_{when}": m[name] for name in old for when, m in (("held", old), ("retuned", new))})
    return rows


def retuned_words(held: Costed, after: Costed) -> str:
    """What choosing the mappings anew changed, a line a kernel."""
    cells = []
    for row in retuned_rows(held, after):
        changed = [
            f"{name} {_plain(row[f'{name}_held'])} -> {_plain(row[f'{name}_retuned'])}"
            for name in held.design.mappings[0]
            if row[f"{name}_held"] != row[f"{name}_retuned"]
        ]
        ratios = [row[f"{name}_retuned"] / row[f"{name}_held"] for name in ("latency_s", "energy_pj")]
        numbers = [f"{ratio - 1:+.1%}" if row["fitted"] else "did not fit" for ratio in ratios]
        cells.append((row["kernel"], *(numbers if changed else ("=", "=")), ", ".join(changed) or "as it was"))
    header = ("mappings chosen anew", "latency", "energy", "what changed")
    return text_table(header, cells, left=(0, 3))


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def component_rows(before: Costed, after: Costed) -> list[dict[str, Any]]:
    """Rows of `what_if.csv`: every component of latency (by what binds), energy and area."""
    old, new = before.total.parts(), after.total.parts()
    return [
        {
            "quantity": kind,
            "component": part,
            "unit": kind.rpartition("_")[2],
            "before": old[kind][part],
            "after": value,
        }
        for kind in new
        for part, value in new[kind].items()
    ]


def comparison(before: Costed, after: Costed) -> str:
    """Before and after by component, as text; components below 0.1 % of the whole are left out."""
    units = {"latency_s": ("s", 1.0), "energy_pj": ("J", 1e-12), "area_mm2": ("mm2", 1.0)}
    rows = []
    old, new = before.total.parts(), after.total.parts()
    for kind, (unit, factor) in units.items():
        whole = sum(old[kind].values()), sum(new[kind].values())
        rows.append((kind.partition("_")[0].upper(), *_cells(*whole, unit, factor)))
        for part in new[kind]:
            pair = old[kind][part], new[kind][part]
            if max(pair) > 1e-3 * whole[0]:
                rows.append(
                    (f"  {'bound by ' if unit == 's' and part != 'fill' else ''}{part}", *_cells(*pair, unit, factor))
                )
    text = text_table(("", "before", "after", "change"), rows)
    for words, costed in (("before", before), ("after", after)):
        name, share = costed.total.bottleneck, costed.total.bottleneck_share
        used = float(costed.total.utilization)
        text += f"\n  {words}: bound by {name} for {share:.0%} of the time, {used:.1%} of the MACs used"
        text += "".join(
            f"\n  {words}: CANNOT BE BUILT: {kernel} {misfit_words(FITS[at], float(need))}"
            for kernel, cost in zip(costed.design.kernels, costed.kernels, strict=True)
            for at, need in enumerate(cost.fits)
            if not within_limit(need)
        )
    return text


def _cells(old: float, new: float, unit: str, factor: float) -> tuple[str, str, str]:
    change = f"{new / old - 1:+.1%}" if old > 0 else "new"
    return quantity(old * factor, unit), quantity(new * factor, unit), change if new != old else "="


if __name__ == "__main__":
    sys.exit(main(run, Config))
