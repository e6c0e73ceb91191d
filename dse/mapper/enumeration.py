"""Every mapping of one kernel on one machine, less those that cannot be best: cut before they are evaluated.

Five cuts are exact under the template's model (`hwmodels.evaluate`), since whatever mapping they leave out has another
one that fits and is nowhere worse:

- Gating a zero takes the time of computing it, no more energy and no area, so computing is left out where gating may be
  chosen with all else as it is.
- A loop order matters only by which operands it fetches again at each visit, so of orders that fetch alike one is kept;
  which these are depends on which dimensions have more than one tile. With a dense B (and in SDDMM) an order that
  fetches more than another is left out too. With a sparse B it is not: what is fetched once and what is fetched at each
  visit are then estimated from different statistics, which agree only to some 0.2 %.
- What works like a simpler mapping on this machine is left out (`dse.mapper.likeness`).
- A tile of A, B and Z must fit in half of the GLB, and the machine must be one that can be built.
- A run takes at least the time of what DRAM moves and of what is not skipped on all MACs, and the energy of both and of
  a machine that runs for that time. Mappings go from the least of all to the most, and those are left out of which this
  much alone is no better than what is known (`Surpassed`).

What tiles take in the GLB and what DRAM moves follow from tile sizes, loop order, formats, whether they are skipped in
(SDDMM) and the widths of values; what MACs work on from formats and zero modes instead of the order. So they are
evaluated once for these, and serve every machine. What is left is evaluated whole, so the best of it is the best there
is. Of a user's own model nothing is known: every mapping is evaluated.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dse.mapper.likeness import Likeness, same_but
from dse.problem.multi_workload import alone
from dse.problem.search_problem import Problem
from dse.space.encoding import Batch
from dse.space.staying import KEPT, ROOM
from hwmodels.analytical.evaluation import evaluate as template
from hwmodels.analytical.tiling import refetches
from hwmodels.cost import TOLERANCE, within_limit
from hwmodels.design.choices import COMPUTE, GATE, LOOP_ORDERS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS, TILE_SIZES

WIDTHS = [HARDWARE_NUMBERS.index(name) for name in ("value_bits", "accumulator_bits", "dram_channels")]
"""Numbers of the hardware, beside sizes that its results are divided by, on which `FLOORS` depend."""
GLB = HARDWARE_NUMBERS.index("glb_bytes")
ARRAY = [HARDWARE_NUMBERS.index(name) for name in ("pe_rows", "pe_cols", "lanes")]
ORDER, *ZEROS = (list(MAPPING_CHOICES).index(name) for name in ("loop_order", "a_zero", "b_zero"))
MOVING = {"sddmm": ("loop_order", "a_format", "a_zero", *KEPT)}
"""Choices that decide, with tile sizes, what tiles take in the GLB and what DRAM moves, where it is not the loop order,
the formats and what stays."""
STAYS = [list(MAPPING_CHOICES).index(name) for name in KEPT]
WORKING = ("a_format", "b_format", "a_zero", "b_zero")
"""Choices that decide, with tile sizes, what is not skipped."""
ESTIMATED = ("sparse_b",)
"""Families of which an order that fetches more can come out a little better than one that fetches less."""
AT_ONCE = 4096
"""Mappings evaluated in one call, about."""
MANY = 0.75
"""Share of the next cells that are still to be tried, below which all are asked about."""

Surpassed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(latency in s, energy in pJ that mappings take at least) -> mask of those that cannot beat what is known."""


def none_surpassed(latency_s: np.ndarray, energy_pj: np.ndarray) -> np.ndarray:
    """Nothing is known, or all mappings are asked for."""
    return np.zeros(len(latency_s), bool)


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """j mappings of a kernel on one machine."""

    outputs: np.ndarray
    """Those of `Batcher.alone`, shape [j, OUTPUTS]."""
    bits: np.ndarray
    """Units that each uses, shape [j]."""
    rows: np.ndarray
    """Genomes, of the problem of the kernel alone, shape [j, genes]."""


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
    alike: int
    """Left out because a simpler one does the same on this machine."""
    unfit: int
    """Left out because their tiles do not fit in the GLB, or the machine cannot be built."""
    surpassed: int
    """Left out because what DRAM and MACs do for them takes more than what was found."""
    evaluated: int


@dataclasses.dataclass(frozen=True)
class _Cells:
    """Tile sizes with kinds of choices that move and work on the same, and the least that they take."""

    tiles: np.ndarray
    """Index of each, shape [n]; likewise below."""
    kinds: np.ndarray
    latency_s: np.ndarray
    energy_pj: np.ndarray

    def take(self, places: np.ndarray | slice) -> "_Cells":
        """Some of them."""
        return _Cells(self.tiles[places], self.kinds[places], self.latency_s[places], self.energy_pj[places])


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
        split = np.array([shape.m, shape.k, shape.n]) > self._sizes[:, : len(TILE_SIZES)]
        self._splits, self._split_of = np.unique(split, axis=0, return_inverse=True)
        self._split_of = self._split_of.ravel()
        self._columns = encoding.combined_columns(0)
        whole = np.zeros((len(encoding.combinations[0]), len(encoding.genes)), np.int32)
        whole[:, self._columns] = encoding.combinations[0]
        self.bits = encoding.unit_bits(whole)[:, 0]
        """Units of each legal combination of choices."""
        self._choices = np.stack([encoding.values(whole, encoding.column(0, name)) for name in MAPPING_CHOICES], axis=1)
        self._flows = encoding.values(whole, encoding.column(0, "dataflow"))
        self._moves = self._kinds_by(MOVING.get(self._family, ("loop_order", "a_format", "b_format", *KEPT)))
        self._works = self._kinds_by(WORKING)
        pairs = np.column_stack([self._moves.of, self._works.of])
        self._pairs, self._kind = np.unique(pairs, axis=0, return_inverse=True)
        self._kind = self._kind.ravel()
        self._likeness = None
        if not self._own_model:
            self._likeness = Likeness(self._family, shape, self._flows, self._choices, problem.technology)
        self.report: MapperReport | None = None
        """Of the machine that was gone through last."""

    @property
    def count(self) -> int:
        """Mappings before any cut."""
        return len(self._tiles) * len(self._choices)

    def on(self, machine: np.ndarray, units: int = -1, surpassed: Surpassed = none_surpassed) -> Iterator[Evaluated]:
        """Evaluate what is left on the hardware of a genome with some `units` (bits), some mappings at a time.

        `surpassed` is asked before each of them, so it may know what was found by then. `report` tells at the end what
        was left out.
        """
        able = self._able(units)
        left = self._left(able)
        members = self._members(left)
        batch = self.problem.encoding.batch(machine[None])
        cells, orders, unfit = self._cells(batch, members)
        sizes = np.array([len(own) for own in members])
        if not self._own_model:
            need, watts = self._asked(batch, np.zeros(1, int), np.zeros(1, int))[0, 0, -2:]
            cells = dataclasses.replace(cells, energy_pj=cells.energy_pj + cells.latency_s * watts * 1e12)
            if not within_limit(need):
                cells, unfit = cells.take(np.zeros(0, int)), unfit + int(sizes[cells.kinds].sum())
        alike = self._likeness.on(batch, left) if self._likeness else None
        evaluated = left_out = 0
        for tiles, chosen in _in_turn(cells, members, surpassed):
            if alike is not None:
                differs = ~alike(self._sizes[tiles], chosen)
                left_out += len(tiles) - int(differs.sum())
                tiles, chosen = tiles[differs], chosen[differs]
            evaluated += len(tiles)
            if len(tiles):
                yield self._evaluated(machine, tiles, chosen)
        tiles = len(self._tiles)
        computed = tiles * (len(able) - len(left))
        rest = tiles * len(left) - orders - left_out - unfit - evaluated
        name = self.problem.kernels[0].name
        self.report = MapperReport(name, tiles * len(able), computed, orders, left_out, unfit, rest, evaluated)

    def fitting(self, machine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All that may be best on machines like that of a genome whatever units they have, and fit in its GLB.

        **Returns** genomes, shape [j, genes], and the share of half of the GLB that their tiles take, shape [j].
        """
        batch = self.problem.encoding.batch(machine[None])
        members = self._members(self._left(np.arange(len(self._choices))))
        cells, _, _ = self._cells(batch, members)
        sizes = np.array([len(own) for own in members])[cells.kinds]
        chosen = np.concatenate([np.zeros(0, int), *(members[kind] for kind in cells.kinds)])
        need = self._moved(batch)[cells.tiles, self._pairs[cells.kinds, 0], 2]
        return self._rows(machine, np.repeat(cells.tiles, sizes), chosen), np.repeat(need, sizes)

    def _able(self, units: int) -> np.ndarray:
        """Combinations of choices for which the machine has the units."""
        return np.flatnonzero((self.bits & ~np.int64(units)) == 0)

    def _left(self, able: np.ndarray) -> np.ndarray:
        """Those combinations in which no zero is computed that could be gated."""
        if self._own_model or not self._gating_saves:
            return able
        return able[_without_computing(self._choices[able], self._flows[able])]

    def _members(self, left: np.ndarray) -> list[np.ndarray]:
        """Those of the combinations `left` that are of each kind."""
        order = np.argsort(self._kind[left], kind="stable")
        counts = np.bincount(self._kind[left], minlength=len(self._pairs))
        return np.split(left[order], np.cumsum(counts)[:-1])

    def _cells(self, batch: Batch, members: list[np.ndarray]) -> tuple[_Cells, int, int]:
        """Tile sizes and kinds to be tried on a machine, those first that take the least; and how many mappings are
        left out for their loop order, and because their tiles are too large."""
        sizes = np.array([len(own) for own in members])
        kinds = np.flatnonzero(sizes)
        if self._own_model:
            tiles, at = np.divmod(np.arange(len(self._tiles) * len(kinds)), max(len(kinds), 1))
            return _Cells(tiles, kinds[at], np.zeros(len(tiles)), np.zeros(len(tiles))), 0, 0
        moves, works = self._pairs[kinds].T
        orders = self._choices[self._moves.examples[moves], ORDER]
        ordered = np.stack([np.isin(orders, self._orders(split)) for split in self._splits])[self._split_of]
        moved, worked = self._moved(batch), self._worked(batch)
        fits = within_limit(moved[:, moves, 2])
        tiles, at = np.nonzero(ordered & fits)
        own, others = moved[tiles, moves[at]], worked[tiles, works[at]]
        cells = _Cells(tiles, kinds[at], np.maximum(own[:, 0], others[:, 0]), own[:, 1] + others[:, 1])
        least_first = np.argsort(cells.latency_s * cells.energy_pj, kind="stable")
        return (
            cells.take(least_first),
            int((~ordered @ sizes[kinds]).sum()),
            int(((ordered & ~fits) @ sizes[kinds]).sum()),
        )

    def _evaluated(self, machine: np.ndarray, tiles: np.ndarray, chosen: np.ndarray) -> Evaluated:
        """Tile sizes with combinations of choices, one each, evaluated."""
        rows = self._rows(machine, tiles, chosen)
        return Evaluated(self.problem.mappings_alone(rows)[:, 0], self.bits[chosen], rows)

    def _rows(self, machine: np.ndarray, tiles: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Genomes of tile sizes with combinations of choices, one each."""
        rows = np.tile(machine, (len(tiles), 1))
        rows[:, self._tile_columns] = self._tiles[tiles]
        rows[:, self._columns] = self.problem.encoding.combinations[0][chosen]
        return self.problem.encoding.canonical(rows)

    def _orders(self, split: np.ndarray) -> tuple[int, ...]:
        """Loop orders to try where some dimensions are split; in an element-wise kernel nothing is fetched again."""
        matters = tuple(map(bool, split & (self._family != "elementwise")))
        return orders_that_matter(matters, self._offered_orders, self._family not in ESTIMATED)

    @functools.cached_property
    def _offered_orders(self) -> tuple[int, ...]:
        """All loop orders of the space."""
        return tuple(np.unique(self._choices[:, ORDER]).tolist())

    @functools.cached_property
    def _gating_saves(self) -> bool:
        """Whether a gated MAC takes no more than one that switches, as it may in a user's technology."""
        logic = self.problem.technology
        return float(logic.gated_mac_energy_pj(8.0, 24.0)) <= float(logic.mac_energy_pj(8.0, 24.0))

    @property
    def _own_model(self) -> bool:
        """Whether the model is a user's own."""
        return self.problem.evaluate is not template

    def _kinds_by(self, deciding: Sequence[str]) -> "_Kinds":
        """The combinations by the choices that decide something."""
        columns = [list(MAPPING_CHOICES).index(name) for name in deciding]
        _, examples, kind = np.unique(self._choices[:, columns], axis=0, return_index=True, return_inverse=True)
        return _Kinds(kind.ravel(), examples, {})

    def _moved(self, batch: Batch) -> np.ndarray:
        """Time and energy of what DRAM moves, and need of the GLB, of each tile size with each kind of `MOVING`, shape
        [t, k, 3]."""
        found = self._floors(batch, self._moves, slice(0, 3))
        return np.concatenate([found[..., :2], found[..., 2:] / self._glb_bytes(batch)], axis=2)

    def _worked(self, batch: Batch) -> np.ndarray:
        """Time and energy of what MACs work on, of each tile size with each kind of `WORKING`, shape [t, k, 2]."""
        macs = batch.hardware[0, ARRAY].astype(float).prod()
        return self._floors(batch, self._works, slice(3, 5)) / [macs, 1.0]

    def _floors(self, batch: Batch, kinds: "_Kinds", which: slice) -> np.ndarray:
        """Some of `FLOORS` on a machine of the widths and memory of one, a GLB of one byte and an array of one MAC,
        times and energies less what rounding may add; shape [t, k, .]."""
        widths = (*batch.hardware[0, WIDTHS].tolist(), *batch.selected[0].tolist(), *self._stays(batch).tolist())
        if widths not in kinds.asked:
            found = self._asked(batch, np.arange(len(self._tiles)), kinds.examples)
            self.problem.evaluations += len(self._tiles) * len(kinds.examples)
            macs, less = batch.hardware[0, ARRAY].astype(float).prod(), 1 - TOLERANCE
            found = found[:, :, :5] * [less, less, 1.0, less * macs, less]
            found[:, :, 2:3] *= self._glb_bytes(batch)
            kinds.asked[widths] = found[:, :, which]
        return kinds.asked[widths]

    def _asked(self, batch: Batch, tiles: np.ndarray, choices: np.ndarray) -> np.ndarray:
        """`Batcher.floors` of some tile sizes and choices on a machine, on which what stays stays."""
        sizes, chosen = self._sizes[tiles], self._choices[choices]
        if self.problem.encoding.staying:
            sizes[:, ROOM], chosen[:, STAYS] = batch.tiles[0, 0, ROOM], self._stays(batch)
        return self.problem.batcher.floors(batch, 0, sizes, chosen)

    def _stays(self, batch: Batch) -> np.ndarray:
        """What stays on a machine, of the kernel's operands and its result."""
        return batch.choices[0, 0, STAYS]

    def _glb_bytes(self, batch: Batch) -> np.ndarray:
        """What a machine has of the GLB for the kernel with each tile size, shape [t, 1, 1]."""
        room = batch.tiles[0, 0, ROOM] if self.problem.encoding.staying else self._sizes[:, ROOM]
        return np.broadcast_to(np.minimum(batch.hardware[0, GLB], room), len(self._sizes))[:, None, None]


class _Kinds(NamedTuple):
    """Combinations of choices that are alike in something."""

    of: np.ndarray
    """Number of the kind of each combination."""
    examples: np.ndarray
    """A combination of each kind."""
    asked: dict[tuple[float, ...], np.ndarray]
    """Widths and memory of a machine, and what stays on it -> what was asked of it."""


def _in_turn(
    cells: _Cells, members: Sequence[np.ndarray], surpassed: Surpassed
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tile sizes and combinations of what is not surpassed, the first cells first.

    All cells are asked about again where many of the next ones turn out to be surpassed.
    """
    sizes, all_again = np.array([len(own) for own in members]), True
    while len(cells.tiles):
        if all_again:
            cells = cells.take(np.flatnonzero(~surpassed(cells.latency_s, cells.energy_pj)))
        some = max(int(np.searchsorted(np.cumsum(sizes[cells.kinds[:AT_ONCE]]), AT_ONCE)), 1)
        first, cells = cells.take(slice(0, some)), cells.take(slice(some, None))
        kept = first.take(np.flatnonzero(~surpassed(first.latency_s, first.energy_pj)))
        all_again = len(kept.tiles) < MANY * len(first.tiles)
        if len(kept.tiles):
            yield np.repeat(kept.tiles, sizes[kept.kinds]), np.concatenate([members[kind] for kind in kept.kinds])


def _without_computing(choices: np.ndarray, flows: np.ndarray) -> np.ndarray:
    """Indices of combinations in which no zero is computed that could be gated, all else as it is."""
    left = np.arange(len(choices))
    for at in ZEROS:
        gated = same_but(choices[left], flows[left], {at: GATE})
        left = left[~((choices[left, at] == COMPUTE) & (gated >= 0))]
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
