"""How robust is the answer? What designs hang on, which conclusions survive uncertain constants, what sharing costs.

Usage:
    python experiments/sensitivity.py
    python experiments/sensitivity.py --design out/pareto_front/front.json
    python experiments/sensitivity.py --design front.json:7 --draws 20000 --scale 1.5
    python experiments/sensitivity.py --workload graph.mtx@axa layer.smtx@spmm:64 --node 7 --dram hbm2

Three questions of a front (that of --design, or of a quick search):

1. What does each objective hang on, along the front? Slopes by the numbers of the hardware (`dse.elasticities`), and
   what half and double of each really do, with the best mappings there (by energy-delay product) against the best here
   (`dse.finite_changes`). Where a step lies between, a slope foretells what does not happen; such places are named.
2. Which conclusions survive when every constant of the technology varies within its uncertainty? All designs are
   priced again under thousands of draws (`dse.analysis.robustness` says from which ranges, and why): does a design stay
   on the front, does it stay ahead of another, does its bottleneck stay, does its format, dataflow or schedule stay the
   best on the same hardware, each with the best of all its mappings? Constants are drawn independently; --scale widens
   or narrows all ranges. Shares are of the draws in which at least one design reaches the clock.
3. What does one accelerator for several workloads cost each of them? Each --workload is one (a single one is taken
   apart into its kernels): fronts by geometric mean and by worst case, and regret against each workload's own optimum.

A row behind --design (front.json:7) names the design that the tornado and the choices are about; else the balanced one.

Writes to --out:
    designs.csv       a row a design: spread of each objective, shares of the draws in which its properties hold
    pairs.csv         a row a pair: in which share of the draws a has less than b
    constants.csv     a row a constant: both ends of its range, swing of each objective, rank correlation
    choices.csv       a row a rival: the best design with each format, dataflow, use of zeros, schedule,
                      dimension of PE columns and of lanes
    elasticities.csv  a row a design and parameter: slopes, ratios at half and double, where slopes mislead
    workloads.csv     a row a shared design: each workload's energy-delay product and regret, mean and worst case
    tornado.png, spread.png, elasticities.png, workloads.png
    front.json, shared.json   the designs, for the other scripts; the shared one is the best by geometric mean
    provenance.json   versions, commit, configuration
"""

from experiments.common.cli import main

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from dse import (
    Costed,
    Design,
    FiniteChanges,
    Problem,
    RandomSearch,
    elasticities,
    finite_changes,
    knee,
    read_front,
    write_design,
    write_front,
)
from dse.analysis.robustness import NORMAL_95
from dse.files.design_reader import file_and_row
from dse.problem.result import Result
from experiments.common.design_words import main_format
from experiments.common.options import Evaluations, Seed, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import TRADE_OFF, Start, build_problem, build_space
from experiments.common.sensitivity.conclusions import (
    constants_story,
    design_rows,
    label_story,
    pair_rows,
    story,
)
from experiments.common.sensitivity.figures import elasticity_figure, spread_figure, tornado_figure, workloads_figure
from experiments.common.sensitivity.rivals import QUESTIONS, best_rivals
from experiments.common.sensitivity.sharing import groups_of, share, workload_rows, workload_story
from experiments.common.sensitivity.uncertainty import UncertainConstants, rival_tables
from experiments.common.slopes import Slopes, slope_rows, slopes_story
from hwmodels.numerics import Smooth
from hwmodels.technology import constants_table
from workloads.errors import InputError

SLOPES = ("latency_s", "energy_pj", "area_mm2", "edp_js")
TEMPERATURE = 0.05
"""Share of a step over which the models are smoothed for elasticities."""
ALONG = 12
"""Designs of the front whose slopes and finite changes are taken."""


@dataclass(frozen=True)
class Config:
    """Options."""

    design: str | None = None
    """Front to question, such as front.json; front.json:7 makes row 7 the design that questions are about."""
    workload: tuple[str, ...] = ()
    """Suites by name and matrices or folders by path; the front's own, or `embedded`, unless given."""
    draws: Annotated[int, whole(2, 1_000_000)] = 4096
    """Draws of the technology's constants."""
    scale: Annotated[float, real(0, 3)] = 1.0
    """Times the uncertainty of each constant, 0 to 3."""
    budget: Evaluations = 4000
    """Evaluations of each search: for the front, for rivals, and for several workloads."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of the space that is searched (dataflow=gustavson, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the searches and of the draws."""
    out: Path = Path("out/sensitivity")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: budget 150 and 512 draws at most, and the workload `digits` unless one is given."""


def run(config: Config) -> None:
    """Search or read a front, question it, write the files, say what survives."""
    output = Output(config.out)
    specs, budget, draws, along = config.workload, config.budget, config.draws, ALONG
    if config.smoke:
        specs, along = specs or (() if config.design else ("digits",)), 2
        budget, draws = min(budget, 150), min(draws, 512)
    constants = UncertainConstants.of(constants_table(config.scenario.technology), draws, config.seed, config.scale)
    start = Start.of(_with_row(config.design), specs)
    technology, numbers = config.scenario.built_for(start.workload, start.design, start.scenario)
    problem = smooth(
        build_problem(start.workload, build_space(None, config.fix, start.workload, numbers), technology, TRADE_OFF, {})
    )
    designs, points = front_of(problem, config, budget)
    focus = _row_of(config.design, len(designs)) if _row_of(config.design) is not None else knee(points)
    named = named_rows(points, focus)
    title = f"{start.workload.name} ({scenario_words(technology)})"

    priced = constants.priced(problem, designs)
    survey = constants.survey(priced)
    costed = problem.costed(designs)
    labels = {
        "main format of A": [main_format(c.design, "a", c.latencies_s) for c in costed],
        "main dataflow": [main_dataflow(c) for c in costed],
        "bottleneck": [c.total.bottleneck for c in costed],
    }
    strength = constants.strength(priced, survey, focus)
    found = {choice: best_rivals(problem, designs[focus], choice, progress=show_progress()) for choice in QUESTIONS}
    choices = rival_tables(problem, {choice: few for choice, few in found.items() if few}, constants)
    along_front = slopes_along(problem, designs, points, along)
    groups = groups_of(_specs(config, start), problem)
    shared = share(problem, groups, designs, budget, config.seed) if len(groups) > 1 else None

    rows = design_rows(survey)
    output.csv("designs.csv", rows)
    output.csv("pairs.csv", pair_rows(survey))
    output.csv("constants.csv", strength)
    if choices:
        output.csv("choices.csv", [row for table in choices for row in table])
    output.csv(
        "elasticities.csv", [{"row": at, **row} for at, pair in along_front.items() for row in slope_rows(*pair)]
    )
    output.figure("tornado.png", tornado_figure(strength, f"What design {focus} hangs on: {title}"))
    output.figure("spread.png", spread_figure(survey, named, f"{len(designs)} designs under {draws:,} draws: {title}"))
    output.figure("elasticities.png", elasticity_figure(along_front, f"Slopes and changes along the front: {title}"))
    script = "experiments/sensitivity.py"
    if config.design is None:
        result = Result(np.stack([problem.encoding.genome(d) for d in designs]), points, 0, 0.0, "RandomSearch", 0)
        output.write("front.json", lambda path: write_front(path, problem, result, created_by=script))
    if shared is not None:
        best = shared.designs[int(shared.mean_js.argmin())]
        output.csv("workloads.csv", workload_rows(shared))
        output.figure(
            "workloads.png", workloads_figure(shared, f"One accelerator for {len(groups)} workloads: {title}")
        )
        output.write("shared.json", lambda path: write_design(path, problem, best, created_by=script))
    output.provenance(script, config, designs=len(designs), focus=focus, evaluations=problem.evaluations)

    error = 100 * NORMAL_95 * 0.5 / np.sqrt(draws)
    print(f"{len(designs)} designs, {draws:,} draws of {len(strength)} constants (shares to within {error:.1f} points)")
    print(
        f"in {1 - len(survey.factors) / draws:.1%} of the draws no design reaches the clock; shares are of the others"
    )
    print(
        "\n"
        + "\n".join(
            story(survey, rows, named, choices, focus)
            + label_story(survey, labels)
            + constants_story(strength, len(survey.factors))
        )
    )
    print("\nSlopes and finite changes along the front")
    print("\n".join(slopes_story(along_front, SLOPES)))
    print("\nOne accelerator for several workloads")
    print("\n".join(workload_story(shared) if shared else ["there is one workload of one kernel: nothing to share"]))
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


def smooth(problem: Problem) -> Problem:
    """The problem with gradients of the models smoothed as `elasticities` wants them."""
    return problem.changed(relaxed=Smooth(TEMPERATURE))


def front_of(problem: Problem, config: Config, budget: int) -> tuple[list[Design], np.ndarray]:
    """Designs and their latency, energy and area: of the file, or of a quick search."""
    if config.design is None:
        search = RandomSearch()(problem, budget=budget, seed=config.seed, progress=show_progress())
        result = problem.require_feasible(search)
        return problem.designs(result.genomes), result.objectives
    designs = list(read_front(_file_of(config.design)).designs)
    scores = problem.score_designs(designs)
    if not scores.feasible.all():
        at = int(np.argmin(scores.feasible))
        raise InputError(f"{_file_of(config.design)}: row {at} cannot be built in this scenario; find a front for it.")
    return designs, scores.objectives


def named_rows(points: np.ndarray, focus: int) -> dict[str, int]:
    """Words -> row: the design in question, and the best by each objective, each row once."""
    rows = {focus: "balanced" if focus == knee(points) else "in question"}
    for column, words in enumerate(("fastest", "least energy", "smallest")):
        row = int(points[:, column].argmin())
        rows[row] = f"{rows[row]}, {words}" if row in rows else words
    return {words: row for row, words in rows.items()}


def main_dataflow(costed: Costed) -> str:
    """The dataflow that is in use for most of the time."""
    seconds: dict[str, float] = {}
    for mapping, latency_s in zip(costed.design.mappings, costed.latencies_s, strict=True):
        seconds[str(mapping["dataflow"])] = seconds.get(str(mapping["dataflow"]), 0.0) + float(latency_s)
    return max(seconds, key=lambda name: seconds[name])


def slopes_along(
    problem: Problem, designs: Sequence[Design], points: np.ndarray, count: int
) -> dict[int, tuple[Slopes, FiniteChanges]]:
    """Row -> slopes and finite changes, of designs spread evenly along the front by latency."""
    other = problem.within(problem.encoding.space, objectives=SLOPES)
    order = np.argsort(points[:, 0], kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))
    shown = tqdm(order[places], desc="slopes and finite changes", disable=not show_progress())
    return {
        int(at): (
            elasticities(other, designs[at], temperature=TEMPERATURE),
            finite_changes(other, designs[at], space=problem.encoding.space),
        )
        for at in shown
    }


def _specs(config: Config, start: Start) -> list[str]:
    """The workloads, one a spec."""
    name = start.workload.name
    return list(config.workload) or ([name] if os.path.exists(name) else name.split("+"))


def _file_of(where: str) -> str:
    """The file of `front.json` or `front.json:7`."""
    return file_and_row(where)[0]


def _row_of(where: str | None, count: int | None = None) -> int | None:
    """The row of `front.json:7`, None for `front.json`."""
    row = None if where is None else file_and_row(where)[1]
    if row is not None and count is not None and not 0 <= row < count:
        raise InputError(f"{where}: has rows 0 to {count - 1}, not {row}.")
    return row


def _with_row(where: str | None) -> str | None:
    """What `Start` can read: a design, where only a front is named."""
    return where if where is None or _row_of(where) is not None else f"{where}:0"


if __name__ == "__main__":
    sys.exit(main(run, Config))
