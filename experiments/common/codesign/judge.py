"""The judgement of both arms: each network as it is, in integers, on the best machine that a search finds for it."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from dse import Design, Problem, Strategy, alone, restricted
from dse.mapper import (
    Enumerated,
    best_design,
    best_mappings,
    mapping_space,
    merit_of,
    supported_choices,
    weighted_sum,
)
from experiments.common.codesign.networks import Trained
from experiments.common.progress import show_progress
from hwmodels.cost import Cost
from workloads import SparseKernel, measure
from workloads.errors import InputError

CHUNKS = 2
"""Searches that a budget is shared by; the best of several is better than one that is stuck."""
ROUNDS = 2
"""Times that mappings are chosen, the second time by what the network takes with the first."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """A network and its machine."""

    network: Trained
    design: Design
    costs: Sequence[Cost]
    """By layer."""
    latency_s: float
    """Of a batch; energy likewise."""
    energy_pj: float
    area_mm2: float
    evaluations: float
    """All that its machine had."""

    @property
    def edp_js(self) -> float:
        """Energy-delay product, J s."""
        return self.latency_s * self.energy_pj * 1e-12


def problem_of(problem: Problem, network: Trained) -> Problem:
    """The problem of a network's own layers, with compiled models shared; `problem` is that of the whole network."""
    names = [kernel.name for kernel in problem.kernels]
    at = [names.index(kernel.name.rpartition("_")[2]) for kernel in network.kernels]
    own = list(problem.statistics)
    for layer, kernel in zip(at, network.kernels, strict=True):
        own[layer] = measure(kernel)
    whole = problem.changed(statistics=own)
    return whole if len(at) == len(names) else alone(whole, at)


def judge_networks(
    problem: Problem, networks: Sequence[Trained], strategy: Strategy, budget: int, seed: int
) -> list[Judged]:
    """Each network on the best machine of a search of its own.

    Those whose machines were searched for on the way have so many evaluations less; all have `budget` in all.
    """
    judged = []
    for network in tqdm(networks, desc="designing", unit="network", disable=not show_progress()):
        own = problem_of(problem, network)
        left = max(int(budget - network.searched), CHUNKS)
        results = [strategy(own, budget=left // CHUNKS, seed=seed + at) for at in range(CHUNKS)]
        designs = [own.design(result.genomes[0]) for result in results if len(result.genomes)]
        if network.machine is not None:
            designs.append(
                restricted(network.machine, [list(network.machine.kernels).index(k.name) for k in own.kernels])
            )
        design = best_design(own, designs or own.designs(own.require_feasible(results[0]).genomes))
        judged.append(on_machine(own, network, design, own.evaluations + network.searched))
    return judged


def on_machine(own: Problem, network: Trained, design: Design, evaluations: float = 0.0) -> Judged:
    """A network on a design of its own problem (`problem_of`)."""
    costs, total = own.detail(design)
    latency, energy = float(total.latency_s), float(np.sum(total.energy_pj))
    return Judged(network, design, costs, latency, energy, float(total.core_area_mm2), evaluations)


def remapped(problem: Problem, judged: Judged, machine: Design) -> Judged:
    """A network on the hardware of another design: numbers and capabilities are that one's, its mappings the best.

    Layers take their mappings of least energy-delay product, and then those of least latency and energy as shares of
    the network's, which to first order is its energy-delay product; the best of these, and of the other network's, is
    taken.
    """
    own = problem_of(problem, judged.network)
    held = own.within(mapping_space(own.encoding.space, machine.hardware, supported_choices(machine, dense=False)))
    names, merit = tuple(kernel.name for kernel in own.kernels), merit_of("edp_js")
    designs = [machine] if machine.kernels == names else []
    for _ in range(ROUNDS):
        best = [one for one in best_mappings(held, Enumerated(), merit) if one is not None]
        if len(best) == len(names):
            designs.append(Design(machine.hardware, tuple(one.mapping for one in best), names))
            latency, energy = (np.array([getattr(one, total) for one in best]) for total in ("latency_s", "energy_pj"))
            merit = weighted_sum(float(latency @ own.repeats), float(energy @ own.repeats))
    if not designs:
        raise InputError(held.explain_infeasible())
    return on_machine(own, judged.network, best_design(own, designs))


def swapped(problem: Problem, pairs: Sequence[tuple[Judged, Judged]]) -> dict[str, float]:
    """Energy-delay product over the first of each pair with the second's network, its hardware, and both.

    Geometric means over the pairs; a network finds new mappings on the other's hardware.
    """
    ratios: dict[str, list[float]] = {"network": [], "machine": [], "both": []}
    for first, second in pairs:
        mixed = {
            "network": remapped(problem, second, first.design),
            "machine": remapped(problem, first, second.design),
            "both": second,
        }
        for name, one in mixed.items():
            ratios[name].append(one.edp_js / first.edp_js)
    return {name: float(np.exp(np.mean(np.log(values)))) for name, values in ratios.items()}


def fixed_cost(problem: Problem, judged: Judged) -> tuple[float, float]:
    """Latency (s) and energy (pJ) of layers of one output, input and weight each on a network's machine."""
    one = csr_array(np.ones((1, 1)))
    kernels = tuple(SparseKernel(kernel.name, one, None, kernel.n) for kernel in judged.network.kernels)
    least = dataclasses.replace(judged.network, kernels=kernels)
    done = on_machine(problem_of(problem, least), least, judged.design)
    return done.latency_s, done.energy_pj
