"""How fast are the models, their gradients, the statistics and the simulator on this machine?

Usage:
    python experiments/benchmark.py
    python experiments/benchmark.py --matrix graph.mtx --batch 8192

Evaluates random designs (all numbers and choices mixed at random) on an R-MAT graph, for each dataflow and both
families of kernels, with every output returned; the gradient is that of log latency + log energy + log area with
respect to every number and choice, over the cost of the same `Smooth` formulas forward with every output returned (and
over that of `Exact`). Rates are the best of several repeats, and each ratio compares two timings of this run. The
simulator multiplies a power-law graph and a band with a vector, a dense matrix and themselves; its rates are effectual
multiplies over the time of one core.

Writes to --out:
    benchmark.csv    one row a family and dataflow
    simulator.csv    one row a matrix, product, dataflow and tile
    provenance.json  versions, commit, configuration
"""

from experiments.common.cli import main

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from dse.problem.batched_models import FAST
from experiments.common.options import Seed, whole
from experiments.common.output import Output
from experiments.common.random_designs import draw_designs
from experiments.common.simulator_rates import measured_rates
from experiments.common.table import text_table
from hwmodels import Cost, Exact, Hardware, Mapping, Numerics, Smooth, evaluate
from hwmodels.design.choices import DATAFLOWS
from hwmodels.technology import make_technology, scenario
from workloads import SparseKernel, load_matrix, measure, table_bytes
from workloads.generators import rmat, uniform
from workloads.statistics.operand_counts import count_operand


@dataclass(frozen=True)
class Config:
    """What to time."""

    matrix: Path | None = None
    """A matrix file; an R-MAT graph of 1,024 nodes by default."""
    batch: Annotated[int, whole(1, 65_536)] = 1024
    """Designs in one call, as many as a search puts into one."""
    calls: Annotated[int, whole(1, 64)] = 4
    """Calls under way at once, so that all cores are at work."""
    repeats: Annotated[int, whole(1, 10_000)] = 20
    """Timed runs; the best counts."""
    out: Path = Path("out/benchmark")
    """Folder for the results."""
    seed: Seed = 0
    """Seed of the random designs."""
    smoke: bool = False
    """One small batch of one dataflow, for a quick check."""


def best_seconds(function: Callable[..., Any], *arguments: Any, repeats: int, calls: int = 1) -> float:
    """Shortest of several runs of so many calls under way at once, seconds a call."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready([function(*arguments) for _ in range(calls)])
        best = min(best, time.perf_counter() - start)
    return best / calls


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """A compiled function, run once, and the seconds that tracing and compiling took."""
    start = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile(FAST)
    seconds = time.perf_counter() - start
    jax.block_until_ready(program(*arguments))
    return program, seconds


def peak_flops(repeats: int) -> float:
    """Arithmetic peak of this machine as JAX reaches it: a float32 matrix product of 1,024 cubed."""
    size = 1024
    matrix = jnp.ones((size, size), jnp.float32)
    product, _ = compiled(lambda x: x @ x, matrix)
    return 2.0 * size**3 / best_seconds(product, matrix, repeats=repeats)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def run(config: Config) -> None:
    """Time everything and write the table."""
    out = Output(config.out)
    batch, repeats = (256, 2) if config.smoke else (config.batch, config.repeats)
    timed = partial(best_seconds, repeats=repeats, calls=config.calls)
    matrix = rmat(10, 16, 0) if config.matrix is None else load_matrix(config.matrix)
    kernels = {"dense_b": SparseKernel("spmm", matrix, None, 64)}
    if matrix.shape[0] == matrix.shape[1] and not config.smoke:
        kernels["sparse_b"] = SparseKernel("axa", matrix, matrix, matrix.shape[1])
    tech = make_technology(scenario())

    def many(hardware: Hardware, mapping: Mapping, statistics: Any, numerics: Numerics) -> Cost:
        return jax.vmap(lambda h, m: evaluate(h, m, statistics, tech, numerics=numerics))(hardware, mapping)

    def scalar(hardware: Hardware, mapping: Mapping, statistics: Any) -> jax.Array:
        cost = many(hardware, mapping, statistics, Smooth())
        return jnp.sum(jnp.log(cost.latency_s) + jnp.log(cost.total_energy_pj) + jnp.log(cost.total_area_mm2))

    peak = peak_flops(repeats)
    rows: list[dict[str, Any]] = []
    for family, kernel in kernels.items():
        statistics = measure(kernel)
        for dataflow in DATAFLOWS[:1] if config.smoke else DATAFLOWS:
            designs = draw_designs(batch, dataflow, config.seed, mixed=0.5)

            forward, forward_compile = compiled(partial(many, numerics=Exact()), *designs, statistics)
            smooth, _ = compiled(partial(many, numerics=Smooth()), *designs, statistics)
            backward, backward_compile = compiled(jax.grad(scalar, argnums=(0, 1)), *designs, statistics)
            seconds = timed(forward, *designs, statistics)
            smooth_seconds = timed(smooth, *designs, statistics)
            gradient_seconds = timed(backward, *designs, statistics)
            analysis = forward.cost_analysis() or {}
            rows.append(
                {
                    "family": family,
                    "dataflow": dataflow,
                    "table_kb": table_bytes(statistics) / 1024,
                    "evaluations_per_s": batch / seconds,
                    "gradient_over_forward": gradient_seconds / smooth_seconds,
                    "gradient_over_exact": gradient_seconds / seconds,
                    "share_of_peak": float(analysis.get("flops", 0.0)) / seconds / peak,
                    "forward_compile_s": forward_compile,
                    "gradient_compile_s": backward_compile,
                }
            )
            print(f"{family} {dataflow}: {batch / seconds:,.0f} evaluations a second", flush=True)

    count_operand(uniform(8, 8, 0.5, 0))  # compiles the passes
    start = time.perf_counter()
    count_operand(matrix)
    statistics_rate = matrix.nnz / (time.perf_counter() - start)
    simulated = list(measured_rates(side=500 if config.smoke else 10_000))
    out.csv("benchmark.csv", rows)
    out.csv("simulator.csv", simulated)
    out.provenance("benchmark.py", config, peak_gflops=peak / 1e9, statistics_nonzeros_per_s=statistics_rate)
    print()
    print(text_table(list(rows[0]), [[_short(value) for value in row.values()] for row in rows], left=(0, 1)))
    rate = len(rows) / sum(1.0 / row["evaluations_per_s"] for row in rows)
    ratio = float(np.median([row["gradient_over_forward"] for row in rows]))
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nkernel evaluations: {rate:,.0f} a second over all rows, every output returned, {batch} designs a call")
    print(f"gradient over forward: median {ratio:.2f}; arithmetic peak {peak / 1e9:.0f} GFLOP/s")
    print(f"peak memory: {memory_gb:.1f} GB")
    print(f"statistics: {statistics_rate:,.0f} non-zeros a second ({matrix.nnz:,} non-zeros)\n")
    print("simulator, on one core")
    print(
        text_table(list(simulated[0]), [[_short(value) for value in row.values()] for row in simulated], left=(0, 1, 2))
    )
    print(out.listing())


if __name__ == "__main__":
    sys.exit(main(run, Config))
