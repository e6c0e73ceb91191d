"""The models against this project's own simulator, which walks the real non-zeros: matrices x random designs.

Each matrix is multiplied with a dense matrix and, if it is square and the product is not too large, with itself.
Designs are drawn from the default space, on its lattice of powers of two and off it, and picked so that every dataflow
and every bottleneck that the models name comes in turn; they fit their buffers and make at most `VISITS` visits.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from dse import Design, Problem, default_space, make_problem
from experiments.common.against_common import Outcome, parity, percent
from experiments.common.cli import show_progress
from experiments.common.output import Output
from experiments.common.style import OKABE_ITO, new_figure
from experiments.common.table import text_table
from hwmodels.choices import DATAFLOWS
from hwmodels.cost import RESOURCES
from hwmodels.hardware import HARDWARE_NUMBERS, MAPPING_NUMBERS
from hwmodels.simulator import simulate
from hwmodels.technology import scenario, technology
from workloads import SparseKernel, Workload, load_matrix, matrix_files, resolve_workload
from workloads.errors import InputError

COLUMNS = 64
"""Columns of the dense matrix."""
MULTIPLIES = 5_000_000
"""Largest product of a matrix with itself that is simulated; larger ones are left out, and counted."""
VISITS = 50_000
"""Most visits of a design: the product of its trip counts."""
DRAWN = 600
"""Random designs of a kernel that designs are picked from."""
STRETCH = 1.6
"""Off the lattice, numbers are multiplied by up to this, or divided by it."""
FIXED = ("value_bits", "accumulator_bits")
LISTED = 10
BARS = {"on": (0.01, 0.05), "off": (0.05, 0.15)}
"""Median and 95th percentile of the errors that are accepted on and off the lattice (DESIGN, section 9)."""
RANK_BAR = 0.98
"""Rank correlation of the designs of one matrix, off the lattice."""
STYLES = {
    "inner_product": (OKABE_ITO["blue"], "o"),
    "gustavson": (OKABE_ITO["orange"], "s"),
    "outer_product": (OKABE_ITO["green"], "^"),
}


def run(data: Path | None, output: Output, *, smoke: bool, designs: int = 20, seed: int = 0) -> Outcome:
    """Compare on every matrix below `data` (the embedded ones without it), `designs` designs on and off the lattice.

    A smoke run is too small to judge the bars. Writes simulator_errors.csv and simulator_parity.png.
    """
    kernels, left_out = _kernels(data, smoke)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for kernel in tqdm(kernels, desc="simulating", unit="kernel", disable=not show_progress()):
        problem = make_problem(Workload(kernel.name, (kernel,)), default_space(), technology(scenario()))
        chosen = _designs(problem, 2 if smoke else designs, rng)
        rows += _compare(kernel, problem, chosen, rng)
    output.csv("simulator_errors.csv", rows)
    figure = new_figure(8.4, 4.0)
    axes = figure.subplots(1, 2)
    for axis, metric, unit, scale in zip(axes, ("cycles", "energy_pj"), ("", "J"), (1.0, 1e-12), strict=True):
        groups = {}
        for name in DATAFLOWS:
            truth, model = _columns([row for row in rows if row["dataflow"] == name], metric)
            groups[name] = (truth * scale, model * scale)
        parity(axis, {name: pair for name, pair in groups.items() if len(pair[0])}, STYLES, unit)
        axis.set_title("cycles" if metric == "cycles" else "energy")
        axis.set_xlabel("simulator")
    output.figure("simulator_parity.png", figure)
    text, broken = _report(rows, left_out)
    facts = {"cases": len(rows), "kernels": len(kernels), "left_out": left_out, "broken": broken}
    if smoke:
        return Outcome(text + "\n  NOT JUDGED: a smoke run has too few designs for the bars.", None, facts)
    return Outcome(text, not broken, facts)


def _kernels(data: Path | None, smoke: bool) -> tuple[list[SparseKernel], int]:
    """The products to compare, and how many were too large."""
    if data is None:
        kernels = [*resolve_workload("embedded").kernels]
        return (kernels[3:6] if smoke else kernels), 0
    files = matrix_files(data)
    if not files:
        raise InputError(f"--data {data}: the folder holds no matrix file; add one (.mtx, .smtx, .npz, .npy).")
    kernels, left_out = [], 0
    for path in files[:2] if smoke else files:
        matrix, name = load_matrix(path), str(path.relative_to(data))
        if matrix.nnz == 0:
            continue
        kernels.append(SparseKernel(f"{name}@spmm:{COLUMNS}", matrix, None, COLUMNS))
        if matrix.shape[0] == matrix.shape[1]:
            products = int(np.diff(matrix.indptr).astype(np.int64)[matrix.indices].sum())
            if products <= MULTIPLIES:
                kernels.append(SparseKernel(f"{name}@axa", matrix, matrix, matrix.shape[1]))
            else:
                left_out += 1
    return kernels, left_out


def _designs(problem: Problem, count: int, rng: np.random.Generator) -> list[tuple[str, Design]]:
    """`count` feasible designs on the lattice and as many off it, bottlenecks and dataflows in turn."""
    rows = problem.encoding.random(rng, DRAWN)
    drawn = [problem.design(row) for row in rows]
    stretched = [_off_lattice(design, rng) for design in drawn]
    chosen: list[tuple[str, Design]] = []
    for where, designs in (("on", drawn), ("off", stretched)):
        feasible = np.flatnonzero(problem.score_designs(designs).feasible)
        feasible = [int(at) for at in feasible if _visits(problem, designs[at]) <= VISITS]
        details = problem.details([designs[at] for at in feasible]) if feasible else []
        groups: dict[tuple[str, int], list[int]] = {}
        for at, (_, total) in zip(feasible, details, strict=True):
            flow = str(designs[at].mappings[0]["dataflow"])
            groups.setdefault((flow, int(np.argmax(total.bound_cycles))), []).append(at)
        queues = list(groups.values())
        picked: list[int] = []
        while len(picked) < count and any(queues):
            picked += [queue.pop() for queue in queues if queue][: count - len(picked)]
            rng.shuffle(queues)
        chosen += [(where, designs[at]) for at in picked]
    return chosen


def _visits(problem: Problem, design: Design) -> float:
    kernel, mapping = problem.kernels[0], design.mappings[0]
    trips = [np.ceil(getattr(kernel, name[-1]) / float(mapping[name])) for name in MAPPING_NUMBERS]
    return float(np.prod(trips))


def _off_lattice(design: Design, rng: np.random.Generator) -> Design:
    """The design with every number but the widths of values stretched or shrunk to some whole number."""

    def moved(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        factors = STRETCH ** rng.uniform(-1, 1, len(names))
        numbers = {n: float(max(round(float(fields[n]) * f), 1)) for n, f in zip(names, factors, strict=True)}
        return {**fields, **numbers}

    hardware = moved(design.hardware, [name for name in HARDWARE_NUMBERS if name not in FIXED])
    return dataclasses.replace(
        design, hardware=hardware, mappings=tuple(moved(mapping, MAPPING_NUMBERS) for mapping in design.mappings)
    )


def _compare(
    kernel: SparseKernel, problem: Problem, chosen: Sequence[tuple[str, Design]], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row for each design of a kernel."""
    right = rng.uniform(0.5, 1.5, (kernel.k, kernel.n)) if kernel.b is None else kernel.b
    rows = []
    modelled = problem.details([design for _, design in chosen]) if chosen else []
    for (where, design), (_, model) in zip(chosen, modelled, strict=True):
        hardware, (mapping,) = design.build()
        truth = simulate(hardware, mapping, kernel.a, right, problem.technology).cost
        row = {
            "kernel": kernel.name,
            "family": problem.families[0],
            "lattice": where,
            "dataflow": str(design.mappings[0]["dataflow"]),
            "bottleneck": RESOURCES[int(np.argmax(truth.bound_cycles))],
        }
        for metric, ours, theirs in (
            ("cycles", model.cycles, truth.cycles),
            ("energy_pj", model.energy_pj.sum(), truth.energy_pj.sum()),
        ):
            row |= {f"{metric}_model": float(ours), f"{metric}_simulator": float(theirs)}
            row[f"{metric}_error"] = float(ours) / float(theirs) - 1
        numbers = {**design.hardware, **design.mappings[0]}
        rows.append(row | {name: value for name, value in numbers.items() if name != "dataflow"})
    return rows


def _columns(rows: Sequence[dict[str, Any]], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Simulator and model of some rows."""
    return tuple(np.array([row[f"{metric}_{by}"] for row in rows]) for by in ("simulator", "model"))  # pyright: ignore


def _report(rows: Sequence[dict[str, Any]], left_out: int) -> tuple[str, list[str]]:
    """Errors by stratum, rank correlations, the worst cases; and the bars that fail, in words."""
    lines, broken, table = [], [], []
    for where, (median_bar, high_bar) in BARS.items():
        for metric in ("cycles", "energy_pj"):
            strata: dict[tuple[str, str, str], list[float]] = {}
            for row in rows:
                if row["lattice"] == where:
                    error = abs(row[f"{metric}_error"])
                    strata.setdefault((row["family"], "all", "all"), []).append(error)
                    strata.setdefault((row["family"], row["dataflow"], row["bottleneck"]), []).append(error)
            for stratum, errors in sorted(strata.items()):
                median, high, worst = np.median(errors), np.quantile(errors, 0.95), max(errors)
                fails = median > median_bar or high > high_bar
                cells = [percent(float(value)) for value in (median, high, worst)]
                table.append([where, metric, *stratum, str(len(errors)), *cells, "fails" if fails else ""])
                if fails:
                    broken.append(f"{metric} {where} the lattice, {' '.join(stratum)}")
    lines.append(text_table(
        ("lattice", "metric", "family", "dataflow", "bottleneck", "cases", "median", "95th", "worst", "bar"),
        table, left=(0, 1, 2, 3, 4),
    ))  # fmt: skip
    ranks = []
    for name in dict.fromkeys(row["kernel"] for row in rows):
        mine = [row for row in rows if row["kernel"] == name and row["lattice"] == "off"]
        if len(mine) >= 5:
            ranks.append((float(spearmanr(*_columns(mine, "cycles")).statistic), name))
    if ranks:
        low = [name for rank, name in ranks if rank < RANK_BAR]
        lines.append(
            f"  rank correlation of cycles within a kernel, off the lattice: median "
            f"{np.median([rank for rank, _ in ranks]):.4f}, lowest {min(ranks)[0]:.4f} ({min(ranks)[1]}), "
            f"{len(low)} of {len(ranks)} below {RANK_BAR}"
        )
        broken += [f"rank correlation of {name}" for name in low]
    worst = sorted(rows, key=lambda row: -abs(row["cycles_error"]))[:LISTED]
    lines.append("  largest errors of cycles:")
    lines += [
        f"    {row['cycles_error']:+.1%}  {row['kernel']}: {row['dataflow']}, {row['lattice']} the lattice, bound by "
        f"{row['bottleneck']}, A {row['a_format']} {row['a_zero']}, B {row['b_format']} {row['b_zero']}, "
        f"tile {row['tile_m']:g} x {row['tile_k']:g} x {row['tile_n']:g}, {row['pe_rows']:g} x {row['pe_cols']:g} PEs"
        for row in worst
    ]
    if left_out:
        lines.append(f"  {left_out} products A A of more than {MULTIPLIES:,} multiplies were left out")
    return "\n".join(lines), broken
