"""One accelerator for several workloads: what sharing costs each of them, at every area."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse import Design, MultiProblem, Problem, RandomSearch, alone, nondominated, regret, restricted
from dse.problem.multi_workload import Groups, workload_objectives
from experiments.common.design_words import quantity
from workloads import resolve_workloads

EMBEDDED = ("digits", "stencil", "rmat", "nm24")
"""The suites that `embedded` is made of, in its order."""
OBJECTIVES = ("edp_js", "area_mm2")


@dataclass(frozen=True)
class Shared:
    """Designs for all workloads, and what each workload would have by itself."""

    names: list[str]
    """Of the workloads."""
    designs: list[Design]
    area_mm2: np.ndarray
    edp_js: np.ndarray
    """Of each workload on each design, shape [n, workload]."""
    regret: np.ndarray
    """Log of it over the workload's own optimum of no larger area, shape [n, workload]."""
    own_best_js: np.ndarray
    """Least product of each workload at any area."""

    @property
    def mean_js(self) -> np.ndarray:
        """Geometric mean over workloads, shape [n]."""
        return np.exp(np.log(self.edp_js).mean(axis=1))

    @property
    def worst(self) -> np.ndarray:
        """Largest ratio to a workload's own optimum at any area, shape [n]."""
        return (self.edp_js / self.own_best_js).max(axis=1)

    @property
    def picks(self) -> dict[str, int]:
        """The best design by each way of putting workloads together."""
        mean, worst = int(self.mean_js.argmin()), int(self.worst.argmin())
        return (
            {"geometric mean and worst case": mean} if mean == worst else {"geometric mean": mean, "worst case": worst}
        )

    def front(self) -> np.ndarray:
        """Rows that trade the geometric mean for area, smallest first."""
        rows = np.flatnonzero(nondominated(np.column_stack([self.mean_js, self.area_mm2])))
        return rows[np.argsort(self.area_mm2[rows])]


def groups_of(specs: Sequence[str], problem: Problem) -> dict[str, list[int]]:
    """Workloads and their kernels: each spec is one; a single one, but `embedded`, is taken apart into its kernels."""
    parts = [part for spec in specs for part in (EMBEDDED if spec == "embedded" else (spec,))]
    if len(parts) == 1:
        return {kernel.name: [at] for at, kernel in enumerate(problem.kernels)}
    groups, first = {}, 0
    for at, part in enumerate(parts):
        count = len(resolve_workloads([part]).kernels)
        groups[part if part not in groups else f"{part}#{at + 1}"] = list(range(first, first + count))
        first += count
    return groups


def share(problem: Problem, groups: Groups, known: Sequence[Design], budget: int, seed: int) -> Shared:
    """Search each workload's own designs, then shared ones by geometric mean and by worst case.

    Half of the `budget` is for the workloads by themselves, in equal parts, and half for each of the two searches of
    shared designs. What a shared design or one of `known` does for a workload counts among its own designs too, less
    what only the others use.
    """
    both = problem.within(problem.encoding.space, objectives=OBJECTIVES)
    each, search = max(budget // (2 * len(groups)), 1), RandomSearch()
    own = {name: alone(both, kernels) for name, kernels in groups.items()}
    found = {name: one.designs(search(one, budget=each, seed=seed).genomes) for name, one in own.items()}
    reference = np.array([[_best(own[name], found[name]), 1.0] for name in groups])
    pool = list(known)
    for many in (MultiProblem(both, groups), MultiProblem(both, groups, reference)):
        pool += many.designs(search(many, budget=max(budget // 2, 1), seed=seed).genomes)
    scores = both.score_designs(pool)
    pool = [design for design, good in zip(pool, scores.feasible, strict=True) if good]
    scores = scores.take(np.flatnonzero(scores.feasible))
    edp = workload_objectives(scores, groups, both.objectives)[:, :, 0]
    regrets, best = [], []
    for at, (name, kernels) in enumerate(groups.items()):
        mine = own[name].score_designs(found[name] + [restricted(design, kernels) for design in pool])
        mine = mine.take(np.flatnonzero(mine.feasible))
        regrets.append(regret(edp[:, at, None], scores.area_mm2, mine.objectives[:, :1], mine.area_mm2)[:, 0])
        best.append(mine.objectives[:, 0].min())
    return Shared(list(groups), pool, scores.area_mm2, edp, np.stack(regrets, axis=1), np.array(best))


def _best(problem: Problem, designs: list[Design]) -> float:
    """Least energy-delay product; 1 where nothing was found, so that the worst case stays a number."""
    return float(problem.score_designs(designs).objectives[:, 0].min()) if designs else 1.0


def workload_rows(shared: Shared) -> list[dict[str, Any]]:
    """Rows of `workloads.csv`: a design of the pool each."""
    front, picks = set(shared.front().tolist()), shared.picks
    rows = []
    for at in np.argsort(shared.area_mm2):
        row: dict[str, Any] = {"design": int(at), "area_mm2": float(shared.area_mm2[at])}
        row |= {"mean_edp_js": float(shared.mean_js[at]), "worst_ratio": float(shared.worst[at])}
        row |= {
            "on_mean_front": int(at in front),
            "best_by": " and ".join(words for words in picks if picks[words] == at),
        }
        for column, name in enumerate(shared.names):
            row[f"{name}.edp_js"] = float(shared.edp_js[at, column])
            row[f"{name}.regret"] = float(shared.regret[at, column])
        rows.append(row)
    return rows


def workload_story(shared: Shared) -> list[str]:
    """What sharing costs, in words."""
    lines = []
    for words, at in shared.picks.items():
        factors = np.exp(shared.regret[at])
        costs = ", ".join(f"{name} {factor:.2f} x" for name, factor in zip(shared.names, factors, strict=True))
        lines.append(
            f"best by {words}: {shared.area_mm2[at]:.3g} mm2, mean energy-delay product "
            f"{quantity(float(shared.mean_js[at]), 'Js')}, at worst {shared.worst[at]:.3g} times a workload's own "
            "optimum at any area"
        )
        lines.append(f"  against each workload's own optimum of no larger area: {costs}")
    return lines
