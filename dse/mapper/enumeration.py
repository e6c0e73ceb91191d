"""Every mapping of one kernel on one machine, less those that cannot be best: cut before they are evaluated.

Three cuts are exact, since whatever mapping they leave out has another one that is nowhere worse:

- Gating a zero takes the time of computing it and less energy, and no unit of its own, so computing is left out where
  gating may be chosen.
- A loop order matters only by which operands it fetches again at each visit, so of orders that fetch alike one is kept,
  and none that fetches more than another; which these are depends on which dimensions have more than one tile.
- A tile of A, B and Z must fit in half of the GLB. What it needs follows from its sizes, the formats and the widths of
  values, so it is evaluated once for each pair of formats, and serves every machine.

What is left is evaluated whole, every choice with every tile size (`Batcher.alone_on`), so the best of it is the best
there is.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from dse.problem.batched_models import FIT
from dse.problem.multi_workload import alone
from dse.problem.search_problem import Problem
from dse.space.combinations import COMBINED
from dse.space.encoding import Batch, Encoding
from hwmodels.analytical.tiling import refetches
from hwmodels.cost import within_limit
from hwmodels.design.choices import LOOP_ORDERS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS

WIDTHS = [HARDWARE_NUMBERS.index(name) for name in ("value_bits", "accumulator_bits")]
GLB = HARDWARE_NUMBERS.index("glb_bytes")


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """Some mappings of a kernel on one machine."""

    rows: np.ndarray
    """Genomes of the problem of the kernel alone, shape [j, genes]."""
    outputs: np.ndarray
    """Those of `Batcher.alone`, shape [j, OUTPUTS]."""


class KernelMappings:
    """All mappings of one kernel of a problem that may be best on some machine."""

    def __init__(self, problem: Problem, kernel: int):
        self.problem = alone(problem, [kernel])
        encoding = self.problem.encoding
        self._tile_columns = np.array([encoding.column(0, name) for name in MAPPING_NUMBERS])
        positions = [np.arange(encoding.radix[column]) for column in self._tile_columns]
        self._tiles = np.stack([axis.ravel() for axis in np.meshgrid(*positions, indexing="ij")], axis=1)
        self._sizes = np.stack(
            [np.array(encoding.genes[c].values, float)[self._tiles[:, at]] for at, c in enumerate(self._tile_columns)],
            axis=1,
        )
        shape = self.problem.kernels[0]
        self._split = np.array([shape.m, shape.k, shape.n]) > self._sizes
        self._combinations = _without_computing(encoding)
        self._columns = encoding.combined_columns(0)
        whole = np.zeros((len(self._combinations), len(encoding.genes)), np.int32)
        whole[:, self._columns] = self._combinations
        self.bits = encoding.unit_bits(whole)[:, 0]
        """Units of each combination."""
        self._choices = np.stack([encoding.values(whole, encoding.column(0, name)) for name in MAPPING_CHOICES], axis=1)
        self._flows = encoding.values(whole, encoding.column(0, "dataflow"))
        self._needs: dict[tuple[float, ...], np.ndarray] = {}

    @property
    def count(self) -> int:
        """Mappings before any cut."""
        return len(self._tiles) * len(self.problem.encoding.combinations[0])

    def on(self, machine: np.ndarray, units: int = -1) -> Iterator[Evaluated]:
        """Evaluate what is left on the hardware of a genome with some `units` (bits), a dataflow at a time."""
        batch = self.problem.encoding.batch(machine[None])
        able = (self.bits & ~np.int64(units)) == 0
        orders = list(MAPPING_CHOICES).index("loop_order")
        fits = within_limit(self._need(batch) / (batch.hardware[0, GLB] * 4.0))  # [t, pair]
        pairs = self._pairs
        for split in np.unique(self._split, axis=0):
            kept = able & np.isin(self._choices[:, orders], orders_that_matter(tuple(map(bool, split)), self._orders()))
            here = np.flatnonzero((self._split == split).all(axis=1))
            for flow in np.unique(self._flows[kept]):
                chosen = np.flatnonzero(kept & (self._flows == flow))
                tiles = here[fits[here][:, pairs[chosen]].any(axis=1)]
                if len(tiles) and len(chosen):
                    yield self._evaluated(batch, machine, int(flow), tiles, chosen)

    def _evaluated(
        self, batch: Batch, machine: np.ndarray, flow: int, tiles: np.ndarray, chosen: np.ndarray
    ) -> Evaluated:
        found = self.problem.batcher.alone_on(batch, 0, flow, self._sizes[tiles], self._choices[chosen])
        self.problem.evaluations += found.shape[0] * found.shape[1]
        rows = np.tile(machine, (found.shape[0] * found.shape[1], 1))
        rows[:, self._tile_columns] = np.repeat(self._tiles[tiles], len(chosen), axis=0)
        rows[:, self._columns] = np.tile(self._combinations[chosen], (len(tiles), 1))
        return Evaluated(rows, found.reshape(-1, found.shape[2]))

    def _orders(self) -> tuple[int, ...]:
        column = list(MAPPING_CHOICES).index("loop_order")
        return tuple(np.unique(self._choices[:, column]).tolist())

    @functools.cached_property
    def _pairs(self) -> np.ndarray:
        """Number of the pair of formats of each combination."""
        formats = [list(MAPPING_CHOICES).index(name) for name in ("a_format", "b_format")]
        return np.unique(self._choices[:, formats], axis=0, return_inverse=True)[1].ravel()

    def _need(self, batch: Batch) -> np.ndarray:
        """Bits that a tile of A, B and Z takes in the GLB, for each tile size and pair of formats; shape [t, pair]."""
        widths = tuple(batch.hardware[0, WIDTHS].tolist())
        if widths not in self._needs:
            _, examples = np.unique(self._pairs, return_index=True)
            need = np.zeros((len(self._tiles), len(examples)))
            for flow in np.unique(self._flows[examples]):
                own = np.flatnonzero(self._flows[examples] == flow)
                some = self._choices[examples[own]]
                found = self.problem.batcher.alone_on(batch, 0, int(flow), self._sizes, some)
                need[:, own] = found[:, :, FIT][:, :, 0] * batch.hardware[0, GLB] * 4.0
            self.problem.evaluations += need.size
            self._needs[widths] = need
        return self._needs[widths]


def _without_computing(encoding: Encoding) -> np.ndarray:
    """Legal combinations of the only kernel's choices in which no zero is computed that could be gated."""
    rows = encoding.combinations[0]
    for name in ("a_zero", "b_zero"):
        at = COMBINED.index(name)
        values = encoding.genes[encoding.column(0, name)].values
        names = list(values)
        if {"compute", "gate"} <= set(names):
            gated = rows.copy()
            computed = rows[:, at] == names.index("compute")
            gated[computed, at] = names.index("gate")
            known = {row.tobytes() for row in rows}
            can = np.array([row.tobytes() in known for row in gated])
            rows = rows[~(computed & can)]
    return rows


@functools.cache
def orders_that_matter(split: tuple[bool, bool, bool], orders: tuple[int, ...]) -> tuple[int, ...]:
    """Of loop orders (indices of `LOOP_ORDERS`) the first of those that fetch alike, and none that fetches more than
    another, where the dimensions m, k and n are `split` into more than one tile."""
    fetched = {order: refetches(LOOP_ORDERS[order], split) for order in orders}
    kept: list[int] = []
    for order, own in fetched.items():
        worse = any(all(a <= b for a, b in zip(other, own, strict=True)) and other != own for other in fetched.values())
        alike = any(fetched[known] == own for known in kept)
        if not worse and not alike:
            kept.append(order)
    return tuple(kept)
