"""Every mapping of one kernel on one machine, less those that cannot be best: cut before they are evaluated.

Three cuts are exact under the template's model (`hwmodels.evaluate`), since whatever mapping they leave out has another
one that fits and is nowhere worse:

- Gating a zero takes the time of computing it, no more energy and no area, so computing is left out where gating may be
  chosen with all else as it is.
- A loop order matters only by which operands it fetches again at each visit, so of orders that fetch alike one is kept;
  which these are depends on which dimensions have more than one tile. With a dense B (and in SDDMM) an order that
  fetches more than another is left out too. With a sparse B it is not: what is fetched once and what is fetched at each
  visit are then estimated from different statistics, which agree only to some 0.2 %.
- A tile of A, B and Z must fit in half of the GLB. What it needs follows from its sizes, the formats, whether they are
  skipped in (SDDMM) and the widths of values, so it is evaluated once for these, and serves every machine.

What is left is evaluated whole (`Batcher.alone_on`), so the best of it is the best there is. Of a user's own model
nothing is known: every mapping is evaluated.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from dse.problem.batched_models import FIT, GRID, GridPart
from dse.problem.multi_workload import alone
from dse.problem.search_problem import Problem
from dse.space.encoding import Batch
from hwmodels.analytical.evaluation import evaluate as template
from hwmodels.analytical.tiling import refetches
from hwmodels.cost import within_limit
from hwmodels.design.choices import COMPUTE, DATAFLOWS, GATE, LOOP_ORDERS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS

WIDTHS = [HARDWARE_NUMBERS.index(name) for name in ("value_bits", "accumulator_bits")]
GLB = HARDWARE_NUMBERS.index("glb_bytes")
ORDER, *ZEROS = (list(MAPPING_CHOICES).index(name) for name in ("loop_order", "a_zero", "b_zero"))
ROOM = {"sddmm": ("a_format", "a_zero")}
"""Choices that the room in the GLB depends on, where it is not the formats alone."""
ESTIMATED = ("sparse_b",)
"""Families of which an order that fetches more can come out a little better than one that fetches less."""
AT_ONCE = 65_536
"""Mappings of a call where nothing is cut."""


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """j mappings of a kernel on one machine."""

    outputs: np.ndarray
    """Those of `Batcher.alone`, shape [j, OUTPUTS]."""
    bits: np.ndarray
    """Units that each uses, shape [j]."""
    rows: Callable[[np.ndarray], np.ndarray]
    """Genomes, of the problem of the kernel alone, of some of them by their place; shape [n, genes]."""


@dataclasses.dataclass(frozen=True)
class MapperReport:
    """How the optimum of a kernel on one machine is known: every mapping is evaluated, or left out because another one
    is at least as fast and takes no more energy. So the distance to the optimum is none."""

    kernel: str
    mappings: int
    """Tile sizes times legal combinations of choices for which the machine has the units."""
    zeros_computed: int
    """Left out because their zeros could be gated."""
    orders: int
    """Left out because another loop order fetches no more."""
    too_large: int
    """Left out because their tiles do not fit in the GLB."""
    evaluated: int


class _Part(NamedTuple):
    """Tiles, about as many as go in one call, and choices of one dataflow that any of them is to be tried with."""

    flow: int
    tiles: np.ndarray
    chosen: np.ndarray


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
        self._family = shape.family
        split = np.array([shape.m, shape.k, shape.n]) > self._sizes
        self._splits, self._split_of = np.unique(split, axis=0, return_inverse=True)
        self._split_of = self._split_of.ravel()
        self._columns = encoding.combined_columns(0)
        whole = np.zeros((len(encoding.combinations[0]), len(encoding.genes)), np.int32)
        whole[:, self._columns] = encoding.combinations[0]
        self.bits = encoding.unit_bits(whole)[:, 0]
        """Units of each legal combination of choices."""
        self._choices = np.stack([encoding.values(whole, encoding.column(0, name)) for name in MAPPING_CHOICES], axis=1)
        self._flows = encoding.values(whole, encoding.column(0, "dataflow"))
        self._needs: dict[tuple[float, ...], np.ndarray] = {}

    @property
    def count(self) -> int:
        """Mappings before any cut."""
        return len(self._tiles) * len(self._choices)

    def on(self, machine: np.ndarray, units: int = -1) -> Iterator[Evaluated]:
        """Evaluate what is left on the hardware of a genome with some `units` (bits), some tiles at a time."""
        if self.problem.evaluate is not template:
            yield from self._everything(machine, self._able(units))
            return
        batch = self.problem.encoding.batch(machine[None])
        parts = list(self._parts(batch, self._left(self._able(units))))
        grids = [GridPart(part.flow, self._sizes[part.tiles], self._choices[part.chosen]) for part in parts]
        for part, found in zip(parts, self.problem.batcher.alone_on(batch, 0, grids), strict=True):
            self.problem.evaluations += found.shape[0] * found.shape[1]
            yield self._evaluated(machine, part.tiles, part.chosen, found.reshape(-1, found.shape[2]))

    def report(self, machine: np.ndarray, units: int = -1) -> MapperReport:
        """What `on` leaves out on the hardware of a genome with some `units`, and why."""
        able, tiles = self._able(units), len(self._tiles)
        if self.problem.evaluate is not template:
            return MapperReport(self.problem.kernels[0].name, tiles * len(able), 0, 0, 0, tiles * len(able))
        left = self._left(able)
        place = np.zeros(len(self._choices), int)
        place[left] = np.arange(len(left))
        tried = np.zeros((tiles, len(left)), bool)
        for part in self._parts(self.problem.encoding.batch(machine[None]), left):
            tried[np.ix_(part.tiles, place[part.chosen])] = True
        evaluated, orders = int(tried.sum()), int((~tried & ~self._ordered(left)[self._split_of]).sum())
        computed = tiles * (len(able) - len(left))
        too_large = tried.size - evaluated - orders
        return MapperReport(self.problem.kernels[0].name, tiles * len(able), computed, orders, too_large, evaluated)

    def _able(self, units: int) -> np.ndarray:
        """Combinations of choices for which the machine has the units."""
        return np.flatnonzero((self.bits & ~np.int64(units)) == 0)

    def _left(self, able: np.ndarray) -> np.ndarray:
        """Those combinations in which no zero is computed that could be gated."""
        if not self._gating_saves:
            return able
        return able[_without_computing(self._choices[able], self._flows[able])]

    def _ordered(self, chosen: np.ndarray) -> np.ndarray:
        """Whether a combination's loop order is to be tried, where dimensions are split in each way; shape [s, c]."""
        return np.stack([np.isin(self._choices[chosen, ORDER], self._orders(split)) for split in self._splits])

    def _parts(self, batch: Batch, left: np.ndarray) -> Iterator[_Part]:
        """What is to be evaluated, of the combinations `left`. Tiles of one call are alike in what they need, as far as
        there are enough of them."""
        fits = within_limit(self._need(batch) / (batch.hardware[0, GLB] * 4.0))  # [t, room]
        order = np.lexsort((fits.sum(axis=1), self._split_of))
        for flow in np.unique(self._flows[left]):
            own = left[self._flows[left] == flow]
            ordered, rooms = self._ordered(own), self._rooms[own]
            some = order[fits[order][:, np.unique(rooms)].any(axis=1)]
            for tiles in (some[at : at + GRID[0]] for at in range(0, len(some), GRID[0])):
                wanted = ordered[self._split_of[tiles]] & fits[tiles][:, rooms]
                yield _Part(int(flow), tiles, own[wanted.any(axis=0)])

    def _evaluated(
        self, machine: np.ndarray, tiles: np.ndarray, chosen: np.ndarray, outputs: np.ndarray | None = None
    ) -> Evaluated:
        """Every tile size with every combination of choices; evaluated as they are where there are no `outputs`."""

        def rows(places: np.ndarray) -> np.ndarray:
            found = np.tile(machine, (len(places), 1))
            found[:, self._tile_columns] = self._tiles[tiles[places // len(chosen)]]
            found[:, self._columns] = self.problem.encoding.combinations[0][chosen[places % len(chosen)]]
            return self.problem.encoding.canonical(found)

        if outputs is None:
            outputs = self.problem.mappings_alone(rows(np.arange(len(tiles) * len(chosen))))[:, 0]
        return Evaluated(outputs, np.tile(self.bits[chosen], len(tiles)), rows)

    def _everything(self, machine: np.ndarray, chosen: np.ndarray) -> Iterator[Evaluated]:
        """Every mapping, some tile sizes at a time."""
        pieces = min(-(-len(self._tiles) * len(chosen) // AT_ONCE), len(self._tiles))
        for tiles in np.array_split(np.arange(len(self._tiles)), pieces):
            yield self._evaluated(machine, tiles, chosen)

    def _orders(self, split: np.ndarray) -> tuple[int, ...]:
        """Loop orders to try where some dimensions are split; in an element-wise kernel nothing is fetched again."""
        orders = tuple(np.unique(self._choices[:, ORDER]).tolist())
        matters = tuple(map(bool, split & (self._family != "elementwise")))
        return orders_that_matter(matters, orders, self._family not in ESTIMATED)

    @functools.cached_property
    def _gating_saves(self) -> bool:
        """Whether a gated MAC takes no more than one that switches, as it may in a user's technology."""
        logic = self.problem.technology
        return float(logic.gated_mac_energy_pj(8.0, 24.0)) <= float(logic.mac_energy_pj(8.0, 24.0))

    @functools.cached_property
    def _rooms(self) -> np.ndarray:
        """Number of the choices that decide what a tile takes, of each combination."""
        columns = [list(MAPPING_CHOICES).index(name) for name in ROOM.get(self._family, ("a_format", "b_format"))]
        return np.unique(self._choices[:, columns], axis=0, return_inverse=True)[1].ravel()

    def _need(self, batch: Batch) -> np.ndarray:
        """Bits that a tile of A, B and Z takes in the GLB, for each tile size and number of `_rooms`; shape [t, r]."""
        widths = tuple(batch.hardware[0, WIDTHS].tolist())
        if widths not in self._needs:
            _, examples = np.unique(self._rooms, return_index=True)
            need = np.zeros((len(self._tiles), len(examples)))
            flows = self._flows[examples]
            own_of = [np.flatnonzero(flows == flow) for flow in np.unique(flows)]
            grids = [GridPart(int(flows[own[0]]), self._sizes, self._choices[examples[own]]) for own in own_of]
            for own, found in zip(own_of, self.problem.batcher.alone_on(batch, 0, grids), strict=True):
                need[:, own] = found[:, :, FIT][:, :, 0] * batch.hardware[0, GLB] * 4.0
            self.problem.evaluations += need.size
            self._needs[widths] = need
        return self._needs[widths]


def _without_computing(choices: np.ndarray, flows: np.ndarray) -> np.ndarray:
    """Indices of combinations in which no zero is computed that could be gated, all else as it is."""
    radix = (len(DATAFLOWS), *map(len, MAPPING_CHOICES.values()))
    left, combined = np.arange(len(choices)), np.column_stack([flows, choices])
    for at in ZEROS:
        rows = combined[left]
        gated = rows.copy()
        gated[:, 1 + at] = GATE
        can = np.isin(np.ravel_multi_index(tuple(gated.T), radix), np.ravel_multi_index(tuple(rows.T), radix))
        left = left[~((rows[:, 1 + at] == COMPUTE) & can)]
    return left


@functools.cache
def orders_that_matter(split: tuple[bool, bool, bool], orders: tuple[int, ...], fewest: bool = True) -> tuple[int, ...]:
    """Of loop orders (indices of `LOOP_ORDERS`) the first of those that fetch alike, where the dimensions m, k and n
    are `split` into more than one tile; if the `fewest` fetches are best, none that fetches more than another."""
    fetched = {order: refetches(LOOP_ORDERS[order], split) for order in orders}
    kept: list[int] = []
    for order, own in fetched.items():
        worse = any(all(a <= b for a, b in zip(other, own, strict=True)) and other != own for other in fetched.values())
        alike = any(fetched[known] == own for known in kept)
        if not (worse and fewest) and not alike:
            kept.append(order)
    return tuple(kept)
