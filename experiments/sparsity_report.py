"""What sparsity is there, of which kind, and what is it worth? The profiling step before any hardware is drawn.

Usage:
    python experiments/sparsity_report.py
    python experiments/sparsity_report.py graph.mtx@axa pruned.smtx activations.npy@spmm:256
    python experiments/sparsity_report.py model/ --describe
    python experiments/sparsity_report.py layers/ --design out/pareto_front/front.json:7 --objective energy

Of every matrix: per cent zeros; whether they are natural or induced (pruned), and by what evidence; the structure
found (uniform, N:M, block, diagonals, banded, power law, ...) by the statistical criteria of `workloads.structure`; how
uneven rows are; bits for each non-zero in every format. Of every kernel: the share of effectual products, the most that
skipping zeros can save in multiplies and in operand bits, and what the models expect it to save on a design: the best
of all mappings against the best dense one on the same hardware, dense where sparsity does not pay.

Writes to --out:
    report.md        all of it, to read
    report.csv       one row a kernel
    NAME.png         one picture a matrix: the pattern, counts by row and column, bits by format
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from dse import read_design, read_front
from dse.files.design_reader import file_and_row
from experiments.common.options import Seed, whole
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.scenario import ScenarioOptions, scenario_words
from experiments.common.search import workload_of
from experiments.common.sparsity.bits import bounds, effectual_fraction, format_bits
from experiments.common.sparsity.figure import pattern_figure
from experiments.common.sparsity.inputs import distinct, subjects_of
from experiments.common.sparsity.saving import HeldHardware, priceable, savings
from experiments.common.sparsity.text import Entry, Profile, headline, pattern_words, percent, report_row, report_text
from experiments.common.table import text_table
from workloads import Workload, describe
from workloads.readers.finding import taken_apart
from workloads.structure import describe_structure

OBJECTIVES = {"latency": "latency_s", "energy": "energy_pj", "edp": "edp_js"}
LARGEST_VALUE = 64
HINT = "(default: those of the arithmetic)"


@dataclass(frozen=True)
class Config:
    """Options."""

    inputs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH|NAME[@PRODUCT]")] = ()
    """Matrices or folders by path, suites and networks by name; `embedded` unless given."""
    describe: bool = False
    """Only list what paths hold, layer by layer, and what was left out and why; values are not read."""
    design: str | None = None
    """Design to expect savings on, such as front.json:7; else a plain one of 256 PEs."""
    objective: Literal["latency", "energy", "edp"] = "edp"
    """What mappings are chosen by, and by what sparsity pays or not."""
    tile: Annotated[tuple[int, int] | None, whole(1, 2**31, each=2)] = None
    """Rows and columns of the tiles that formats are compared in; one tile unless given."""
    value_bits: Annotated[int | None, whole(1, LARGEST_VALUE), tyro.conf.arg(help_behavior_hint=HINT)] = None
    """Bits of a value where formats are compared."""
    scenario: tyro.conf.OmitArgPrefixes[ScenarioOptions] = field(default_factory=ScenarioOptions)
    seed: Seed = 0
    """Seed of samples of what is only known by densities."""
    out: Path = Path("out/sparsity_report")
    """Folder for the files."""
    smoke: bool = False
    """A run of seconds: the suites `digits_sparse` and `nm24` unless inputs are given."""


def run(config: Config) -> None:
    """Look at every pattern, price every kernel, write the files, say what was found."""
    if config.describe:
        print("\n\n".join(_description(spec) for spec in config.inputs or ("embedded",)))
        return
    output = Output(config.out)
    specs = config.inputs or (("digits_sparse", "nm24") if config.smoke else ("embedded",))
    file = None if config.design is None else read_front(file_and_row(config.design)[0])
    design, stored = None if config.design is None else read_design(config.design), file.scenario if file else None
    config.scenario.build(stored)  # what cannot be is refused before patterns are read
    subjects = subjects_of(specs, config.seed)
    everything = Workload("report", tuple(subject.kernel for subject in subjects))
    technology, numbers = config.scenario.built_for(everything, design, stored)
    hardware = HeldHardware.of(design, config.design, numbers)
    value_bits = numbers.value_bits if config.value_bits is None else config.value_bits

    patterns = {pattern.name: pattern for subject in subjects for pattern in subject.patterns.values()}
    profiles: dict[str, Profile] = {}
    for pattern in tqdm(patterns.values(), desc="looking at patterns", disable=not show_progress()):
        structure = describe_structure(pattern.matrix, pattern.source)
        stored = format_bits(pattern.matrix, value_bits, config.tile)
        slug = distinct(_slug(pattern.name), {profile.picture.removesuffix(".png") for profile in profiles.values()})
        profiles[pattern.name] = Profile(pattern, structure, stored, f"{slug}.png")
    priced = [subject for subject in subjects if priceable(subject.kernel)]
    expected = {}
    if priced:
        kernels = [subject.kernel for subject in priced]
        found = savings(kernels, hardware, technology, OBJECTIVES[config.objective])
        expected = {subject.name: saving for subject, saving in zip(priced, found, strict=True)}
    entries = []
    for subject in subjects:
        mine = {operand: profiles[pattern.name] for operand, pattern in subject.patterns.items()}
        stored = {operand: profile.stored for operand, profile in mine.items()}
        limit = bounds(subject, stored, value_bits) if mine else None
        effectual = limit.effectual if limit else effectual_fraction(subject)
        entries.append(Entry(subject, mine, limit, effectual, expected.get(subject.name)))

    for profile in tqdm(profiles.values(), desc="drawing", disable=not show_progress()):
        words = pattern_words(profile)
        structure = profile.structure
        title = f"{profile.pattern.name}: {percent(structure.zeros)} zeros, {', '.join(structure.findings)}"
        output.figure(profile.picture, pattern_figure(profile.pattern.matrix, profile.stored, title, words))
    output.csv("report.csv", [report_row(entry) for entry in entries])
    where = f"{hardware.words} ({scenario_words(technology)}), mappings chosen for {config.objective}"
    output.text("report.md", report_text(entries, list(profiles.values()), where))
    output.provenance("experiments/sparsity_report.py", config, hardware=dict(hardware.numbers))
    print(headline(entries))
    print(f"\nExpected savings on {where}; bounds are of products and of operand bits.")
    for entry in entries:
        if entry.subject.note:
            print(f"{entry.subject.name}: {entry.subject.note}.")
    print(f"\n{output.seconds:.1f} s")
    print(output.listing())


def _description(spec: str) -> str:
    """What a path holds, or the kernels of a name or of a product."""
    if os.path.exists(taken_apart(spec)[0]):
        return str(describe(spec))
    kernels = workload_of([spec]).kernels
    rows = [(one.name, f"{one.m:,}", f"{one.k:,}", f"{one.n:,}", f"{one.repeats:g}") for one in kernels]
    table = text_table(("kernel", "M", "K", "N", "runs"), rows)
    return f"{spec}: {len(rows)} kernel{'s' if len(rows) > 1 else ''}, Z[M, N] = A[M, K] B[K, N]\n{table}"


def _slug(name: str) -> str:
    return re.sub(r"[^\w.#-]+", "_", name).strip("_") or "matrix"


if __name__ == "__main__":
    sys.exit(main(run, Config))
