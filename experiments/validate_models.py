"""Do the models say what simulators say? Our own on real matrices, and those of others on their machines.

Usage:
    python experiments/validate_models.py --data FOLDER
    python experiments/validate_models.py --against sam --data FOLDER
    python experiments/validate_models.py --against sparseloop --data FOLDER
    python experiments/validate_models.py --smoke

Without `--against`: the models against this project's simulator, which walks the real non-zeros, on every matrix below
FOLDER (without --data: on the embedded ones) and random designs, on and off the lattice of the statistics.
`sam`: a single-lane stream machine against cycle counts of the Sparse Abstract Machine's simulator. FOLDER holds
cycles.csv (case, group, kernel, B, C, M, K, N, cycles) and the matrices in mtx/.
`sparseloop`: expected occupancies in closed form against Sparseloop's cycles, computes, accesses and sizes on a small
architecture. FOLDER holds reference.csv and, if there is one, imbalance_check.csv.

What the errors come from is in docs/validation_sam.md and docs/validation_sparseloop.md. Without --data nothing is
compared with these two; with --smoke the script then runs what needs no reference and says so. The exit status is 1 if
a bar fails.

Writes to --out:
    simulator_errors.csv, simulator_parity.png    every case, and the figure
    sam_errors.csv, sam_parity.png                every run, and the figure
    sparseloop_errors.csv, sparseloop_parity.png  every number of every run, and the figure
    sam_cycles.csv, imbalance.csv                 what needs no reference: kernels on embedded matrices, load imbalance
    provenance.json                               versions, commit, configuration, whether the bars hold
"""

from experiments.common.cli import main

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from experiments.common.options import Seed, whole
from experiments.common.output import Output
from experiments.common.validation import against_sam, against_simulator, against_sparseloop
from experiments.common.validation.comparison import ComparisonOutcome
from workloads.errors import InputError

BAR_FAILED = 1
"""Exit status."""

COMPARISONS: dict[str, Callable[..., ComparisonOutcome]] = {
    "sam": against_sam.run,
    "sparseloop": against_sparseloop.run,
}


@dataclass(frozen=True)
class Config:
    """Options."""

    against: Literal["sam", "sparseloop"] | None = None
    """Another simulator to compare with; our own if absent."""
    data: Path | None = None
    """Folder with its numbers, or with matrices for our own."""
    designs: Annotated[int, whole(1, 100_000)] = 20
    """Random designs for each kernel on the lattice, and as many off it, for our own simulator."""
    seed: Seed = 0
    """Seed of the random designs; the comparisons with others draw nothing."""
    out: Path = Path("out/validate_models")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: short runs of the reference, or both machines of others on embedded matrices without --data."""


def run(config: Config) -> None:
    """Run the comparison, write the files, say whether the bars hold; ends the process with status 1 if one fails."""
    chosen = [config.against] if config.against else list(COMPARISONS) if config.smoke and not config.data else []
    if config.against and config.data is None and not config.smoke:
        raise InputError(f"--data is missing; give the folder with the numbers of {config.against}.")
    if config.data is not None and not config.data.is_dir():
        raise InputError(f"--data {config.data}: no such folder; give one with the numbers or matrices to compare on.")
    output = Output(config.out)
    outcomes = {name: COMPARISONS[name](config.data, output, smoke=config.smoke) for name in chosen}
    if not config.against:
        own = against_simulator.run(config.data, output, smoke=config.smoke, designs=config.designs, seed=config.seed)
        outcomes = {"simulator": own, **outcomes}
    verdicts = {name: outcome.facts | {"bars_hold": outcome.holds} for name, outcome in outcomes.items()}
    output.provenance("experiments/validate_models.py", config, comparisons=verdicts)
    print("\n\n".join(outcome.text for outcome in outcomes.values()))
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())
    if any(outcome.holds is False for outcome in outcomes.values()):
        print("A bar fails.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
