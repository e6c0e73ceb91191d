"""Do the models of known accelerators say what was published of them? Every number, with its error.

Usage:
    python experiments/validate_published.py
    python experiments/validate_published.py --facts FOLDER
    python experiments/validate_published.py --systems eie dstc
    python experiments/validate_published.py --smoke

Each published number of a system (a time, a speed-up, bytes, an area, ...) is predicted by the model of that system in
hwmodels/systems, or listed with the reason why it cannot be. With --facts, the numbers are read from FOLDER, which
holds <system>.json files as experiments/common/published/data does; systems without a file there are left out.

Most published numbers are results of RTL or cycle models: what agrees agrees with what was published, not with
silicon. The exit status is 1 if a bar fails.

Writes to --out:
    published.csv      every point: published, predicted, relative error or the reason for none, grade, method, source
    published.png      predicted against published, one panel a system
    provenance.json    versions, commit, configuration, bars
"""

from experiments.common.cli import main

import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from experiments.common.options import Seed
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.published.figure import parity_figure
from experiments.common.published.report import (
    chosen_systems,
    error_table,
    judged_groups,
    predict_all,
    reason_table,
    summary,
)
from workloads.errors import InputError

BAR_FAILED = 1
"""Exit status."""
SMOKE_SYSTEMS = ("eie", "dstc", "nvidia_a100_h100")


@dataclass(frozen=True)
class Config:
    """Options."""

    facts: Path | None = None
    """Folder with <system>.json files of published numbers; the embedded ones if absent."""
    systems: tuple[str, ...] = ()
    """Systems to report, by the names of their files; all if absent."""
    seed: Seed = 0
    """Not used: what the models sample has a fixed seed, so that a prediction is one number."""
    out: Path = Path("out/validate_published")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: three systems only."""


def run(config: Config) -> None:
    """Predict every point, write the files, say whether the bars hold; ends the process with status 1 if one fails."""
    if config.facts is not None and not config.facts.is_dir():
        raise InputError(f"--facts {config.facts}: no such folder; give one that holds <system>.json files.")
    wanted = config.systems or (SMOKE_SYSTEMS if config.smoke else ())
    systems = chosen_systems(config.facts, wanted)
    output = Output(config.out)
    rows = []
    for system in tqdm(systems, disable=not show_progress(), unit="system"):
        rows += predict_all(config.facts, system)
    groups = judged_groups(rows)
    output.csv("published.csv", [row.cells() for row in rows], gaps=True)
    if any(len(group.published) for group in groups):
        output.figure("published.png", parity_figure(groups))
    output.provenance("experiments/validate_published.py", config, **summary(groups, rows))
    failed = [group for group in groups if group.misses]
    print(error_table(groups))
    print(f"\n{reason_table(rows)}" if any(row.reason for row in rows) else "")
    predicted = sum(not row.reason for row in rows)
    count = f"{len(rows)} published numbers (with ratios of them) of {len(systems)} systems, {predicted} predicted"
    print(f"\n{count}; {output.seconds:.1f} s")
    print(output.listing())
    for group in failed:
        print(f"A bar fails: {group.system}, {group.name}: {', '.join(group.misses)}.", file=sys.stderr)
    if failed:
        raise SystemExit(BAR_FAILED)


if __name__ == "__main__":
    sys.exit(main(run, Config))
