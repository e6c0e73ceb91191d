"""The model: what one kernel costs on one design. Batch it with `jax.vmap`, differentiate it with `jax.grad`.

The formulas follow docs/machine.md section by section: tiles and fetches, what PEs hold and column passes, cycles of
each resource in each occupancy class, then the maximum over resources per class, summed.
"""

from typing import Any

from hwmodels.analytical import elementwise, sddmm, spmm, spmspm
from hwmodels.analytical.design_point import point_of
from hwmodels.cost import Cost
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Exact, Numerics
from hwmodels.technology import Scenario, Technology
from workloads.errors import InputError
from workloads.kernels.kernel import Kernel
from workloads.kernels.workload import Workload
from workloads.statistics.elementwise import ElementwiseStatistics
from workloads.statistics.measurement import KernelStatistics
from workloads.statistics.sddmm import SddmmStatistics
from workloads.statistics.spmm import DenseBStatistics
from workloads.statistics.spmspm import SparseBStatistics

FAMILIES = {
    DenseBStatistics: spmm.cost,
    SparseBStatistics: spmspm.cost,
    SddmmStatistics: sddmm.cost,
    ElementwiseStatistics: elementwise.cost,
}
"""Statistics of a family of kernels -> its model."""

INSTEAD = {
    Kernel: "measure it first: workloads.measure(kernel)",
    Workload: "give one of its kernels, measured: workloads.measure(workload.kernels[0])",
    Scenario: "make a technology of it: hwmodels.technology.make_technology(scenario)",
    list | tuple: "give one, and batch with jax.vmap",
}
"""What is given by mistake -> what to give instead."""


def evaluate(
    hardware: Hardware,
    mapping: Mapping,
    kernel: KernelStatistics | SddmmStatistics | ElementwiseStatistics,
    technology: Technology,
    *,
    numerics: Numerics = Exact(),  # noqa: B008 - immutable
) -> Cost:
    """Cost of one run of a kernel.

    **Arguments**: one design (`hardware`, `mapping`), the `kernel`'s statistics, the `technology` with its scenario
    (node, clock, and the DRAM of hardware that names none); `numerics`: `Exact` for figures to report, `Smooth` or
    `StraightThrough` for gradients.
    **Returns** a `Cost`; a design with any of `Cost.fits` above 1 cannot be built or run. Sizes are not checked here:
    `hwmodels.design.legality` does that where a design is made. **Raises** `InputError` for arguments of another kind,
    while tracing. Source: docs/machine.md.
    """
    _check_kinds(hardware, mapping, kernel, technology)
    solved = technology.with_memory_of(hardware).solved()
    return FAMILIES[type(kernel)](point_of(hardware, mapping, kernel, solved, numerics))


def _check_kinds(hardware: Any, mapping: Any, kernel: Any, technology: Any) -> None:
    """InputError for the first argument that is of another kind than `evaluate` takes."""
    wanted = {
        "hardware": (hardware, Hardware),
        "mapping": (mapping, Mapping),
        "kernel": (kernel, tuple(FAMILIES)),
        "technology": (technology, Technology),
    }
    for name, (given, kind) in wanted.items():
        if not isinstance(given, kind):
            instead = next((fix for wrong, fix in INSTEAD.items() if isinstance(given, wrong)), None)
            order = "give hardware, mapping, statistics of a kernel and technology, in this order"
            raise InputError(f"evaluate: {name} is a {type(given).__name__}; {instead or order}.")
