"""From which density on do sparse machines pay? Energy and latency from dense matrices down to 0.1 % of non-zeros.

Usage:
    python experiments/sparsity_crossover.py
    python experiments/sparsity_crossover.py --size 512 512 512 --max-area-mm2 4 --dram hbm2
    python experiments/sparsity_crossover.py --pattern layer.smtx --columns 64 --arithmetic int16

One product A (sparse) x B (dense) is run at many densities of A: a full matrix, or that of --pattern, from which
non-zeros are removed in a random order. Machines of six kinds are found for it in the design space of this project:
dense, dense with gated zeros, 2:4 (given 2:4 patterns wherever the density allows one), bitmask, run-length, CSR or
CSC. The dense one is found first, within --max-area-mm2; the others keep its array of MACs and choose the rest, by the
least energy x delay x area over a full matrix and one of 10 % with as much effectual work. On its hardware each runs
every density by the best of all mappings (least energy-delay product). A second dense machine, of the area of the CSR
machine, says what that area would have bought without any sparse unit. The published systems and a core of the CPU at
hand (measured) run the same matrices, each against a dense counterpart of its own: for a system, a dense array of as
many multipliers that are always busy; for GPUs, which are given 2:4 patterns, themselves; for the CPU, BLAS on the same
matrix stored dense. No figure is scaled from one node to another.

Writes to --out:
    crossover.csv    one row a machine and density: latency, energy by component, utilisation, bottleneck, mapping
    crossings.csv    for each machine the density below which it takes less time, energy, both (inf: at any)
    zeros.csv        the CSR machine at each density with its zeros computed, gated and skipped
    systems.csv      one row a published system (or CPU) and density, and its dense counterpart; empty: cannot run
    crossover.png    the curves, what zeros cost by component, and the systems
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from dse import Gradient, RandomSearch, parse_fixes
from experiments.common.crossover.curves import Curve, cpu_curve, system_curves
from experiments.common.crossover.figure import crossover_figure
from experiments.common.crossover.machines import ANCHORS, Finder, FoundMachine
from experiments.common.crossover.patterns import density_grid, read_patterns
from experiments.common.crossover.text import (
    at_density,
    cannot,
    crossing_rows,
    crossing_table,
    dense_price,
    machine_table,
    system_table,
    zero_rows,
    zero_table,
)
from experiments.common.options import Evaluations, Seed, real, whole
from experiments.common.output import Output
from experiments.common.scenario import ScenarioOptions, scenario_words
from hwmodels.cost import ENERGY_COMPONENTS
from hwmodels.systems import SYSTEMS
from workloads import Workload
from workloads.errors import InputError

MOSTLY_ZEROS = 0.05
SEEDS = 2
"""Searches for each kind's hardware."""


@dataclass(frozen=True)
class Config:
    """Options."""

    size: Annotated[tuple[int, int, int], whole(4, 8192, each=3)] = (1024, 1024, 64)
    """Rows and columns of A, columns of B."""
    pattern: str | None = None
    """A matrix file to remove non-zeros from, instead of a full matrix; its size replaces the first two of --size."""
    densities: Annotated[int, whole(4, 1000)] = 13
    """How many densities."""
    least: Annotated[float, real(0, 0.05, above=True, below=True)] = 0.001
    """Lowest density."""
    max_area_mm2: Annotated[float, real(0, 1e6, above=True)] = 0.8
    """Largest area of the dense machine, without the PHY of its DRAM."""
    budget: Evaluations = 1500
    """Evaluations of each search for hardware; there are two for each machine."""
    fix: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = ()
    """NAME=VALUE: hold a parameter of all machines at a value or at values."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of the patterns and of the searches."""
    out: Path = Path("out/sparsity_crossover")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: 128 x 128 x 16 at most, five densities, one dataflow, random search of budget 150, 4 mm2."""


def run(config: Config) -> None:
    """Find the machines, run all densities, write the files, say where sparsity pays."""
    output = Output(config.out)
    sizes, points, budget, fixes = config.size, config.densities, config.budget, config.fix
    area, strategy = config.max_area_mm2, Gradient()
    if config.smoke:
        sizes, points, budget = tuple(min(s, most) for s, most in zip(sizes, (128, 128, 16), strict=True)), 5, 150
        fixes, area, strategy = (*fixes, ("dataflow=inner_product",)), max(area, 4.0), RandomSearch()
    config.scenario.build()  # what cannot be is refused before patterns are made
    patterns = read_patterns(config.pattern, *sizes, config.seed)
    if patterns.density <= 2 * config.least:
        raise InputError(f"--pattern has a density of {patterns.density:.3g}; give --least below half of that.")
    densities = density_grid(points, patterns.density, config.least)
    kernels = {family: [patterns.kernel(d, two_of_four=family) for d in densities] for family in (False, True)}
    highest = patterns.density
    anchors = {family: [patterns.kernel(s * highest, two_of_four=family) for s in ANCHORS] for family in (False, True)}
    seeds = range(config.seed, config.seed + (1 if config.smoke else SEEDS))

    technology, numbers = config.scenario.built_for(Workload("densities", tuple(kernels[False])))
    held = parse_fixes([text for group in fixes for text in group])
    finder = Finder(kernels, anchors, technology, held, strategy, numbers)
    machines = finder.machines(area, budget, seeds)
    equal = finder.dense_of_area(machines["dense"], machines["csr"].area_mm2, budget, seeds)
    modes = {mode: finder.with_zeros(machines["csr"], mode) for mode in ("compute", "gate")}
    modes["skip"] = machines["csr"].costs
    curves = [*system_curves(SYSTEMS, *(kernels[family] for family in (False, True))), cpu_curve(kernels[False])]

    zeros_at = int(np.argmin(np.abs(np.log(np.array(densities) / MOSTLY_ZEROS))))
    crossings = crossing_rows(densities, machines, equal)
    output.csv("crossover.csv", machine_rows(densities, {**machines, "dense_equal_area": equal}))
    output.csv("crossings.csv", [{k: "" if v is None else v for k, v in row.items()} for row in crossings])
    output.csv("zeros.csv", zero_rows(densities, modes))
    output.csv("systems.csv", [row for curve in curves for row in curve_rows(densities, curve)], gaps=True)
    m, k, n = (*patterns.shape, sizes[2])
    what = Path(config.pattern).name if config.pattern else "uniform"
    title = f"{m} x {k} times {k} x {n}, {what} ({scenario_words(technology)})"
    shown = sorted({int(np.argmin(np.abs(np.log(np.array(densities) / d)))) for d in (0.5, 0.05, 0.01)})
    output.figure("crossover.png", crossover_figure(densities, machines, equal, modes, curves, shown, title))
    output.provenance("experiments/sparsity_crossover.py", config, densities=densities, crossings=crossings)

    found_for = " and ".join(f"{share * highest:.2g}" for share in ANCHORS)
    print(f"{title}\n\nMachines (hardware found for densities of {found_for})\n")
    print(machine_table(machines, equal))
    print(f"\n{crossing_table(crossings, machines)}")
    print(f"\nWhat it costs on the densest matrix ({densities[0]:.2%} of non-zeros), against the dense machines\n")
    print(dense_price(machines, equal))
    print(f"\n{at_density(machines, equal, zeros_at, densities[zeros_at])}")
    print(f"\n{zero_table(modes, zeros_at, densities[zeros_at])}")
    print(
        "\nSystems, each against a dense array of as many multipliers (energy, and GPUs: against themselves, dense)\n"
    )
    print(system_table(densities, curves, zeros_at))
    print("\n".join(cannot(curves)))
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


def machine_rows(densities: Sequence[float], machines: Mapping[str, FoundMachine]) -> list[dict[str, Any]]:
    """Rows of `crossover.csv`."""
    rows = []
    for name, machine in machines.items():
        for at, (density, cost) in enumerate(zip(densities, machine.costs, strict=True)):
            binding, share = cost.bottleneck, cost.bottleneck_share
            rows.append(
                {
                    "machine": name,
                    "density": density,
                    "two_of_four": machine.kind.two_of_four and density <= 0.5,
                    "latency_s": machine.latency_s[at],
                    "energy_pj": machine.energy_pj[at],
                    "area_mm2": machine.area_mm2,
                    "utilization": float(cost.utilization),
                    "bottleneck": binding,
                    "bottleneck_share": share,
                    **{
                        f"energy_{part}_pj": float(value)
                        for part, value in zip(ENERGY_COMPONENTS, cost.energy_pj, strict=True)
                    },
                    **machine.design.hardware,
                    **machine.design.mappings[at],
                }
            )
    return rows


def curve_rows(densities: Sequence[float], curve: Curve) -> list[dict[str, Any]]:
    """Rows of `systems.csv`."""
    return [
        {
            "system": curve.name,
            "node": curve.node,
            "density": density,
            "latency_s": float(curve.latency_s[at]),
            "energy_pj": float(curve.energy_pj[at]),
            "dense_latency_s": float(curve.dense_latency_s[at]),
            "dense_energy_pj": float(curve.dense_energy_pj[at]),
            "utilization": float(curve.utilization[at]),
            "measured": curve.name == "cpu",
            "reason": curve.reason,
        }
        for at, density in enumerate(densities)
    ]


if __name__ == "__main__":
    sys.exit(main(run, Config))
