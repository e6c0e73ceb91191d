"""What differs between workloads, spaces, nodes and DRAMs, and is it more than what seeds differ by?

Usage:
    python experiments/sweep.py
    python experiments/sweep.py --workload embedded resnet50 graph.mtx@axa --node 7 16 --dram lpddr4 hbm2:1
    python experiments/sweep.py --workload layer.smtx --space default small.toml --seeds 5 --budget 30000
    python experiments/sweep.py --workload embedded resnet50 --cluster tcp://host:8786

Each workload, in each space, under each scenario (every node with every clock and DRAM), is searched once a seed: here
one after the other, over all devices of this machine (--devices), or side by side on the workers of a Dask cluster,
which must see the folder --out and have this version of the project.

Seeds that agree show that a search has converged: for each of these cases the extremes of the worst seed are held
against those of the best, and the hypervolume of each seed against that of the front of all seeds together, in the box
from its ideal to 10 % beyond its nadir, in log10. A difference between cases counts where it is larger than what seeds
differ by. Cases of one workload are compared at one area: the largest of their balanced designs'.

Writes to --out:
    sweep.csv        one row a case: how far seeds agree, least latency, energy and EDP at one area, the balanced design
    searches.csv     one row a search: its extremes, hypervolume and file, or why it failed
    sweep.png        the fronts of all seeds, how far seeds lie behind, and what differs at one area
    balanced.png     the balanced designs side by side
    searches/        the front of every search, for the other scripts: --design out/sweep/searches/NAME.json:7
    provenance.json  versions, commit, configuration

The same command again takes the searches that ended from their files and goes on with the others where they were, also
after a kill. A search that fails does not stop the others; if any did, the exit status is 1.
"""

from experiments.common.cli import main

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from dse import SearchOutcome, grid, sweep
from dse.search_grid import connected
from experiments.common.options import AreaLimit, Evaluations, PowerLimit, Seed, Seeds, real
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.search import STRATEGIES, TRADE_OFF
from experiments.common.sweep.balanced import balanced_figure
from experiments.common.sweep.cases import Case, cases_of
from experiments.common.sweep.choices import (
    SweepSetting,
    brief,
    problems_of,
    scenarios_of,
    settings_of,
)
from experiments.common.sweep.comparison import AreaComparison, compare
from experiments.common.sweep.figure import sweep_figure
from experiments.common.sweep.text import (
    agreement_table,
    balanced_table,
    case_rows,
    comparison_table,
    how_it_ended,
    search_rows,
)
from hwmodels.technology import CLOCK_RANGE_GHZ, NODE_RANGE_NM
from workloads.errors import InputError

SEARCH_FAILED = 1
"""Exit status."""
SEARCHES = "searches"
SMOKE_BUDGET, SMOKE_SEEDS, SMOKE_WORKLOAD, SMOKE_NODES = 120, 2, "digits", (16.0, 7.0)


@dataclass(frozen=True)
class Config:
    """Options of the sweep."""

    workload: tuple[str, ...] = ("embedded",)
    """Workloads, each by itself: a suite by name, a matrix or folder by path, with @spmv, @spmm:N or @axa if wanted."""
    space: tuple[str, ...] = ("default",)
    """Design spaces: `default`, or TOML files that change it."""
    seeds: Seeds = 3
    """Searches of each case, from seeds --seed, --seed + 1, ..."""
    node: Annotated[tuple[float, ...], real(*NODE_RANGE_NM, each="*")] = (16.0,)
    """Technology nodes in nm, 5 to 45."""
    clock_ghz: Annotated[tuple[float, ...], real(*CLOCK_RANGE_GHZ, each="*")] = (1.0,)
    """Clocks of the accelerator in GHz."""
    dram: tuple[str, ...] = ("lpddr4",)
    """DRAMs as TYPE or TYPE:CHANNELS, such as hbm2:1; types and channels as for pareto_front.py."""
    technology: Path | None = None
    """JSON file that replaces constants of the technology by name."""
    arithmetic: str | None = None
    """What values are, as for pareto_front.py; fp32 for workloads with matrices of real numbers, else int8."""
    strategy: Literal["gradient", "random", "evolutionary", "exhaustive"] = "gradient"
    """How to search."""
    budget: Evaluations = 10_000
    """Evaluations of each search, at most."""
    max_area_mm2: AreaLimit = None
    """Largest area allowed."""
    max_power_w: PowerLimit = None
    """Largest average power allowed."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of every space at a value or at values (pe_rows=12, lanes=1,2)."""
    devices: bool = False
    """Spread each search over all devices of this machine."""
    cluster: str | None = None
    """Address of the scheduler of a Dask cluster to search on, such as tcp://host:8786."""
    seed: Seed = 0
    """First seed; the same seeds give the same fronts."""
    out: Path = Path("out/sweep")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: budget 120 and 2 seeds at most, at 16 and 7 nm, and the workload `digits` for `embedded`."""


def run(config: Config) -> None:
    """Search every case, write the files, say what differs."""
    output = Output(config.out)
    config = _smoke_sized(config) if config.smoke else config
    _check(config)
    with _executor(config) as executor:
        scenarios = scenarios_of(config.node, config.clock_ghz, config.dram, config.technology, config.arithmetic)
        settings = settings_of(config.workload, config.space, config.fix, scenarios)
        problems = problems_of(settings, _limits(config))
        outcomes = search(config, settings, executor)
    report(output, config, settings, cases_of(settings, problems, outcomes))
    if any(outcome.result is None for outcome in outcomes):
        raise SystemExit(SEARCH_FAILED)


def _smoke_sized(config: Config) -> Config:
    return replace(
        config,
        workload=tuple(SMOKE_WORKLOAD if spec == "embedded" else spec for spec in config.workload),
        node=config.node if len(config.node) > 1 else SMOKE_NODES,
        seeds=min(config.seeds, SMOKE_SEEDS),
        budget=min(config.budget, SMOKE_BUDGET),
    )


def _check(config: Config) -> None:
    """InputError for options that exclude each other."""
    if config.devices and config.cluster:
        raise InputError("--devices and --cluster exclude each other; give one of them.")


@contextlib.contextmanager
def _executor(config: Config) -> Iterator[Any]:
    """What `dse.sweep` is to search with; a cluster is reached before anything is measured."""
    if config.cluster is None:
        yield "devices" if config.devices else None
        return
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told in the table
    with connected(config.cluster) as client:
        yield client


def _limits(config: Config) -> dict[str, float]:
    limits = {"area_mm2": config.max_area_mm2, "power_w": config.max_power_w}
    return {name: limit for name, limit in limits.items() if limit is not None}


def search(config: Config, settings: Sequence[SweepSetting], executor: Any) -> list[SearchOutcome]:
    """Outcomes of all searches, the seed moving fastest."""
    tasks = grid(
        {setting.name: setting.parts for setting in settings},
        STRATEGIES[config.strategy](),
        budget=config.budget,
        seeds=range(config.seed, config.seed + config.seeds),
        objectives=TRADE_OFF,
        constraints=_limits(config),
    )
    return sweep(tasks, executor=executor, folder=config.out / SEARCHES, progress=show_progress())


def report(output: Output, config: Config, settings: Sequence[SweepSetting], cases: Sequence[Case]) -> None:
    """Write the files and print the tables."""
    comparisons, short = compare(cases), brief(list(dict.fromkeys(case.scenario for case in cases)))
    output.csv("sweep.csv", case_rows(cases, comparisons))
    output.csv("searches.csv", search_rows(cases))
    if comparisons:
        output.figure("sweep.png", sweep_figure(comparisons, short))
        output.figure("balanced.png", balanced_figure(comparisons, short))
    outcomes = [outcome for case in cases for outcome in case.outcomes]
    ended = [how_it_ended(outcome) for outcome in outcomes]
    counts = {name: ended.count(name) for name in dict.fromkeys(ended)}
    kernels = {s.workload: {k.name: k.content_hash() for k in s.parts[0].kernels} for s in settings}
    output.provenance("experiments/sweep.py", config, cases=len(cases), searches=counts, kernels=kernels)
    print("\n\n".join(story(cases, comparisons, short)))
    seconds = sum(o.result.seconds for o in outcomes if o.result is not None)
    evaluations = sum(o.result.evaluations for o in outcomes if o.result is not None)
    print(f"\n{len(outcomes)} searches ({', '.join(f'{count} {name}' for name, count in counts.items())})")
    print(f"{evaluations:,} evaluations in {seconds:.1f} s of searching (all runs), {output.seconds:.1f} s in this run")
    print(f"{output.listing()}, {SEARCHES}/")


def story(cases: Sequence[Case], comparisons: Sequence[AreaComparison], short: dict[str, str]) -> list[str]:
    """The tables under their titles."""
    told = [
        "Do the seeds agree? Behind each least value: by how much the worst seed misses it; hypervolume: the worst "
        f"seed's share of that of all together\n{agreement_table(cases, short)}"
    ]
    compared = [comparison for comparison in comparisons if len(comparison.cases) > 1]
    told += [
        f"What differs for {comparison.cases[0].workload}, of designs up to {comparison.area_mm2:.3g} mm2 (x: over the "
        f"first; ~: no more than what seeds differ by)\n{comparison_table(comparison, cases, short)}"
        for comparison in compared
    ]
    if comparisons:
        told.append(f"Balanced designs (in {SEARCHES}/)\n{balanced_table(cases, short)}")
    return told


if __name__ == "__main__":
    sys.exit(main(run, Config))
