"""SAM's stream machine against cycle counts of the Sparse Abstract Machine's simulator.

`cycles.csv` has a row a run: `kernel`, the operands `B` and `C`, their sizes `M`, `K`, `N` and `cycles`. An operand is
a file of `mtx/` without `.mtx`, then any of `^T` (transposed), `^shift` (columns shifted by one, cyclically) and `#5`
(its row 5 as a column); `ones50` is a vector with 1 at every even index; SDDMM's C is the inner size of its dense
factors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.sparse import csr_array
from tqdm import tqdm

from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from experiments.common.validation.comparison import (
    ComparisonOutcome,
    ErrorLimits,
    number,
    parity,
    percent,
    read_table,
    relative_error,
    whole,
)
from experiments.common.validation.sam_machine import SAM_KERNELS, StreamRun, run_kernel
from workloads import generators, load_matrix
from workloads.errors import InputError
from workloads.networks.digits import digits_layers

SHORTEST = 100
"""Cycles of the shortest run that is judged: below it, a cycle is more than 1 %."""
BARS = {name: ErrorLimits(mean=0.01, worst=0.10) for name in SAM_KERNELS} | {"spmv_ji": ErrorLimits(mean=0.05)}
SMOKE_CYCLES = 5_000
"""Longest run that `--smoke` repeats."""
COLUMNS = ("case", "group", "kernel", "B", "C", "M", "K", "N", "cycles")
COUNTS = {"nnzB": 0, "nnzC": 1}
"""Optional columns that say how many non-zeros an operand has, and which operand."""
STYLES = dict(
    zip(
        SAM_KERNELS,
        zip(
            (OKABE_ITO[name] for name in ("blue", "orange", "green", "vermilion", "sky", "purple", "black", "grey")),
            ("o", "s", "^", "D", "v", "P", "X", "p"),
            strict=True,
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class SamCase:
    """One run of the reference."""

    row: Mapping[str, str]
    kernel: str
    b: csr_array
    c: csr_array | int
    cycles: int


def run(data: Path | None, output: Output, *, smoke: bool = False) -> ComparisonOutcome:
    """Compare every run in `data`/cycles.csv, write `sam_errors.csv` and `sam_parity.png`; without data, run alone."""
    if data is None:
        return run_alone(output)
    cases = read_cases(data)
    left_out = 0
    if smoke:
        short = [case for case in cases if case.cycles <= SMOKE_CYCLES]
        cases, left_out = short, len(cases) - len(short)
        if not cases:
            raise InputError(f"{data / 'cycles.csv'}: no run of up to {SMOKE_CYCLES} cycles; leave --smoke out.")
    rows = []
    for case in tqdm(cases, desc="stream machine", unit="run", disable=not show_progress()):
        rows.append(error_row(case, run_kernel(case.kernel, case.b, case.c)))
    output.csv("sam_errors.csv", rows)
    output.figure("sam_parity.png", sam_figure(rows))
    text, broken = summary(rows)
    if left_out:
        text += f"\n  --smoke: {left_out} runs of more than {SMOKE_CYCLES} cycles were not repeated."
    return ComparisonOutcome(text, not broken, {"runs": len(rows), "left_out": left_out, "bars_broken": broken})


def read_cases(data: Path) -> list[SamCase]:
    """The runs of `data`/cycles.csv with their operands; InputError for whatever is wrong with a row or a file."""
    path = data / "cycles.csv"
    cases = []
    for row in read_table(path, COLUMNS):
        where = f"{path}, line {row['line']}"
        kernel = row["kernel"]
        if kernel not in SAM_KERNELS:
            raise InputError(f"{where}: kernel is {kernel!r}; it must be one of {', '.join(SAM_KERNELS)}.")
        b = named_operand(data, row["B"], whole(path, row, "K"), where)
        c: csr_array | int = (
            whole(path, row, "C", least=1) if kernel == "sddmm" else named_operand(data, row["C"], b.shape[1], where)
        )
        check_sizes(path, row, kernel, b, c)
        cases.append(SamCase(row, kernel, b, c, int(number(path, row, "cycles", least=1))))
    return cases


def check_sizes(path: Path, row: Mapping[str, str], kernel: str, b: csr_array, c: csr_array | int) -> None:
    """InputError unless the operands are as large and as full as the row says."""
    where = f"{path}, line {row['line']}"
    columns = whole(path, row, "N" if kernel in ("sddmm", "elemadd", "elemmul") else "K")
    if b.shape != (whole(path, row, "M"), columns):
        raise InputError(f"{where}: B is {b.shape[0]} x {b.shape[1]}; correct M, K, N or the file it names.")
    if not isinstance(c, int):
        across = 1 if kernel.startswith("spmv") else whole(path, row, "N")
        if c.shape != (b.shape if kernel.startswith("elem") else (columns, across)):
            raise InputError(f"{where}: C is {c.shape[0]} x {c.shape[1]}; correct M, K, N or the file it names.")
    for name, at in COUNTS.items():
        matrix = (b, c)[at]
        if row.get(name) and not isinstance(matrix, int) and matrix.nnz != whole(path, row, name):
            raise InputError(f"{where}: {name} is {row[name]} but the matrix has {matrix.nnz}; take the matching file.")


def named_operand(data: Path, name: str, length: int, where: str) -> csr_array:
    """The matrix or vector that a name stands for. `length`: that of a vector `ones50`, or of another percentage."""
    if ones := re.fullmatch(r"ones([1-9]\d?|100)", name):
        return csr_array((np.arange(length) % round(100 / int(ones[1])) == 0).astype(float)[:, None])
    parts = re.findall(r"\^[A-Za-z]+|#\d+", name)
    stem = name.removesuffix("".join(parts))
    if not stem or "/" in stem or re.search(r"[\^#]", stem):
        raise InputError(f"{where}: operand {name!r} cannot be read; write a file's name, then ^T, ^shift or #row.")
    matrix = stored(data / "mtx" / f"{stem}.mtx")
    for part in parts:
        if part == "^T":
            matrix = csr_array(matrix.T)
        elif part == "^shift":
            entries = matrix.tocoo()
            row, column = entries.coords
            matrix = csr_array((entries.data, (row, (column + 1) % matrix.shape[1])), shape=matrix.shape)
        elif part.startswith("#") and int(part[1:]) < matrix.shape[0]:
            matrix = csr_array(matrix[[int(part[1:])], :].T)
        else:
            raise InputError(
                f"{where}: operand {name!r} has {part!r}; use ^T, ^shift or a row below {matrix.shape[0]}."
            )
    return matrix


@lru_cache(maxsize=64)
def stored(path: Path) -> csr_array:
    """A matrix file."""
    return load_matrix(path)


def error_row(case: SamCase, found: StreamRun) -> dict[str, Any]:
    """One row of `sam_errors.csv`."""
    kept = {name: case.row[name] for name in ("case", "group", "kernel", "B", "C", "M", "K", "N")}
    return kept | {
        "cycles_sam": case.cycles,
        "cycles_model": found.cycles,
        "relative_error": relative_error(found.cycles, case.cycles),
        "longest_block": found.bound_by,
        "longest_block_cycles": found.longest_cycles,
    }


def summary(rows: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """Errors by kernel as text, and the bars that are broken in words."""
    lines, broken = [], []
    for kernel in SAM_KERNELS:
        own = [row for row in rows if row["kernel"] == kernel]
        errors = np.array([row["relative_error"] for row in own if row["cycles_sam"] >= SHORTEST])
        if not len(errors):
            lines.append((kernel, len(own), 0, "", "", "", "", BARS[kernel], "not judged"))
            continue
        failed = BARS[kernel].broken(errors)
        broken += [f"{kernel}: {limit}" for limit in failed]
        exact = sum(row["cycles_sam"] == row["cycles_model"] for row in own)
        below = np.mean([row["longest_block_cycles"] / row["cycles_sam"] for row in own])
        cells = (percent(float(errors.mean())), percent(float(errors.max())), exact, f"{below:.0%}")
        lines.append((kernel, len(own), len(errors), *cells, BARS[kernel], "; ".join(failed) or "holds"))
    header = ("kernel", "runs", f">= {SHORTEST} cycles", "mean", "worst", "exact", "longest block", "bar", "verdict")
    text = "Stream machine against SAM's simulator, cycles\n"
    text += text_table(header, lines, left=(0, 7, 8))
    text += "\n  longest block: cycles in which the busiest block works, a lower bound, over SAM's cycles (mean)"
    worst = sorted((row for row in rows if row["relative_error"] > 0), key=lambda row: -row["relative_error"])[:10]
    if worst:
        cells = [
            (r["case"], r["kernel"], r["cycles_sam"], r["cycles_model"], percent(r["relative_error"])) for r in worst
        ]
        text += "\n\nFarthest off\n" + text_table(("case", "kernel", "SAM", "model", "error"), cells, left=(0, 1))
    return text, broken


def sam_figure(rows: list[dict[str, Any]]) -> Figure:
    """Parity, and how much of each run its busiest block explains."""
    picture = new_figure(10.5, 5.2)
    left, right = picture.subplots(1, 2, width_ratios=(1.15, 1))
    groups = {}
    for kernel in SAM_KERNELS:
        own = [row for row in rows if row["kernel"] == kernel]
        if own:
            groups[kernel] = tuple(np.array([row[f"cycles_{side}"] for row in own], float) for side in ("sam", "model"))
    parity(left, groups, STYLES, "")
    left.set_title(f"Cycles of {len(rows)} runs: model against SAM's simulator")
    left.set_xlabel("cycles, SAM's simulator")
    left.set_ylabel("cycles, model")
    for at, kernel in enumerate(groups):
        own = [row for row in rows if row["kernel"] == kernel]
        spread = at + np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else np.array([float(at)])
        shares = np.array([row["longest_block_cycles"] / row["cycles_sam"] for row in own])
        colour, marker = STYLES[kernel]
        right.plot(shares, spread, marker, color=colour, mfc="none", ms=5)
    right.set_yticks(range(len(groups)), list(groups))
    right.invert_yaxis()
    right.set_xlim(0, 1.05)
    right.axvline(1.0, color="black", lw=0.8)
    right.set_xlabel("cycles of the busiest block over cycles of the run")
    right.set_title("What the longest stream alone explains")
    return picture


def run_alone(output: Output) -> ComparisonOutcome:
    """Without reference counts: run the kernels on embedded matrices and say that nothing was compared."""
    layer = digits_layers()["fc1"]
    matrices = {
        "uniform": generators.uniform(64, 64, 0.1, 0),
        "stencil": generators.stencil_2d(8, 8),
        "graph": generators.rmat(6, 4, 0),
        "digits_fc1": csr_array(layer[:64, :64]),
    }
    rows = []
    for name, matrix in matrices.items():
        vector = csr_array((np.arange(matrix.shape[1]) % 2 == 0).astype(float)[:, None])
        for kernel in SAM_KERNELS:
            c = 16 if kernel == "sddmm" else vector if kernel.startswith("spmv") else csr_array(matrix.T)
            found = run_kernel(kernel, matrix, c)
            rows.append(
                {"matrix": name, "kernel": kernel, "cycles_model": found.cycles}
                | {"longest_block": found.bound_by, "longest_block_cycles": found.longest_cycles}
            )
    output.csv("sam_cycles.csv", rows)
    cells = [(r["matrix"], r["kernel"], r["cycles_model"], r["longest_block"], r["longest_block_cycles"]) for r in rows]
    text = "Stream machine on embedded matrices\n"
    text += text_table(("matrix", "kernel", "cycles", "busiest block", "its cycles"), cells, left=(0, 1, 3))
    text += (
        "\n  NOT COMPARED: SAM's cycle counts are not part of the project; give --data a folder with cycles.csv, mtx/."
    )
    return ComparisonOutcome(text, None, {"runs": len(rows), "compared": 0})
