"""A kernel on the GPU at hand through JAX: dense by cuBLAS, sparse as BCOO by cuSPARSE. Without one: `systems.nvidia`.

No counter of a GPU's energy is read: it is latency times the board's power limit, an upper bound, and says so.
"""

import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from hwmodels.baselines.cpu import BUDGET_S, MOST_DENSE_BYTES, right_operand
from hwmodels.baselines.result import MEASURED, MODELLED, Baseline
from hwmodels.baselines.timing import time_runs
from workloads import SparseKernel
from workloads.errors import InputError

BOARD_W = {
    r"A100.*PCIe.*40": 250.0,
    r"A100.*PCIe": 300.0,
    r"A100": 400.0,
    r"H100.*PCIe": 350.0,
    r"H100|H200": 700.0,
    r"V100.*PCIe": 250.0,
    r"V100": 300.0,
    r"\bT4\b": 70.0,
    r"\bL4\b": 72.0,
    r"L40S": 350.0,
}
"""Name of a device, the first that matches -> its largest board power. Source: NVIDIA's data sheets."""


def gpu_device() -> Any | None:
    """The first GPU that JAX can use; None without one."""
    try:
        return jax.devices("gpu")[0]
    except RuntimeError:
        return None


def dense_gpu(
    kernel: SparseKernel, *, device: Any | None = None, dtype: Any = jnp.float16, budget_s: float = BUDGET_S
) -> Baseline:
    """The dense product, zeros and all, on a GPU (`device`: that one), operands already there.

    **Raises** `InputError` without a GPU, and where operands and result are above 1 GiB of float32.
    """
    where = _device(device)
    elements = kernel.m * kernel.k + kernel.k * kernel.n + kernel.m * kernel.n
    if 4.0 * elements > MOST_DENSE_BYTES:
        raise InputError(f"{kernel.name}: dense, it takes {4e-9 * elements:.3g} GB; only its sparse product is run.")
    a = jax.device_put(np.asarray(kernel.a.toarray(), dtype), where)
    b = jax.device_put(right_operand(kernel, sparse=False).astype(dtype), where)
    return _measured("gpu_dense", lambda a, b: a @ b, (a, b), where, budget_s)


def sparse_gpu(kernel: SparseKernel, *, device: Any | None = None, budget_s: float = BUDGET_S) -> Baseline:
    """Sparse times dense in float32 on a GPU, A as sorted BCOO.

    **Raises** `InputError` without a GPU, and for a sparse B: JAX has no product of two sparse matrices that scales.
    """
    if kernel.b is not None:
        raise InputError(f"{kernel.name}: JAX multiplies a sparse matrix with dense ones only; B is sparse.")
    where = _device(device)
    coo = kernel.a.tocoo()
    index = np.stack(coo.coords, axis=1)
    stored = BCOO(
        (np.asarray(coo.data, np.float32), index), shape=coo.shape, indices_sorted=True, unique_indices=True
    )  # fmt: skip
    operands = jax.device_put((stored, right_operand(kernel, sparse=True)), where)
    return _measured("gpu_sparse", lambda a, b: a @ b, operands, where, budget_s)


def board_watts(name: str) -> float:
    """Board power of a GPU by its name, W; NaN for one that is not in the table."""
    return next((watts for pattern, watts in BOARD_W.items() if re.search(pattern, name)), math.nan)


def _device(device: Any | None) -> Any:
    found = device or gpu_device()
    if found is None:
        raise InputError("There is no GPU that JAX can use here; install jax[cuda12] on a machine that has one.")
    return found


def _measured(name: str, product: Any, operands: tuple, device: Any, budget_s: float) -> Baseline:
    compiled = jax.jit(product).lower(*operands).compile()
    timing = time_runs(lambda: jax.block_until_ready(compiled(*operands)), budget_s)
    watts = board_watts(device.device_kind)
    return Baseline(
        name=name,
        device=device.device_kind,
        threads=1,
        latency_s=timing.median_s,
        total_energy_pj=timing.median_s * watts * 1e12,
        latency_by=MEASURED,
        energy_by=MODELLED,
        energy_source=f"{watts:g} W, the board's power limit by its data sheet" if watts == watts else "power unknown",
        runs=timing.runs,
        spread=timing.spread,
    )
