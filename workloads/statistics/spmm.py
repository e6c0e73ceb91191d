"""Statistics of a sparse A times a dense B (SpMV, SpMM): those of A."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.statistics.operand import (
    OperandStatistics,
    Scalar,
    density_tables,
    operand_statistics,
    pattern_tables,
)


class DenseBStatistics(eqx.Module):
    """SpMV and SpMM: a sparse A [m, k], a dense B [k, n]."""

    m: Scalar
    k: Scalar
    n: Scalar
    a: OperandStatistics


def measure_spmm(kernel: SparseKernel | DensityKernel) -> DenseBStatistics:
    """Statistics of a product with a dense B; B itself is not looked at."""
    m, k, n = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    return DenseBStatistics(m, k, n, operand_statistics(spmm_tables(kernel), (kernel.m, kernel.k)))


def spmm_tables(kernel: SparseKernel | DensityKernel) -> dict[str, np.ndarray]:
    """Stored tables of A, or those expected of its density."""
    if isinstance(kernel, DensityKernel):
        return density_tables(kernel.a, kernel.m, kernel.k)
    return pattern_tables(kernel.a)
