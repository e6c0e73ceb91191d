"""Run any kernel of a workload on a design: which entry point, and values where the kernel has none."""

import numpy as np

from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.simulator.accounting import Simulation
from hwmodels.simulator.elementwise import simulate_elementwise
from hwmodels.simulator.products import simulate
from hwmodels.simulator.sddmm import simulate_sddmm
from hwmodels.technology import Technology
from workloads.kernels.convolution import UnfoldedKernel
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.product import SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.workload import require_pattern

AnyKernel = SparseKernel | SddmmKernel | ElementwiseKernel


def simulate_kernel(
    hardware: Hardware, mapping: Mapping, kernel: AnyKernel, technology: Technology, seed: int = 0
) -> Simulation:
    """One run of a kernel; dense operands are drawn at random (their values change nothing but the result)."""
    rng = np.random.default_rng(seed)
    if isinstance(kernel, ElementwiseKernel):
        return simulate_elementwise(hardware, mapping, kernel.a, kernel.b, kernel.operation, technology)
    if isinstance(kernel, SddmmKernel):
        a, b = rng.uniform(0.5, 1.5, (kernel.m, kernel.k)), rng.uniform(0.5, 1.5, (kernel.k, kernel.n))
        return simulate_sddmm(hardware, mapping, kernel.mask, a, b, technology)
    kernel = require_pattern(kernel, "the simulator")
    b = rng.uniform(0.5, 1.5, (kernel.k, kernel.n)) if kernel.b is None else kernel.b
    source = kernel.unfolding.source if isinstance(kernel, UnfoldedKernel) and kernel.unfolding else None
    return simulate(hardware, mapping, kernel.a, b, technology, source)
