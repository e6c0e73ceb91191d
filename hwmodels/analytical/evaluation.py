"""The model: what one kernel costs on one design. Batch it with `jax.vmap`, differentiate it with `jax.grad`.

The formulas follow docs/machine.md section by section: tiles and fetches, column passes and buffer fills, cycles of
each resource in each occupancy class, then the maximum over resources per class, summed.
"""

from hwmodels.analytical import elementwise, sddmm, spmm, spmspm
from hwmodels.analytical.design_point import point_of
from hwmodels.cost import Cost
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.numerics import Exact, Numerics
from hwmodels.technology import Technology
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
    (node, clock, DRAM); `numerics`: `Exact` for figures to report, `Smooth` or `StraightThrough` for gradients.
    **Returns** a `Cost`; a design with any of `Cost.fits` above 1 cannot be built or run. Sizes are not checked here:
    `hwmodels.design.legality` does that where a design is made. Source: docs/machine.md.
    """
    return FAMILIES[type(kernel)](point_of(hardware, mapping, kernel, technology.solved(), numerics))
