"""The networks of a co-design, arm by arm: pruned first, or trained under the price of a machine that moves along."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from dse import Design, Problem, Strategy
from dse.codesign import Companions
from experiments.common.cli import show_progress
from experiments.common.prune_networks import title_of
from workloads import SparseKernel, Workload
from workloads.pruning.images import Images
from workloads.pruning.measured import measure_network
from workloads.pruning.networks import Network, Params
from workloads.pruning.priced import Counts, Price, prune_priced
from workloads.pruning.priced_tables import layer_tables
from workloads.pruning.products import network_workload
from workloads.pruning.shrink import without_silent, without_unread
from workloads.pruning.train import Case, Recipe, prune_many

BITS = 8
"""Of weights and activations."""


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


def whole_workload(network: Network, batch: int) -> Workload:
    """The network of which nothing is gone."""
    kernels = [
        SparseKernel(name, csr_array(np.ones(shape)), None, columns)
        for name, shape, columns in zip(network.layer_names, network.shapes, columns_of(network, batch), strict=True)
    ]
    return Workload(network.name, tuple(kernels))


def columns_of(network: Network, batch: int) -> list[int]:
    """Columns of B of each layer: images times the positions that its product is made at."""
    return [batch * positions for positions in network.positions]


def pruned_first(
    network: Network, images: Sequence[Images], cases: Sequence[Case], seeds: Sequence[int], recipe: Recipe, batch: int
) -> list[list[Trained]]:
    """Gradually pruned networks by case and seed; the machine comes later."""
    trained = prune_many(network, images, cases, seeds, recipe, _bar("pruning first"))
    return [
        [
            _measured(network, params, own, batch, "prune", case.pattern, title_of(case), seed)
            for params, own, seed in zip(row, images, seeds, strict=True)
        ]
        for case, row in zip(cases, trained, strict=True)
    ]


def co_designed(
    network: Network,
    images: Sequence[Images],
    shares: Sequence[float],
    seeds: Sequence[int],
    recipe: Recipe,
    batch: int,
    problem: Problem,
    strategy: Strategy,
    *,
    budget: int,
    settles: int,
    arm: str,
) -> list[list[Trained]]:
    """Networks by share of the dense network's price and seed.

    **Arguments**: `problem` of `whole_workload`; `budget` of evaluations and number of the searches for each machine on
    the way. `arm`: "codesign"; "still", where the machine stays the dense network's; or "macs", where the price is the
    number of multiplications and there is no machine.
    """
    columns = np.array(columns_of(network, batch), float)
    before, companions = problem.evaluations, None
    if arm == "macs":
        price = _by_multiplications(columns, network)
    else:
        tables = layer_tables(network.shapes, columns.astype(int).tolist())
        companions = Companions(problem, tables, len(seeds) * len(shares), strategy=strategy, budget=budget)
        price = _by_machines(companions, settles if arm == "codesign" else 0)
    trained = prune_priced(network, images, shares, seeds, recipe, price, _bar(f"training, {arm}"))
    searched = (problem.evaluations - before) / (len(seeds) * len(shares))
    machines = companions.designs() if companions else [None] * (len(seeds) * len(shares))
    return [
        [
            _measured(
                network, params, images[s], batch, arm, arm, f"{share:g}", seed, searched, machines[s * len(shares) + c]
            )
            for s, (params, seed) in enumerate(zip(row, seeds, strict=True))
        ]
        for c, (share, row) in enumerate(zip(shares, trained, strict=True))
    ]


def _by_machines(companions: Companions, settles: int) -> Price:
    settled = 0

    def price(counts: Counts, done: float) -> tuple[np.ndarray, Counts]:
        nonlocal settled
        shape = np.shape(counts.outputs)
        logs = np.log2(np.stack(counts, axis=-1)).reshape(-1, shape[-1], 3)
        if settles and done * settles >= settled:
            companions.settle(logs)
            settled += 1
        look = companions.step(logs) if settles else companions.look(logs)
        log_price = (look.log_price - companions.full_log_price).reshape(shape[:-1])
        return log_price, Counts(*np.moveaxis(look.by_counts.reshape(*shape, 3), -1, 0))

    return price


def _by_multiplications(columns: np.ndarray, network: Network) -> Price:
    whole = sum(out * k * n for (out, k), n in zip(network.shapes, columns, strict=True))

    def price(counts: Counts, done: float) -> tuple[np.ndarray, Counts]:
        each = np.asarray(counts.weights, float) * columns
        total = each.sum(axis=-1)
        nothing = np.zeros(each.shape)
        return np.log(total / whole), Counts(nothing, nothing, each / total[..., None])

    return price


def _measured(
    network: Network,
    params: Params,
    images: Images,
    batch: int,
    arm: str,
    method: str,
    level: str,
    seed: int,
    searched: float = 0.0,
    machine: Design | None = None,
) -> Trained:
    small, columns = without_unread(without_silent(network, params))
    measured = measure_network(network, small, params, columns, images, BITS, batch)
    weights, inputs = list(measured.quantised[BITS].weights), list(measured.inputs)
    read = weights[0].any(axis=0)
    weights[0], inputs[0] = weights[0][:, read], inputs[0][:, read]
    kernels = network_workload(network.name, network.layer_names, weights, inputs).kernels
    return Trained(arm, method, level, seed, measured.accuracies[f"int{BITS}"], kernels, searched, machine)


def _bar(words: str) -> Callable[[range], tqdm]:
    return lambda rounds: tqdm(rounds, desc=words, unit="round", disable=not show_progress())
