"""The machine that pruned networks are priced on where none is named: found for networks as they would be deployed."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dse import Design, Problem, Strategy, default_space, knee
from experiments.common.progress import show_progress
from experiments.common.prune.networks import Pruned
from experiments.common.search import TRADE_OFF, build_problem
from hwmodels.systems import work_of
from hwmodels.technology import Technology
from workloads import Workload

HELD = {"dataflow": ["gustavson"], "a_format": ["dense", "bitmask", "csr", "nm4", "nm8"]}
"""One dataflow, that of GAMMA and MatRaptor, which walks all that pruning makes: a decoder for each format at most."""
NEAR = 0.01
"""Accuracy that a deployed network may lose."""


def deployed(pruned: Sequence[Sequence[Pruned]], bits: int) -> list[Pruned]:
    """The dense network, and each method's most pruned one that is within a point of it; of the first seed."""
    accuracy = lambda row: np.mean([one.measured.accuracies[f"int{bits}"] for one in row])  # noqa: E731
    dense = accuracy(pruned[0])
    chosen = [pruned[0][0]]
    for method in dict.fromkeys(row[0].case.pattern for row in pruned[1:]):
        own = [row for row in pruned[1:] if row[0].case.pattern == method]
        near = [row for row in own if accuracy(row) >= dense - NEAR] or own[:1]
        chosen.append(near[-1][0])
    return chosen


def balanced_machine(
    pruned: Sequence[Sequence[Pruned]],
    bits: int,
    technology: Technology,
    fixes: Mapping[str, Any],
    strategy: Strategy,
    budget: int,
    seed: int,
) -> tuple[Problem, Design]:
    """The balanced design of a search for `deployed` networks, each with as much effectual work as the dense one.

    **Arguments**: `fixes`, parameters of the design space that are held, besides or instead of those of `HELD`.
    """
    networks, kernels = deployed(pruned, bits), []
    multiplies = [sum(work_of(kernel).multiplies for kernel in one.kernels) for one in networks]
    for one, count in zip(networks, multiplies, strict=True):
        kernels += [dataclasses.replace(kernel, repeats=multiplies[0] / count) for kernel in one.kernels]
    space = default_space().fix(**{**HELD, "value_bits": bits, **fixes})
    problem = build_problem(Workload("pruned", tuple(kernels)), space, technology, TRADE_OFF, {})
    result = strategy(problem, budget=budget, seed=seed, progress=show_progress())
    problem.require_feasible(result)
    return problem, problem.design(result.genomes[knee(result.objectives)])
