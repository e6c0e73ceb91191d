"""One accelerator for several workloads: geometric mean, worst case, and regret against each workload's own optimum.

All kernels of all workloads form one problem: they share the hardware, and each has its own mapping. Only how their
costs are put together differs. With $o_w$ an objective of workload $w$ (area is the same for all):

- geometric mean: $(\\prod_w o_w)^{1/W}$, which no workload's size can dominate
- worst case: $\\max_w o_w / o_w^*$, the factor over a reference, such as the workload's own optimum
- regret: $\\log(o_w / o_w^*)$, with $o_w^*$ the least $o_w$ of the workload's own designs of no larger area
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from dse.problem.batched_models import TINY
from dse.problem.objectives import Objective
from dse.problem.search_problem import Problem, Scores
from dse.space.design import Design
from dse.space.encoding import Encoding
from hwmodels.cost import within_limit
from workloads.errors import InputError

Groups = Mapping[str, Sequence[int]]
"""Workload -> the indices of its kernels."""


class MultiProblem(Problem):
    """A problem of several workloads, to be given to any strategy; constraints hold for all workloads run in turn.

    `Scores.latency_s` and `energy_pj` of each kernel are scaled so that every workload adds up to an equal part of the
    geometric mean: their sums and their slopes by gradients are then those of the geometric mean. For the worst case a
    strategy's foresight is that of the geometric mean; what it scores is exact.
    """

    adds_up = False

    def __init__(self, problem: Problem, groups: Groups, reference: np.ndarray | None = None):
        """**Arguments**: the `problem` of all kernels, whose tables and compiled models are shared; `groups`, each
        kernel in exactly one; `reference`, shape [workload, objective]: None for the geometric mean, else for the worst
        case. **Raises** InputError for groups or a reference that do not match the problem.
        """
        super().__init__(**problem.parts)
        self.batcher = problem.batcher
        self.groups, self.reference = check_groups(problem, groups), reference
        if reference is not None and np.shape(reference) != (len(groups), len(problem.objectives)):
            raise InputError(f"The worst case needs a reference for {len(groups)} workloads and each objective.")

    def scores_of(self, outputs: np.ndarray) -> Scores:
        """Scores from the batcher's outputs, shape [n, K, OUTPUTS], with the workloads' objectives put together."""
        plain = super().scores_of(outputs)
        with np.errstate(all="ignore"):
            each = workload_objectives(plain, self.groups, self.objectives)
            if self.reference is None:
                together = np.exp(np.log(each).mean(axis=1))
            else:
                together = (each / self.reference).max(axis=1)
            latency, energy = (self._evened(value) for value in (plain.latency_s, plain.energy_pj))
        return Scores(together, plain.violation, latency, energy, plain.area_mm2, plain.fits)

    def kernel_weights(self, costs: np.ndarray) -> np.ndarray:
        """As of a single workload, with every workload an equal part of the whole."""
        weights = np.zeros(costs.shape)
        for kernels in self.groups.values():
            own = costs[:, kernels] @ self.repeats[kernels]
            weights[:, kernels] = self.repeats[kernels] / np.maximum(own, TINY)[:, None] / len(self.groups)
        return weights

    def _evened(self, values: np.ndarray) -> np.ndarray:
        """Each kernel's values, shape [n, K], scaled so that every workload makes the same part of their mean."""
        totals = _totals(values, self.groups)
        mean = np.exp(np.log(totals).mean(axis=1, keepdims=True))
        evened = np.zeros(values.shape)
        for at, kernels in enumerate(self.groups.values()):
            evened[:, kernels] = values[:, kernels] / totals[:, at, None] * mean / len(self.groups)
        return evened


def check_groups(problem: Problem, groups: Groups) -> dict[str, list[int]]:
    """The groups as lists; InputError unless each kernel of the problem is in exactly one, and none is empty."""
    used = sorted(at for kernels in groups.values() for at in kernels)
    if used != list(range(len(problem.kernels))) or not all(len(kernels) for kernels in groups.values()):
        raise InputError(
            f"Workloads {', '.join(groups) or '(none)'} hold kernels {used}; share out all {len(problem.kernels)} "
            "kernels, each to one workload."
        )
    return {name: list(kernels) for name, kernels in groups.items()}


def _totals(values: np.ndarray, groups: Groups) -> np.ndarray:
    """Sums over the kernels of each workload, shape [n, workload]."""
    return np.stack([values[:, list(kernels)].sum(axis=1) for kernels in groups.values()], axis=1)


def workload_objectives(scores: Scores, groups: Groups, objectives: Sequence[Objective]) -> np.ndarray:
    """Objectives of each workload by itself on each design, shape [n, workload, objective].

    `scores` are those of a plain `Problem`; the area is that of the whole design.
    """
    latency, energy = _totals(scores.latency_s, groups), _totals(scores.energy_pj, groups)
    area = np.broadcast_to(scores.area_mm2[:, None], latency.shape)
    return np.stack([objective.value(latency, energy, area) for objective in objectives], axis=2)


def alone(problem: Problem, kernels: Sequence[int]) -> Problem:
    """The problem of some of the kernels by themselves: same space and units, technology, objectives and limits.

    Tables and compiled models are shared.
    """
    own = [problem.kernels[at] for at in kernels]
    space = problem.encoding.space
    names = {kernel.name for kernel in own}
    kept = {name: values for name, values in space.per_kernel.items() if name in names}
    return problem.changed(
        encoding=Encoding(
            dataclasses.replace(space, per_kernel=kept),
            own,
            problem.encoding.units,
            problem.encoding.staying and problem.encoding.staying.of(kernels),
        ),
        statistics=[problem.statistics[at] for at in kernels],
        workload="+".join(kernel.name for kernel in own),
    )


def restricted(design: Design, kernels: Sequence[int]) -> Design:
    """The design with the mappings of some kernels only: its hardware then loses what only the others use."""
    return Design(
        design.hardware, tuple(design.mappings[at] for at in kernels), tuple(design.kernels[at] for at in kernels)
    )


def regret(
    objectives: np.ndarray, area_mm2: np.ndarray, own_objectives: np.ndarray, own_area_mm2: np.ndarray
) -> np.ndarray:
    """Log ratio of a workload's objectives to its own optimum among designs of no larger area, shape [n, objective].

    **Arguments**: `objectives` [n, objective] and `area_mm2` [n] of the designs; those of the workload's `own` designs,
    m of them. Not a number where all of the workload's own designs are larger. Zero for a design that is among its own
    optima; below zero only where the own search has missed something.
    """
    fitting = within_limit(own_area_mm2[None], area_mm2[:, None])
    least = np.where(fitting[:, :, None], own_objectives[None], np.inf).min(axis=1)
    return np.where(np.isfinite(least), np.log(objectives) - np.log(least), np.nan)
