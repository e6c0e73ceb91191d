"""The best design of each kind on one accelerator, by format, dataflow, use of zeros, schedule and spatial assignment.

Sizes and widths of the hardware are held. For each value of a choice, each kernel takes the best of all its mappings
that have the value, all else being free. So what is compared differs in the choice, not in how well the rest was tuned.
"""

from dse import Design, Problem
from dse.mapper import Enumerated, best_mappings, mapping_space, weighted_sum
from dse.space.design_space import CHOICES
from workloads.errors import InputError

QUESTIONS = {
    "a_format": "format of A",
    "dataflow": "dataflow",
    "a_zero": "zeros of A",
    "schedule": "schedule",
    "columns_on": "dimension of PE columns",
    "lanes_on": "dimension of lanes",
}
"""Choices that are put to the question, in words."""


def best_rivals(problem: Problem, base: Design, choice: str, *, progress: bool = False) -> dict[str, Design]:
    """Value of the choice -> the best design that has it in all kernels; left out is what some kernel cannot have.

    Kernels take the mapping of the least `latency / base's latency + energy / base's energy`, which to first order is
    the least energy-delay product of the whole. A mapping that no schedule changes counts as having each.
    """
    own = problem.score_designs([base])
    merit = weighted_sum(float(own.latency_s.sum()), float(own.energy_pj.sum()))
    open_values, found = problem.encoding.space.values(choice), {}
    for value in [value for value in CHOICES[choice] if value in open_values]:
        space = mapping_space(problem.encoding.space, base.hardware, {choice: (value,)})
        try:
            held = problem.within(space)
        except InputError:  # a kernel has no legal mapping with it
            continue
        best = [one for one in best_mappings(held, Enumerated(progress), merit) if one is not None]
        if len(best) == len(problem.kernels):
            found[value] = Design(base.hardware, tuple(one.mapping for one in best), base.kernels)
    return found
