"""The models against this project's own simulator, which walks the real non-zeros: matrices x random designs.

Each matrix is multiplied with a dense matrix, and with itself (its transpose if it is not square). One after the other
of a folder's matrices masks the product of two dense matrices (SDDMM), or is multiplied with or added to its transpose
(itself upside down if it is not square) element by element; embedded ones are all put to all of this, and there is also
a convolution. Of what is too large the first rows are taken. Designs are drawn from the default space, on its lattice
of powers of two and off it, and picked so that every dataflow and every bottleneck that the models name comes in turn;
they fit their buffers, make at most `simulator_cases.VISITS` visits and pad to at most `simulator_cases.ENTRIES`
entries. Kernels are compared side by side, one process a core.
"""

from experiments.common.interrupts import ChildrenShielded

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import spearmanr
from tqdm import tqdm

from experiments.common.figures.style import OKABE_ITO, new_figure
from experiments.common.output import Output
from experiments.common.progress import show_progress
from experiments.common.table import text_table
from experiments.common.validation.comparison import ComparisonOutcome, parity, percent
from experiments.common.validation.simulator_cases import CaseResults, CaseTask, compare_kernel
from hwmodels.cost import RESOURCES
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.legality import legal_dataflows
from hwmodels.simulator import AnyKernel
from workloads import SparseKernel, describe, resolve_workload
from workloads.errors import InputError
from workloads.kernels.convolution import sparse_convolution
from workloads.kernels.elementwise import OPERATIONS, ElementwiseKernel
from workloads.kernels.sddmm import SddmmKernel

COLUMNS = 64
"""Columns of the dense matrix, and depth of an SDDMM."""
NONZEROS = 20_000
"""Most non-zeros of a mask and of the first operand of an element-wise kernel; of larger ones the first rows."""
MULTIPLIES = 2_000_000
"""Most multiplies of a product of two sparse matrices; of larger ones the first rows are taken that stay below."""
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


def run(data: Path | None, output: Output, *, smoke: bool, designs: int = 20, seed: int = 0) -> ComparisonOutcome:
    """Compare on every matrix below `data` (the embedded ones without it), `designs` designs on and off the lattice.

    A smoke run is too small to judge the bars. Writes simulator_errors.csv and simulator_parity.png.
    """
    kernels, cut = kernels_to_compare(data, smoke)
    sizes = {family: _largest([k for k in kernels if k.family == family]) for family in {k.family for k in kernels}}
    tasks = [
        CaseTask(kernel, 2 if smoke else designs, (seed, at), sizes[kernel.family]) for at, kernel in enumerate(kernels)
    ]
    done = _compare_all(tasks, processes=1 if smoke else os.cpu_count() or 1)
    rows = [row for one in done for row in one.rows]
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
    text, broken = _report(rows, cut)
    multiplies, seconds = (sum(getattr(one, name) for one in done) for name in ("multiplies", "simulating_s"))
    text += (
        f"\n  {len(rows):,} cases, {multiplies:,.0f} effectual multiplies simulated in {seconds:,.0f} s of one core "
        f"({multiplies / seconds / 1e6:.1f} million a second)"
    )
    never = _never_occurs(rows)
    if never:
        text += f"\n  never occurs: {', '.join(never)}"
    counts = {"cases": len(rows), "kernels": len(kernels), "products_of_first_rows": cut}
    facts = counts | {"never_occurs": never, "broken": broken}
    if smoke:
        return ComparisonOutcome(text + "\n  NOT JUDGED: a smoke run has too few designs for the bars.", None, facts)
    return ComparisonOutcome(text, not broken, facts)


def kernels_to_compare(data: Path | None, smoke: bool) -> tuple[list[AnyKernel], int]:
    """The kernels to compare, and how many of the products are of the first rows only."""
    if data is None:
        embedded = resolve_workload("embedded").kernels
        if smoke:
            return [*embedded[3:6], *kernels_with_mask(embedded[2].name, embedded[2].a)], 0
        matrices = {id(kernel.a): (kernel.name.partition("@")[0], kernel.a) for kernel in embedded}
        masked = [kernel for name, matrix in matrices.values() for kernel in kernels_with_mask(name, matrix)]
        return [*embedded, *masked, _convolution()], 0
    layers = [layer for layer in describe(data).layers if layer.read is not None]
    if not layers:
        raise InputError(f"--data {data}: the folder holds no matrix file; add one (.mtx, .smtx, .npz, .npy).")
    kernels, cut = [], 0
    for at, layer in enumerate(layers[:2] if smoke else layers):
        assert layer.read is not None
        matrix, name = layer.read(), layer.name
        kernels.append(SparseKernel(f"{name}@spmm:{COLUMNS}", matrix, None, COLUMNS))
        product = kernel_of_product(name, matrix)
        kernels.append(product)
        cut += product.m < matrix.shape[0]
        masked = kernels_with_mask(name, matrix)
        kernels.append(masked[at % len(masked)])
    return kernels, cut


def kernels_with_mask(name: str, a: csr_array) -> list[AnyKernel]:
    """SDDMM, element-wise product and sum: of as many of the first rows as `NONZEROS` allows."""
    rows = max(int(np.searchsorted(a.indptr, NONZEROS, side="right")) - 1, 1)
    while a.indptr[rows] == 0:
        rows += 1
    part = "" if rows >= a.shape[0] else f" of {rows} rows"
    first = csr_array(a[:rows])
    other = csr_array(a.T)[:rows] if a.shape[0] == a.shape[1] else a[::-1][:rows]
    kernels: list[AnyKernel] = [SddmmKernel(f"{name}@sddmm:{COLUMNS}{part}", first, COLUMNS)]
    if csr_array(other).nnz:
        kernels += [ElementwiseKernel(f"{name}@{one}{part}", first, csr_array(other), one) for one in OPERATIONS]
    return kernels


def _convolution(seed: int = 0) -> SparseKernel:
    """A layer of 32 filters of 3 x 3 over 16 channels: 30 % of the weights and half of the activations, in patches."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(32, 16, 3, 3)) * (rng.random((32, 16, 3, 3)) < 0.3)
    noise = rng.normal(size=(2, 16, 28, 28))
    smooth = sum(np.roll(noise, (down, right), (2, 3)) for down in range(3) for right in range(3))
    return sparse_convolution(weights, np.maximum(smooth, 0.0), "convolution_3x3", padding=1)


def kernel_of_product(name: str, a: csr_array) -> SparseKernel:
    """A A, or A with its transpose where it is not square: as many of the first rows as `MULTIPLIES` allows, at least
    the first that is not empty."""
    square = a.shape[0] == a.shape[1]
    b = a if square else csr_array(a.T)
    multiplies = np.cumsum(a.astype(bool).astype(np.int64) @ np.diff(b.indptr).astype(np.int64))
    rows = int(np.searchsorted(multiplies, max(MULTIPLIES, multiplies[multiplies > 0][0]), side="right"))
    title = f"{name}@{'axa' if square else 'axat'}"
    if rows < a.shape[0]:
        title += f" of {rows} rows"
    return SparseKernel(title, csr_array(a[:rows]), b, int(b.shape[1]))


def _largest(kernels: Sequence[AnyKernel]) -> tuple[int, int, int]:
    """The largest m, k and n of any."""
    m, k, n = np.max([kernel.shape for kernel in kernels], axis=0)
    return int(m), int(k), int(n)


def _compare_all(tasks: Sequence[CaseTask], processes: int) -> list[CaseResults]:
    """`compare_kernel` on all tasks, in their order; the largest are begun first."""
    begun = sorted(range(len(tasks)), key=lambda at: -_effort(tasks[at].kernel))
    done: dict[int, CaseResults] = {}
    for at, result in tqdm(
        results_as_done(tasks, begun, processes), "simulating", len(tasks), unit="kernel", disable=not show_progress()
    ):
        done[at] = result
    return [done[at] for at in range(len(tasks))]


def results_as_done(
    tasks: Sequence[CaseTask], order: Sequence[int], processes: int
) -> Iterator[tuple[int, CaseResults]]:
    """Number and result of each task as it is done."""
    if processes == 1:
        yield from ((at, compare_kernel(tasks[at])) for at in order)
        return
    # Threads would wait for each other's Python; processes that are forked could not use JAX.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        with ChildrenShielded():
            running = {pool.submit(compare_kernel, tasks[at]): at for at in order}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _effort(kernel: AnyKernel) -> float:
    """About how long a kernel takes, in multiplies of a dense product."""
    if isinstance(kernel, SddmmKernel):
        return float(kernel.mask.nnz) * kernel.depth
    if isinstance(kernel, ElementwiseKernel):
        return 4e3 * float(kernel.a.nnz + kernel.b.nnz)
    if kernel.b is None:
        return float(kernel.a.nnz * kernel.n)
    return 5.0 * float(np.diff(kernel.b.indptr)[kernel.a.indices].sum()) + 1e3 * (kernel.a.nnz + kernel.b.nnz)


def _never_occurs(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Bottlenecks, by the simulator, of each dataflow that have no case; element-wise, no buffer port can bind."""
    found = {(row["family"], row["dataflow"], row["bottleneck"]) for row in rows}
    return [
        f"{family} {dataflow} bound by {resource}"
        for family in dict.fromkeys(row["family"] for row in rows)
        for dataflow in legal_dataflows(family)
        for resource in RESOURCES
        if (family, dataflow, resource) not in found and (family, resource) != ("elementwise", "buffer_port")
    ]


def _columns(rows: Sequence[dict[str, Any]], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Simulator and model of some rows."""
    return tuple(np.array([row[f"{metric}_{by}"] for row in rows]) for by in ("simulator", "model"))  # pyright: ignore


def _report(rows: Sequence[dict[str, Any]], cut: int) -> tuple[str, list[str]]:
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
        f"{row['bottleneck']} (model: {row['bottleneck_model']}), "
        f"A {row['a_format']} {row['a_zero']}, B {row['b_format']} {row['b_zero']}, "
        f"tile {row['tile_m']:g} x {row['tile_k']:g} x {row['tile_n']:g}, {row['pe_rows']:g} x {row['pe_cols']:g} PEs"
        for row in worst
    ]
    if cut:
        lines.append(
            f"  {cut} products of two sparse matrices are of the first rows that make {MULTIPLIES:,} multiplies"
        )
    return "\n".join(lines), broken
