"""Do the searches find the true front, and how soon? Every strategy against a certified front, and each other.

Usage:
    python experiments/compare_strategies.py
    python experiments/compare_strategies.py --spaces graph --strategies gradient random --shares 0.001 0.01 --seeds 10
    python experiments/compare_strategies.py --spaces embedded axa --strategies gradient gradient_whole random

Three spaces are small enough to be enumerated whole, so their fronts are known: a graph times a dense matrix, two
layers of a pruned classifier, a graph times itself. A fourth, `layers` (three layers, each with its own mapping), has
far too many designs; it is measured against an upper bound, points that no design gets beyond (`dse.upper_bound`), so
that a share is what a front has at least. Three are the default spaces of whole workloads (`embedded`, a graph times
itself, a pruned transformer): the front of all runs together is what they are measured against. Every strategy is run
afresh for every budget (a share of the space where it is enumerated) and every seed. Its hypervolume (of log10
objectives, in the box from the known front's ideal to 10 % beyond its nadir, which is printed) is given as a share of
the known front's. Every forward and gradient (twice) call counts as an evaluation, for every strategy.

`gradient` is the default search, which takes slopes from 10,000 evaluations on; `random` is the same without slopes;
`gradient_whole` and `random_whole` do without a first stretch for the designs of each dataflow apart. `nsga2` is
pymoo's NSGA-II on whole designs, `nsga2_mapped` the same on machines, with the mapper that the other searches use; both
and `random` also get larger budgets (--longer), to be compared at equal seconds. Optuna's TPE (`tpe`) needs the extra
`compare` (pip install -e '.[compare]') and takes long to choose a design, so its largest budget is --tpe-budget.

The exit status is 1 if a bar of the gradient strategy (medians) is missed: 99.5 % of the hypervolume of an enumerated
front with the largest share; nowhere more than 0.1 % of hypervolume behind NSGA-II, with or without the mapper, or TPE
in the same seconds; on the default spaces not behind at all with the largest budget. On a busy machine compare by
--clock cpu_seconds.

On two busy cores the three enumerated spaces took 17 minutes with ten seeds, and the three default spaces 12 minutes
with three (programs not yet compiled).

Writes to --out:
    strategies.csv   one row a run: space, strategy, evaluations, seed, seconds, hypervolume
    strategies.png   hypervolume against evaluations and seconds, median and range over seeds
    provenance.json  versions, commit, configuration, whether the bars hold
"""

from experiments.common.cli import main

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm

from experiments.common.options import MOST, Evaluations, Seed, Seeds, real, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.strategies.bars import failed
from experiments.common.strategies.comparison import report_of
from experiments.common.strategies.figure import draw
from experiments.common.strategies.runs import Clock, Compared, search_all
from experiments.common.strategies.spaces import Reference, problem_of, reference_of, with_fronts

BAR_FAILED = 1
"""Exit status."""
LONGER = ("random", "nsga2", "nsga2_mapped")
"""Strategies that also get larger budgets."""
SpaceName = Literal["graph", "network", "spmspm", "layers", "embedded", "axa", "transformer"]
StrategyName = Literal["gradient", "random", "gradient_whole", "random_whole", "nsga2", "nsga2_mapped", "tpe"]


@dataclass(frozen=True)
class Config:
    """What to compare."""

    spaces: tuple[SpaceName, ...] = ("graph", "network", "spmspm", "layers", "embedded", "axa", "transformer")
    """Spaces to search."""
    strategies: tuple[StrategyName, ...] = ("gradient", "random", "gradient_whole", "nsga2", "nsga2_mapped")
    """Strategies to run; `tpe` needs the extra `compare`."""
    tpe_budget: Evaluations = 300
    """Largest budget that `tpe` is run with."""
    shares: Annotated[tuple[float, ...], real(0, 1, above=True, each="*")] = (0.0005, 0.001, 0.002, 0.005, 0.01)
    """Budgets, as shares of the designs of a space that is enumerated."""
    longer: Annotated[tuple[float, ...], real(1, 1000, each="*")] = (2.0, 4.0)
    """Budgets that only rivals get, as multiples of the largest."""
    budgets: Annotated[tuple[int, ...], whole(1, MOST, each="*")] = (3000, 10_000, 30_000)
    """Budgets for spaces that are not enumerated."""
    clock: Clock = "seconds"
    """What is taken for equal time: seconds on the wall, or those of all processor cores."""
    seeds: Seeds = 5
    """Runs of each."""
    seed: Seed = 0
    """First seed."""
    out: Path = Path("out/compare_strategies")
    """Folder for the results."""
    smoke: bool = False
    """A run of seconds: the graph's space cut small, gradient and both kinds of nsga2, two seeds, two shares."""


def compare(name: SpaceName, config: Config, bar: tqdm) -> tuple[Compared, tuple[str, ...]]:
    """All runs in one space, and the names of its objectives."""
    problem = problem_of(name, config.smoke)
    reference = reference_of(name, problem)

    def started(strategy: str, budget: int) -> None:
        bar.set_description(f"{name} {strategy} {budget:,}")

    runs = []
    for run in search_all(
        name, problem, budgets_of(reference, config), range(config.seed, config.seed + config.seeds), started
    ):
        runs.append(run)
        bar.update()
    return Compared(runs, with_fronts(reference, [run.front for run in runs]), config.clock), problem.objective_names


def budgets_of(reference: Reference, config: Config) -> Mapping[str, list[int]]:
    """Budgets of each strategy in a space."""
    budgets = list(config.budgets)
    if reference.known == "enumerated":
        budgets = [max(int(share * reference.designs), 1) for share in config.shares]
    longer = [int(times * max(budgets)) for times in config.longer]
    every = {name: budgets + (longer if name in LONGER else []) for name in config.strategies}
    if "tpe" in every:
        every["tpe"] = [budget for budget in budgets if budget < config.tpe_budget] + [config.tpe_budget]
    return every


def run(config: Config) -> None:
    """Enumerate or bound, search, compare; ends the process with status 1 if a bar fails."""
    out = Output(config.out)
    if config.smoke:
        few = ("gradient", "nsga2", "nsga2_mapped")
        config = replace(config, spaces=("graph",), strategies=few, shares=(0.02, 0.05), seeds=2, longer=())
    every = {}
    with tqdm(unit="run", disable=not show_progress()) as bar:
        for name in config.spaces:
            every[name], objectives = compare(name, config, bar)
            bar.write(report_of(name, every[name], objectives) + "\n")
    out.csv("strategies.csv", [row for compared in every.values() for row in compared.rows()])
    out.figure("strategies.png", draw(every))
    failures = [text for space, compared in every.items() for text in failed(space, compared)]
    known = {space: compared.reference.facts() for space, compared in every.items()}
    out.provenance("experiments/compare_strategies.py", config, spaces=known, failures=failures)
    print(out.listing())
    if failures and not config.smoke:
        print("\n".join(f"A bar fails: {text}" for text in failures), file=sys.stderr)
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
