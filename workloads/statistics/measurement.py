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
from workloads.statistics.elementwise import ElementwiseStatistics, measure_elementwise
from workloads.statistics.lattice import pad_levels, shared_levels
from workloads.statistics.operand import ERROR
from workloads.statistics.sampling import SamplingError
from workloads.statistics.sddmm import SddmmStatistics, measure_sddmm
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

    By table: `a.loads.rows`, `a.loads.nonzeros` (for two sparse operands also `a.loads.work`, those of `b`,
    `skip_ahead` and `distinct`). The entries are the totals over the tiles of one class, at every tile shape, number of
    partitions and schedule. All other tables are exact, and every maximum but shares, which are those of the tiles that
    were dealt. Measures the kernel if that was not done before.
    **Raises** `InputError` for kernels of other families, whose errors are not kept.
    """
    if not isinstance(kernel, SparseKernel | DensityKernel):
        raise InputError(f"{kernel.name}: sampling errors are kept of products of matrices; this is {kernel.family}.")
    found = (spmm_tables(kernel) if kernel.b is None else spmspm_tables(kernel)).items()
    return {name.removeprefix(ERROR): SamplingError(*value.tolist()) for name, value in found if name.startswith(ERROR)}


def stack_statistics(kernels: Sequence[KernelStatistics]) -> KernelStatistics:
    """Stack kernels of one family on a new first axis, tables padded as by `with_shared_shapes`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *with_shared_shapes(kernels))


def with_shared_shapes(kernels: Sequence[KernelStatistics]) -> list[KernelStatistics]:
    """Kernels of one family with tables padded to a lattice that holds them all and that kernels of many other sizes
    share (`lattice.shared_levels`); those of a user's own class to the largest among them only."""
    own = isinstance(kernels[0], DenseBStatistics | SparseBStatistics | ElementwiseStatistics | SddmmStatistics)
    shapes = []
    for same in zip(*map(jax.tree.leaves, kernels), strict=True):
        largest = [max(sizes) for sizes in zip(*(np.shape(leaf) for leaf in same), strict=True)]
        shapes.append((*map(shared_levels, largest[:-1]), *largest[-1:]) if own else tuple(largest))
    return [
        jax.tree.unflatten(jax.tree.structure(kernel), map(_padded, jax.tree.leaves(kernel), shapes))
        for kernel in kernels
    ]


def _padded(leaf: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return leaf if np.shape(leaf) == shape else jax.device_put(pad_levels(np.asarray(leaf), shape))


def table_bytes(kernel: KernelStatistics) -> int:
    """Size of a kernel's tables in bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(kernel))
