"""What sparsity saves on a design by the models: every kernel's best mapping against its best dense one, as
`dse.accelerate` decides it: dense unless the other is better."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dse import Design, DesignSpace, default_space, make_problem
from dse.mapper import (
    DENSE,
    Enumerated,
    MappedKernel,
    best_mappings,
    mapping_space,
    merit_of,
    sparsity_pays,
    supported_choices,
)
from dse.space.design_space import HARDWARE_NAMES, Value
from experiments.common.output import portable
from experiments.common.progress import show_progress
from hwmodels.technology import NumberFormat, Technology
from hwmodels.technology.number_formats import QUANTISED
from workloads import DensityKernel, Workload, measure
from workloads.errors import InputError

FAMILIES = ("dense_b", "sparse_b")
"""Kernels that have a dense mode to compare with."""

DEFAULT_HARDWARE: dict[str, Value] = {
    "pe_rows": 16.0,
    "pe_cols": 16.0,
    "lanes": 1.0,
    "glb_bytes": 262144.0,
    "glb_banks": 16.0,
    "pe_buffer_bytes": 1024.0,
    "accumulator_bytes": 1024.0,
    "index_bus_bits": 256.0,
    "value_bus_bits": 512.0,
    "value_bits": float(QUANTISED.value_bits),
    "accumulator_bits": float(QUANTISED.accumulator_bits),
    "intersection": "skip_ahead",
}
"""Where no design is given: 256 PEs (OuterSPACE, HPCA 2018: 16 x 16), a GLB of Eyeriss v2's 192 KB (JETCAS 2019) to the
next power of two in Onyx's 16 banks (VLSI 2024), Eyeriss v2's buses (768 and 1536 bits) to a third; the buffers of a PE
are a guess between those of Eyeriss v2 (330 B) and SCNN (10 KB, ISCA 2017)."""
DEFAULT_CHOICES = {"dataflow": ("gustavson",)}
"""Gustavson's dataflow takes both families and every format but CSC; MatRaptor (MICRO 2020) and GAMMA (ASPLOS 2021)
have no other."""


@dataclasses.dataclass(frozen=True)
class HeldHardware:
    """A hardware that is given, and what it can do."""

    numbers: dict[str, Value]
    choices: dict[str, Any]
    words: str

    @staticmethod
    def of(design: Design | None, where: str | None, numbers: NumberFormat = QUANTISED) -> "HeldHardware":
        """The design's, restricted to what its mappings use and to dense operands; the default one with `numbers` for
        None."""
        if design is None:
            widths: dict[str, Value] = {
                "value_bits": float(numbers.value_bits),
                "accumulator_bits": float(numbers.accumulator_bits),
            }
            return HeldHardware(DEFAULT_HARDWARE | widths, dict(DEFAULT_CHOICES), "the default design")
        held = {name: design.hardware[name] for name in HARDWARE_NAMES}
        return HeldHardware(held, supported_choices(design), f"design {portable(where)}")

    def space(self) -> DesignSpace:
        """Its mappings."""
        return mapping_space(default_space(), self.numbers, self.choices)


@dataclasses.dataclass(frozen=True)
class Saving:
    """A kernel run with and without notice of its zeros."""

    sparse: MappedKernel | None
    dense: MappedKernel | None
    pays: bool

    @property
    def run(self) -> MappedKernel | None:
        """What would be run."""
        return self.sparse if self.pays else self.dense

    @property
    def latency(self) -> float:
        """Dense latency over that of what would be run; NaN where either does not fit."""
        return self.dense.latency_s / self.run.latency_s if self.dense and self.run else float("nan")

    @property
    def energy(self) -> float:
        """The same of energy."""
        return self.dense.energy_pj / self.run.energy_pj if self.dense and self.run else float("nan")


def priceable(kernel: Any) -> bool:
    """Whether the models know the kernel and its dense mode."""
    if kernel.family not in FAMILIES:
        return False
    if isinstance(kernel, DensityKernel):
        try:
            measure(kernel)
        except InputError:  # of two sparse operands that are too large to sample there may be no tables
            return False
    return True


def savings(kernels: Sequence[Any], hardware: HeldHardware, technology: Technology, objective: str) -> list[Saving]:
    """Savings of `priceable` kernels, each by the best of all its mappings on the hardware, and of all dense ones.

    `objective`: `latency_s`, `energy_pj` or `edp_js`, what each kernel's mapping is chosen by.
    """
    workload, mapper = Workload("report", tuple(kernels)), Enumerated(progress=show_progress())
    problem = make_problem(workload, hardware.space(), technology, objectives=(objective,), progress=show_progress())
    sparse = best_mappings(problem, mapper, objective)
    space, without = hardware.space().fix(**DENSE), tuple(dataclasses.replace(kernel, b=None) for kernel in kernels)
    if set(problem.families) == {"dense_b"}:
        rival = problem.within(space)
    else:
        rival = make_problem(Workload("dense", without), space, technology, objectives=(objective,))
    dense = best_mappings(rival, mapper, objective)
    merit = merit_of(objective)
    return [Saving(s, d, sparsity_pays(s, d, merit)) for s, d in zip(sparse, dense, strict=True)]
