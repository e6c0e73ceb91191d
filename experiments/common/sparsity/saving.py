"""What sparsity saves on a design by the models: every kernel's best mapping against its best dense one, as
`dse.accelerate` decides it: dense unless the other is better."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from dse import Design, DesignSpace, Problem, RandomSearch, default_space, make_problem
from dse.offload import CAPABILITIES, DENSE, ROUNDING
from dse.space.design_space import Value
from experiments.common.cli import show_progress
from experiments.common.output import portable
from hwmodels.design.choices import FORMATS
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.design.legality import illegality
from hwmodels.technology import Technology
from workloads import DensityKernel, Workload, measure
from workloads.errors import InputError

TILES = ("tile_m", "tile_k", "tile_n")
HALVINGS = 32
"""Enough for any tile to reach one element."""
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
class Machine:
    """A hardware, what it can do, and mappings that it came with."""

    numbers: dict[str, Value]
    choices: dict[str, Any]
    mappings: tuple[dict[str, Any], ...]
    words: str

    @staticmethod
    def of(design: Design | None, where: str | None) -> "Machine":
        """The design's, restricted to what its mappings use and to dense operands; the default one for None."""
        if design is None:
            return Machine(DEFAULT_HARDWARE, dict(DEFAULT_CHOICES), (), "the default design")
        hardware, able = design.build()[0], {}
        for choice, (capability, names) in CAPABILITIES.items():
            has = np.asarray(getattr(hardware, capability)) > 0
            able[choice] = tuple(name for name, one in zip(names, has, strict=True) if one or name == DENSE.get(choice))
        numbers = {name: design.hardware[name] for name in (*HARDWARE_NUMBERS, "intersection")}
        return Machine(numbers, able, tuple(dict(m) for m in design.mappings), f"design {portable(where)}")

    def space(self) -> DesignSpace:
        """Its mappings."""
        return default_space().fix(**self.numbers, **self.choices)


@dataclasses.dataclass(frozen=True)
class Run:
    """One kernel's best way to run; not a number of seconds where nothing fits."""

    latency_s: float
    energy_pj: float
    mapping: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Saving:
    """A kernel run with and without notice of its zeros."""

    sparse: Run | None
    dense: Run | None
    pays: bool

    @property
    def run(self) -> Run | None:
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
    kernels: Sequence[Any], machine: Machine, technology: Technology, objective: str, budget: int, seed: int
) -> list[Saving]:
    """Savings of `priceable` kernels, each mapped by a search of `budget` evaluations, and as many on dense operands.

    `objective`: `latency_s`, `energy_pj` or `edp_js`, what each kernel's mapping is chosen by.
    """
    workload = Workload("report", tuple(kernels))
    problem = make_problem(workload, machine.space(), technology, objectives=(objective,), progress=show_progress())
    pool = _found(problem, budget, seed) + _everywhere(problem, machine, machine.mappings)
    sparse = _best(problem, pool, objective)
    formats = machine.choices.get("a_format", FORMATS)
    swapped = [run.mapping | {"a_format": name, "a_zero": "skip"} for run in sparse if run for name in formats]
    sparse = _best(problem, pool + _everywhere(problem, machine, swapped), objective)
    space, without = machine.space().fix(**DENSE), tuple(dataclasses.replace(kernel, b=None) for kernel in kernels)
    if set(problem.families) == {"dense_b"}:
        rival = problem.within(space)
    else:
        rival = make_problem(Workload("dense", without), space, technology, objectives=(objective,))
    dense = _best(rival, _found(rival, budget, seed) + _densified(rival, machine, sparse), objective)
    return [
        Saving(s, d, s is not None and (d is None or _merit(s, objective) < _merit(d, objective) * (1 - ROUNDING)))
        for s, d in zip(sparse, dense, strict=True)
    ]


def _found(problem: Problem, budget: int, seed: int) -> list[Design]:
    """Kernels share nothing but the hardware, which is held, so one search serves all."""
    result = RandomSearch()(problem, budget=budget, seed=seed, progress=show_progress())
    return problem.designs(result.genomes)


def _everywhere(problem: Problem, machine: Machine, mappings: Sequence[dict[str, Any]]) -> list[Design]:
    """Each mapping for all kernels that can run it, what is good for one layer being good for its like; dense for those
    that cannot."""
    designs = {}
    for mapping in mappings:
        each = []
        for family in problem.families:
            new = mapping | ({"b_format": "dense", "b_zero": "compute"} if family == "dense_b" else {})
            words = {name: value for name, value in new.items() if isinstance(value, str)}
            each.append(mapping | DENSE if illegality(words, family) else new)
        designs[tuple(sorted(mapping.items()))] = _design(problem, machine, each)
    return list(designs.values())


def _densified(problem: Problem, machine: Machine, runs: Sequence[Run | None]) -> list[Design]:
    """The mappings of sparse runs on dense operands, the largest tile halved again and again until they fit."""
    mappings = [dict(run.mapping) | DENSE if run else None for run in runs]
    spare = next((mapping for mapping in mappings if mapping), None)
    if spare is None:
        return []
    shapes = [dict(zip(TILES, (kernel.m, kernel.k, kernel.n), strict=True)) for kernel in problem.kernels]
    held = [
        mapping | {name: min(mapping[name], float(shape[name])) for name in TILES}
        for mapping, shape in zip([mapping or spare for mapping in mappings], shapes, strict=True)
    ]
    designs = []
    for _ in range(HALVINGS):
        designs.append(_design(problem, machine, held))
        held = [mapping | {name: -(-mapping[name] // 2)} for mapping in held for name in [max(TILES, key=mapping.get)]]
    return designs


def _design(problem: Problem, machine: Machine, mappings: Sequence[dict[str, Any]]) -> Design:
    return Design(machine.numbers, tuple(mappings), tuple(kernel.name for kernel in problem.kernels))


def _best(problem: Problem, pool: Sequence[Design], objective: str) -> list[Run | None]:
    """The best run of each kernel in a pool; None where none fits."""
    if not pool:
        return [None] * len(problem.kernels)
    scores = problem.score_designs(pool)
    latency, energy = scores.latency_s / problem.repeats, scores.energy_pj / problem.repeats
    merit = {"latency_s": latency, "energy_pj": energy, "edp_js": latency * energy}[objective]
    merit = np.where(scores.kernel_fits, merit, np.inf)
    found = []
    for at, row in enumerate(merit.argmin(axis=0)):
        fits = np.isfinite(merit[row, at])
        run = Run(float(latency[row, at]), float(energy[row, at]), dict(pool[row].mappings[at]))
        found.append(run if fits else None)
    return found


def _merit(run: Run, objective: str) -> float:
    return {"latency_s": run.latency_s, "energy_pj": run.energy_pj, "edp_js": run.latency_s * run.energy_pj}[objective]
