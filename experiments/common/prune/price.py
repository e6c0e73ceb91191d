"""What a pruned network costs on one hardware, every kernel by the best of all its mappings, or on a preset."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dse import Design
from dse.mapper import Enumerated, best_mappings, mapping_problem
from experiments.common.progress import show_progress
from hwmodels.cost import Cost
from hwmodels.systems import System, work_of
from hwmodels.technology import Technology
from workloads import SparseKernel, Workload
from workloads.errors import InputError


@dataclasses.dataclass(frozen=True)
class PricedKernel:
    """One run of a kernel."""

    cost: Cost
    """NumPy leaves."""
    mapping: Mapping[str, Any]
    """In words; empty for a preset."""

    @property
    def latency_s(self) -> float:
        """Of the run, s."""
        return float(self.cost.latency_s)

    @property
    def energy_pj(self) -> float:
        """Of the run, pJ."""
        return float(np.sum(self.cost.energy_pj))


def on_preset(system: System, kernels: Sequence[SparseKernel]) -> list[PricedKernel]:
    """Kernels on a published machine. **Raises** `InputError` for one that it cannot run."""
    priced: dict[str, PricedKernel] = {}
    for kernel in kernels:
        key = kernel.content_hash()
        if key not in priced:
            try:
                priced[key] = PricedKernel(system.cost(work_of(kernel)), {})
            except InputError as error:
                raise InputError(f"--preset {system.name} cannot run {kernel.name}: {error}") from error
    return [priced[kernel.content_hash()] for kernel in kernels]


def on_design(design: Design, kernels: Sequence[SparseKernel], technology: Technology) -> list[PricedKernel]:
    """Kernels on a hardware, each by its mapping of least energy-delay product.

    Tried are all tile sizes and choices that the hardware has the units for, stored dense with every zero computed
    among them: a kernel runs dense where sparsity does not pay. The hardware is the same for all: its units take area
    and leak whether a kernel uses them or not. **Raises** `InputError` for a kernel of which no mapping fits.
    """
    unique = {kernel.content_hash(): kernel for kernel in kernels}
    workload = Workload("pruned", tuple(dataclasses.replace(kernel, name=key) for key, kernel in unique.items()))
    problem = mapping_problem(workload, design, technology, progress=show_progress())
    mappings = []
    for kernel, best in zip(
        unique.values(), best_mappings(problem, Enumerated(progress=show_progress()), "edp_js"), strict=True
    ):
        if best is None:
            raise InputError(f"No mapping of {kernel.name} fits the design; give one with larger buffers.")
        mappings.append(best.mapping)
    costs, _ = problem.detail(Design(design.hardware, tuple(mappings), tuple(unique)))
    found = {key: PricedKernel(*pair) for key, *pair in zip(unique, costs, mappings, strict=True)}
    return [found[kernel.content_hash()] for kernel in kernels]
