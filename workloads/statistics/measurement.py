"""Statistics of any kernel, by its class; kernels of one family stack, so that one compiled model serves them all."""

from collections.abc import Sequence
from functools import singledispatch

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from workloads.errors import InputError
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import DensityKernel, SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.statistics.elementwise import measure_elementwise
from workloads.statistics.lattice import pad_levels
from workloads.statistics.operand import ERROR
from workloads.statistics.sampling import SamplingError
from workloads.statistics.sddmm import measure_sddmm
from workloads.statistics.spmm import DenseBStatistics, measure_spmm, spmm_tables
from workloads.statistics.spmspm import SparseBStatistics, measure_spmspm, spmspm_tables

KernelStatistics = DenseBStatistics | SparseBStatistics | eqx.Module
"""What a kernel's patterns are to the models, as JAX arrays; nothing in it knows any hardware."""


@singledispatch
def measure(kernel: Kernel) -> KernelStatistics:
    """Statistics of a kernel, from the disk cache if its patterns were measured before; expected ones of densities.

    A kernel of another class registers its own: `measure.register(ItsClass, how)`.
    """
    if not isinstance(kernel, Kernel):
        kind = type(kernel).__name__
        raise InputError(f"A {kind} is no kernel; measure one, such as SparseKernel('name', matrix, None, 64).")
    raise InputError(f"{kernel.name}: nothing measures a {type(kernel).__name__}; register it with `measure.register`.")


def _measure_product(kernel: SparseKernel | DensityKernel) -> KernelStatistics:
    return measure_spmm(kernel) if kernel.b is None else measure_spmspm(kernel)


measure.register(SparseKernel, _measure_product)
measure.register(DensityKernel, _measure_product)
measure.register(SddmmKernel, measure_sddmm)
measure.register(ElementwiseKernel, measure_elementwise)


def sampling_error(kernel: Kernel) -> dict[str, SamplingError]:
    """Measured error of the sampled tables of a product, 0 where everything was counted.

    By table: `a.loads.rows`, `a.loads.nonzeros` (for two sparse operands also `a.loads.work`, those of `b`, `jumps` and
    `distinct`). The entries are the totals over the tiles of one class, at every tile shape, number of partitions and
    schedule. All other tables, and every maximum, are exact. Measures the kernel if that was not done before.
    **Raises** `InputError` for kernels of other families, whose errors are not kept.
    """
    if not isinstance(kernel, SparseKernel | DensityKernel):
        raise InputError(f"{kernel.name}: sampling errors are kept of products of matrices; this is {kernel.family}.")
    found = (spmm_tables(kernel) if kernel.b is None else spmspm_tables(kernel)).items()
    return {name.removeprefix(ERROR): SamplingError(*value.tolist()) for name, value in found if name.startswith(ERROR)}


def stack_statistics(kernels: Sequence[KernelStatistics]) -> KernelStatistics:
    """Stack kernels of one family on a new first axis, tables padded to the largest lattice among them."""
    leaves = [jax.tree.leaves(kernel) for kernel in kernels]
    stacked = []
    for same in zip(*leaves, strict=True):
        shape = tuple(max(sizes) for sizes in zip(*(leaf.shape for leaf in same), strict=True))
        stacked.append(jnp.asarray(np.stack([pad_levels(np.asarray(leaf), shape) for leaf in same])))
    return jax.tree.unflatten(jax.tree.structure(kernels[0]), stacked)


def table_bytes(kernel: KernelStatistics) -> int:
    """Size of a kernel's tables in bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(kernel))
