"""Simulate a kernel on a design and price it in a technology: one entry point a family, and one for any kernel."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array, issparse

from hwmodels.area import area_mm2
from hwmodels.clock import clock_limits_ghz
from hwmodels.cost import FITS, RESOURCES, ActionCounts, Computes, Cost, Traffic
from hwmodels.design.choices import DATAFLOWS
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.energy import price
from hwmodels.simulator.accounting import KernelRun, Memory, Timeline
from hwmodels.simulator.concrete_design import make_concrete_design, require_legal
from hwmodels.simulator.elementwise import Operation, run_elementwise
from hwmodels.simulator.matrix_product import Source, run_product
from hwmodels.simulator.sddmm import run_sddmm
from hwmodels.technology import Technology
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.matrix_product import SparseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.kernels.workload import require_pattern

AnyKernel = SparseKernel | SddmmKernel | ElementwiseKernel


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A run, and what it costs in a technology."""

    run: KernelRun
    cost: Cost
    """Counts and cycles are float64 NumPy; energy and area, priced by the models' technology, are float32."""

    @property
    def result(self) -> Any:
        """Z: a NumPy array where Z is dense, else a `csr_array` that keeps entries which cancelled to zero."""
        return self.run.result

    @property
    def visits(self) -> Timeline:
        """What each visit took."""
        return self.run.visits

    @property
    def bottleneck(self) -> str:
        """Name of the resource that binds for the most cycles."""
        return RESOURCES[int(np.argmax(self.run.bound_cycles))]


def simulate_kernel(
    hardware: Hardware, mapping: Mapping, kernel: AnyKernel, technology: Technology, seed: int = 0
) -> Simulation:
    """Run any kernel of a workload on a design, the twin of `evaluate`.

    Dense operands are drawn at random (their values change nothing but the result). **Raises** `InputError` as
    `simulate`, and for kernels of which only densities are known.
    """
    rng = np.random.default_rng(seed)
    if isinstance(kernel, ElementwiseKernel):
        return simulate_elementwise(hardware, mapping, kernel.a, kernel.b, kernel.operation, technology)
    if isinstance(kernel, SddmmKernel):
        a, b = rng.uniform(0.5, 1.5, (kernel.m, kernel.k)), rng.uniform(0.5, 1.5, (kernel.k, kernel.n))
        return simulate_sddmm(hardware, mapping, kernel.mask, a, b, technology)
    kernel = require_pattern(kernel, "the simulator")
    b = rng.uniform(0.5, 1.5, (kernel.k, kernel.n)) if kernel.b is None else kernel.b
    source = None if kernel.unfolding is None else kernel.unfolding.source
    return simulate(hardware, mapping, kernel.a, b, technology, source)


def simulate(
    hardware: Hardware, mapping: Mapping, a, b, technology: Technology, source: Source | None = None
) -> Simulation:
    """Run Z = A B on a design, tile by tile on the real non-zeros, as docs/machine.md says.

    **Arguments**: `a` a SciPy sparse matrix [M, K]; `b` a NumPy array [K, N] (SpMM; [K] for SpMV), each element of
    which counts as a non-zero, or a SciPy sparse matrix [K, N] (SpMSpM); `source`: what the positions of B stand for,
    if some stand for the same, below 0 where for nothing (section 9). **Returns** a `Simulation`; its result is dense
    for a dense B, else a `csr_array`. **Raises** `InputError` where shapes do not match, the mapping is not legal or a
    size is not a whole number. A design that does not fit (`cost.fits` above 1) is run all the same.
    """
    design = require_legal(make_concrete_design(hardware, mapping), "sparse_b" if issparse(b) else "dense_b")
    run = run_product(design, a, b, Memory.of(technology.with_memory_of(hardware)), source)
    return _priced(run, hardware, mapping, technology)


def simulate_sddmm(
    hardware: Hardware,
    mapping: Mapping,
    mask: csr_array,
    a: Float[np.ndarray, "_ _"],
    b: Float[np.ndarray, "_ _"],
    technology: Technology,
) -> Simulation:
    """Run Z = S * (A B) on a design: `mask` S a SciPy sparse matrix [M, N], `a` [M, K] and `b` [K, N] dense.

    The mapping's choices for A are those of S; it stores B dense. Returns a `Simulation` whose result is a `csr_array`
    with the pattern of S. **Raises** as `simulate`.
    """
    design = require_legal(make_concrete_design(hardware, mapping), "sddmm")
    run = run_sddmm(design, mask, a, b, Memory.of(technology.with_memory_of(hardware)))
    return _priced(run, hardware, mapping, technology)


def simulate_elementwise(
    hardware: Hardware, mapping: Mapping, a: csr_array, b: csr_array, operation: Operation, technology: Technology
) -> Simulation:
    """Run Z = A * B ("multiply") or Z = A + B ("add") on a design, for two SciPy sparse matrices [M, N].

    Returns a `Simulation` whose result is a `csr_array`. **Raises** as `simulate`.
    """
    design = require_legal(make_concrete_design(hardware, mapping), "elementwise")
    run = run_elementwise(design, a, b, operation, Memory.of(technology.with_memory_of(hardware)))
    return _priced(run, hardware, mapping, technology)


def _priced(run: KernelRun, hardware: Hardware, mapping: Mapping, technology: Technology) -> Simulation:
    """A run with its latency, energy and area in a technology."""
    counts = ActionCounts(**{name: np.float32(number) for name, number in run.actions.items()})
    mapping = dataclasses.replace(mapping, dataflow=DATAFLOWS[0])  # it has no price, and one program does for all
    area, energy, clock_ghz, limit_ghz = _bill(counts, hardware, mapping, technology)
    needs = run.fits | {"clock": float(clock_ghz) / float(limit_ghz)}
    cost = Cost(
        latency_s=np.float64(run.cycles / float(clock_ghz) * 1e-9),
        cycles=np.float64(run.cycles),
        resource_cycles=run.resource_cycles,
        bound_cycles=run.bound_cycles,
        energy_pj=energy,
        area_mm2=area,
        utilization=np.float64(run.utilization),
        computes=Computes(**{name: np.float64(count) for name, count in run.computes.items()}),
        traffic=Traffic(**{name: np.float64(count) for name, count in run.traffic.items()}),
        actions=ActionCounts(**{name: np.float64(count) for name, count in run.actions.items()}),
        fits=np.array([needs[name] for name in FITS]),
    )
    return Simulation(run, cost)


@jax.jit
def _bill(counts: ActionCounts, hardware: Hardware, mapping: Mapping, technology: Technology) -> tuple[Array, ...]:
    """Area and energy by component; the clock of the scenario and the highest that the design can run at, GHz."""
    technology = technology.with_memory_of(hardware).solved()
    area = area_mm2(hardware, technology)
    limit_ghz = clock_limits_ghz(hardware, technology).min()
    energy = price(counts, hardware, mapping, area, technology)
    return area, energy, jnp.asarray(technology.scenario.clock_ghz), limit_ghz
