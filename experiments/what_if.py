"""What changes if this design gets another part or another mapping, and what is it most sensitive to?

Usage:
    python experiments/what_if.py --set index_bus_bits=64
    python experiments/what_if.py --design out/pareto_front/front.json:7 --set index_bus_bits=64 --set a_format=bitmask
    python experiments/what_if.py --design front.json:7 --set "rmat_10@axa.dataflow=inner_product"

A change names a parameter of the hardware, or of the mapping: of all kernels, or of one as KERNEL.NAME (changes of B go
to the kernels whose B is sparse). Without --design it starts from the balanced design of a quick search. Nothing is
tuned again after the change. Elasticities are per cent of an objective for one per cent more of a parameter, from
gradients of the models smoothed over 5 % of a step (`dse.elasticities`). The same from Python:

    problem = make_problem(resolve_workload("embedded"), default_space(), make_technology())
    design = read_design("front.json:7")
    costs, total = problem.detail(design); slopes = elasticities(problem, design)

Writes to --out:
    what_if.csv        each component of latency, energy and area, before and after
    elasticities.csv   one row a parameter, a column for each objective
    what_if.png        both as a figure
    before.json, after.json   the designs, for the other scripts
    provenance.json    versions, commit, configuration
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from dse import (
    Costed,
    change_design,
    default_space,
    elasticities,
    parse_changes,
    write_design,
)
from experiments.common.cli import main
from experiments.common.design_words import hardware_words, quantity
from experiments.common.figures.what_if import what_if_figure
from experiments.common.output import Output
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import Start, balanced_design, build_problem
from experiments.common.table import text_table
from hwmodels.cost import FITS, within_limit

OBJECTIVES = ("latency_s", "energy_pj", "area_mm2", "power_w", "edp_js")
SHOWN = 12
"""Elasticities of tile sizes that are printed and drawn, the strongest; the file has all."""


@dataclass(frozen=True)
class Config:
    """Options."""

    design: str | None = None
    """Design to change, such as front.json:7."""
    set: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE or KERNEL.NAME=VALUE: a change."""
    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the design's own, or `embedded`, unless given."""
    budget: int = 1500
    """Evaluations of the quick search, where no design is given."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: int = 0
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
    technology = config.scenario.build(start.scenario)
    problem = build_problem(start.workload, default_space(), technology, OBJECTIVES, {})
    design = start.design or balanced_design(problem, budget, config.seed)
    before, after = problem.costed([design, change_design(design, problem.families, settings)])
    slopes = elasticities(problem, after.design)

    words = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in settings.items()
    )
    output.csv("what_if.csv", component_rows(before, after))
    output.csv("elasticities.csv", [{"parameter": name, **row} for name, row in slopes.items()])
    title = f"{words or 'no change'}: {start.workload.name} ({scenario_words(technology)})"
    output.figure("what_if.png", what_if_figure(before.total.parts(), after.total.parts(), strongest(slopes), title))
    for name, costed in (("before.json", before), ("after.json", after)):
        output.write(
            name, lambda path, d=costed.design: write_design(path, problem, d, created_by="experiments/what_if.py")
        )
    output.provenance("experiments/what_if.py", config, changes=settings)
    print(f"Design: {hardware_words(before.design)}\nChange: {words or 'none'}\n")
    print(comparison(before, after))
    print("\nElasticities" + (" after the change" if settings else "") + " (% for 1 % more; strongest tiles only)\n")
    print(slope_table(strongest(slopes)))
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


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
            f"\n  {words}: CANNOT BE BUILT: {kernel} needs {float(need):.3g} times the {FITS[at]} there is"
            for kernel, cost in zip(costed.design.kernels, costed.kernels, strict=True)
            for at, need in enumerate(cost.fits)
            if not within_limit(need)
        )
    return text


def _cells(old: float, new: float, unit: str, factor: float) -> tuple[str, str, str]:
    change = f"{new / old - 1:+.1%}" if old > 0 else "new"
    return quantity(old * factor, unit), quantity(new * factor, unit), change if new != old else "="


def strongest(slopes: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """All parameters of the hardware, and the tile sizes that matter most."""
    tiles = sorted((name for name in slopes if "." in name), key=lambda name: -max(map(abs, slopes[name].values())))
    kept = set(tiles[:SHOWN])
    return {name: row for name, row in slopes.items() if "." not in name or name in kept}


def slope_table(slopes: Mapping[str, Mapping[str, float]]) -> str:
    """Elasticities as text."""
    rows = [(name, *(f"{row[o]:+.3f}" for o in OBJECTIVES)) for name, row in slopes.items()]
    return text_table(("parameter", *(o.rpartition("_")[0] for o in OBJECTIVES)), rows)


if __name__ == "__main__":
    sys.exit(main(run, Config))
