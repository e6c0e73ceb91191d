"""A kernel on the CPU at hand: dense by NumPy's BLAS, sparse by SciPy's CSR products."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from hwmodels.baselines.power import CpuPower, cpu_name, cpu_power, usable_cores
from hwmodels.baselines.result import MEASURED, Baseline
from hwmodels.baselines.timing import time_runs
from workloads import SparseKernel
from workloads.errors import InputError

BUDGET_S = 0.3
"""Of measuring one product; a single run that is longer is run all the same, up to the limits below."""
MOST_DENSE_BYTES = 2**30
"""Of the dense operands and result."""
MOST_DENSE_MULTIPLIES = 1e11
"""A second or so of a laptop's BLAS."""
MOST_SPARSE_MULTIPLIES = 4e9
"""Of SciPy's, at about a nanosecond each."""
GEMM_SIDE = 768
"""Of the square product that the best rate of BLAS is read off."""


def dense_cpu(
    kernel: SparseKernel, *, power: CpuPower | None = None, threads: int | None = None, budget_s: float = BUDGET_S
) -> Baseline:
    """The dense product, zeros and all, by NumPy in float32 (BLAS: GEMV for one column, else GEMM).

    **Arguments**: `power`: the energy meter (default: `cpu_power()`); `threads` of BLAS (default: all physical cores).
    **Raises** `InputError` where operands and result are above 1 GiB, or the product above 1e11 multiplies.
    """
    elements = kernel.m * kernel.k + kernel.k * kernel.n + kernel.m * kernel.n
    if 4.0 * elements > MOST_DENSE_BYTES:
        raise InputError(f"{kernel.name}: dense, it takes {4e-9 * elements:.3g} GB; only its sparse product is run.")
    if float(kernel.m) * kernel.k * kernel.n > MOST_DENSE_MULTIPLIES:
        raise InputError(
            f"{kernel.name}: dense, it is {float(kernel.m) * kernel.k * kernel.n:.2g} multiplies; only its sparse "
            "product is run."
        )
    a, b = np.asarray(kernel.a.toarray(), np.float32), right_operand(kernel, sparse=False)
    z = np.empty((kernel.m, *b.shape[1:]), np.float32)
    used = usable_cores() if threads is None else threads
    return _measured("cpu_dense", lambda: np.matmul(a, b, out=z), power or cpu_power(), used, budget_s)


def sparse_cpu(kernel: SparseKernel, *, power: CpuPower | None = None, budget_s: float = BUDGET_S) -> Baseline:
    """The sparse product by SciPy in float32: CSR times vector, dense matrix or CSR. SciPy computes in one thread.

    The time includes making the result. **Raises** `InputError` above 4e9 effectual multiplies.
    """
    per_entry = kernel.n if kernel.b is None else kernel.b.nnz / kernel.k
    if kernel.a.nnz * per_entry > MOST_SPARSE_MULTIPLIES:
        raise InputError(f"{kernel.name}: above {MOST_SPARSE_MULTIPLIES:.2g} multiplies; it is not run on the CPU.")
    a, b = csr_array(kernel.a, dtype=np.float32), right_operand(kernel, sparse=True)
    return _measured("cpu_sparse", lambda: a @ b, power or cpu_power(), 1, budget_s)


def right_operand(kernel: SparseKernel, *, sparse: bool) -> np.ndarray | csr_array:
    """B in float32: its own pattern, sparse or filled with zeros, or random values ([k] where it has one column)."""
    if kernel.b is not None:
        return csr_array(kernel.b, dtype=np.float32) if sparse else np.asarray(kernel.b.toarray(), np.float32)
    shape = (kernel.k,) if kernel.n == 1 else (kernel.k, kernel.n)
    return np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(np.float32)


def gemm_rate(threads: int | None = None, budget_s: float = BUDGET_S) -> float:
    """Multiplies a second that BLAS reaches on a large square product in float32: a roof, the best of all samples."""
    a = np.ones((GEMM_SIDE, GEMM_SIDE), np.float32)
    z = np.empty_like(a)
    with threadpool_limits(usable_cores() if threads is None else threads, user_api="blas"):
        return GEMM_SIDE**3 / time_runs(lambda: np.matmul(a, a, out=z), budget_s).fastest_s


def call_seconds(kernel: SparseKernel, *, sparse: bool, budget_s: float = 0.05) -> float:
    """Seconds of the same call on operands of one element: what Python and the library take before any work."""
    one = csr_array(np.ones((1, 1)))
    vector = kernel.b is None and kernel.n == 1
    tiny = SparseKernel("one", one, None if kernel.b is None else one, 1 if vector or kernel.b is not None else 2)
    a, b = csr_array(one, dtype=np.float32), right_operand(tiny, sparse=sparse)
    if sparse:
        return time_runs(lambda: a @ b, budget_s).median_s
    x, z = np.ones((1, 1), np.float32), np.empty((1, *b.shape[1:]), np.float32)
    return time_runs(lambda: np.matmul(x, b, out=z), budget_s).median_s


def _measured(name: str, run: Callable[[], object], power: CpuPower, threads: int, budget_s: float) -> Baseline:
    with threadpool_limits(threads, user_api="blas"):
        before = power.read_uj()
        timing = time_runs(run, max(budget_s, 2.0 * power.least_s), power.least_s)
        after = power.read_uj()
    watts = power.spent_uj(before, after) * 1e-6 / timing.total_s if power.counters else power.core_w * threads
    return Baseline(
        name=name,
        device=cpu_name(),
        threads=threads,
        latency_s=timing.median_s,
        total_energy_pj=timing.median_s * watts * 1e12,
        latency_by=MEASURED,
        energy_by=power.by,
        energy_source=power.source,
        runs=timing.runs,
        spread=timing.spread,
    )
