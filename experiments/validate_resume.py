"""Does a search that is killed go on as if nothing had happened?

Usage:
    python experiments/validate_resume.py
    python experiments/validate_resume.py --workload digits --strategy evolutionary --kills 20
    python experiments/validate_resume.py --smoke

A search is made once without interruption and without a checkpoint. Then, `--kills` times, the same search is begun in
a process of its own, which is killed (SIGKILL) when its checkpoint has grown to a random part of its largest size and a
random fraction of a second has passed, and begun again in another process. The exit status is 1 if a front differs by
a bit from that of the first search, or if a search that was killed evaluates again what its checkpoint holds.

Writes to --out:
    kills.csv        one row a kill: where in the search it came, what was found in the checkpoint, whether the front
                     is the same
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main
from experiments.common.interrupts import ChildrenShielded

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from tqdm import tqdm

from dse import Result
from dse.files.journal import journal_bytes, remove_journal
from dse.files.result_file import read_result, write_result
from experiments.common.options import Evaluations, Seed, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions
from experiments.common.search import STRATEGIES, TRADE_OFF, build_problem, build_space, workload_of
from experiments.common.table import text_table
from workloads import resolve_workloads
from workloads.errors import InputError

BAR_FAILED = 1
"""Exit status."""
SMOKE_BUDGET, SMOKE_KILLS, SMOKE_WORKLOAD = 200, 1, "digits"
POLL_S = 0.005
LATER_S = 0.1
"""Longest time between the moment that the checkpoint has a size and the kill: about that of a batch of evaluations."""
QUIET = "ignore:resource_tracker:UserWarning"
"""Python warns of the locks of processes that were killed; here that is what is meant."""
KEY: dict[str, str] = {}


@dataclass(frozen=True)
class Config:
    """Options."""

    workload: tuple[str, ...] = ("embedded",)
    """As for pareto_front.py."""
    strategy: Literal["gradient", "random", "evolutionary"] = "gradient"
    """How to search."""
    budget: Evaluations = 2_000
    """Evaluations of a search."""
    kills: Annotated[int, whole(1, 10_000)] = 10
    """Searches that are killed."""
    seed: Seed = 0
    """Seed of the search and of the moments of the kills."""
    out: Path = Path("out/validate_resume")
    """Folder for the files."""
    smoke: bool = False
    """One kill of a small search."""


def search(specs: list[str], strategy: str, budget: int, seed: int, journal: Path | None, ended: Path) -> None:
    """Search and write the result; in a process of its own."""
    technology = ScenarioOptions().build()
    workload = resolve_workloads(specs)
    problem = build_problem(workload, build_space(None, (), workload), technology, TRADE_OFF, {})
    write_result(ended, KEY, STRATEGIES[strategy]()(problem, budget=budget, seed=seed, checkpoint=journal))


def run(config: Config) -> None:
    """Kill, resume and compare; ends the process with status 1 if a front differs."""
    specs, budget, kills = list(config.workload), config.budget, config.kills
    if config.smoke:
        specs = [SMOKE_WORKLOAD if spec == "embedded" else spec for spec in specs]
        budget, kills = min(budget, SMOKE_BUDGET), SMOKE_KILLS
    os.environ.setdefault("PYTHONWARNINGS", QUIET)
    workload_of(specs)  # mistakes are told before any process begins
    output, rng = Output(config.out), np.random.default_rng(config.seed)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=config.out, prefix=".") as drafts:
        folder = Path(drafts)
        options = (specs, config.strategy, budget, config.seed)
        expected = finished(options, None, folder / "expected.npz")
        whole = folder / "whole.journal"
        process = started(options, whole, folder / "whole.npz")
        most = grown(process, whole)
        result_of(process, folder / "whole.npz")
        for at in tqdm(range(kills), desc="kills", disable=not show_progress()):
            journal = folder / f"{at}.journal"
            size = None
            while size is None:
                remove_journal(journal)
                size = killed_at(options, journal, folder / f"{at}.npz", rng.uniform(0, most), rng.uniform(0, LATER_S))
            result = finished(options, journal, folder / f"{at}.npz")
            rows.append(
                {
                    "kill": at,
                    "checkpoint_bytes": size,
                    "of_whole": result.replayed / result.evaluations,
                    "evaluations_found": result.replayed,
                    "evaluations": result.evaluations,
                    "same_front": identical(result, expected),
                    "same_checkpoint_size": journal_bytes(journal) == journal_bytes(whole),
                }
            )
    output.csv("kills.csv", rows)
    same = sum(row["same_front"] for row in rows)
    whole_again = sum(row["same_checkpoint_size"] for row in rows)
    output.provenance("experiments/validate_resume.py", config, kills=len(rows), same_fronts=same)
    cells = [
        (row["kill"], f"{row['of_whole']:.1%}", f"{row['evaluations_found']:,}", "yes" if row["same_front"] else "NO")
        for row in rows
    ]
    print(text_table(("kill", "checkpoint", "evaluations found", "same front"), [tuple(map(str, c)) for c in cells]))
    print(
        f"\n{same} of {len(rows)} fronts of {len(expected.genomes)} designs are the same to the bit, {whole_again} "
        f"checkpoints end as long as that of the search of {expected.evaluations:,} evaluations that was not killed; "
        f"{output.seconds:.1f} s"
    )
    print(output.listing())
    if same < len(rows) or whole_again < len(rows):
        print("A search that was killed did not go on as if nothing had happened.", file=sys.stderr)
        raise SystemExit(BAR_FAILED)


def started(options: tuple, journal: Path | None, ended: Path) -> Any:
    """A process that searches."""
    process = multiprocessing.get_context("spawn").Process(target=search, args=(*options, journal, ended), daemon=True)
    with ChildrenShielded():
        process.start()
    return process


def finished(options: tuple, journal: Path | None, ended: Path) -> Result:
    """The result of a process that is left alone."""
    return result_of(started(options, journal, ended), ended)


def result_of(process: Any, ended: Path) -> Result:
    """What a process that is left alone has written; InputError if it has failed."""
    process.join()
    result = read_result(ended, KEY)
    if process.exitcode or result is None:
        raise InputError(f"The search ended with status {process.exitcode}; its own message is above.")
    return result


def grown(process: Any, journal: Path, size: float = float("inf")) -> int:
    """Wait until a search's checkpoint has a size or the search has ended; the largest size seen, in bytes."""
    largest = 0
    while process.is_alive() and largest < size:
        largest = max(largest, journal_bytes(journal))
        time.sleep(POLL_S)
    return largest


def killed_at(options: tuple, journal: Path, ended: Path, size: float, later_s: float) -> int | None:
    """Kill a search soon after its checkpoint has reached a size; the size that the kill left, None if it had ended."""
    process = started(options, journal, ended)
    grown(process, journal, size)
    time.sleep(later_s)
    process.kill()
    process.join()
    return journal_bytes(journal) if process.exitcode == -signal.SIGKILL else None


def identical(result: Result, expected: Result) -> bool:
    """Whether two fronts are equal to the bit."""
    pairs = [(result.genomes, expected.genomes), (result.objectives, expected.objectives)]
    return all(one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs)


if __name__ == "__main__":
    sys.exit(main(run, Config))
