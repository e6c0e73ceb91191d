"""The best design of each kind on one accelerator: every format, dataflow, use of zeros and schedule given its chance.

Sizes and widths of the hardware are held. One pool of mappings is searched, a share of it for each dataflow; for each
value of a choice, every mapping of the pool is tried with that value, and each kernel takes the best that is legal and
fits. So what is compared differs in the choice, not in how well the rest was tuned.
"""

from collections.abc import Sequence

import numpy as np

from dse import Design, Problem
from dse.mapper import Pool, Searched, best_mappings, mapping_for_family, mapping_space, weighted_sum
from dse.space.design_space import CHOICES
from workloads.errors import InputError

QUESTIONS = {"a_format": "format of A", "dataflow": "dataflow", "a_zero": "zeros of A", "schedule": "schedule"}
"""Choices that are put to the question, in words."""


def mapping_pool(problem: Problem, base: Design, budget: int, seed: int) -> list[Design]:
    """The base, and the fronts of short searches for mappings on its hardware, one for each dataflow of the space."""
    pool, flows = [base], problem.encoding.space.values("dataflow")
    for flow in flows:
        space = mapping_space(problem.encoding.space, base.hardware, {"dataflow": (str(flow),)}, any_intersection=True)
        try:
            local = problem.within(space, objectives=("latency_s", "energy_pj"))
        except InputError:  # no legal mapping with this dataflow
            continue
        pool += Searched(max(budget // len(flows), 1), seed).designs(local)
    return pool


def best_rivals(problem: Problem, base: Design, pool: Sequence[Design], choice: str) -> dict[str, Design]:
    """Value of the choice -> the best design that has it in all kernels; left out is what some kernel cannot have.

    Kernels take the mapping of the least `latency / base's latency + energy / base's energy`, which to first order is
    the least energy-delay product of the whole.
    """
    own = problem.score_designs([base])
    merit = weighted_sum(float(own.latency_s.sum()), float(own.energy_pj.sum()))
    found = {}
    for value in CHOICES[choice]:
        variants, legal = [], []
        for design in pool:
            changed = [
                mapping_for_family({**mapping, choice: value}, family)
                for mapping, family in zip(design.mappings, problem.families, strict=True)
            ]
            kept = tuple(new or old for new, old in zip(changed, base.mappings, strict=True))
            variants.append(Design(base.hardware, kept, base.kernels).checked(problem.families))
            legal.append([new is not None for new in changed])
        if not np.any(legal, axis=0).all():
            continue
        usable = np.array(legal) & _has(variants, choice, value)
        best = [one for one in best_mappings(problem, Pool(variants, usable), merit) if one is not None]
        if len(best) == len(problem.kernels):
            found[value] = Design(base.hardware, tuple(one.mapping for one in best), base.kernels)
    return found


def _has(designs: Sequence[Design], choice: str, value: str) -> np.ndarray:
    """Whether a kernel still has the value when what changes nothing is settled, shape [n, kernel]."""
    return np.array([[mapping[choice] == value for mapping in design.mappings] for design in designs])
