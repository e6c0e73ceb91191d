"""Hardware and network together: what does it gain to prune a network under the price of a machine that moves with it?

Usage:
    python experiments/codesign.py
    python experiments/codesign.py --network cnn --rounds 60
    python experiments/codesign.py --data FashionMNIST/raw --fix a_format=bitmask,csr --fix a_zero=skip

Two ways to a small network on a fast machine, on scikit-learn's digits or the images of a folder of IDX files.

Prune, then design: gradual pruning by each of --methods to each of --levels, as in prune_and_price.py; then the machine
of least energy-delay product (EDP) is searched for each network. Of the methods the best counts at every accuracy. One
of them, `units`, may take away just what co-design may, whole outputs and whole inputs (pixels), and knows no price.

Co-design: while the network is pruned, a machine of its own moves with it. In every pass of the training the gradient
of the EDP through the accelerator model says what each weight, output and input of every layer costs on that machine;
what is least worth its price goes, until the EDP has fallen to each of --shares of the dense network's. The machine
takes a gradient step at every pass, and is searched for anew --settles times on the way. Two patterns compete: whole
outputs and inputs only, for machines that need know no zeros, or single weights as well.

Both train every network for the same number of steps from the same start, prune in the same part of the run, and spend
--budget evaluations of the model on each network's machine, those on the way included. Both are judged alike: integer
weights of 8 bits, their real patterns, inputs dense, exact models of a machine that can be built. In both, outputs that
nothing reads and inputs that feed nothing are left out. Two arms show what the gain is made of: the same training
priced on the dense network's machine, which stays as it is, and priced by multiplications, without any machine.

The bar: at the accuracy a point below the dense network's, co-design has at least 15 % less EDP. EDPs are geometric
means over seeds, interpolated between neighbouring points of one method in their logarithm along the mean accuracy. The
exit status is 1 if the bar fails.

Writes to --out:
    points.csv       one row a network: accuracy, energy, latency, machine
    layers.csv       one row a network and layer: what is left, cost, format
    comparison.csv   EDP of each arm over that of prune-then-design by accuracy, with the spread over draws of seeds
                     (empty where one of the two has no network so accurate)
    codesign.png     accuracy against EDP, energy and latency
    design.json      a co-designed machine at the bar's accuracy, for the other scripts
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dse import RandomSearch, default_space, make_problem, parse_fixes, write_design
from experiments.common.codesign.figure import codesign_figure
from experiments.common.codesign.judge import Judged, fixed_cost, judge_networks, problem_of, swapped
from experiments.common.codesign.networks import (
    BITS,
    Setting,
    co_designed,
    columns_of,
    pruned_first,
    unfoldings_of,
    whole_workload,
)
from experiments.common.codesign.points import cheapest, compared, layer_rows, point_rows, points_of
from experiments.common.codesign.text import (
    ARMS,
    comparison_words,
    fixed_words,
    layer_table,
    point_table,
    swapped_words,
)
from experiments.common.design_words import hardware_words
from experiments.common.options import Evaluations, Seed, Shares, whole
from experiments.common.output import Output
from experiments.common.prune.machine_search import HELD
from experiments.common.prune.networks import cases_of, read_images
from experiments.common.scenario import ScenarioOptions, scenario_words
from workloads.pruning.layer_statistics import layer_tables
from workloads.pruning.small_networks import NETWORKS
from workloads.pruning.train import Recipe

BAR = 0.85
"""EDP over that of prune-then-design, at most."""
BAR_FAILED = 1
"""Exit status."""
BELOW_DENSE = (0.005, 0.01, 0.02)
"""Accuracies that are compared, below the dense network's; the bar is at the second."""
LEAST_ROUNDS = 8
MOST_SEEDS = 32


@dataclass(frozen=True)
class Config:
    """Options."""

    network: Literal["mlp", "cnn"] = "mlp"
    """Multi-layer perceptron of 128 and 64 hidden units, or two convolutions and two dense layers."""
    data: Path | None = None
    """Folder of the four IDX files of MNIST or a set like it; scikit-learn's digits unless given."""
    shares: Shares = (0.4, 0.2, 0.13, 0.085, 0.06, 0.045, 0.034)
    """Co-design: shares of the dense network's EDP to prune to."""
    methods: tuple[str, ...] = ("global", "nm4", "nm8", "rows", "units")
    """Prune, then design: ways of pruning."""
    levels: Shares = (0.5, 0.7, 0.8, 0.86, 0.9, 0.93, 0.95, 0.97)
    """Prune, then design: shares of weights to prune."""
    seeds: Annotated[int, whole(1, MOST_SEEDS)] = 5
    """Networks for each of them, with initial weights (and of digits held-out images) of their own."""
    rounds: Annotated[int, whole(LEAST_ROUNDS, 100_000)] = 100
    """Passes over (of large sets, parts of) the training images: a quarter dense, half pruning, a quarter after."""
    budget: Evaluations = 3000
    """Evaluations of the model for each network's machine."""
    settles: Annotated[int, whole(1, 1000)] = 6
    """Searches for the machine on the way; they may have half of its budget."""
    arms: bool = True
    """Whether the two arms are run that show what the gain is made of."""
    batch: Annotated[int, whole(1, 65_536)] = 64
    """Images of a run of the machine."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of the machine at a value or at values."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """First of the seeds."""
    out: Path = Path("out/codesign")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: 8 rounds, one seed, two shares, one pattern, one level of units, no further arms, 200
    evaluations; its networks are poor and no bar is held."""


def run(config: Config) -> None:
    """Train both ways, find the machines, compare; ends the process with status 1 if the bar fails."""
    output = Output(config.out)
    shares, methods, levels, seeds = config.shares, config.methods, config.levels, config.seeds
    rounds, budget, settles = config.rounds, config.budget, config.settles
    arms = ("single", "still", "macs") if config.arms else ("single",)
    if config.smoke:
        shares, methods, levels, seeds = shares[2:5:2] or shares, ("units",), (0.8,), min(seeds, 1)
        rounds, budget, settles, arms = min(rounds, 8), min(budget, 200), 1, ()
    cases_of(config.methods, config.levels)  # what cannot be is refused in any size
    cases, numbers = cases_of(methods, levels), range(config.seed, config.seed + seeds)
    technology = config.scenario.integers((BITS,)).build()
    fixes = parse_fixes([text for group in config.fix for text in group])
    images = read_images(config.data, numbers)
    held_out = len(images[0].held_out)

    network = NETWORKS[config.network](images[0].size, images[0].classes)
    space = default_space().fix(**{**HELD, "value_bits": BITS, **fixes})
    problem = make_problem(whole_workload(network, config.batch), space, technology, objectives=("edp_js",))
    grid = {"sizes": (1.0, 0.125), "densities": (1.0, 0.25)} if config.smoke else {}
    tables = layer_tables(network.shapes, columns_of(network, config.batch), unfoldings_of(network), **grid)
    strategy, each = RandomSearch(), max(budget // 2 // settles, 1)
    setting = Setting(network, images, numbers, Recipe(rounds=rounds), config.batch)
    networks = pruned_first(setting, cases)
    for method in ("whole", *arms):
        networks += co_designed(setting, shares, problem, tables, strategy, budget=each, settles=settles, method=method)
    judged = judge_networks(problem, networks, strategy, budget, config.seed)
    dense, *points = points_of(judged)
    by_arm = {arm: [point for point in points if point.arm == arm] for arm in ARMS}

    dense_accuracy = float(dense.accuracy.mean())
    wanted = [dense_accuracy - below for below in BELOW_DENSE]
    ours, theirs = by_arm["codesign"], by_arm["prune"]
    found = {
        arm: [compared(theirs, by_arm[arm], accuracy, config.seed) for accuracy in wanted]
        for arm in ARMS
        if by_arm[arm] and arm != "prune"
    }
    at_bar = found["codesign"][1]
    shapes = dict(zip(network.layer_names, network.shapes, strict=True))
    pair = {"prune, then design": cheapest(theirs, wanted[1]), "co-design": cheapest(ours, wanted[1])}
    shown: Judged = pair["co-design"].judged[0]
    output.csv("points.csv", point_rows([dense, *points]))
    output.csv("layers.csv", layer_rows([dense, *points], shapes))
    output.csv(
        "comparison.csv",
        [
            {
                "arm": arm,
                "accuracy": one.accuracy,
                "below_dense": below,
                "edp_ratio": one.ratio,
                "low": one.low,
                "high": one.high,
            }
            for arm, row in found.items()
            for one, below in zip(row, BELOW_DENSE, strict=True)
        ],
        gaps=True,
    )
    what = f"{config.network} on {images[0].name}, {config.batch} images a batch, {scenario_words(technology)}"
    title = f"{what}; {seeds} seed{'s' * (seeds > 1)}"
    output.figure("codesign.png", codesign_figure(points, dense, wanted, held_out, title))
    output.write(
        "design.json",
        lambda path: write_design(
            path, problem_of(problem, shown.network), shown.design, created_by="experiments/codesign.py"
        ),
    )
    output.provenance("experiments/codesign.py", config, images=images[0].name, edp_ratio_at_bar=at_bar.ratio)

    print(f"{title}\nMeans over seeds; EDP is energy times latency of a batch\n\n{point_table(points, dense)}")
    for arm, row in found.items():
        print(f"\nEDP of {ARMS[arm]} over that of prune-then-design at equal accuracy")
        print("\n".join(comparison_words(one, dense_accuracy) for one in row))
    lenient = compared(theirs, ours, wanted[1], config.seed, slack=0.005)
    print(f"\nWere prune-then-design allowed half a point less:\n{comparison_words(lenient, dense_accuracy)}")
    print(f"\nWhat is left at the bar's accuracy, means over seeds\n\n{layer_table(pair, shapes)}")
    pairs = list(zip(*(point.judged for point in pair.values()), strict=True))
    print(f"\n{swapped_words(swapped(problem, pairs))}")
    print(fixed_words([shown], *fixed_cost(problem, shown)))
    machine = f"{hardware_words(shown.design)}, {shown.area_mm2:.3g} mm2 without the PHY of its DRAM"
    print(f"The machine of co-design (seed {shown.network.seed}): {machine}")
    holds = at_bar.ratio <= BAR
    gain = f"{1 - at_bar.ratio:.1%} less EDP than prune-then-design a point below dense"
    if math.isnan(at_bar.ratio):
        gain = "one of the two has no network a point below dense; give larger --shares and smaller --levels"
    verdict = f"{gain}; the bar is {1 - BAR:.0%}"
    print(f"\n{'HOLDS' if holds else 'FAILS'}: {verdict}" if not config.smoke else "\nSmoke size: no bar is held.")
    print(f"\n{output.seconds:.1f} s\n{output.listing()}")
    if not holds and not config.smoke:
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
