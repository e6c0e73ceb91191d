"""Do density models fill the tables that measuring sampled patterns would?

Usage:
    python experiments/validate_densities.py
    python experiments/validate_densities.py --samples 50 --side 256
    python experiments/validate_densities.py --smoke

Every table entry of every density model is set beside the mean over patterns drawn from the model. Entries are judged
where the standard error of that mean is below 0.5 %; the bar for each is 2 % and two standard errors. The exit status
is 1 if an entry fails, and the tables that do are listed.

Writes to --out:
    errors.csv       one row a density and table: entries, those judged, 95th percentile and worst error, share beyond
    provenance.json  versions, commit, configuration, seconds for each kernel
"""

from experiments.common.cli import main

import dataclasses
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tqdm import tqdm

from experiments.common.options import Seed, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from experiments.common.validation.against_samples import BAR, TableError, by_table, errors_of
from workloads import NM, Banded, Dense, DensityKernel, PowerLawRows, Uniform, measure

BAR_FAILED = 1
"""Exit status."""
SMOKE_SIDE, SMOKE_SAMPLES = 32, 4


@dataclass(frozen=True)
class Config:
    """Options."""

    samples: Annotated[int, whole(2, 10_000)] = 20
    """Patterns drawn for each kernel."""
    side: Annotated[int, whole(8, 2048)] = 128
    """Rows of A; other sizes are this or three quarters of it."""
    seed: Seed = 0
    """Seed of the patterns."""
    out: Path = Path("out/validate_densities")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: small patterns, few samples, no verdict."""


def kernels(side: int) -> list[DensityKernel]:
    """Every model with a dense B, and pairs of models."""
    other = side * 3 // 4
    return [
        DensityKernel("uniform 10 %", side, side, 16, Uniform(0.1)),
        DensityKernel("uniform 2 %", side, other, 16, Uniform(0.02)),
        DensityKernel("2:4", other, side, 16, NM(2, 4)),
        DensityKernel("dense", side, other, 16, Dense()),
        DensityKernel("band", side, side, 16, Banded(5)),
        DensityKernel("band, half full", side, side, 16, Banded(8, 0.5)),
        DensityKernel("power law 3.5", side, side, 16, PowerLawRows(0.08, 3.5)),
        DensityKernel("uniform x uniform", side, side, other, Uniform(0.1), Uniform(0.05)),
        DensityKernel("2:4 x uniform", side, side, other, NM(2, 4), Uniform(0.2)),
        DensityKernel("uniform x 2:4", side, side, side, Uniform(0.1), NM(2, 4)),
    ]


def run(config: Config) -> None:
    """Compare, write the files, say which tables leave the bar; ends the process with status 1 if one does."""
    side, samples = (SMOKE_SIDE, SMOKE_SAMPLES) if config.smoke else (config.side, config.samples)
    output = Output(config.out)
    errors: list[TableError] = []
    seconds = {}
    for kernel in tqdm(kernels(side), desc="densities", disable=not show_progress()):
        start = time.perf_counter()
        measure(kernel)
        seconds[kernel.name] = round(time.perf_counter() - start, 4)
        errors += errors_of(kernel, samples, config.seed)
    holds = all(error.holds for error in errors)
    output.csv("errors.csv", [dataclasses.asdict(error) for error in errors])
    output.provenance("experiments/validate_densities.py", config, seconds=seconds, bars_hold=holds)
    judged = sum(error.judged for error in errors)
    beyond = sum(error.judged * error.beyond for error in errors)
    header = ("density", "tables beyond the bar", "judged", "95th", "worst", f"beyond {BAR:.0%}")
    print(text_table(header, by_table(errors), left=(0, 1)))
    print(
        f"\n{judged} of {sum(error.entries for error in errors)} entries judged, {beyond / judged:.2%} beyond {BAR:.0%}"
    )
    print(f"{output.seconds:.1f} s")
    print(output.listing())
    if not holds and not config.smoke:
        print("A bar fails.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
