"""Machines for dense, 2:4 and unstructured patterns: found once, then run at every density as well as they can."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from dse import Design, DesignSpace, Gradient, Problem, Strategy, default_space, make_problem
from dse.mapper import Enumerated, best_mappings, mapping_space
from experiments.common.progress import show_progress
from hwmodels.cost import Cost, within_limit
from hwmodels.technology import NumberFormat, Technology
from hwmodels.technology.number_formats import QUANTISED
from workloads import SparseKernel, Workload
from workloads.errors import InputError

ANCHORS = (1.0, 0.1)
"""Shares of the non-zeros that hardware is found for, with as much effectual work in each: layers of a pruned network
differ."""
ARRAY = ("pe_rows", "pe_cols", "lanes")


@dataclasses.dataclass(frozen=True)
class MachineKind:
    """A kind of machine: what it may do with the sparse operand."""

    name: str
    title: str
    choices: Mapping[str, Sequence[str]]
    two_of_four: bool = False
    """Whether it is given 2:4 patterns where the density allows one."""


KINDS = (
    MachineKind("dense", "Dense", {"a_format": ["dense"], "a_zero": ["compute"]}),
    MachineKind("gated", "Dense, zeros gated", {"a_format": ["dense"], "a_zero": ["gate"]}),
    MachineKind("nm4", "2:4", {"a_format": ["nm4"], "a_zero": ["skip"]}, two_of_four=True),
    MachineKind("bitmask", "Bitmask", {"a_format": ["bitmask"], "a_zero": ["skip"]}),
    MachineKind("rle", "Run-length", {"a_format": ["rle"], "a_zero": ["skip"]}),
    MachineKind("csr", "CSR/CSC", {"a_format": ["csr", "csc"], "a_zero": ["skip"]}),
)
"""The first is what the others are held against."""


@dataclasses.dataclass(frozen=True)
class FoundMachine:
    """A kind's hardware, its mapping for each density and what they cost."""

    kind: MachineKind
    design: Design
    """Its kernels are the densities, in order."""
    costs: list[Cost]

    @property
    def latency_s(self) -> np.ndarray:
        """At each density, s."""
        return np.array([float(cost.latency_s) for cost in self.costs])

    @property
    def energy_pj(self) -> np.ndarray:
        """At each density, pJ."""
        return np.array([float(np.sum(cost.energy_pj)) for cost in self.costs])

    @property
    def area_mm2(self) -> float:
        """Of the hardware without the PHY of its DRAM, mm2."""
        return float(self.costs[0].core_area_mm2)


class Finder:
    """The product at every density, as it is and as a 2:4 pattern, and the machines for it."""

    def __init__(
        self,
        kernels: Mapping[bool, Sequence[SparseKernel]],
        anchors: Mapping[bool, Sequence[SparseKernel]],
        technology: Technology,
        fixes: Mapping[str, Any],
        strategy: Strategy | None = None,
        numbers: NumberFormat = QUANTISED,
    ):
        """**Arguments**: kernels at the densities of the figure and at `ANCHORS`, by whether they are 2:4 patterns;
        `fixes`: parameters of the design space that are held; `strategy` of the searches for hardware;
        `numbers`, what values are."""
        self.strategy = Gradient() if strategy is None else strategy
        self.space = default_space(numbers=numbers).fix(**fixes)
        self.problems = {family: _problem(of, self.space, technology) for family, of in kernels.items()}
        self._narrow = {
            family: _problem(
                [dataclasses.replace(kernel, repeats=of[0].a.nnz / kernel.a.nnz) for kernel in of],
                self.space,
                technology,
            )
            for family, of in anchors.items()
        }

    def machines(self, max_area_mm2: float, budget: int, seeds: Sequence[int]) -> dict[str, FoundMachine]:
        """Every kind's machine, by name: the dense one within an area (gated: the same), the others around its array.

        `budget` evaluations go to each kind's hardware and seed, and the best is kept. **Raises** `InputError` where
        nothing fits.
        """
        found: dict[str, FoundMachine] = {}
        for kind in tqdm(KINDS, desc="machines", disable=not show_progress()):
            if kind.name == "gated":  # the dense machine, whose multipliers are given an enable
                found[kind.name] = self.run(kind, found["dense"].design.hardware)
                continue
            array = {name: found["dense"].design.hardware[name] for name in ARRAY} if found else {}
            space = self.space.fix(**kind.choices, **array)
            limits = {} if found else {"area_mm2": max_area_mm2}
            start = self._hardware(self._narrow[kind.two_of_four].within(space, constraints=limits), budget, seeds)
            found[kind.name] = self.run(kind, start.hardware)
        return found

    def _hardware(self, problem: Problem, budget: int, seeds: Sequence[int]) -> Design:
        """The best design that searches from several seeds find."""
        results = [self.strategy(problem, budget=budget, seed=seed) for seed in seeds]
        best = min(results, key=lambda result: result.objectives.min(initial=np.inf))
        return problem.design(problem.require_feasible(best).genomes[0])

    def run(self, kind: MachineKind, hardware: Mapping[str, Any]) -> FoundMachine:
        """A hardware with its best mapping at each density."""
        problem = self.problems[kind.two_of_four]
        held = problem.within(mapping_space(self.space, hardware, kind.choices))
        found = [one for one in best_mappings(held, Enumerated(), "edp_js") if one is not None]
        if len(found) < len(held.kernels):
            raise InputError(held.explain_infeasible())
        names = tuple(kernel.name for kernel in held.kernels)
        design = Design(hardware, tuple(one.mapping for one in found), names)
        return FoundMachine(kind, design, problem.detail(design)[0])

    def dense_of_area(self, dense: FoundMachine, area_mm2: float, budget: int, seeds: Sequence[int]) -> FoundMachine:
        """The best dense machine of an area: one that is searched for it, or the one at hand with more PE rows.

        Rows are added as long as area is left, so their number need not be a power of two.
        """
        space = self.space.fix(**dense.kind.choices)
        problem = self._narrow[False].within(space, objectives=("edp_js",), constraints={"area_mm2": area_mm2})
        searched = self.run(dense.kind, self._hardware(problem, budget, seeds).hardware)
        candidates = [dense, searched, *(self.grown(one, area_mm2) for one in (dense, searched))]
        fitting = [one for one in candidates if within_limit(one.area_mm2, area_mm2)]
        return min(fitting or [dense], key=lambda one: float(one.latency_s[0] * one.energy_pj[0]))

    def grown(self, machine: FoundMachine, area_mm2: float) -> FoundMachine:
        """A machine with as many PE rows as an area holds, and all else as it is."""
        hardware = dict(machine.design.hardware)
        least = rows = float(hardware["pe_rows"])
        row = self._area(machine, {**hardware, "pe_rows": rows + 1}) - machine.area_mm2
        rows += max(np.floor((area_mm2 - machine.area_mm2) / row), 0.0)
        while rows > least and self._area(machine, {**hardware, "pe_rows": rows}) > area_mm2:
            rows -= 1
        return self.run(machine.kind, {**hardware, "pe_rows": rows}) if rows > least else machine

    def _area(self, machine: FoundMachine, hardware: Mapping[str, Any]) -> float:
        design = dataclasses.replace(machine.design, hardware=hardware)
        return float(self.problems[machine.kind.two_of_four].score_designs([design]).area_mm2[0])

    def with_zeros(self, machine: FoundMachine, mode: str) -> list[Cost]:
        """Costs of a skipping machine that `gate`s or `compute`s its zeros instead, everything else as it is."""
        mappings = tuple({**mapping, "a_zero": mode} for mapping in machine.design.mappings)
        problem = self.problems[machine.kind.two_of_four]
        return problem.detail(dataclasses.replace(machine.design, mappings=mappings))[0]


def _problem(kernels: Sequence[SparseKernel], space: DesignSpace, technology: Technology) -> Problem:
    """Least energy x delay x area: parts that do not pay for their area are left out."""
    return make_problem(
        Workload("densities", tuple(kernels)), space, technology, objectives=("eadp_jsmm2",)
    )  # fmt: skip
