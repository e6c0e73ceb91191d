"""Workloads: kernels whose costs add up, and how they feed each other."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from workloads.errors import InputError
from workloads.kernels.graph import WorkloadGraph
from workloads.kernels.graph_building import graph_of
from workloads.kernels.kernel import Kernel
from workloads.kernels.matrix_product import DensityKernel, SparseKernel

MOST_DRAWN = 20_000_000
"""Non-zeros of a kernel for which `with_patterns` draws patterns."""


@dataclass(frozen=True, eq=False)
class Workload:
    """Kernels whose costs add up, in the order in which they run.

    **Raises** `InputError` where there are none, where two share a name, and where their tensors make no graph
    (`kernels.graph`).
    """

    name: str
    kernels: tuple[Kernel, ...]
    notes: tuple[str, ...] = ()
    """What a user should know of how files were read: what was assumed, left out, of which type; a sentence each."""

    def __post_init__(self) -> None:
        if not self.kernels:
            raise InputError(f"Workload {self.name!r} has no kernels; give at least one.")
        (twice, times), *_ = Counter(kernel.name for kernel in self.kernels).most_common(1)
        if times > 1:
            raise InputError(f"Workload {self.name!r} has two kernels named {twice!r}; rename one.")
        _ = self.graph

    @cached_property
    def graph(self) -> WorkloadGraph:
        """The tensors that kernels name, who writes and reads them; none where no names are known."""
        return graph_of(self.name, self.kernels)


def require_pattern(kernel: Kernel, purpose: str) -> SparseKernel:
    """The kernel, if it is a product that holds its patterns. **Raises** `InputError` for others."""
    if isinstance(kernel, SparseKernel):
        return kernel
    if not isinstance(kernel, DensityKernel):
        raise InputError(f"{kernel.name}: {purpose} runs products of matrices, but this kernel is {kernel.family}.")
    raise InputError(
        f"{kernel.name}: {purpose} needs a pattern, but this kernel is only described by densities; give a matrix, "
        "or its `sample` where it is small enough."
    )


def with_patterns(workload: Workload, purpose: str, seed: int = 0) -> Workload:
    """The workload with patterns drawn for what is only described by densities, up to `MOST_DRAWN` non-zeros.

    **Raises** `InputError` for larger kernels, and for those that are no products of matrices.
    """
    kernels = []
    for kernel in workload.kernels:
        if isinstance(kernel, DensityKernel):
            held = kernel.a.nonzeros(kernel.m, kernel.k)
            held += 0.0 if kernel.b is None else kernel.b.nonzeros(kernel.k, kernel.n)
            if held <= MOST_DRAWN:
                kernel = kernel.sample(seed)
        kernels.append(require_pattern(kernel, purpose))
    return Workload(workload.name, tuple(kernels))
