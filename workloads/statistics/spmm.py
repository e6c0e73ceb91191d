"""Statistics of a sparse A times a dense B (SpMV, SpMM): those of A."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.statistics.convolution import NONE_REPEATED, b_distinct
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
    b_distinct: Float[Array, "dk dn 1"] = eqx.field(default_factory=lambda: jnp.asarray(NONE_REPEATED))
    """Share of B's tiles that is fetched, log2: less than all where positions of B are the same (`convolution`)."""


def measure_spmm(kernel: SparseKernel | DensityKernel) -> DenseBStatistics:
    """Statistics of a product with a dense B, of which only the geometry counts, where it is unfolded from maps."""
    m, k, n = (jnp.asarray(float(size), jnp.float32) for size in kernel.shape)
    return DenseBStatistics(m, k, n, operand_statistics(spmm_tables(kernel), (kernel.m, kernel.k)), b_distinct(kernel))


def spmm_tables(kernel: SparseKernel | DensityKernel) -> dict[str, np.ndarray]:
    """Stored tables of A, or those expected of its density."""
    if isinstance(kernel, DensityKernel):
        return density_tables(kernel.a, kernel.m, kernel.k)
    return pattern_tables(kernel.a)
