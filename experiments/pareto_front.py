"""Which accelerators are worth building for these matrices? The energy/latency/area front, with all that is in it.

Usage:
    python experiments/pareto_front.py
    python experiments/pareto_front.py --workload graph.mtx@axa layer.smtx@spmm:64 --node 7 --dram hbm2
    python experiments/pareto_front.py --workload digits_sparse --objectives latency,energy --max-area-mm2 4
    python experiments/pareto_front.py --fix dram=lpddr4,hbm2 dram_channels=1,2,4,8
    python experiments/pareto_front.py --fix pe_rows=16 lanes=1,2 --space space.toml --strategy random --budget 5000

Writes to --out:
    front.csv        one row a design: objectives, bottleneck, every parameter with its unit; area_mm2 is without the
                     PHY of the DRAM if that is held, as by default, die_area_mm2 with it; max_clock_ghz is the
                     fastest clock that its parts allow
    front.json       the designs, for the other scripts: --design front.json:7
    layers.csv       one row a design and kernel: time, energy by component, traffic, computes, mapping
    confirm.csv      with --confirm: each design's latency and energy by the model and by the simulator
    pareto.png       the front, the formats and bottlenecks along it, and dense accelerators beside it
    provenance.json  versions, commit, configuration, kernels by content hash

Designs that buy less than --min-gain of one objective for more than --max-price of another are left out of all of it,
and of those that are alike in all objectives so many that at most --designs are left. On each of these machines every
kernel is mapped to the optimum: no mapping can be exchanged for a better one.

The dense accelerator beside a design stores both operands dense and skips nothing (a zero's MAC may be gated, as in
Eyeriss). The same strategy searches for dense accelerators of every area, with up to 100,000 evaluations. Of those no
larger than 1.05 times the design, and with what is left of the area spent on larger units, the one that is hardest on
the design stands beside it; it is smaller than the design only if more area helps no dense accelerator that is behind.

Shares of formats and bottlenecks are compared with those of the search's restarts (below a budget of 60,000, of another
seed with a quarter of it), and told only where they agree.

A run that is interrupted leaves search.journal in --out. The same command goes on from there and finds the same front;
any other starts anew. A run that ends removes it.
"""

from experiments.common.cli import main

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from dse import (
    Box,
    DenseRival,
    Design,
    Problem,
    Result,
    Strategy,
    at_bounds,
    find_dense_rivals,
    hypervolume,
    knee,
    nondominated,
    optimally_mapped,
    resume,
    thinned,
    worth_their_price,
    write_front,
)
from dse.files.journal import remove_journal
from dse.problem.objectives import AIR_COOLED_W_MM2
from experiments.common.figures.front import front_figure
from experiments.common.front.text import bounds_story, front_story, named_story, search_story
from experiments.common.options import AreaLimit, Evaluations, PowerDensityLimit, PowerLimit, Seed, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.report import design_row, layer_rows
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import STRATEGIES, build_problem, build_space, objective_names, workload_of
from experiments.common.simulator_check import confirm, confirm_rows, confirm_story
from hwmodels.design.legality import B_IS_DENSE

RESTART_SHARE = 0.25
"""Of the budget, for a restart that shares of formats and bottlenecks must hold over, where the search has none."""
RESTART_DESIGNS = 150
"""Designs of a restart that are looked at, at most."""
RIVAL_BUDGET = 100_000
"""Evaluations for the dense rivals, at most; a search of its smaller space settles sooner."""
SMOKE_BUDGET = 400
SMOKE_WORKLOAD = "digits"
LETTERS = "ABCDEFGH"
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
    budget: Evaluations = 400_000
    """Evaluations of a design on the whole workload, at most; a search stops when it has settled."""
    designs: Annotated[int, whole(1, 1_000_000)] = 100
    """Designs shown, at most; of those alike in all objectives but for per milles, one is kept."""
    max_area_mm2: AreaLimit = None
    """Largest area allowed, without the PHY of the DRAM unless that is free."""
    max_power_w: PowerLimit = None
    """Largest average power allowed."""
    max_power_density: PowerDensityLimit = AIR_COOLED_W_MM2
    """Largest average power of the die over its area allowed, W/mm2 (0.86: NVIDIA H100's 700 W on 814 mm2, in air)."""
    min_gain: Annotated[float, real(0, 1)] = 0.01
    """Relative gain in one objective below which a design is not worth --max-price; 0 shows the whole front."""
    max_price: Annotated[float, real(0, 1000)] = 0.10
    """Relative price in another objective that such a gain may have."""
    stays: Literal["nothing", "results", "all"] = "nothing"
    """What may stay in the global buffer from kernel to kernel, where it is known which tensors kernels read and write:
    results, or weights too, which are then there from the start."""
    space: Path | None = None
    """TOML file that changes the default design space."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter at a value or at values (pe_rows=12, lanes=1,2, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    confirm: bool = False
    """Run the front through the simulator too, on the real non-zeros, and print how far the models are off."""
    seed: Seed = 0
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
    workload = workload_of(specs)
    technology, numbers = config.scenario.built_for(workload)
    limits: dict[str, float | None] = {"area_mm2": config.max_area_mm2, "power_w": config.max_power_w}
    limits["power_density_w_mm2"] = config.max_power_density
    space = build_space(config.space, config.fix, workload, numbers)
    problem = build_problem(workload, space, technology, objective_names(config.objectives), limits, config.stays)
    worth_their_price(
        np.ones((0, len(problem.objectives))), config.min_gain, config.max_price
    )  # refused before searching
    searches = Searches(config, budget)
    result = searches.front(problem)
    shown = polished(problem, worth_showing(result, config), config)
    front = problem.costed(problem.designs(shown.genomes))
    named = named_designs(problem, shown)
    rivals = searches.rivals(problem, {words: front[row].design for words, row in named.items()})
    fronts = [front, *(problem.costed(problem.designs(genomes)) for genomes in searches.restarts(problem, result))]

    output.csv("front.csv", [design_row(costed, row) for row, costed in enumerate(front)])
    output.write("front.json", lambda path: write_front(path, problem, shown, created_by="experiments/pareto_front.py"))
    output.csv("layers.csv", [line for row, costed in enumerate(front) for line in layer_rows(costed, row)])
    title = f"{len(front)} designs for {workload.name} ({scenario_words(technology)})"
    sparse_b = [kernel.family not in B_IS_DENSE for kernel in problem.kernels]
    output.figure("pareto.png", front_figure(front, named, rivals, title, sparse_b))
    checked = confirm(front, workload, technology) if config.confirm else []
    if checked:
        output.csv("confirm.csv", confirm_rows(checked))
    volume = hypervolume(result.objectives, Box.of(result.objectives))
    facts = {"designs": len(front), "left_out": len(result.genomes) - len(front), "hypervolume": volume}
    facts |= {"evaluations": result.evaluations, "search_seconds": round(result.seconds, 3)}
    kernels = {k.name: {"shape": k.shape, "pattern": k.content_hash()} for k in workload.kernels}
    output.provenance("experiments/pareto_front.py", config, **facts, kernels=kernels)

    told = [
        named_story(front, named, rivals),
        front_story([one for one in fronts if one], len(result.genomes), config.min_gain, config.max_price, technology),
        bounds_story(at_bounds(problem.encoding, shown.genomes)),
        confirm_story(checked) if checked else "",
        search_story(result, config.strategy, volume, output.seconds),
    ]
    print("\n\n".join(filter(None, told)))
    print(output.listing())
    searches.forget()


class Searches:
    """The searches of a run, each of which goes on from where an earlier run of it was interrupted."""

    def __init__(self, config: Config, budget: int):
        self._config, self._budget = config, budget
        self._journals: list[Path] = []

    def front(self, problem: Problem) -> Result:
        """What the run is about; InputError if no design meets the limits."""
        result = self._search(problem, self._budget, "search")
        if len(result.genomes) == 0:
            self.forget()
        return problem.require_feasible(result)

    def restarts(self, problem: Problem, result: Result) -> list[np.ndarray]:
        """Genomes of fronts found from other beginnings: those of the search, or else another one's with a part of the
        budget."""
        fronts = result.restarts
        if not fronts:
            budget = max(int(RESTART_SHARE * self._budget), 1)
            other = self._search(problem, budget, "restart", seed=self._config.seed + 1)
            fronts = ((other.genomes, other.objectives),)
        return [genomes[thinned(objectives, RESTART_DESIGNS)] for genomes, objectives in fronts if len(genomes)]

    def rivals(self, problem: Problem, designs: Mapping[str, Design]) -> dict[str, DenseRival]:
        """By the same words, the dense accelerators beside some designs; left out where none meets the limits."""
        strategy = STRATEGIES["random" if self._config.strategy == "exhaustive" else self._config.strategy]()
        budget = min(self._budget, RIVAL_BUDGET)
        rivals = find_dense_rivals(
            problem, list(designs.values()), lambda dense: self._search(dense, budget, "dense", strategy)
        )
        return {words: rival for words, rival in zip(designs, rivals, strict=True) if rival is not None}

    def forget(self) -> None:
        """Remove the journals of a run that has ended."""
        for journal in self._journals:
            remove_journal(journal)

    def _search(
        self, problem: Problem, budget: int, name: str, strategy: Strategy | None = None, seed: int | None = None
    ) -> Result:
        strategy = strategy or STRATEGIES[self._config.strategy]()
        seed = self._config.seed if seed is None else seed
        journal = self._config.out / f"{name}.journal"
        self._journals.append(journal)
        result = resume(strategy, problem, journal, budget=budget, seed=seed, progress=show_progress())
        if result.replayed:
            print(f"{journal}: resumed; {result.replayed:,} of {result.evaluations:,} evaluations were made before")
        return result


def worth_showing(result: Result, config: Config) -> Result:
    """The result without designs that buy little for much, and without most of those that are alike."""
    rows = np.flatnonzero(worth_their_price(result.objectives, config.min_gain, config.max_price))
    return taken(result, rows[thinned(result.objectives[rows], config.designs)])


def polished(problem: Problem, result: Result, config: Config) -> Result:
    """The result with every kernel mapped to the optimum on each machine, less what that makes superfluous."""
    genomes = optimally_mapped(problem, result.genomes)
    objectives = problem.score(genomes).objectives
    order = np.lexsort(objectives.T[::-1])
    best = order[nondominated(objectives[order])]
    return worth_showing(replace(result, genomes=genomes[best], objectives=objectives[best]), config)


def taken(result: Result, rows: np.ndarray) -> Result:
    """The result with some of its designs."""
    return replace(result, genomes=result.genomes[rows], objectives=result.objectives[rows])


def named_designs(problem: Problem, result: Result) -> dict[str, int]:
    """Letter and words -> row: the balanced design, then the best by each objective, each row once."""
    rows = {knee(result.objectives): "balanced"}
    for column, name in enumerate(problem.objective_names):
        row = int(np.argmin(result.objectives[:, column]))
        rows[row] = (
            f"{rows[row]}, {BEST.get(name, f'least {name}')}" if row in rows else BEST.get(name, f"least {name}")
        )
    return {f"{letter}  {words} (row {row})": row for letter, (row, words) in zip(LETTERS, rows.items(), strict=False)}


if __name__ == "__main__":
    sys.exit(main(run, Config))
