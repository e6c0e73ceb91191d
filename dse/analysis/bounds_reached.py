"""Where a front ends because the design space does: numbers that lie on their bounds, and the values beyond."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dse.space.defaults import workload_reach
from dse.space.encoding import Encoding, Gene
from hwmodels.design.hardware import TILE_SIZES

LEAST_SHARE = 0.10
"""Of the front on a bound, from which on the bound is worth a word."""
STEPS = 2
"""Values beyond a bound that are proposed."""


@dataclasses.dataclass(frozen=True)
class AtBound:
    """A number that lies on one of its bounds along a front."""

    name: str
    """As `DesignSpace.fix` takes it: of one kernel where that has values of its own, else of all."""
    value: float
    """The bound."""
    upper: bool
    share: float
    """Of the designs; of a mapping's number, of the designs and kernels together."""
    wider: tuple[float, ...]
    """The values that the number may take now, and the next ones beyond the bounds that it lies on."""


def at_bounds(encoding: Encoding, genomes: np.ndarray, least_share: float = LEAST_SHARE) -> list[AtBound]:
    """Numbers that lie on their least or greatest value in more than a share of some designs, most frequent first.

    Left out are bounds beyond which nothing is gained: 1, a size that covers the kernels (`workload_reach`), and what
    is held at a single value.
    """
    groups: dict[str, list[int]] = {}
    for column, gene in enumerate(encoding.genes):
        if gene.parameter.is_number and len(genomes):
            groups.setdefault(_name(encoding, gene), []).append(column)
    found = []
    for name, columns in groups.items():
        values = sorted({float(value) for column in columns for value in encoding.genes[column].values})
        ends = []
        for upper in (False, True):
            on = [_on_bound(encoding, genomes, column, upper) for column in columns]
            share = float(np.mean(on))
            if share > least_share:
                ends.append((upper, share))
        wider = _widened(values, [upper for upper, _ in ends])
        found += [AtBound(name, values[-1 if upper else 0], upper, share, wider) for upper, share in ends]
    return sorted(found, key=lambda one: -one.share)


def _name(encoding: Encoding, gene: Gene) -> str:
    kernel = encoding.kernels[gene.kernel].name if gene.kernel >= 0 else ""
    own = gene.parameter.name in encoding.space.per_kernel.get(kernel, {})
    return f"{kernel}.{gene.parameter.name}" if own else gene.parameter.name


def _on_bound(encoding: Encoding, genomes: np.ndarray, column: int, upper: bool) -> np.ndarray:
    """Mask of the designs that lie on a bound of a gene beyond which there is something to gain, shape [n]."""
    gene = encoding.genes[column]
    bound = float(gene.values[-1 if upper else 0])  # pyright: ignore[reportArgumentType]
    on = genomes[:, column] == (len(gene.values) - 1 if upper else 0)
    if len(gene.values) == 1 or (not upper and bound == 1):
        return np.zeros(len(genomes), bool)
    if not upper:
        return on
    name = gene.parameter.name
    if name in TILE_SIZES:
        return on & (bound < getattr(encoding.kernels[gene.kernel], name[-1]))
    widths = (float(encoding.space[width].values[-1]) for width in ("value_bits", "accumulator_bits"))
    return on & (bound < workload_reach(encoding.kernels, *widths).get(name, np.inf))


def _widened(values: Sequence[float], ends: Sequence[bool]) -> tuple[float, ...]:
    """Values continued beyond their ends, by the ratio of the last two there."""
    wider = list(values)
    if True in ends:
        ratio = values[-1] / values[-2]
        wider += [float(np.ceil(values[-1] * ratio**step)) for step in range(1, STEPS + 1)]
    if False in ends:
        ratio = values[1] / values[0]
        wider += [float(np.floor(values[0] / ratio**step)) for step in range(1, STEPS + 1)]
    return tuple(sorted({value for value in wider if value >= 1}))
