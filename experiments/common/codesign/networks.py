"""The networks of a co-design, arm by arm: pruned first, or trained under the price of a machine that moves along."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from dse import Design, Problem, Strategy
from dse.codesign import Companions
from experiments.common.progress import show_progress
from experiments.common.prune.networks import title_of
from workloads import SparseKernel, Workload
from workloads.kernels.unfolding import Unfolding
from workloads.pruning.images import Images
from workloads.pruning.layer_statistics import LayerTables
from workloads.pruning.measurement import measure_network
from workloads.pruning.priced_pruning import LayerCounts, Price, prune_priced
from workloads.pruning.shrink import without_silent, without_unread
from workloads.pruning.small_networks import Network, Params
from workloads.pruning.train import PruningCase, Recipe, prune_many
from workloads.pruning.workload import pruned_workload

BITS = 8
"""Of weights and activations."""
METHODS = {
    "whole": ("codesign", False),
    "single": ("codesign", True),
    "still": ("still", False),
    "macs": ("macs", True),
}
"""Method -> its arm, and whether weights may go one by one, or whole outputs and inputs only. In "still" the machine
stays that of the dense network; in "macs" the price is the number of multiplications, and there is no machine."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """One network, in integers."""

    arm: str
    method: str
    """Of the arm; points of one method make a curve."""
    level: str
    seed: int
    accuracy: float
    """Share of held-out images labelled right."""
    kernels: tuple[SparseKernel, ...]
    """One for each layer, without outputs that nothing reads and inputs that nothing is made of."""
    searched: float = 0.0
    """Evaluations that its machine has had already."""
    machine: Design | None = None
    """The last one on the way that can be built, for the whole network."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all arms have in common."""

    network: Network
    images: Sequence[Images]
    """Of each seed."""
    seeds: Sequence[int]
    recipe: Recipe
    batch: int
    """Images of a run of the machine."""


def whole_workload(network: Network, batch: int) -> Workload:
    """The network of which nothing is gone."""
    layers = zip(network.layer_names, network.shapes, columns_of(network, batch), unfoldings_of(network), strict=True)
    kernels = [
        SparseKernel(name, csr_array(np.ones(shape)), None, columns, unfolding=unfolding)
        for name, shape, columns, unfolding in layers
    ]
    return Workload(network.name, tuple(kernels))


def columns_of(network: Network, batch: int) -> list[int]:
    """Columns of B of each layer: images times the positions that its product is made at."""
    return [batch * positions for positions in network.positions]


def unfoldings_of(network: Network) -> tuple[Unfolding | None, ...]:
    """How the maps of each layer become its B, while nothing is gone."""
    return network.unfoldings([inputs for _, inputs in network.shapes])


def pruned_first(setting: Setting, cases: Sequence[PruningCase]) -> list[Trained]:
    """Gradually pruned networks, all seeds of a case together; the machine comes later."""
    trained = prune_many(setting.network, setting.images, cases, setting.seeds, setting.recipe, _bar("pruning first"))
    return [
        _measured(setting, at, params, "prune", case.pattern, title_of(case))
        for case, row in zip(cases, trained, strict=True)
        for at, params in enumerate(row)
    ]


def co_designed(
    setting: Setting,
    shares: Sequence[float],
    problem: Problem,
    tables: LayerTables,
    strategy: Strategy,
    *,
    budget: int,
    settles: int,
    method: str,
) -> list[Trained]:
    """Networks for shares of the dense network's price, all seeds of a share together.

    **Arguments**: `problem` of `whole_workload`, `tables` of its layers; `budget` of evaluations and number of the
    searches for each machine on the way; `method` in `METHODS`.
    """
    arm, singly = METHODS[method]
    count, before, companions = len(setting.seeds) * len(shares), problem.evaluations, None
    if arm == "macs":
        price = _by_multiplications(setting)
    else:
        companions = Companions(problem, tables, count, strategy=strategy, budget=budget)
        price = _by_machines(companions, settles if arm == "codesign" else 0)
    trained = prune_priced(
        setting.network,
        setting.images,
        shares,
        setting.seeds,
        setting.recipe,
        price,
        singly=singly,
        progress=_bar(f"training, {method}"),
    )
    searched = (problem.evaluations - before) / count
    machines = companions.designs() if companions else [None] * count  # seeds outermost
    return [
        _measured(setting, at, params, arm, method, f"{share:g}", searched, machines[at * len(shares) + column])
        for column, (share, row) in enumerate(zip(shares, trained, strict=True))
        for at, params in enumerate(row)
    ]


def _by_machines(companions: Companions, settles: int) -> Price:
    settled = 0

    def price(counts: LayerCounts, done: float) -> tuple[np.ndarray, LayerCounts]:
        nonlocal settled
        shape = np.shape(counts.outputs)
        logs = np.log2(np.stack(counts, axis=-1)).reshape(-1, shape[-1], 3)
        if settles and done * settles >= settled:
            companions.settle(logs)
            settled += 1
        look = companions.step(logs) if settles else companions.look(logs)
        log_price = (look.log_price - companions.full_log_price).reshape(shape[:-1])
        return log_price, LayerCounts(*np.moveaxis(look.by_counts.reshape(*shape, 3), -1, 0))

    return price


def _by_multiplications(setting: Setting) -> Price:
    columns = np.array(columns_of(setting.network, setting.batch), float)
    whole = sum(out * k * n for (out, k), n in zip(setting.network.shapes, columns, strict=True))

    def price(counts: LayerCounts, done: float) -> tuple[np.ndarray, LayerCounts]:
        each = np.asarray(counts.weights, float) * columns
        total = each.sum(axis=-1)
        nothing = np.zeros(each.shape)
        return np.log(total / whole), LayerCounts(nothing, nothing, each / total[..., None])

    return price


def _measured(
    setting: Setting,
    at: int,
    params: Params,
    arm: str,
    method: str,
    level: str,
    searched: float = 0.0,
    machine: Design | None = None,
) -> Trained:
    """The network of a seed, which is number `at`."""
    network = setting.network
    small, columns = without_unread(without_silent(network, params))
    measured = measure_network(network, small, params, columns, setting.images[at], BITS, setting.batch)
    weights, inputs = list(measured.quantised[BITS].weights), list(measured.inputs)
    read = weights[0].any(axis=0)
    weights[0], inputs[0] = weights[0][:, read], inputs[0][:, read]
    kernels = pruned_workload(network.name, network.layer_names, weights, inputs, network=network).kernels
    accuracy = measured.accuracies[f"int{BITS}"]
    return Trained(arm, method, level, setting.seeds[at], accuracy, kernels, searched, machine)


def _bar(words: str) -> Callable[[range], tqdm]:
    return lambda rounds: tqdm(rounds, desc=words, unit="round", disable=not show_progress())
