"""Which accelerators are worth building for these matrices? The energy/latency/area front, with all that is in it.

Usage:
    python experiments/pareto_front.py
    python experiments/pareto_front.py --workload graph.mtx@axa layer.smtx@spmm:64 --node 7 --dram hbm2
    python experiments/pareto_front.py --workload digits_sparse --objectives latency,energy --max-area-mm2 4
    python experiments/pareto_front.py --fix pe_rows=16 lanes=1,2 --space space.toml --strategy random --budget 5000

Writes to --out:
    front.csv        one row a design: objectives, bottleneck, every parameter with its unit
    front.json       the designs, for the other scripts: --design front.json:7
    layers.csv       one row a design and kernel: time, energy by component, traffic, computes, mapping
    confirm.csv      with --confirm: each design's latency and energy by the model and by the simulator
    pareto.png       the front, the formats and bottlenecks along it, and dense accelerators beside it
    provenance.json  versions, commit, configuration, kernels by content hash

The dense accelerators come from a second search, with a quarter of the budget, in the same space with both operands
stored dense and nothing skipped (a zero's MAC may be gated, as in Eyeriss). For a design of the front, the dense one
"of equal area" is that with the least energy-delay product of those at most 5 % larger than it.

A run that is interrupted leaves search.journal in --out. The same command goes on from there and finds the same front;
any other starts anew. A run that ends removes it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from dse import (
    Box,
    Costed,
    Problem,
    Result,
    Strategy,
    dense_space,
    equal_area,
    hypervolume,
    knee,
    resume,
    write_front,
)
from dse.files.journal import remove_journal
from experiments.common.cli import main, show_progress
from experiments.common.design_words import energy, hardware_words, main_format, mapping_words, quantity, shares
from experiments.common.figures.front import front_figure
from experiments.common.output import Output
from experiments.common.report import design_row, layer_rows
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import (
    STRATEGIES,
    TRADE_OFF,
    build_problem,
    build_space,
    objective_names,
)
from experiments.common.simulator_check import confirm, confirm_rows, confirm_story
from experiments.common.table import text_table
from hwmodels.design.legality import B_IS_DENSE
from workloads import resolve_workloads
from workloads.errors import InputError

DENSE_SHARE = 0.25
SMOKE_BUDGET = 400
SMOKE_WORKLOAD = "digits"
LETTERS = "ABCDEFGH"
JOURNALS = ("search.journal", "dense.journal")
"""Checkpoints of the two searches."""
BEST = {"latency_s": "fastest", "energy_pj": "least energy", "area_mm2": "smallest"}


@dataclass(frozen=True)
class Config:
    """Options of the search."""

    workload: tuple[str, ...] = ("embedded",)
    """Suites by name and matrices or folders by path, each with @spmv, @spmm:N, @axa or @axat if wanted."""
    objectives: tuple[str, ...] = ("latency,energy,area",)
    """What to keep small: latency, energy, area, power, edp, ed2p, eadp."""
    strategy: Literal["gradient", "random", "evolutionary", "exhaustive"] = "gradient"
    """How to search."""
    budget: int = 10_000
    """Evaluations of a design on the whole workload, gradients and local search included."""
    max_area_mm2: float | None = None
    """Largest area allowed."""
    max_power_w: float | None = None
    """Largest average power allowed."""
    space: Path | None = None
    """TOML file that changes the default design space."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter at a value or at values (pe_rows=12, lanes=1,2, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    confirm: bool = False
    """Run the front through the simulator too, on the real non-zeros, and print how far the models are off."""
    seed: int = 0
    """Seed of the search; the same seed gives the same front."""
    out: Path = Path("out/pareto_front")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: budget 400 at most, and the workload `digits` instead of `embedded`."""


def run(config: Config) -> None:
    """Search, write the files, say what was found."""
    output = Output(config.out)
    specs, budget = list(config.workload), config.budget
    if config.smoke:
        specs, budget = [SMOKE_WORKLOAD if s == "embedded" else s for s in specs], min(budget, SMOKE_BUDGET)
    technology, space = config.scenario.build(), build_space(config.space, config.fix)
    workload = resolve_workloads(specs)
    limits = {"area_mm2": config.max_area_mm2, "power_w": config.max_power_w}
    problem = build_problem(workload, space, technology, objective_names(config.objectives), limits)
    journals = [config.out / name for name in JOURNALS]
    result = searched(STRATEGIES[config.strategy](), problem, budget, config.seed, journals[0])
    if len(result.genomes) == 0:
        remove_journal(journals[0])
    problem.require_feasible(result)
    front = problem.costed(problem.designs(result.genomes))
    dense = dense_points(problem, config, budget, journals[1])
    named = named_designs(problem, result)
    pairs = {words: equal_area(front[row].point[2], dense) for words, row in named.items()} if len(dense) else {}

    output.csv("front.csv", [design_row(costed, row) for row, costed in enumerate(front)])
    output.write(
        "front.json", lambda path: write_front(path, problem, result, created_by="experiments/pareto_front.py")
    )
    output.csv("layers.csv", [line for row, costed in enumerate(front) for line in layer_rows(costed, row)])
    title = f"{len(front)} designs for {workload.name} ({scenario_words(technology)})"
    sparse_b = [kernel.family not in B_IS_DENSE for kernel in problem.kernels]
    output.figure("pareto.png", front_figure(front, dense, named, pairs, title, sparse_b))

    checked = confirm(front, workload, technology) if config.confirm else []
    if checked:
        output.csv("confirm.csv", confirm_rows(checked))
    volume = hypervolume(result.objectives, Box.of(result.objectives))
    facts = {"designs": len(front), "hypervolume": volume, "evaluations": result.evaluations}
    output.provenance(
        "experiments/pareto_front.py",
        config,
        **facts,
        search_seconds=round(result.seconds, 3),
        kernels={k.name: {"shape": k.shape, "pattern": k.content_hash()} for k in workload.kernels},
    )
    print(story(front, dense, named, pairs))
    if checked:
        print(f"\n{confirm_story(checked)}")
    print(
        f"\n{config.strategy}: {result.evaluations:,} evaluations in {result.seconds:.1f} s, "
        f"{output.seconds:.1f} s in all\n"
        f"hypervolume {volume:.3f} of the box from the front's ideal to 10 % beyond its nadir, in log10"
    )
    print(output.listing())
    for journal in journals:
        remove_journal(journal)


def searched(strategy: Strategy, problem: Problem, budget: int, seed: int, journal: Path) -> Result:
    """The front, from where an earlier run of the same search was interrupted; says so."""
    result = resume(strategy, problem, journal, budget=budget, seed=seed, progress=show_progress())
    if result.replayed:
        print(f"{journal}: resumed; {result.replayed:,} of {result.evaluations:,} evaluations were made before")
    return result


def dense_points(problem: Problem, config: Config, budget: int, journal: Path) -> np.ndarray:
    """(latency, energy, area) of the dense accelerators, shape [n, 3]; none if no dense one meets the limits."""
    try:
        rival = problem.within(dense_space(problem.encoding.space), objectives=TRADE_OFF)
    except InputError:  # the space holds no legal mapping without compression
        return np.zeros((0, 3))
    strategy = STRATEGIES["random" if config.strategy == "exhaustive" else config.strategy]()
    quarter = max(int(DENSE_SHARE * budget), 1)
    return searched(strategy, rival, quarter, config.seed, journal).objectives


def named_designs(problem: Problem, result: Result) -> dict[str, int]:
    """Letter and words -> row: the balanced design, then the best by each objective, each row once."""
    rows = {knee(result.objectives): "balanced"}
    for column, name in enumerate(problem.objective_names):
        row = int(np.argmin(result.objectives[:, column]))
        rows[row] = (
            f"{rows[row]}, {BEST.get(name, f'least {name}')}" if row in rows else BEST.get(name, f"least {name}")
        )
    return {f"{letter}  {words} (row {row})": row for letter, (row, words) in zip(LETTERS, rows.items(), strict=False)}


def story(front: Sequence[Costed], dense: np.ndarray, named: dict[str, int], pairs: dict[str, int]) -> str:
    """The named designs in words, and what the front passes through."""
    lines = []
    for words, row in named.items():
        lines += ["", *design_story(front[row], words)]
        if words in pairs:
            ours, other = front[row].point, dense[pairs[words]]
            lines.append(
                f"     a dense accelerator of {other[2]:.3g} mm2 takes {other[0] / ours[0]:.3g} times as long and "
                f"{other[1] / ours[1]:.3g} times the energy"
            )
    points = np.array([costed.point for costed in front])
    low, high = points.min(axis=0), points.max(axis=0)
    binding = [costed.total.bottleneck for costed in front]
    formats = {x: [main_format(c.design, x, c.latencies_s) for c in front] for x in "ab"}
    lines += [
        "",
        f"{len(front)} designs from {quantity(low[0], 's')} to {quantity(high[0], 's')} ({high[0] / low[0]:.3g} x), "
        f"from {energy(low[1])} to {energy(high[1])} ({high[1] / low[1]:.3g} x), "
        f"from {low[2]:.3g} to {high[2]:.3g} mm2 ({high[2] / low[2]:.3g} x)",
        f"  bottlenecks: {counted(binding)}",
        f"  main format of A: {counted(formats['a'])}",
        f"  main format of B: {counted(formats['b'])}",
    ]
    return "\n".join(lines[1:])


def design_story(costed: Costed, words: str) -> list[str]:
    """One design in words, and a table of its kernels."""
    latency, picojoules, area = costed.point
    name, share = costed.total.bottleneck, costed.total.bottleneck_share
    head = f"{words}: {quantity(latency, 's')}, {energy(picojoules)}, {area:.3g} mm2"
    header = ("kernel", "latency", "energy", "used", "bound by", "mapping")
    table = [
        (
            kernel,
            quantity(float(cost.latency_s), "s"),
            energy(float(np.sum(cost.energy_pj))),
            f"{float(cost.utilization):.1%}",
            cost.bottleneck,
            mapping_words(mapping),
        )
        for kernel, mapping, cost in zip(costed.design.kernels, costed.design.mappings, costed.kernels, strict=True)
    ]
    return [
        f"{head}, bound by {name} for {share:.0%} of the time",
        f"     {hardware_words(costed.design)}",
        text_table(header, table, indent="     ", left=(0, 5)),
    ]


def counted(names: Sequence[str]) -> str:
    """`csr 62 %, ...` of a list of names."""
    kinds = list(dict.fromkeys(names))
    return shares(kinds, [names.count(kind) for kind in kinds], least=0.0)


if __name__ == "__main__":
    sys.exit(main(run, Config))
