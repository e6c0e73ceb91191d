"""Sparseloop's abstraction against Sparseloop's own outputs; and what its mean over PEs hides.

`reference.csv` has a row a run (mapping, distribution, densities, feature, format, bandwidth) and a column a quantity;
an empty field means that Sparseloop does not report it, `valid` other than `yes` that the row is known to be wrong.
`imbalance_check.csv`, if it is there, has cycles on patterns with a barrier at every step.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.sparse import csr_array

from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.output import Output
from experiments.common.table import text_table
from experiments.common.validation.comparison import (
    ComparisonOutcome,
    ErrorLimits,
    number,
    parity,
    percent,
    read_table,
    relative_error,
)
from experiments.common.validation.sparseloop_machine import (
    WORDS,
    SparseloopRun,
    cycles_of_pattern,
    expected_barrier_cycles,
    run_quantities,
)
from workloads import generators
from workloads.errors import InputError
from workloads.networks.digits import digits_layers

COLUMNS = ("name", "mapping", "distribution", "B", "dA", "dB", "saf", "format", "bw", "valid", "cycles")
DESCRIBED = ("name", "mapping", "distribution", "dA", "format")
"""What the table of errors repeats of a run."""
GROUPS = ("cycles", "computes", "accesses", "sizes", "energy")
BARS = {name: ErrorLimits(median=0.02) for name in ("cycles", "computes", "accesses")} | {
    "sizes": ErrorLimits(),
    "energy": ErrorLimits(),
}
STYLES = {
    "accesses": (OKABE_ITO["sky"], "o"),
    "sizes": (OKABE_ITO["green"], "s"),
    "energy": (OKABE_ITO["orange"], "^"),
    "computes": (OKABE_ITO["vermilion"], "D"),
    "cycles": (OKABE_ITO["blue"], "x"),
}
CLOSE = 1e-3
"""Relative error below which a number counts as the same: Sparseloop reports whole words."""
SEEDS = 8
"""Uniform patterns of each density."""
EXPONENT = 2.1
"""Of row lengths of the power-law patterns: the heaviest tail with a finite mean that the generator makes."""
DENSITIES = (0.5, 0.25, 0.1, 0.05, 0.01)
NEAR = 0.05
"""A reference pattern is set beside ours if its density is that close to it."""
SMOKE_EVERY = 12
"""Rows of the reference of which `--smoke` takes one."""
BARRIER_COLOURS = {"uniform": OKABE_ITO["blue"], "powerlaw_rows": OKABE_ITO["vermilion"]}
MAPPINGS = ("IP", "TILE")


def run(data: Path | None, output: Output, *, smoke: bool = False) -> ComparisonOutcome:
    """Compare every valid row of `data`/reference.csv; write `sparseloop_errors.csv`, `imbalance.csv` and a figure.

    Without data, only the imbalance on generated and embedded patterns is counted.
    """
    reference = [] if data is None else read_barriers(data / "imbalance_check.csv")
    imbalance = imbalance_rows()
    output.csv("imbalance.csv", imbalance)
    told = imbalance_text(imbalance, reference)
    if data is None:
        text = (
            f"{told}\n  NOT COMPARED: Sparseloop's outputs are not part of the project; give --data a folder with them."
        )
        return ComparisonOutcome(text, None, {"compared": 0})
    rows, facts = error_rows(data / "reference.csv", smoke=smoke)
    output.csv("sparseloop_errors.csv", rows)
    output.figure("sparseloop_parity.png", sparseloop_figure(rows, imbalance, reference))
    text, broken = summary(rows)
    text += f"\n  {facts['invalid']} rows that the table itself marks as wrong were left out"
    text += f"; --smoke: 1 row in {SMOKE_EVERY}" if smoke else ""
    return ComparisonOutcome(f"{text}\n\n{told}", not broken, facts | {"bars_broken": broken})


def error_rows(path: Path, *, smoke: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each quantity of each valid run, and how many runs there were."""
    table = read_table(path, COLUMNS)
    valid = [row for row in table if row["valid"] == "yes"]
    if not valid:
        raise InputError(f"{path}: no row has valid = yes; mark those that are right.")
    if smoke:
        valid = valid[::SMOKE_EVERY]
    rows = []
    for row in valid:
        found = run_quantities(run_of(path, row))
        for name, value in found.items():
            if not row.get(name):
                continue
            expected = number(path, row, name)
            rows.append(
                {name: row[name] for name in DESCRIBED}
                | {"group": group_of(name), "quantity": name}
                | {"sparseloop": expected, "model": float(value)}
                | {"relative_error": relative_error(float(value), expected)}
            )
    return rows, {"runs": len(valid), "invalid": len(table) - sum(row["valid"] == "yes" for row in table)}


def run_of(path: Path, row: Mapping[str, str]) -> SparseloopRun:
    """What a row of the reference says was run; InputError for a field that is none of the choices."""
    where = f"{path}, line {row['line']}"
    for name, choices in (("B", ("Bdense", "Bsame")), ("bw", ("bwinf", "bwlim"))):
        if row[name] not in choices:
            raise InputError(f"{where}: {name} is {row[name]!r}; it must be one of {', '.join(choices)}.")
    densities = [number(path, row, name) for name in ("dA", "dB")]
    for name, density in zip(("dA", "dB"), densities, strict=True):
        if not 0.0 < density <= 1.0:
            raise InputError(f"{where}: {name} is {row[name]!r}; give a density above 0 and at most 1.")
    try:
        return SparseloopRun(
            row["mapping"],
            row["distribution"],
            *densities,
            row["B"] == "Bsame",
            row["saf"],
            row["format"],
            row["bw"] == "bwlim",
        )
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def group_of(name: str) -> str:
    """Which of `GROUPS` a quantity belongs to."""
    if name.startswith(("E_", "energy_")):
        return "energy"
    if name.endswith("_max"):
        return "sizes"
    return "computes" if name.endswith("computes") else "cycles" if name.endswith("cycles") else "accesses"


def summary(rows: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """Errors by group as text, and the bars that are broken: by the whole group or any quantity of it."""
    lines, broken = [], []
    for group in GROUPS:
        by_quantity = defaultdict(list)
        for row in rows:
            if row["group"] == group:
                by_quantity[row["quantity"]].append(row["relative_error"])
        if not by_quantity:
            continue
        errors = np.concatenate([np.array(own) for own in by_quantity.values()])
        failed = BARS[group].broken(errors)
        failed += [f"{name}: {f}" for name, own in by_quantity.items() for f in BARS[group].broken(np.array(own))]
        broken += [f"{group}: {limit}" for limit in failed]
        largest = max(float(np.median(own)) for own in by_quantity.values())
        cells = [percent(float(value)) for value in (np.median(errors), largest, errors.mean())]
        cells += [percent(float(value)) for value in (np.percentile(errors, 95), errors.max())]
        lines.append((group, len(by_quantity), len(errors), f"{(errors <= CLOSE).mean():.1%}", *cells, BARS[group]))
        lines[-1] += ("; ".join(failed) or ("holds" if BARS[group].median else "not judged"),)
    header = (
        "group",
        "quantities",
        "numbers",
        "same",
        "median",
        "worst quantity's",
        "mean",
        "95th",
        "worst",
        "bar",
        "",
    )
    text = "Sparseloop's abstraction against Sparseloop\n" + text_table(header, lines, left=(0, 9, 10))
    return text + "\n\nWhere they differ the most\n" + differences(rows), broken


def differences(rows: list[dict[str, Any]], shown: int = 10) -> str:
    """The quantities, formats and distributions with the largest mean difference, most first."""
    found = defaultdict(list)
    for row in rows:
        found[row["quantity"], *(row[name] for name in DESCRIBED[1:])].append(row)
    means = {key: float(np.mean([row["relative_error"] for row in own])) for key, own in found.items()}
    worst = sorted((key for key in means if means[key] > CLOSE), key=lambda key: -means[key])[:shown]
    cells = []
    for key in worst:
        example = max(found[key], key=lambda row: row["relative_error"])
        cells.append((" ".join(key), percent(means[key]), f"{example['sparseloop']:g}", f"{example['model']:.6g}"))
    return text_table(("quantity, mapping, distribution, density, format", "mean", "Sparseloop", "model"), cells)


def read_barriers(path: Path) -> list[dict[str, Any]]:
    """The rows of `imbalance_check.csv`; none if the file is not there."""
    if not path.is_file():
        return []
    mean = "mean_cycles(Sparseloop)"
    rows = []
    for row in read_table(path, ("pattern", "density", "mapping", mean, "sync_cycles")):
        if row["mapping"] not in MAPPINGS:
            raise InputError(f"{path}, line {row['line']}: mapping is {row['mapping']!r}; it must be IP or TILE.")
        cycles = {"mean_cycles": number(path, row, mean, least=1), "barrier_cycles": number(path, row, "sync_cycles")}
        density = number(path, row, "density")
        nominal = min(DENSITIES, key=lambda known: abs(known - density))
        nominal = nominal if abs(nominal - density) < NEAR * nominal else density
        rows.append({"pattern": row["pattern"], "nominal_density": nominal, "mapping": row["mapping"], **cycles})
    return rows


def imbalance_rows() -> list[dict[str, Any]]:
    """Cycles on real patterns: Sparseloop's mean, with barriers, with queues, balanced. One a pattern and mapping."""
    patterns = [("uniform", d, generators.uniform(256, 256, d, seed)) for d in DENSITIES for seed in range(SEEDS)]
    patterns += [
        ("powerlaw_rows", d, generators.power_law_rows(256, 256, 256 * d, EXPONENT, seed))
        for d in DENSITIES
        for seed in range(SEEDS)
    ]
    real = {f"digits_{name}": matrix for name, matrix in digits_layers().items()}
    real |= {"stencil_16x16": generators.stencil_2d(16, 16), "rmat_256": generators.rmat(8, 8, 0)}
    patterns += [(name, density_of(matrix), matrix) for name, matrix in real.items()]
    rows = []
    for name, nominal, matrix in patterns:
        for mapping in MAPPINGS:
            found = cycles_of_pattern(matrix, mapping)
            rows.append(
                {"pattern": name, "nominal_density": nominal, "density": density_of(matrix), "nnz": int(matrix.nnz)}
                | {"mapping": mapping, "mean_cycles": found.mean, "barrier_cycles": found.barrier}
                | {"queue_cycles": found.queues, "balanced_cycles": found.balanced}
            )
    return rows


def density_of(matrix: csr_array) -> float:
    """Share of non-zeros."""
    return matrix.nnz / (matrix.shape[0] * matrix.shape[1])


def mean_ratios(rows: list[dict[str, Any]], kind: str) -> dict[tuple[str, float, str], float]:
    """Cycles of a kind over Sparseloop's, the mean over patterns of one (name, nominal density, mapping)."""
    found = defaultdict(list)
    for row in rows:
        key = row["pattern"], row["nominal_density"], row["mapping"]
        found[key].append(row[f"{kind}_cycles"] / row["mean_cycles"])
    return {key: float(np.mean(own)) for key, own in found.items()}


def imbalance_text(rows: list[dict[str, Any]], reference: list[dict[str, Any]]) -> str:
    """How much longer real patterns take than Sparseloop's mean, with the reference's ratios beside ours."""
    beside = mean_ratios(reference, "barrier")
    ours = {kind: mean_ratios(rows, kind) for kind in ("barrier", "queue", "balanced")}
    cells = []
    for key in ours["barrier"]:
        pattern, density, mapping = key
        nnz = math.ceil(density * WORDS)
        closed = f"{expected_barrier_cycles(nnz) / (nnz * 16):.3f}" if pattern == "uniform" else ""
        theirs = f"{beside[key]:.3f}" if key in beside else ""
        ratios = (f"{ours[kind][key]:.3f}" for kind in ours)
        cells.append((f"{pattern} {density:.3g} {mapping}", *ratios, closed, theirs))
    header = (
        "pattern, density, mapping",
        "barrier",
        "queues",
        "balanced",
        "barrier, closed form",
        "reference's barrier",
    )
    title = "What a mean over the PEs hides: cycles on patterns over Sparseloop's cycles (A sparse, B dense)\n"
    note = f"\n  uniform and powerlaw_rows: mean of {SEEDS} patterns; the reference's are others of the same density"
    return title + text_table(header, cells) + note


def sparseloop_figure(
    rows: list[dict[str, Any]], imbalance: list[dict[str, Any]], reference: list[dict[str, Any]]
) -> Figure:
    """Parity of all groups, and the barrier's cost over density."""
    picture = new_figure(11.0, 5.6)
    left, right = picture.subplots(1, 2)
    groups = {}
    for group in STYLES:
        pairs = np.array([(row["sparseloop"], row["model"]) for row in rows if row["group"] == group])
        pairs = np.unique(pairs.reshape(-1, 2).round(6), axis=0)
        groups[group] = (pairs[:, 0], pairs[:, 1])
    parity(left, groups, STYLES, "")
    left.set_title("Model against Sparseloop, distinct pairs")
    left.set_xlabel("Sparseloop (cycles, words, bits, computes, pJ)")
    left.set_ylabel("model")
    barrier_panel(right, imbalance, reference)
    picture.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return picture


def barrier_panel(axes: Axes, imbalance: list[dict[str, Any]], reference: list[dict[str, Any]]) -> None:
    """Cycles with a barrier over Sparseloop's, against density."""
    nnz = (np.geomspace(0.005, 0.6, 40) * WORDS).astype(int)
    closed = [expected_barrier_cycles(int(count)) / (count * 16) for count in nnz]
    axes.plot(nnz / WORDS, closed, color="black", lw=1.2, label="uniform, closed form")
    axes.axhline(1.0, color="#555555", lw=1.0, ls="--", label="Sparseloop")
    ours, theirs = mean_ratios(imbalance, "barrier"), mean_ratios(reference, "barrier")
    for pattern, colour in BARRIER_COLOURS.items():
        for mapping, marker in (("IP", "o"), ("TILE", "s")):
            for found, face, size, source in ((ours, "none", 8, "ours"), (theirs, colour, 4.5, "reference")):
                points = [(d, ratio) for (name, d, m), ratio in found.items() if (name, m) == (pattern, mapping)]
                if points:
                    label = f"{pattern} {mapping}, {source}"
                    axes.plot(*zip(*points, strict=True), marker, color=colour, mfc=face, ms=size, label=label)
    real = [(d, ratio) for (name, d, _), ratio in ours.items() if name not in BARRIER_COLOURS]
    axes.plot(*zip(*real, strict=True), "*", color=OKABE_ITO["green"], ms=8, label="digits, stencil, R-MAT, ours")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    axes.set_xticks([0.01, 0.1, 0.5], ["1 %", "10 %", "50 %"])
    axes.minorticks_off()
    axes.set_xlabel("density of A")
    axes.set_ylabel("cycles with a barrier at every step / Sparseloop's")
    axes.set_title("Load imbalance, which Sparseloop does not see")
