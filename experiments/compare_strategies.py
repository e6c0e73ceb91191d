"""Do the searches find the true front, and how soon? Every strategy against a certified front, and each other.

Usage:
    python experiments/compare_strategies.py
    python experiments/compare_strategies.py --spaces graph --strategies gradient random --shares 0.001 0.01 --seeds 10
    python experiments/compare_strategies.py --spaces layers --strategies gradient random nsga2 --budgets 3000 30000

Three spaces are small enough to be enumerated whole, so their fronts are known: a graph times a dense matrix, two
layers of a pruned classifier, a graph times itself. A fourth, `layers` (three layers, each with its own mapping), has
far too many designs; it is measured against an upper bound, points that no design gets beyond (`dse.upper_bound`), so
that a share is what a front has at least. Every strategy is run afresh for every budget (a share of the space, or a
number for `layers`) and every seed. Its hypervolume (of log10 objectives, in the box from the known front's ideal to
10 % beyond its nadir) is given as a share of the known front's. Every forward, gradient (twice) and local-search call
counts as an evaluation, for every strategy. `nsga2`, pymoo's NSGA-II, is the evolutionary strategy; it also gets
larger budgets (--longer), to be compared at equal seconds. Optuna's TPE (`tpe`) needs the extra `compare`
(pip install -e '.[compare]') and takes long to choose a design, so it is only run for budgets up to --tpe-budget.

The exit status is 1 if, at the largest share, the gradient strategy's median is below 99.5 % of the true hypervolume on
a space that is enumerated, or below what NSGA-II or TPE reach in the same seconds.

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

from dse import (
    Box,
    Evolutionary,
    Exhaustive,
    Gradient,
    Problem,
    RandomSearch,
    default_space,
    hypervolume,
    make_problem,
    upper_bound,
)
from dse.strategies.tpe import Tpe
from experiments.common.cli import main, show_progress
from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.output import Output
from experiments.common.table import text_table
from hwmodels.technology import make_technology, scenario
from workloads import Workload, resolve_workload

BAR_FAILED = 1
"""Exit status."""
BAR = 0.995
WARM_UP = 400
"""Evaluations of a search whose only end is that all programs are compiled before anything is timed."""
COMPARED = {"gradient": Gradient, "random": RandomSearch, "nsga2": Evolutionary, "tpe": Tpe}
OTHERS = ("nsga2", "tpe")
"""Searches of other libraries, which gradient must not fall behind."""
DEFAULT = ("gradient", "random", "nsga2")
COLOURS = {"gradient": "blue", "random": "orange", "nsga2": "purple", "tpe": "vermilion"}
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
    "layers": (
        "digits@spmm:64",
        slice(3),
        {
            "pe_rows": [1, 2, 4, 8, 16, 32],
            "pe_cols": [1, 2, 4, 8, 16],
            "lanes": [1, 4, 16],
            "glb_bytes": [32 * _KIB, 128 * _KIB],
            "pe_buffer_bytes": [1 * _KIB, 4 * _KIB],
            "accumulator_bytes": [256, 1 * _KIB],
            "index_bus_bits": [32, 128],
            "value_bus_bits": [64, 256],
            "tile_m": [32, 64, 128],
            "tile_k": [32, 64],
            "tile_n": [16, 64],
            "a_format": ["dense", "bitmask", "rle", "csr", "csc"],
            "a_zero": ["compute", "skip"],
            "schedule": ["cyclic", "balanced"],
            "loop_order": ["mnk", "mkn"],
        },
    ),
}
"""Workload, which of its kernels, and the values that parameters may take; what is not named is fixed below."""
LARGEST_ENUMERATED = 20_000_000
"""Designs; larger spaces are measured against an upper bound."""
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

    spaces: tuple[Literal["graph", "network", "spmspm", "layers"], ...] = ("graph", "network", "spmspm", "layers")
    """Spaces to search."""
    strategies: tuple[Literal["gradient", "random", "evolutionary", "nsga2", "tpe"], ...] = DEFAULT
    """Strategies to run; `evolutionary` is another word for `nsga2`; `tpe` needs the extra `compare`."""
    tpe_budget: int = 300
    """Largest budget that `tpe` is run with."""
    shares: tuple[float, ...] = (0.0005, 0.001, 0.002, 0.005, 0.01)
    """Budgets, as shares of the designs of the space."""
    longer: tuple[float, ...] = (2.0, 4.0)
    """Budgets that only `nsga2` gets, as multiples of the largest."""
    budgets: tuple[int, ...] = (1000, 3000, 10_000)
    """Budgets for spaces that are not enumerated."""
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
    return make_problem(Workload(name, workload.kernels[which]), space, make_technology(scenario()))


def compare(name: str, config: Config, bar: tqdm) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of every run in one space, and what is known of it."""
    problem = problem_of(name, config.smoke)
    Gradient()(problem, budget=WARM_UP)
    start = time.perf_counter()
    enumerated = problem.encoding.size <= LARGEST_ENUMERATED
    if enumerated:
        exact = Exhaustive()(problem, budget=int(problem.encoding.size))
        reference, size = exact.objectives, float(exact.evaluations)
    else:
        bound = upper_bound(problem)
        reference, size = bound.objectives, bound.designs
    seconds = time.perf_counter() - start
    box = Box.of(reference)
    whole = hypervolume(reference, box)
    budgets = [max(int(share * size), 1) for share in config.shares] if enumerated else list(config.budgets)
    rows = []
    for strategy in config.strategies:
        mine = [budget for budget in budgets if strategy != "tpe" or budget <= config.tpe_budget]
        mine += [int(times * max(budgets)) for times in config.longer] if strategy == "nsga2" else []
        for budget in mine:
            for seed in range(config.seed, config.seed + config.seeds):
                bar.set_description(f"{name} {strategy} {budget:,}")
                result = COMPARED[strategy]()(problem, budget=budget, seed=seed)
                rows.append(
                    {
                        "space": name,
                        "designs": size,
                        "strategy": strategy,
                        "budget": budget,
                        "seed": seed,
                        "evaluations": result.evaluations,
                        "seconds": result.seconds,
                        "hypervolume_share": hypervolume(result.objectives, box) / whole,
                    }
                )
                bar.update()
    facts = {
        "designs": size,
        "front": len(reference),
        "enumerated": enumerated,
        "seconds": seconds,
        "hypervolume": whole,
        "budgets": budgets,
    }
    return rows, facts


def of_runs(
    rows: Sequence[dict[str, Any]], space: str, strategy: str, budget: int, column: str = "hypervolume_share"
) -> np.ndarray:
    """What each seed came to; empty where a strategy was not run."""
    wanted = (space, strategy, budget)
    return np.array([row[column] for row in rows if (row["space"], row["strategy"], row["budget"]) == wanted])


def budgets_of(rows: Sequence[dict[str, Any]], space: str, strategy: str) -> list[int]:
    """Budgets that a strategy was run with, in order."""
    return sorted({row["budget"] for row in rows if (row["space"], row["strategy"]) == (space, strategy)})


def within(rows: Sequence[dict[str, Any]], space: str, strategy: str, seconds: float) -> float:
    """Median share that a strategy reaches in so many seconds, between its budgets by the log of seconds.

    What takes longer with its smallest budget counts with that one.
    """
    run = budgets_of(rows, space, strategy)
    times = [float(np.median(of_runs(rows, space, strategy, budget, "seconds"))) for budget in run]
    shares = [float(np.median(of_runs(rows, space, strategy, budget))) for budget in run]
    return float(np.interp(np.log(seconds), np.log(np.maximum.accumulate(times)), shares))


def draw(rows: Sequence[dict[str, Any]], known: dict[str, dict[str, Any]], config: Config) -> Figure:
    """Median and range of what is missing of the true hypervolume, against the share evaluated and against seconds."""
    figure = new_figure(3.4 * len(known) + 0.6, 6.2)
    axes = figure.subplots(2, len(known), squeeze=False, sharey=True)
    for (above, below), (space, facts) in zip(axes.T, known.items(), strict=True):
        for strategy in config.strategies:
            run = budgets_of(rows, space, strategy)
            missing = [1.0 - of_runs(rows, space, strategy, budget) for budget in run]
            low, middle, high = (
                [max(float(pick(values)), 1e-5) for values in missing] for pick in (np.min, np.median, np.max)
            )
            seconds = [float(np.median(of_runs(rows, space, strategy, budget, "seconds"))) for budget in run]
            evaluated = [budget / facts["designs"] for budget in run] if facts["enumerated"] else run
            for axis, place in ((above, evaluated), (below, seconds)):
                colour = OKABE_ITO[COLOURS[strategy]]
                axis.plot(place, middle, "o-", color=colour, label=strategy, markersize=4)
                axis.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)
        kind = "on the front" if facts["enumerated"] else "in the bound"
        above.set_title(f"{space}\n{designs_words(facts['designs'])}, {facts['front']} {kind}")
        for axis in (above, below):
            axis.axhline(1 - BAR, color="#555555", linewidth=0.8, linestyle="--")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        if facts["enumerated"]:
            above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        above.set_xlabel("evaluations / designs of the space" if facts["enumerated"] else "evaluations")
        below.set_xlabel("seconds (median of the seeds)")
    for axis in axes[:, 0]:
        axis.set_ylabel("hypervolume missed\n(median, range of seeds)")
    axes[0, 0].legend()
    return figure


def designs_words(designs: float) -> str:
    """A number of designs, in powers of ten where it is large."""
    return f"{designs:,.0f} designs" if designs <= LARGEST_ENUMERATED else f"{designs:.1e} designs"


def run(config: Config) -> None:
    """Enumerate or bound, search, compare; ends the process with status 1 if a bar fails."""
    out = Output(config.out)
    named = dict.fromkeys("nsga2" if name == "evolutionary" else name for name in config.strategies)
    config = replace(config, strategies=tuple(named))
    if config.smoke:
        config = replace(
            config, spaces=("graph",), strategies=("gradient", "nsga2"), shares=(0.02, 0.05), seeds=2, longer=()
        )
    rows, known = [], {}
    with tqdm(unit="run", disable=not show_progress()) as bar:
        for name in config.spaces:
            found, known[name] = compare(name, config, bar)
            rows += found
    out.csv("strategies.csv", rows)
    out.figure("strategies.png", draw(rows, known, config))
    failures = [text for space, facts in known.items() for text in failed(rows, space, facts, config)]
    out.provenance("experiments/compare_strategies.py", config, spaces=known, failures=failures)
    print(report(rows, known, config))
    print(out.listing())
    if failures and not config.smoke:
        print("\n".join(f"A bar fails: {text}" for text in failures), file=sys.stderr)
        raise SystemExit(BAR_FAILED)


def failed(rows: Sequence[dict[str, Any]], space: str, facts: dict[str, Any], config: Config) -> list[str]:
    """Bars that the gradient strategy misses on a space, in words."""
    if "gradient" not in config.strategies or not facts["enumerated"]:
        return []
    most = max(facts["budgets"])
    mine = float(np.median(of_runs(rows, space, "gradient", most)))
    seconds = float(np.median(of_runs(rows, space, "gradient", most, "seconds")))
    texts = [f"on {space} gradient reaches {mine:.2%} with {most:,} evaluations, not {BAR:.1%}."] if mine < BAR else []
    for other in OTHERS:
        if other in config.strategies and budgets_of(rows, space, other):
            theirs = within(rows, space, other, seconds)
            if theirs > mine:
                texts.append(
                    f"on {space} {other} reaches {theirs:.3%} in the {seconds:.2g} s of gradient's {mine:.3%}."
                )
    return texts


def report(rows: Sequence[dict[str, Any]], known: dict[str, dict[str, Any]], config: Config) -> str:
    """Tables of medians and ranges, who is ahead at equal evaluations, and what each reaches in gradient's seconds."""
    lines = []
    for space, facts in known.items():
        what = "enumerated" if facts["enumerated"] else "bounded"
        whose = (
            "on the front; share of its" if facts["enumerated"] else "points in the bound; least share of the front's"
        )
        lines.append(
            f"{space}: {designs_words(facts['designs'])} {what} in {facts['seconds']:.1f} s, {facts['front']} {whose} "
            f"hypervolume, median (range of {config.seeds} seeds), seconds"
        )
        every = sorted({budget for strategy in config.strategies for budget in budgets_of(rows, space, strategy)})
        table = []
        for budget in every:
            cells = []
            for strategy in config.strategies:
                found = of_runs(rows, space, strategy, budget)
                if len(found) == 0:
                    cells.append("-")
                    continue
                seconds = np.median(of_runs(rows, space, strategy, budget, "seconds"))
                cells.append(f"{np.median(found):.2%} ({found.min():.2%}..{found.max():.2%}), {seconds:.2g} s")
            share = f"{budget / facts['designs']:.2%}" if facts["enumerated"] else "-"
            table.append([share, f"{budget:,}", *cells])
        lines.append(text_table(("budget", "evaluations", *config.strategies), table))
        if "gradient" in config.strategies:
            lines += beside_gradient(rows, space, config)
        lines.append("")
    return "\n".join(lines)


def beside_gradient(rows: Sequence[dict[str, Any]], space: str, config: Config) -> list[str]:
    """In how many runs gradients beat the others at equal evaluations, and what those reach in the same seconds."""
    lines = []
    for other in config.strategies:
        both = [b for b in budgets_of(rows, space, other) if len(of_runs(rows, space, "gradient", b))]
        if other == "gradient" or not both:
            continue
        won = [of_runs(rows, space, "gradient", b) - of_runs(rows, space, other, b) for b in both]
        ahead, level = sum(int(np.sum(w > 0)) for w in won), sum(int(np.sum(w == 0)) for w in won)
        lines.append(f"  gradient is ahead of {other} in {ahead}, level in {level} of {np.size(won)} runs")
        for budget in budgets_of(rows, space, "gradient"):
            seconds = float(np.median(of_runs(rows, space, "gradient", budget, "seconds")))
            mine = float(np.median(of_runs(rows, space, "gradient", budget)))
            lines.append(
                f"    in {seconds:.2f} s: gradient {mine:.3%}, {other} {within(rows, space, other, seconds):.3%}"
            )
    return lines


if __name__ == "__main__":
    sys.exit(main(run, Config))
