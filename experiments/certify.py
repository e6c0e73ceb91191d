"""How far can a front be from the true one? A proof, not another search: what no design of the space can beat.

Usage:
    python experiments/certify.py
    python experiments/certify.py --workload embedded --minutes 10 --front out/pareto_front/front.json
    python experiments/certify.py --workload digits --fix pe_rows=4,8,16 lanes=1,4 --minutes 1

Where all machines of the space can be tried with all mappings of each kernel alone (up to --most evaluations), they
are: `dse.upper_bound`. Elsewhere boxes of machines are bounded and cut, `dse.certify`, for --minutes: the proven gap is
printed as it falls, and more minutes only make it smaller. A front comes from --front, or from a search in the same
space with --budget evaluations.

What is proven is that no design of the space gets beyond the points in bound.csv, by the model's formulas as they
stand; nothing is said of designs outside the space, or of how true the model is. What rests on a test instead of a
proof is said in the output.

Writes to --out:
    bound.csv        points that no design gets beyond, designs of the front among them
    gap.csv          the proven gap as it fell
    gap.png          the same, drawn, where boxes were cut
    provenance.json  versions, commit, configuration, the gap
"""

from experiments.common.cli import main

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from dse import (
    Certificate,
    Gradient,
    Problem,
    Scores,
    TooManyMachines,
    certify,
    read_front,
    upper_bound,
)
from experiments.common.certify.figure import gap_figure
from experiments.common.certify.text import certificate_story, standing_line, standing_row
from experiments.common.options import AreaLimit, Evaluations, Seed, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import build_problem, build_space, objective_names, workload_of
from workloads.errors import InputError

SECONDS = 60.0
WORDS = {"latency_s": "latency", "energy_pj": "energy", "area_mm2": "area"}
SMOKE_FIXES = (
    "pe_rows=4,8",
    "pe_cols=1,4",
    "lanes=4",
    "glb_bytes=65536,131072",
    "glb_banks=16",
    "pe_buffer_bytes=1024",
    "accumulator_bytes=256,1024",
    "index_bus_bits=32,64",
    "value_bus_bits=64",
    "dataflow=gustavson",
    "a_format=csr,bitmask",
    "schedule=balanced",
)


@dataclass(frozen=True)
class Config:
    """Options of the proof."""

    workload: tuple[str, ...] = ("embedded",)
    """Suites by name and matrices or folders by path, each with @spmv, @spmm:N, @axa or @axat if wanted."""
    objectives: tuple[str, ...] = ("latency,energy,area",)
    """What to keep small: latency, energy, area, edp, ed2p, eadp."""
    front: Path | None = None
    """Design file whose front is judged; without it one is searched for."""
    budget: Evaluations = 10_000
    """Evaluations of the search, where there is no --front."""
    minutes: Annotated[float, real(0, 100_000, above=True)] = 10.0
    """How long boxes are cut, where the machines are too many to try."""
    most: Annotated[int, whole(1, 1_000_000_000_000)] = 20_000_000
    """Evaluations of single kernels up to which all machines are tried."""
    every_s: Annotated[float, real(0, 86_400, above=True)] = 10.0
    """Seconds between two lines of the gap."""
    max_area_mm2: AreaLimit = None
    """Largest area allowed, without the PHY of the DRAM."""
    space: Path | None = None
    """TOML file that changes the default design space."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter at a value or at values (pe_rows=12, lanes=1,2, kernel.tile_m=64)."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the search."""
    out: Path = Path("out/certify")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: the workload `digits` for `embedded`, a small space unless --fix is given, cut box by box."""


def run(config: Config) -> None:
    """Find or read a front, bound the true one, say what is proven."""
    output = Output(config.out)
    if config.smoke:
        specs = tuple("digits" if spec == "embedded" else spec for spec in config.workload)
        config = replace(config, workload=specs, fix=config.fix or (SMOKE_FIXES,), budget=400, minutes=0.2, most=1)
    workload = workload_of(config.workload)
    technology, numbers = config.scenario.built_for(workload)
    space = build_space(config.space, config.fix, workload, numbers)
    limits = {"area_mm2": config.max_area_mm2}
    problem = build_problem(workload, space, technology, objective_names(config.objectives), limits)
    known = known_front(problem, config)
    certificate = bounded(problem, known, config)

    names = [WORDS.get(name, name) for name in problem.objective_names]
    points = [dict(zip(problem.objective_names, map(float, row), strict=True)) for row in certificate.objectives]
    output.csv("bound.csv", points)
    output.csv("gap.csv", [standing_row(one, problem.objective_names) for one in certificate.history])
    if len(certificate.history) > 1:
        title = f"What a front of {len(certificate.known)} designs for {workload.name} can lack"
        output.figure("gap.png", gap_figure(certificate.history, names, f"{title}\n({scenario_words(technology)})"))
    facts = {"designs": problem.encoding.size, "gap": certificate.gap, "proven": certificate.proven}
    output.provenance("experiments/certify.py", config, **facts)
    print(certificate_story(certificate, names, problem.encoding.size))
    print(output.listing())


def known_front(problem: Problem, config: Config) -> Scores:
    """Scores of the front in a file, or of one that is searched for."""
    if config.front is not None:
        file = read_front(config.front)
        kernels = tuple(kernel.name for kernel in problem.kernels)
        other = next((design.kernels for design in file.designs if design.kernels != kernels), None)
        if other is not None:
            raise InputError(f"{config.front} maps the kernels {', '.join(other)}, not those of --workload; name it.")
        return problem.score_designs(file.designs)
    result = Gradient()(problem, budget=config.budget, seed=config.seed, progress=show_progress())
    problem.require_feasible(result)
    print(f"A front of {len(result.genomes)} designs in {result.seconds:.1f} s, {result.evaluations:,} evaluations.")
    return problem.score(result.genomes)


def bounded(problem: Problem, known: Scores, config: Config) -> Certificate:
    """The bound on the true front: by all machines where that is possible, else by boxes of them."""
    try:
        return upper_bound(problem, most=config.most, progress=show_progress()).certificate(known)
    except TooManyMachines as error:
        if not config.smoke:
            print(f"{error} Boxes of machines are bounded instead, for {config.minutes:g} minutes.", flush=True)
    return certify(
        problem,
        known,
        seconds=config.minutes * SECONDS,
        every=config.every_s,
        report=lambda standing: print(standing_line(standing), flush=True),
    )


if __name__ == "__main__":
    sys.exit(main(run, Config))
