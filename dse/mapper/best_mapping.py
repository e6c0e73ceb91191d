"""The best mapping of each kernel on one hardware, of all that were tried, or their front in latency and energy."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dse.mapper.candidates import Candidates, ScoredMappings
from dse.mapper.enumeration import Surpassed
from dse.mapper.merit import Merit, merit_of
from dse.problem.pareto import nondominated
from dse.problem.search_problem import Problem
from dse.space.design import Design
from dse.space.design_space import Value


@dataclasses.dataclass(frozen=True)
class MappedKernel:
    """A mapping of one kernel, and what a run of it takes."""

    mapping: dict[str, Value]
    latency_s: float
    energy_pj: float
    area_mm2: float
    """Of the hardware, without the DRAM's PHY."""


def best_mappings(problem: Problem, candidates: Candidates, merit: Merit | str = "edp_js") -> list[MappedKernel | None]:
    """For each kernel of the problem the candidate of least merit that fits; None where none does.

    **Arguments**: `merit`, the name of an objective or a function (`dse.mapper.merit`). Of equal ones the first is
    taken. **Raises** `InputError` for a name that is none.
    """
    value_of = merit_of(merit) if isinstance(merit, str) else merit
    found: list[MappedKernel | None] = [None] * len(problem.kernels)
    least = np.full(len(found), np.inf)

    def surpassed(kernel: int) -> Surpassed:
        return lambda latency_s, energy_pj: value_of(latency_s, energy_pj) >= least[kernel]

    for scored in candidates.scored(problem, surpassed):
        values = np.where(scored.usable, value_of(scored.latency_s, scored.energy_pj), np.inf)
        row = int(values.argmin())
        if values[row] < least[scored.kernel]:
            least[scored.kernel], found[scored.kernel] = values[row], _mapped(scored, row)
    return found


def mapping_fronts(problem: Problem, candidates: Candidates) -> list[list[MappedKernel]]:
    """For each kernel of the problem the candidates that fit and that none beats in both latency and energy, fastest
    first."""
    found: list[list[MappedKernel]] = [[] for _ in problem.kernels]

    def surpassed(kernel: int) -> Surpassed:
        return lambda latency_s, energy_pj: _behind(found[kernel], latency_s, energy_pj)

    for scored in candidates.scored(problem, surpassed):
        rows = np.flatnonzero(scored.usable)
        rows = rows[nondominated(np.column_stack([scored.latency_s, scored.energy_pj])[rows])]
        known = found[scored.kernel] + [_mapped(scored, int(row)) for row in rows]
        keep = nondominated(np.array([(one.latency_s, one.energy_pj) for one in known]).reshape(-1, 2))
        found[scored.kernel] = [one for one, kept in zip(known, keep, strict=True) if kept]
    return [sorted(front, key=lambda one: one.latency_s) for front in found]


def best_design(problem: Problem, designs: Sequence[Design]) -> Design:
    """Of whole designs the one of the least first objective, among those that break no limit if there are any."""
    scores = problem.score_designs(designs)
    return designs[int(np.argmin(np.where(scores.feasible, scores.objectives[:, 0], np.inf)))]


def _behind(front: Sequence[MappedKernel], latency_s: np.ndarray, energy_pj: np.ndarray) -> np.ndarray:
    """Mask of latencies and energies, shape [n], that one of a front is not above in either."""
    fastest_first = sorted((one.latency_s, one.energy_pj) for one in front)
    latencies, energies = np.array(fastest_first).reshape(-1, 2).T
    return energy_pj >= np.append(np.inf, energies)[np.searchsorted(latencies, latency_s, side="right")]


def _mapped(scored: ScoredMappings, row: int) -> MappedKernel:
    numbers = (float(values[row]) for values in (scored.latency_s, scored.energy_pj, scored.area_mm2))
    return MappedKernel(scored.words(row), *numbers)
