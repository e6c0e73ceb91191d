"""Networks pruned every way and to every level, for several seeds: trained together, shrunk, rounded and measured."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.common.progress import show_progress
from workloads import SparseKernel
from workloads.errors import InputError
from workloads.pruning.images import Images, digits_images, idx_images
from workloads.pruning.masks import PATTERNS, kept_of, pattern_words
from workloads.pruning.measurement import Measured, measure_network
from workloads.pruning.quantisation import recorded_integers
from workloads.pruning.shrink import without_unread
from workloads.pruning.small_networks import NETWORKS, Network
from workloads.pruning.train import PruningCase, Recipe, prune_many
from workloads.pruning.workload import pruned_workload

DENSE = PruningCase("global", 0.0)
"""Not pruned at all."""


@dataclasses.dataclass(frozen=True)
class Pruned:
    """One network: how and with which seed it was pruned, and what came out."""

    case: PruningCase
    seed: int
    zeros: float
    """Share of the weights of the unpruned network that are gone, before rounding."""
    measured: Measured
    size: int
    """Weights of the unpruned network."""
    kernels: tuple[SparseKernel, ...]
    """One for each layer that still computes."""
    by_bits: Mapping[int, tuple[SparseKernel, ...]]
    """The same at every width, `kernels` among them."""


def cases_of(methods: Sequence[str], levels: Sequence[float]) -> list[PruningCase]:
    """The dense network, then each method at each level; N:M at each N that the levels ask for, once.

    **Raises** `InputError` for an unknown method and a level outside (0, 1).
    """
    unknown = next((method for method in methods if method not in PATTERNS), None)
    if unknown is not None:
        raise InputError(f"--methods: '{unknown}' is unknown; choose some of: {', '.join(PATTERNS)}.")
    wrong = next((level for level in levels if not 0 < level < 1), None)
    if wrong is not None:
        raise InputError(f"--levels: {wrong:g} is not a share of zeros; give numbers above 0 and below 1.")
    if not methods or not levels:
        raise InputError("--methods and --levels need at least one each; give some, or leave the option out.")
    cases = [DENSE]
    for method in dict.fromkeys(methods):
        shares = sorted(set(levels))
        if method in ("nm4", "nm8"):
            m = int(method[2:])
            shares = sorted({1 - kept_of(m, level) / m for level in levels} - {0.0})
        cases += [PruningCase(method, share) for share in shares]
    return cases


def read_images(folder: Path | None, seeds: Sequence[int]) -> list[Images]:
    """The images of each seed: digits split by it, or those of a folder, which are split already."""
    if folder is None:
        return [digits_images(seed) for seed in seeds]
    return [idx_images(folder)] * len(seeds)


def prune_and_measure(
    name: str,
    images: Sequence[Images],
    cases: Sequence[PruningCase],
    seeds: Sequence[int],
    recipe: Recipe,
    *,
    bits: int,
    batch: int,
    sparse_inputs: bool,
) -> tuple[Network, list[list[Pruned]]]:
    """The network, and its pruned forms by case (outer list) and seed (inner).

    **Arguments**: `name` in `small_networks.NETWORKS`; `bits` of weights and activations in the kernels; `batch`,
    images that the kernels' inputs are of.
    """
    network = NETWORKS[name](images[0].size, images[0].classes)
    trained = prune_many(network, images, cases, seeds, recipe, _bar)
    results: list[list[Pruned]] = []
    for case, networks in zip(
        tqdm(cases, desc="measuring accuracy", disable=not show_progress()), trained, strict=True
    ):
        row = []
        for at, (params, seed) in enumerate(zip(networks, seeds, strict=True)):
            size = sum(weight.size for weight, _ in params)
            gone = 1 - sum(np.count_nonzero(weight) for weight, _ in params) / size
            small, columns = params, [np.arange(weight.shape[1]) for weight, _ in params]
            if case.pattern in ("rows", "units"):
                small, columns = without_unread(params)
            measured = measure_network(network, small, trained[0][at], columns, images[at], bits, batch)
            first = images[at].held_out[:batch]
            by_bits = {
                width: pruned_workload(
                    f"{name}_{_short(case)}_{seed}",
                    network.layer_names,
                    integers.weights,
                    recorded_integers(network, integers, first)[0],
                    sparse_inputs=sparse_inputs,
                    network=network,
                ).kernels
                for width, integers in measured.quantised.items()
            }
            row.append(Pruned(case, seed, gone, measured, size, by_bits[bits], by_bits))
        results.append(row)
    return network, results


def title_of(case: PruningCase) -> str:
    """What a case is called in tables: `global 90 %`, `2:4`, `dense`."""
    if case.zeros == 0:
        return "dense"
    words = pattern_words(case.pattern, round(case.zeros, 6))
    return words if ":" in words else f"{case.pattern} {words}"


def _short(case: PruningCase) -> str:
    return "dense" if case.zeros == 0 else f"{case.pattern}_{case.zeros:g}"


def _bar(rounds: range) -> tqdm:
    return tqdm(rounds, desc="training", unit="round", disable=not show_progress())
