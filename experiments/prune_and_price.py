"""How much accuracy does a sparse accelerator cost? Networks are pruned, trained on, rounded, measured and priced.

Usage:
    python experiments/prune_and_price.py
    python experiments/prune_and_price.py --network cnn --methods global nm4 rows
    python experiments/prune_and_price.py --design out/pareto_front/front.json:7 --sparse-inputs
    python experiments/prune_and_price.py --data FashionMNIST/raw --preset a100

A small network learns scikit-learn's digits, or the images of a folder of IDX files (MNIST, Fashion-MNIST), and is
pruned gradually to each of --levels by each of --methods: by magnitude over all layers together (`global`) or in each
(`layer`), N of 4 or 8 neighbours along the input dimension (`nm4`, `nm8`: the N that a level asks for), or whole rows
and channels (`rows`; what is left is smaller and dense), also with inputs of the network (`units`). The dense network
is trained as long. All are then rounded to integers, as wide as the machine's values, and it is these integers whose
accuracy on held-out images is drawn and whose zeros are priced.

The machine is the design of --design, the published one of --preset, or the balanced design of a quick search for the
dense network and each method's most pruned one within a point of it (Gustavson's dataflow; dense, bitmask, CSR and N:M,
unless --fix says otherwise). On a design every layer takes the mapping of least
energy-delay product of all that the hardware can run, dense ones among them; the hardware is the same for all networks.
A run is one batch of held-out images. With --sparse-inputs the real zeros of the inputs may be skipped too.

Smaller numbers are what sparsity competes with. So every network is also rounded to each of --widths and priced on the
same machine built for that width (its buffers hold as many values, its buses bring as many), and the pairs of a width
and a level that no other beats in accuracy and energy are shown.

Writes to --out:
    points.csv       one row a method and level: means and standard deviations over seeds, front, knee
    networks.csv     one row a network: zeros, accuracy at every precision, energy, latency
    layers.csv       one row a network and layer: zeros of weights, of inputs and what made them, cost, mapping
    widths.csv       with a design: one row a width, method and level; which are on the front of accuracy and energy
    width_and_sparsity.png   the same as a figure
    prune_and_price.png   accuracy against zeros, energy and latency
    design.json      the design, if it was searched for, for the other scripts
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from dse import (
    Design,
    Gradient,
    RandomSearch,
    default_space,
    parse_fixes,
    read_design,
    read_front,
    write_design,
)
from dse.files.design_reader import file_and_row
from experiments.common.design_words import hardware_words
from experiments.common.options import Evaluations, Seed, Shares, whole
from experiments.common.output import Output
from experiments.common.prune.figure import prune_figure
from experiments.common.prune.machine_search import balanced_machine
from experiments.common.prune.networks import cases_of, prune_and_measure, read_images
from experiments.common.prune.points import front_and_knee, layer_rows, network_rows, point_rows, points_of
from experiments.common.prune.price import on_design, on_preset
from experiments.common.prune.text import knee_words, point_table, within_words, zeros_table
from experiments.common.prune.widths import (
    WidthPoint,
    accuracy_front,
    equal_accuracy_table,
    front_table,
    width_points,
    width_rows,
    width_words,
)
from experiments.common.prune.widths_figure import width_figure
from experiments.common.scenario import ScenarioOptions, scenario_words
from hwmodels.systems import SYSTEMS
from hwmodels.technology.number_formats import QUANTISED
from workloads.errors import InputError
from workloads.pruning.measurement import WIDTHS
from workloads.pruning.train import Recipe

PRECISIONS = WIDTHS
LEAST_ROUNDS = 8
MOST_SEEDS = 32


@dataclass(frozen=True)
class Config:
    """Options."""

    network: Literal["mlp", "cnn"] = "mlp"
    """Multi-layer perceptron of 128 and 64 hidden units, or two convolutions and two dense layers."""
    data: Path | None = None
    """Folder of the four IDX files of MNIST or a set like it; scikit-learn's digits unless given."""
    design: str | None = None
    """Design to price on, such as front.json:7."""
    preset: str | None = None
    """Published machine to price on, such as a100."""
    methods: tuple[str, ...] = ("global", "layer", "nm4", "nm8", "rows")
    """Ways of pruning."""
    levels: Shares = (0.5, 0.75, 0.8, 0.9, 0.95, 0.98)
    """Shares of weights to prune."""
    seeds: Annotated[int, whole(1, MOST_SEEDS)] = 5
    """Networks for each method and level, with initial weights (and of digits held-out images) of their own."""
    rounds: Annotated[int, whole(LEAST_ROUNDS, 100_000)] = 200
    """Passes over (of large sets, parts of) the training images: a quarter dense, half pruning, a quarter after."""
    bits: Literal[4, 8, 16] | None = None
    """Bits of weights and activations; those of --arithmetic, of the design's values, or 8, unless given."""
    widths: tuple[Literal[4, 8, 16], ...] = WIDTHS
    """Bits that are compared with each other; not on a published machine."""
    batch: Annotated[int, whole(1, 65_536)] = 64
    """Held-out images of a run."""
    sparse_inputs: bool = False
    """Let machines see the zeros of activations too."""
    budget: Evaluations = 1500
    """Evaluations of the search for a design, where none is given."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of that search at a value or at values."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """First of the seeds."""
    out: Path = Path("out/prune_and_price")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: 16 rounds, two seeds, level 0.9, methods global, nm4 and rows, a random search of 100
    evaluations; its networks are poor."""


def run(config: Config) -> None:
    """Prune, measure, price, write the files, name the knee."""
    output = Output(config.out)
    methods, levels, seeds, rounds, budget = config.methods, config.levels, config.seeds, config.rounds, config.budget
    if config.smoke:
        methods = tuple(name for name in methods if name in ("global", "nm4", "rows")) or methods[:1]
        levels, seeds, rounds, budget = (0.9,), min(seeds, 2), min(rounds, 16), min(budget, 100)
    cases_of(config.methods, config.levels)  # what cannot be is refused in any size
    cases, numbers = cases_of(methods, levels), range(config.seed, config.seed + seeds)
    config = replace(config, bits=bits_of(config))
    design, stored, bits = machine_of(config)
    technology = config.scenario.build(stored)
    fixes = parse_fixes([text for group in config.fix for text in group])
    if default_space().fix(**fixes).per_kernel:  # refused, as what cannot be, before networks are trained
        raise InputError("--fix names a kernel, but networks have kernels of their own; name the parameter alone.")
    images = read_images(config.data, numbers)
    held_out = len(images[0].held_out)
    if config.batch > held_out:
        raise InputError(f"--batch is {config.batch}; give 1 to {held_out}, the number of held-out images.")

    network, pruned = prune_and_measure(
        config.network, images, cases, numbers, Recipe(rounds=rounds), bits=bits, batch=config.batch,
        sparse_inputs=config.sparse_inputs,
    )  # fmt: skip
    kernels = [kernel for row in pruned for one in row for kernel in one.kernels]
    if config.preset is not None:
        system = SYSTEMS[config.preset]
        machine, flat = system.title, iter(on_preset(system, kernels))
    else:
        if design is None:
            strategy = RandomSearch() if config.smoke else Gradient()
            problem, found = balanced_machine(pruned, bits, technology, fixes, strategy, budget, config.seed)
            design = found
            output.write(
                "design.json",
                lambda path: write_design(path, problem, found, created_by="experiments/prune_and_price.py"),
            )
        machine, flat = f"the design ({scenario_words(technology)})", iter(on_design(design, kernels, technology))
    priced = [[[next(flat) for _ in one.kernels] for one in row] for row in pruned]

    points = points_of(pruned, priced, bits)
    front, at_knee = front_and_knee(points, held_out)
    output.csv("points.csv", point_rows(points, front, at_knee))
    output.csv("networks.csv", network_rows(pruned, points, priced))
    output.csv("layers.csv", layer_rows(network, pruned, priced))
    sides = "weights and inputs" if config.sparse_inputs else "weights"
    title = (
        f"{config.network} on {images[0].name}, {config.batch} images a batch, zeros of {sides}, on {machine}; "
        f"mean and standard deviation of {seeds} seed{'s' if seeds > 1 else ''}"
    )
    output.figure("prune_and_price.png", prune_figure(points, at_knee, held_out, bits, title))
    compared: list[WidthPoint] = []
    float_accuracy = float(points[0].float_accuracy.mean())
    at_front: list[int] = []
    if design is not None and config.widths:
        compared = width_points(pruned, design, technology, sorted(set(config.widths), reverse=True))
        at_front = accuracy_front(compared)
        output.csv("widths.csv", width_rows(compared, at_front))
        shown = f"Fewer bits and fewer weights: {title.replace('mean and standard deviation', 'means')}"
        figure = width_figure(compared, at_front, float_accuracy, held_out, shown)
        output.figure("width_and_sparsity.png", figure)
    output.provenance("experiments/prune_and_price.py", config, images=images[0].name, knee=points[at_knee].title)

    print(title)
    if design is not None:
        area = float(priced[0][0][0].cost.core_area_mm2)
        print(f"Design: {hardware_words(design)}, {area:.3g} mm2 without the PHY of its DRAM")
    print(f"\n{point_table(points, front, at_knee, bits)}\n\n{knee_words(points, at_knee)}")
    print("Furthest within a point of the dense network, by energy-delay product\n" + "\n".join(within_words(points)))
    if compared:
        print(f"\nWidth against sparsity\n\n{front_table(compared, at_front)}")
        print(f"\n{equal_accuracy_table(compared, float_accuracy)}\n\n{width_words(compared, float_accuracy)}")
    print("\nZeros, means over seeds\n\n" + zeros_table(network, pruned[0], pruned[at_knee], points[at_knee].title))
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


def bits_of(config: Config) -> int | None:
    """Bits that are given, by --bits or --arithmetic; InputError if these are no integers or disagree."""
    numbers = config.scenario.integers(PRECISIONS).given()
    if numbers is None or config.bits in (None, numbers.value_bits):
        return config.bits if numbers is None else numbers.value_bits
    raise InputError(f"--bits {config.bits} and --arithmetic {numbers.name} disagree; give one of them.")


def machine_of(config: Config) -> tuple[Design | None, Mapping[str, Any] | None, int]:
    """The design that is given, the scenario it was made for, and the bits of values; InputError if they disagree."""
    if config.design is not None and config.preset is not None:
        raise InputError("--design and --preset are both given; give one of them.")
    if config.preset is not None and config.preset not in SYSTEMS:
        raise InputError(f"--preset '{config.preset}' is unknown; choose one of: {', '.join(SYSTEMS)}.")
    if config.design is None:
        return None, None, config.bits or QUANTISED.value_bits
    design = read_design(config.design)
    stored = read_front(file_and_row(config.design)[0]).scenario
    width = float(design.hardware["value_bits"])
    if width not in PRECISIONS or (config.bits is not None and width != config.bits):
        wanted = "4, 8 or 16" if config.bits is None else config.bits
        raise InputError(f"--design {config.design} has values of {width:g} bits, not {wanted}; give another design.")
    return design, stored, int(width)


if __name__ == "__main__":
    sys.exit(main(run, Config))
