"""The best design of each kind on one accelerator: every format, dataflow, use of zeros and schedule given its chance.

Sizes and widths of the hardware are held. One pool of mappings is searched, a share of it for each dataflow; for each
value of a choice, every mapping of the pool is tried with that value, and each kernel takes the best that is legal and
fits. So what is compared differs in the choice, not in how well the rest was tuned.
"""

from collections.abc import Sequence

import numpy as np

from dse import Design, Problem, RandomSearch
from dse.space.design_space import CHOICES
from hwmodels.design.hardware import HARDWARE_NUMBERS
from hwmodels.design.legality import illegality
from workloads import Workload
from workloads.errors import InputError

QUESTIONS = {"a_format": "format of A", "dataflow": "dataflow", "a_zero": "zeros of A", "schedule": "schedule"}
"""Choices that are put to the question, in words."""


def mapping_pool(problem: Problem, workload: Workload, base: Design, budget: int, seed: int) -> list[Design]:
    """The base, and the fronts of short searches for mappings on its hardware, one for each dataflow of the space."""
    held = {name: base.hardware[name] for name in HARDWARE_NUMBERS}
    pool, flows = [base], problem.encoding.space.values("dataflow")
    for flow in flows:
        try:
            local = within(
                problem, workload, problem.encoding.space.fix(**held, dataflow=flow), ("latency_s", "energy_pj")
            )
        except InputError:  # no legal mapping with this dataflow
            continue
        pool += local.designs(RandomSearch()(local, budget=max(budget // len(flows), 1), seed=seed).genomes)
    return pool


def rivals(problem: Problem, base: Design, pool: Sequence[Design], choice: str) -> dict[str, Design]:
    """Value of the choice -> the best design that has it in all kernels; left out is what some kernel cannot have.

    Kernels take the mapping of the least `latency / base's latency + energy / base's energy`, which to first order is
    the least energy-delay product of the whole.
    """
    own = problem.score_designs([base])
    whole = own.latency_s.sum(), own.energy_pj.sum()
    found = {}
    for value in CHOICES[choice]:
        variants, legal = [], []
        for design in pool:
            changed = [{**mapping, choice: value} for mapping in design.mappings]
            good = [
                illegality({k: v for k, v in mapping.items() if isinstance(v, str)}, kernel.family) is None
                for mapping, kernel in zip(changed, problem.kernels, strict=True)
            ]
            kept = [new if ok else old for new, old, ok in zip(changed, base.mappings, good, strict=True)]
            variants.append(Design(base.hardware, tuple(kept), base.kernels))
            legal.append(good)
        if not np.any(legal, axis=0).all():
            continue
        variants = [design.checked(problem.families) for design in variants]
        scores = problem.score_designs(variants)
        usable = np.array(legal) & scores.kernel_fits & _has(variants, choice, value)
        if not usable.any(axis=0).all():
            continue
        merit = np.where(usable, scores.latency_s / whole[0] + scores.energy_pj / whole[1], np.inf)
        picked = tuple(variants[int(row)].mappings[at] for at, row in enumerate(merit.argmin(axis=0)))
        found[str(value)] = Design(base.hardware, picked, base.kernels)
    return found


def _has(designs: Sequence[Design], choice: str, value: str) -> np.ndarray:
    """Whether a kernel still has the value when what changes nothing is settled, shape [n, kernel]."""
    return np.array([[mapping[choice] == value for mapping in design.mappings] for design in designs])
