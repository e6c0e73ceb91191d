"""From networks and their costs to points: means and spread over seeds, the front of what is worth having, its knee."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from dse import nondominated
from experiments.common.prune.networks import Pruned, title_of
from experiments.common.prune.price import PricedKernel
from workloads.pruning.small_networks import Network
from workloads.pruning.train import PruningCase


@dataclasses.dataclass(frozen=True)
class PruningPoint:
    """One way and level of pruning: figures by seed, shape [seeds]."""

    case: PruningCase
    title: str
    zeros: np.ndarray
    """Share of the weights of the unpruned network that are gone."""
    float_accuracy: np.ndarray
    accuracy: np.ndarray
    """Share of held-out images labelled right, in the integers that the machine computes with."""
    energy_pj: np.ndarray
    """Of a batch; latency likewise."""
    latency_s: np.ndarray

    @property
    def means(self) -> tuple[float, float, float]:
        """Accuracy, energy (pJ) and latency (s)."""
        return float(self.accuracy.mean()), float(self.energy_pj.mean()), float(self.latency_s.mean())


def points_of(
    pruned: Sequence[Sequence[Pruned]], priced: Sequence[Sequence[Sequence[PricedKernel]]], bits: int
) -> list[PruningPoint]:
    """Points by case; `priced` by case, seed and kernel."""
    points = []
    for networks, costs in zip(pruned, priced, strict=True):
        points.append(
            PruningPoint(
                networks[0].case,
                title_of(networks[0].case),
                np.array([one.zeros for one in networks]),
                np.array([one.measured.accuracies["float32"] for one in networks]),
                np.array([one.measured.accuracies[f"int{bits}"] for one in networks]),
                np.array([sum(run.energy_pj for run in runs) for runs in costs]),
                np.array([sum(run.latency_s for run in runs) for runs in costs]),
            )
        )
    return points


def front_and_knee(points: Sequence[PruningPoint], images: int) -> tuple[list[int], int]:
    """Rows of the points that no other beats in error, energy and latency alike, and the one at which they bend.

    That is where the logarithms of the error and of the energy-delay product, each as a share of its range on the
    front, add up to the least: farthest from the line between the ends (Satopaa et al., "Finding a Kneedle in a
    haystack", 2011). An error of nothing counts as half of one of so many images, so that it has a logarithm.
    """
    table = np.array([(max(1 - accuracy, 0.5 / images), e, t) for accuracy, e, t in (p.means for p in points)])
    front = np.flatnonzero(nondominated(table))
    logs = np.log(table[front])
    shares = _share_of_range(logs[:, 0]) + _share_of_range(logs[:, 1] + logs[:, 2])
    return [int(row) for row in front], int(front[np.argmin(shares)])


def _share_of_range(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (np.ptp(values) or 1.0)


def point_rows(points: Sequence[PruningPoint], front: Sequence[int], at_knee: int) -> list[dict[str, Any]]:
    """Rows of `points.csv`: means, and standard deviations over seeds."""
    _, dense_energy, dense_latency = points[0].means
    rows = []
    for at, point in enumerate(points):
        row: dict[str, Any] = {"method": _method(point.case), "level": point.title, "seeds": len(point.zeros)}
        for name in ("zeros", "float_accuracy", "accuracy", "energy_pj", "latency_s"):
            values = getattr(point, name)
            row |= {name: float(values.mean()), f"{name}_std": float(values.std())}
        change = point.accuracy - points[0].accuracy  # of the same seed
        row |= {
            "accuracy_change": float(change.mean()),
            "accuracy_change_std": float(change.std()),
            "energy_saving_over_dense": dense_energy / row["energy_pj"],
            "speedup_over_dense": dense_latency / row["latency_s"],
            "front": at in front,
            "knee": at == at_knee,
        }
        rows.append(row)
    return rows


def network_rows(
    pruned: Sequence[Sequence[Pruned]],
    points: Sequence[PruningPoint],
    priced: Sequence[Sequence[Sequence[PricedKernel]]],
) -> list[dict[str, Any]]:
    """Rows of `networks.csv`: one a network."""
    rows = []
    for networks, point, costs in zip(pruned, points, priced, strict=True):
        for at, (one, runs) in enumerate(zip(networks, costs, strict=True)):
            rows.append(
                {
                    "method": _method(one.case),
                    "level": point.title,
                    "seed": one.seed,
                    "zeros": one.zeros,
                    **{f"accuracy_{name}": value for name, value in one.measured.accuracies.items()},
                    "energy_pj": float(point.energy_pj[at]),
                    "latency_s": float(point.latency_s[at]),
                    "effectual_macs": float(sum(float(run.cost.computes.effectual) for run in runs)),
                }
            )
    return rows


def layer_rows(
    network: Network, pruned: Sequence[Sequence[Pruned]], priced: Sequence[Sequence[Sequence[PricedKernel]]]
) -> list[dict[str, Any]]:
    """Rows of `layers.csv`: one a network and layer; layers that compute nothing cost nothing."""
    rows = []
    for networks, costs in zip(pruned, priced, strict=True):
        for one, runs in zip(networks, costs, strict=True):
            by_layer = {k.name.rpartition("_")[2]: (k, run) for k, run in zip(one.kernels, runs, strict=True)}
            for at, layer in enumerate(network.layer_names):
                kernel, run = by_layer.get(layer, (None, None))
                causes = one.measured.input_zeros[at]
                rows.append(
                    {
                        "method": _method(one.case),
                        "level": title_of(one.case),
                        "seed": one.seed,
                        "layer": layer,
                        **dict(zip("mkn", kernel.shape if kernel else ("", "", ""), strict=True)),
                        "weight_zeros": one.measured.weight_zeros[at],
                        "input_zeros_natural": causes.natural,
                        "input_zeros_pruning": causes.pruning,
                        "input_zeros_rounding": causes.rounding,
                        "energy_pj": run.energy_pj if run else 0.0,
                        "latency_s": run.latency_s if run else 0.0,
                        "bottleneck": run.cost.bottleneck if run else "",
                        **{name: run.mapping.get(name, "") if run else "" for name in MAPPED},
                    }
                )
    return rows


MAPPED = (
    "dataflow",
    "a_format",
    "a_zero",
    "b_format",
    "b_zero",
    "tile_m",
    "tile_k",
    "tile_n",
    "loop_order",
    "schedule",
)
"""What `layers.csv` tells of a mapping."""


def _method(case: PruningCase) -> str:
    return "dense" if case.zeros == 0 else case.pattern
