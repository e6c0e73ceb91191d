"""Do the searches find the true front, and how soon? Every strategy against exhaustive enumeration, and each other.

Usage:
    python experiments/compare_strategies.py
    python experiments/compare_strategies.py --spaces graph --strategies gradient random --shares 0.001 0.01 --seeds 10

Each space is small enough to be enumerated whole, so its front is known: a graph times a dense matrix, two layers of a
pruned classifier, a graph times itself. Every strategy is run afresh for every share of the space and every seed. Its
hypervolume (of log10 objectives, in the box from the true front's ideal to 10 % beyond its nadir) is given as a share
of the true front's. Every forward, gradient (twice) and polish call counts as an evaluation, for every strategy, and
all of ours end with the same polish. pymoo's NSGA-II (`nsga2`) and Optuna's TPE (`tpe`) run on the same problems in the
same run; they need the extra `compare` (pip install -e '.[compare]'). TPE takes long to choose a design, so it is only
run for budgets up to --tpe-budget.

The exit status is 1 if the gradient strategy's median at the largest share is below 99 % of the true hypervolume.

Writes to --out:
    strategies.csv   one row a run: space, strategy, evaluations, seed, seconds, hypervolume
    strategies.png   hypervolume against evaluations and seconds, median and range over seeds
    provenance.json  versions, commit, configuration, whether the bar holds
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from tqdm import tqdm

from dse import Box, Exhaustive, Problem, default_space, enable_compile_cache, hypervolume, make_problem
from experiments.common.cli import main, show_progress
from experiments.common.foreign_searches import Nsga2, Tpe
from experiments.common.output import Output
from experiments.common.search import STRATEGIES
from experiments.common.style import OKABE_ITO, new_figure
from experiments.common.table import text_table
from hwmodels.technology import scenario, technology
from workloads import Workload, resolve_workload

BAR_FAILED = 1
"""Exit status."""
BAR = 0.99
WARM_UP = 400
"""Evaluations of a search whose only end is that all programs are compiled before anything is timed."""
OURS = ("gradient", "random", "evolutionary")
FOREIGN = {"nsga2": Nsga2, "tpe": Tpe}
COLOURS = {"gradient": "blue", "random": "orange", "evolutionary": "green", "nsga2": "purple", "tpe": "vermilion"}
_KIB = 1024
SPACES: dict[str, tuple[str, slice, dict[str, list[Any]]]] = {
    "graph": (
        "rmat@spmm:64",
        slice(1),
        {
            "pe_rows": [2, 4, 8, 16, 32, 64],
            "pe_cols": [1, 4, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [64 * _KIB, 512 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 8 * _KIB],
            "accumulator_bytes": [256, 4 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [256],
            "tile_m": [64, 256, 1024],
            "tile_k": [64, 1024],
            "tile_n": [16, 64],
            "a_format": ["bitmask", "csr", "csc", "coo"],
            "schedule": ["row_blocks", "balanced"],
            "loop_order": ["mnk", "nkm"],
        },
    ),
    "network": (
        "digits@spmm:64",
        slice(2),
        {
            "pe_rows": [1, 4, 16],
            "pe_cols": [1, 4, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [64 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 4 * _KIB],
            "accumulator_bytes": [256, 1 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [64, 256],
            "tile_m": [64],
            "tile_k": [64],
            "tile_n": [16, 64],
            "a_format": ["rle", "csr", "coo"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mnk"],
            "residency": ["b"],
        },
    ),
    "spmspm": (
        "rmat@axa",
        slice(1),
        {
            "pe_rows": [2, 4, 8, 16, 32, 64],
            "pe_cols": [1, 2, 4, 8, 16],
            "lanes": [1, 4],
            "glb_bytes": [256 * _KIB, 1024 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 8 * _KIB],
            "accumulator_bytes": [256, 4 * _KIB],
            "index_bus_bits": [64, 256],
            "value_bus_bits": [256],
            "intersection": ["two_finger", "leader_follower", "skip_ahead"],
            "tile_m": [128, 1024],
            "tile_k": [128, 1024],
            "tile_n": [64, 1024],
            "a_format": ["csr", "csc"],
            "b_format": ["csr", "csc"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mkn", "nkm"],
        },
    ),
}
"""Workload, which of its kernels, and the values that parameters may take; what is not named is fixed below."""
FIXED: dict[str, list[Any]] = {
    "glb_banks": [16],
    "intersection": ["leader_follower"],
    "a_zero": ["skip"],
    "b_zero": ["compute", "skip"],
}
SMOKE = {"pe_rows": [4, 16], "pe_cols": [1, 4], "glb_bytes": [64 * _KIB], "tile_k": [64], "accumulator_bytes": [256]}


@dataclass(frozen=True)
class Config:
    """What to compare."""

    spaces: tuple[Literal["graph", "network", "spmspm"], ...] = ("graph", "network", "spmspm")
    """Spaces to search."""
    strategies: tuple[Literal["gradient", "random", "evolutionary", "nsga2", "tpe"], ...] = OURS
    """Strategies to run; `nsga2` and `tpe` need the extra `compare`."""
    tpe_budget: int = 1000
    """Largest budget that `tpe` is run with."""
    shares: tuple[float, ...] = (0.0005, 0.001, 0.002, 0.005, 0.01)
    """Budgets, as shares of the designs of the space."""
    seeds: int = 5
    """Runs of each."""
    seed: int = 0
    """First seed."""
    out: Path = Path("out/compare_strategies")
    """Folder for the results."""
    smoke: bool = False
    """A run of seconds: the graph's space cut small, gradient and nsga2, two seeds, two shares."""


def problem_of(name: str, smoke: bool) -> Problem:
    """The problem whose space is enumerated."""
    spec, which, values = SPACES[name]
    workload = resolve_workload(spec)
    space = default_space().fix(**FIXED | values | (SMOKE if smoke else {}))
    return make_problem(Workload(name, workload.kernels[which]), space, technology(scenario()))


def compare(name: str, config: Config, bar: tqdm) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of every run in one space, and what is known of it."""
    problem = problem_of(name, config.smoke)
    start = time.perf_counter()
    exact = Exhaustive()(problem, budget=int(problem.encoding.size))
    seconds = time.perf_counter() - start
    box, size = Box.of(exact.objectives), exact.evaluations
    whole = hypervolume(exact.objectives, box)
    STRATEGIES["gradient"]()(problem, budget=WARM_UP)
    rows = []
    for strategy in config.strategies:
        for share in config.shares:
            budget = max(int(share * size), 1)
            if strategy == "tpe" and budget > config.tpe_budget:
                bar.update(config.seeds)
                continue
            for seed in range(config.seed, config.seed + config.seeds):
                bar.set_description(f"{name} {strategy} {share:.2%}")
                result = (STRATEGIES | FOREIGN)[strategy]()(problem, budget=budget, seed=seed)
                rows.append(
                    {
                        "space": name,
                        "designs": size,
                        "strategy": strategy,
                        "share": share,
                        "seed": seed,
                        "evaluations": result.evaluations,
                        "seconds": result.seconds,
                        "hypervolume_share": hypervolume(result.objectives, box) / whole,
                    }
                )
                bar.update()
    facts = {"designs": size, "front": len(exact.objectives), "seconds": seconds, "hypervolume": whole}
    return rows, facts


def of_runs(
    rows: Sequence[dict[str, Any]], space: str, strategy: str, share: float, column: str = "hypervolume_share"
) -> np.ndarray:
    """What each seed came to; empty where a strategy was not run."""
    wanted = (space, strategy, share)
    return np.array([row[column] for row in rows if (row["space"], row["strategy"], row["share"]) == wanted])


def draw(rows: Sequence[dict[str, Any]], known: dict[str, dict[str, Any]], config: Config) -> Figure:
    """Median and range of what is missing of the true hypervolume, against the share evaluated and against seconds."""
    figure = new_figure(3.4 * len(known) + 0.6, 6.2)
    axes = figure.subplots(2, len(known), squeeze=False, sharey=True)
    for (above, below), (space, facts) in zip(axes.T, known.items(), strict=True):
        for strategy in config.strategies:
            run = [share for share in config.shares if len(of_runs(rows, space, strategy, share))]
            missing = [1.0 - of_runs(rows, space, strategy, share) for share in run]
            low, middle, high = (
                [max(float(pick(values)), 1e-5) for values in missing] for pick in (np.min, np.median, np.max)
            )
            seconds = [float(np.median(of_runs(rows, space, strategy, share, "seconds"))) for share in run]
            for axis, place in ((above, run), (below, seconds)):
                colour = OKABE_ITO[COLOURS[strategy]]
                axis.plot(place, middle, "o-", color=colour, label=strategy, markersize=4)
                axis.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)
        above.set_title(f"{space}\n{facts['designs']:,} designs, {facts['front']} on the front")
        for axis in (above, below):
            axis.axhline(1 - BAR, color="#555555", linewidth=0.8, linestyle="--")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        above.set_xlabel("evaluations / designs of the space")
        below.set_xlabel("seconds (median of the seeds)")
    for axis in axes[:, 0]:
        axis.set_ylabel("hypervolume missed\n(median, range of seeds)")
    axes[0, 0].legend()
    return figure


def run(config: Config) -> None:
    """Enumerate, search, compare; ends the process with status 1 if the bar fails."""
    out = Output(config.out)
    enable_compile_cache()
    if config.smoke:
        config = replace(config, spaces=("graph",), strategies=("gradient", "nsga2"), shares=(0.02, 0.05), seeds=2)
    rows, known = [], {}
    total = len(config.spaces) * len(config.strategies) * len(config.shares) * config.seeds
    with tqdm(total=total, unit="run", disable=not show_progress()) as bar:
        for name in config.spaces:
            found, known[name] = compare(name, config, bar)
            rows += found
    out.csv("strategies.csv", rows)
    out.figure("strategies.png", draw(rows, known, config))
    most = max(config.shares)
    verdicts = {name: float(np.median(of_runs(rows, name, "gradient", most))) for name in known}
    holds = "gradient" not in config.strategies or min(verdicts.values()) >= BAR
    out.provenance("experiments/compare_strategies.py", config, spaces=known, bar_holds=holds)
    print(report(rows, known, config))
    print(out.listing())
    if not holds:
        print(f"A bar fails: the gradient strategy misses {BAR:.0%} at {most:.2%} of the designs.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


def report(rows: Sequence[dict[str, Any]], known: dict[str, dict[str, Any]], config: Config) -> str:
    """Tables of medians and ranges, and in how many runs gradients beat the others at equal evaluations."""
    lines = []
    for space, facts in known.items():
        lines.append(
            f"{space}: {facts['designs']:,} designs enumerated in {facts['seconds']:.1f} s, "
            f"{facts['front']} on the front; share of its hypervolume, median (range of {config.seeds} seeds), seconds"
        )
        table = []
        for share in config.shares:
            cells = []
            for strategy in config.strategies:
                found = of_runs(rows, space, strategy, share)
                if len(found) == 0:
                    cells.append("-")
                    continue
                seconds = np.median(of_runs(rows, space, strategy, share, "seconds"))
                cells.append(f"{np.median(found):.2%} ({found.min():.2%}..{found.max():.2%}), {seconds:.2g} s")
            table.append([f"{share:.2%}", f"{int(share * facts['designs']):,}", *cells])
        lines.append(text_table(("budget", "evaluations", *config.strategies), table))
        for other in config.strategies if "gradient" in config.strategies else ():
            if other != "gradient":
                run = [share for share in config.shares if len(of_runs(rows, space, other, share))]
                won = [of_runs(rows, space, "gradient", share) - of_runs(rows, space, other, share) for share in run]
                ahead, level = sum(int(np.sum(w > 0)) for w in won), sum(int(np.sum(w == 0)) for w in won)
                lines.append(f"  gradient is ahead of {other} in {ahead}, level in {level} of {np.size(won)} runs")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(run, Config))
