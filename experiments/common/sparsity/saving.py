"""What sparsity saves on a design by the models: every kernel's best mapping against its best dense one, as
`dse.accelerate` decides it: dense unless the other is better."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dse import Design, DesignSpace, Problem, default_space, make_problem
from dse.mapper import (
    DENSE,
    MappedKernel,
    Pool,
    Searched,
    best_mappings,
    densified,
    mapping_for_family,
    mapping_space,
    merit_of,
    sparsity_pays,
    supported_choices,
)
from dse.space.design_space import HARDWARE_NAMES, Value
from experiments.common.cli import show_progress
from experiments.common.output import portable
from hwmodels.design.choices import FORMATS
from hwmodels.technology import Technology
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
    "value_bits": 8.0,
    "accumulator_bits": 24.0,
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
    """A hardware that is given, what it can do, and mappings that it came with."""

    numbers: dict[str, Value]
    choices: dict[str, Any]
    mappings: tuple[dict[str, Any], ...]
    words: str

    @staticmethod
    def of(design: Design | None, where: str | None) -> "HeldHardware":
        """The design's, restricted to what its mappings use and to dense operands; the default one for None."""
        if design is None:
            return HeldHardware(DEFAULT_HARDWARE, dict(DEFAULT_CHOICES), (), "the default design")
        numbers = {name: design.hardware[name] for name in HARDWARE_NAMES}
        return HeldHardware(
            numbers, supported_choices(design), tuple(dict(m) for m in design.mappings), f"design {portable(where)}"
        )

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


def savings(
    kernels: Sequence[Any], hardware: HeldHardware, technology: Technology, objective: str, budget: int, seed: int
) -> list[Saving]:
    """Savings of `priceable` kernels, each mapped by a search of `budget` evaluations, and as many on dense operands.

    `objective`: `latency_s`, `energy_pj` or `edp_js`, what each kernel's mapping is chosen by.
    """
    workload = Workload("report", tuple(kernels))
    problem = make_problem(workload, hardware.space(), technology, objectives=(objective,), progress=show_progress())
    search = Searched(budget, seed, progress=show_progress())
    pool = search.designs(problem) + _everywhere(problem, hardware, hardware.mappings)
    sparse = best_mappings(problem, Pool(pool), objective)
    formats = hardware.choices.get("a_format", FORMATS)
    swapped = [run.mapping | {"a_format": name, "a_zero": "skip"} for run in sparse if run for name in formats]
    sparse = best_mappings(problem, Pool(pool + _everywhere(problem, hardware, swapped)), objective)
    space, without = hardware.space().fix(**DENSE), tuple(dataclasses.replace(kernel, b=None) for kernel in kernels)
    if set(problem.families) == {"dense_b"}:
        rival = problem.within(space)
    else:
        rival = make_problem(Workload("dense", without), space, technology, objectives=(objective,))
    dense = best_mappings(rival, Pool(search.designs(rival) + _dense_rivals(rival, hardware, sparse)), objective)
    merit = merit_of(objective)
    return [Saving(s, d, sparsity_pays(s, d, merit)) for s, d in zip(sparse, dense, strict=True)]


def _everywhere(problem: Problem, hardware: HeldHardware, mappings: Sequence[dict[str, Any]]) -> list[Design]:
    """Each mapping for all kernels that can run it, what is good for one layer being good for its like; dense for those
    that cannot."""
    designs = {}
    for mapping in mappings:
        each = [mapping_for_family(mapping, family) or mapping | DENSE for family in problem.families]
        designs[tuple(sorted(mapping.items()))] = _design(problem, hardware, each)
    return list(designs.values())


def _dense_rivals(problem: Problem, hardware: HeldHardware, runs: Sequence[MappedKernel | None]) -> list[Design]:
    """The mappings of sparse runs on dense operands, the largest tile halved again and again; another kernel's for one
    that has none."""
    spare = next((run.mapping for run in runs if run), None)
    if spare is None:
        return []
    each = [
        densified(run.mapping if run else spare, (kernel.m, kernel.k, kernel.n))
        for run, kernel in zip(runs, problem.kernels, strict=True)
    ]
    return [
        _design(problem, hardware, [own[min(at, len(own) - 1)] for own in each]) for at in range(max(map(len, each)))
    ]


def _design(problem: Problem, hardware: HeldHardware, mappings: Sequence[dict[str, Any]]) -> Design:
    return Design(hardware.numbers, tuple(mappings), tuple(kernel.name for kernel in problem.kernels))
