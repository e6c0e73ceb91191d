"""What pruning paid, in words."""

from collections.abc import Sequence

import numpy as np

from experiments.common.design_words import energy, quantity
from experiments.common.prune.networks import Pruned
from experiments.common.prune.points import PruningPoint
from experiments.common.table import text_table
from workloads.pruning.small_networks import Network

POINT = 0.01


def _share(values: np.ndarray) -> str:
    return f"{100 * values.mean():.2f} +- {100 * values.std():.2f} %"


def point_table(points: Sequence[PruningPoint], front: Sequence[int], at_knee: int, bits: int) -> str:
    """All points, means and standard deviations over seeds, and which of them no other beats in everything."""
    _, dense_energy, dense_latency = points[0].means
    rows = []
    for at, point in enumerate(points):
        _, joules, seconds = point.means
        change = point.accuracy - points[0].accuracy  # of the same seed
        rows.append(
            (
                point.title,
                f"{point.zeros.mean():.1%}",
                _share(point.float_accuracy),
                _share(point.accuracy),
                f"{100 * change.mean():+.2f} +- {100 * change.std():.2f}" if at else "",
                energy(joules),
                f"{dense_energy / joules:.2f} x",
                quantity(seconds, "s"),
                f"{dense_latency / seconds:.2f} x",
                "knee" if at == at_knee else "front" if at in front else "",
            )
        )
    header = ("", "zeros", "float32", f"int{bits}", "points", "energy", "saving", "latency", "speed-up", "")
    return text_table(header, rows, left=(0, 9))


def knee_words(points: Sequence[PruningPoint], at_knee: int) -> str:
    """The knee against the dense network."""
    dense, knee = points[0], points[at_knee]
    (right, joules, seconds), (full, dense_joules, dense_seconds) = knee.means, dense.means
    if at_knee == 0:
        return "Knee: the dense network; what pruning saves here is not worth the accuracy."
    return (
        f"Knee: {knee.title}, 1/{dense_joules / joules:.3g} of the dense network's energy in 1/"
        f"{dense_seconds / seconds:.3g} of its time, at {100 * abs(right - full):.2f} points "
        f"{'less' if right < full else 'more'} accuracy ({100 * right:.2f} %)"
    )


def within_words(points: Sequence[PruningPoint]) -> list[str]:
    """How far each method can be taken within a point of the dense network, by its energy-delay product."""
    dense = points[0]
    lines = []
    for method in dict.fromkeys(point.case.pattern for point in points[1:]):
        own = [point for point in points[1:] if point.case.pattern == method]
        near = [point for point in own if point.accuracy.mean() >= dense.accuracy.mean() - POINT]
        if not near:
            best = max(own, key=lambda point: point.accuracy.mean())
            loss = 100 * (dense.accuracy.mean() - best.accuracy.mean())
            lines.append(f"  {method}: no level is within a point of dense; {best.title} loses {loss:.2f}")
            continue
        best = min(near, key=lambda point: point.means[1] * point.means[2])
        saving, speed = (dense.means[at] / best.means[at] for at in (1, 2))
        lines.append(f"  {method}: {best.title}, 1/{saving:.3g} of the energy, {speed:.3g} times as fast")
    return lines


def zeros_table(network: Network, dense: Sequence[Pruned], pruned: Sequence[Pruned], title: str) -> str:
    """Zeros by layer of the dense network and of another, means over seeds, and what made those of the inputs."""
    rows = []
    for name, networks in {"dense": dense, title: pruned}.items():
        for at, layer in enumerate(network.layer_names):
            causes = [one.measured.input_zeros[at] for one in networks]
            rows.append(
                (
                    name if at == 0 else "",
                    layer,
                    f"{np.mean([one.measured.weight_zeros[at] for one in networks]):.1%}",
                    f"{np.mean([cause.total for cause in causes]):.1%}",
                    *(
                        f"{np.mean([getattr(c, part) for c in causes]):.1%}"
                        for part in ("natural", "pruning", "rounding")
                    ),
                )
            )
    header = ("", "layer", "weights", "inputs", "natural", "by pruning", "by rounding")
    return text_table(header, rows, left=(0, 1))
