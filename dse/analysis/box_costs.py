"""The least that each mapping of a kernel can cost on any machine of a box.

**Proven** from the formulas (`hwmodels.analytical`), with a mapping held and widths of words fixed, lanes among them:

- Buses, GLB banks and channels of DRAM only divide bits, so cycles are least at their largest. The GLB's size is in no
  cycle. That no bus is wider than the PEs take is looked at with the narrowest buses at the largest array.
- Buffers and accumulators of a PE only say how many groups of columns a pass works on. One pass gives the fewest
  cycles, for the groups of all passes are the same, and each pass sends A, decodes it and takes its constant; and the
  fewest actions but for sums, which stay in registers if a pass has one group. So a box of several PEs is taken to have
  buffers without end, and sums alone are counted with the smallest ones on the widest array; where A is held, of which
  a PE of a smaller array holds more, as if there were room for one group. What fits is looked at with the largest.
- Cycles of a kernel with a dense B do not rise with PE columns on n, $\\lceil n' / c L \\rceil$; nor with queues (PE
  rows, and columns on m) where their numbers, the tile heights and the rows of A are powers of two: then the rows of
  two queues are put together on one, and sorted loads of more queues are no larger one by one, for cyclic rows, blocks
  and longest-first dealing alike. The fill, which grows with rows and columns, is counted at the smallest.
- What each PE reads, writes and decodes does not fall with PE rows, nor with columns where these are powers of two:
  $2 \\lceil g / 2 \\rceil \\ge g$. The inner product sends A once for each group, so less of it to wider arrays;
  nothing else that is sent depends on the array. So each action is the least of the smallest and of the largest array;
  bits on the buses travel pitches of the smallest.
- No MAC does two multiplies in a cycle, so no mapping is faster than its effectual multiplies on all MACs.
- Area, leakage and the clock's energy are sums of terms that grow with each number. A GLB holds the mapping's tiles,
  so the smallest that does is counted for each mapping; so is the energy of an access to its smallest banks, turned by
  the shortest rotator.

**Tested only** (`tests/test_box_costs.py`), each of no account once a box has a single array, or a single PE:

- that cycles do not rise with the array elsewhere: tiles at the edge of a matrix are dealt by a rule of their own, and
  loads of the other families (sparse B, SDDMM, element-wise) are put together from tables so that the formulas allow
  it in principle, so 1 % less is counted of these;
- that no access to a buffer is cheaper in a larger one: looked at for every size and word of the space (`proven`).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dse.analysis.front_bound import KernelAlone
from dse.analysis.machine_box import ARRAY, BUFFERS, BUSES, MachineBox
from dse.problem.batched_models import CALLERS, FAST
from dse.problem.compile_cache import kept
from dse.problem.search_problem import Problem
from dse.problem.unpacking import unpack
from dse.space.design_space import CHOICES
from dse.space.encoding import Encoding
from hwmodels.analytical.accounting import hops_of, stages
from hwmodels.analytical.design_point import Point, point_of
from hwmodels.analytical.evaluation import evaluate
from hwmodels.area import area_mm2
from hwmodels.clock import clock_limits_ghz
from hwmodels.cost import FITS, TOLERANCE, ActionCounts, counted_area_mm2
from hwmodels.design.choices import DATAFLOWS, HOLDS_BOTH
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    HARDWARE_CHOICES,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
)
from hwmodels.energy import price
from hwmodels.numerics import Exact

PRODUCTS = ("dense_b", "sparse_b")
"""Families whose effectual multiplies all take a MAC."""
AT_ONCE = 1024
"""Mappings of a call."""
ENDLESS = 2.0**30
"""Bytes of a buffer in which everything fits."""
ROUNDING = 1e-5
"""By which bounds are lowered, relative, so that float32 cannot lift them above a true cost."""
TESTED = 0.99
"""Of the cycles on the largest array, those that no smaller one goes below where that is tested only."""
PLACE = {name: at for at, name in enumerate(HARDWARE_NUMBERS)}
ROWS, COLS, LANES, GLB, BANKS = (PLACE[name] for name in ("pe_rows", "pe_cols", "lanes", "glb_bytes", "glb_banks"))
BUFFER, SUMS = BUFFERS
IN_ARRAY = np.array([FITS.index(name) for name in ("pe_buffer", "accumulator", "bus")])


@dataclasses.dataclass(frozen=True)
class Corners:
    """The machines by which a box is bounded: numbers as `HARDWARE_NUMBERS`."""

    fast: np.ndarray
    """On which cycles are counted."""
    small: np.ndarray
    """On which actions are counted."""
    tight: np.ndarray
    """On which sums that do not stay in registers are counted."""
    cheap: np.ndarray
    """By which area and energy are priced."""
    largest: np.ndarray
    """Which says what fits: buses are narrow."""
    glb_bytes: np.ndarray
    """Sizes of the GLB in the box, and no end of the largest, as many as in the space."""

    @staticmethod
    def of(box: MachineBox) -> "Corners":
        """Those of a box."""
        fast, small, tight, largest = (box.most.copy() for _ in range(4))
        small[ARRAY], tight[BUFFERS], largest[BUSES] = box.least[ARRAY], box.least[BUFFERS], box.least[BUSES]
        if not box.one_pe:
            fast[BUFFERS] = small[BUFFERS] = ENDLESS
        sizes = np.full(len(box.lists[GLB]), np.inf)
        own = box.values(GLB)
        sizes[: len(own)] = own
        leaves = (fast, small, tight, box.least, largest, sizes)
        return Corners(*(leaf.astype(np.float32) for leaf in leaves))

    def leaves(self) -> list[np.ndarray]:
        """As a list."""
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


class KernelBounds:
    """Bounds on all mappings of one kernel that may be best on some machine of a space."""

    def __init__(self, problem: Problem, at: int, programs: dict[tuple[str, int], Any]):
        """`programs` that are compiled are shared by the kernels of a problem."""
        kernel = KernelAlone(problem, at)
        self.problem, self.repeats = kernel.problem, problem.kernels[at].repeats
        encoding = self.problem.encoding
        self.rows = _with_every_unit(encoding, kernel.rows).astype(np.int16)
        """Genomes of `problem`, shape [m, genes]: a mapping and its intersection unit; other hardware is filled in."""

        def of(column: int) -> np.ndarray:
            return encoding.values(self.rows, column)

        self._tiles = np.stack([of(encoding.column(0, name)) for name in MAPPING_NUMBERS], axis=1).astype(np.float32)
        own, chosen = (
            [of(encoding.column(kernel, name)) for name in names]
            for kernel, names in ((-1, HARDWARE_CHOICES), (0, MAPPING_CHOICES))
        )
        self._choices = np.stack([*own, *chosen], axis=1).astype(np.int8)
        self._flows = of(encoding.column(0, "dataflow")).astype(np.int8)
        statistics = self.problem.statistics[0]
        self._tables, self._fixed = eqx.partition(statistics, eqx.is_array)
        self._technology, self._fixed_technology = eqx.partition(problem.technology, eqx.is_array)
        self._programs, self._family = programs, problem.kernels[at].family
        self._effectual = 0.0
        if self._family in PRODUCTS:
            example = self.problem.batcher.costs(encoding.batch(kernel.rows[:1]))[0][0]
            self._effectual = float(example.computes.effectual)
        self._tested = 1.0 if self._family == "dense_b" else TESTED
        self._clock_hz = float(problem.technology.scenario.clock_ghz) * 1e9
        self.evaluations = 0

    def proven(self) -> bool:
        """Whether the bounds follow from the formulas alone, whatever the box."""
        lists = MachineBox.of(self.problem.encoding).lists
        heights = self.problem.encoding.genes[self.problem.encoding.column(0, "tile_m")].values
        sizes = [*lists[ROWS], *lists[COLS], *heights, self.problem.kernels[0].m]
        even = all(math.log2(float(size)).is_integer() for size in sizes) or len(lists[ROWS]) == len(lists[COLS]) == 1
        return self._family == "dense_b" and even and _larger_buffers_cost_more(self.problem.technology, lists)

    def __len__(self) -> int:
        """Mappings."""
        return len(self._tiles)

    def least_seconds(self, box: MachineBox) -> float:
        """Time of all effectual multiplies on all MACs of the largest array of a box."""
        return self._effectual * self.repeats / (float(np.prod(box.most[ARRAY])) * self._clock_hz) * (1.0 - ROUNDING)

    def costs(self, box: MachineBox, which: np.ndarray) -> np.ndarray:
        """The least latency and energy of all runs, and area, of some mappings on machines of a box, shape [n, 3];
        infinite where a mapping fits none of them."""
        corners = Corners.of(box).leaves()
        calls = []
        for flow in np.unique(self._flows[which]):
            own = np.flatnonzero(self._flows[which] == flow)
            calls += [(int(flow), own[at : at + AT_ONCE]) for at in range(0, len(own), AT_ONCE)]
        for flow in {flow for flow, _ in calls}:
            if (self._family, flow) not in self._programs:
                self._programs[self._family, flow] = self._program(flow, corners)
        shared = jax.tree.leaves((self._tables, self._technology))

        def made(call: tuple[int, np.ndarray]) -> np.ndarray:
            flow, own = call
            picked = np.resize(which[own], AT_ONCE)
            leaves = [*shared, *corners, self._tiles[picked], self._choices[picked].astype(np.int32)]
            return np.asarray(self._programs[self._family, flow](leaves)[0])[: len(own)]

        found = np.zeros((len(which), 3))
        with ThreadPoolExecutor(CALLERS) as pool:
            for (_, own), costs in zip(calls, pool.map(made, calls), strict=True):
                found[own] = costs
        self.evaluations += len(which)
        found *= (1.0 - ROUNDING) * np.array([self.repeats, self.repeats, 1.0])
        return np.where(np.isfinite(found).all(axis=1, keepdims=True), found, np.inf)

    def _program(self, flow: int, corners: list[np.ndarray]) -> Any:
        """The compiled bounds of a dataflow."""
        blank = [
            np.ones((AT_ONCE, len(MAPPING_NUMBERS)), np.float32),
            np.zeros((AT_ONCE, len(HARDWARE_CHOICES) + len(MAPPING_CHOICES)), np.int32),
        ]
        arguments = (self._tables, self._technology, *corners, *blank)
        leaves, structure = jax.tree.flatten(arguments)
        function = jax.vmap(self._function(DATAFLOWS[flow]), in_axes=(*[None] * (2 + len(corners)), 0, 0))

        def of_leaves(leaves: list[Any]) -> list[Any]:
            return [function(*jax.tree.unflatten(structure, leaves))]

        def build() -> Any:
            lowered = jax.jit(of_leaves).lower(leaves)
            return lowered.compile(compiler_options=FAST) if jax.default_backend() == "cpu" else lowered.compile()

        shapes = [(np.shape(leaf), str(np.asarray(leaf).dtype)) for leaf in leaves]
        return kept(
            build, "box costs", flow, shapes, structure, self._fixed, self._fixed_technology, self.problem.counts_phy
        )

    def _function(self, dataflow: str) -> Callable:
        """Bounds of one mapping."""

        def bound(tables, technology, fast, small, tight, cheap, largest, glb_bytes, tile, choices):
            statistics = eqx.combine(tables, self._fixed)
            model = eqx.combine(technology, self._fixed_technology)
            weights = _weights(choices, dataflow)
            mapping = unpack(jnp.concatenate([fast, tile]), weights, dataflow)[1]

            def hardware(numbers, **changes):
                for name, value in changes.items():
                    numbers = numbers.at[PLACE[name]].set(value)
                return unpack(jnp.concatenate([numbers, tile]), weights, dataflow)[0]

            one_array = (fast[ARRAY] == small[ARRAY]).all()
            tight = tight.at[BUFFER].set(
                jnp.where(one_array, tight[BUFFER], tight[BUFFER] * (1.0 - mapping.residency[HOLDS_BOTH]))
            )

            def cost(numbers):
                return evaluate(hardware(numbers), mapping, statistics, model)

            costs = jax.vmap(cost)(jnp.stack([fast, small, tight, largest]))
            quick, counted, summed, roomy = (jax.tree.map(lambda leaf, at=at: leaf[at], costs) for at in range(4))
            fill = _fill(fast) - _fill(cheap)
            cycles = (quick.cycles - fill) * jnp.where(one_array, 1.0, self._tested)
            needed = quick.fits[0] * fast[GLB]
            glb = jnp.min(jnp.where(needed <= glb_bytes * (1.0 + TOLERANCE), glb_bytes, jnp.inf))
            fits = jnp.isfinite(glb) & (roomy.fits[IN_ARRAY].max() <= 1.0 + TOLERANCE)
            glb = jnp.where(fits, glb, largest[GLB])

            solved = model.solved()
            built = hardware(cheap, glb_bytes=glb)
            area = area_mm2(built, solved)
            of_wide, of_small = (
                point_of(one, mapping, statistics, solved, Exact()) for one in (hardware(fast), hardware(small))
            )
            hops = _least_hops(quick.actions, counted.actions, of_wide, of_small)
            actions = _least(quick.actions, counted.actions, summed.actions)
            actions = eqx.tree_at(lambda one: (one.cycles, one.bus_hops), actions, (cycles, hops))
            banked = hardware(cheap, glb_bytes=glb, glb_banks=largest[BANKS])
            energy = price(actions, banked, mapping, area, solved).sum()
            turned = solved.rotator_pj_per_bit(largest[BANKS]) - solved.rotator_pj_per_bit(cheap[BANKS])
            energy = energy - turned * (actions.glb_read_bits + actions.glb_write_bits)
            limit = clock_limits_ghz(banked, solved).min()
            fits &= solved.scenario.clock_ghz <= limit * (1.0 + TOLERANCE)
            mm2 = counted_area_mm2(area, self.problem.counts_phy)
            found = [cycles / solved.scenario.clock_ghz * 1e-9, energy, mm2]
            return jnp.where(fits, jnp.stack(found), jnp.inf)

        return bound


def _fill(numbers: Any) -> Any:
    """Cycles of the fill that go with the array."""
    return stages(numbers[ROWS], Exact()) + stages(numbers[COLS], Exact())


def _least(*counts: ActionCounts) -> ActionCounts:
    """Of each action the fewest."""
    return jax.tree.map(lambda *one: jnp.stack(one).min(axis=0), *counts)


def _least_hops(wide: ActionCounts, small: ActionCounts, of_wide: Point, of_small: Point) -> Any:
    """Bits on the buses times pitches: those of the smallest array; where it is sent A more often, the bits that the
    widest one is sent, over the smallest one's pitches."""
    if of_small.dataflow != "inner_product":
        return small.bus_hops
    shorter = jax.tree.map(jnp.divide, hops_of(of_small), hops_of(of_wide))
    fewer_bits = wide.bus_hops * jnp.stack(jax.tree.leaves(shorter)).min()
    return jnp.where(of_small.array.on_m > 0.5, small.bus_hops, fewer_bits)


def _larger_buffers_cost_more(technology: Any, lists: Sequence[np.ndarray]) -> bool:
    """Whether a bit of no word of a space is cheaper to read or write in a larger buffer."""
    words = {BUFFER: np.outer(lists[PLACE["value_bits"]], lists[LANES]).ravel(), SUMS: lists[PLACE["accumulator_bits"]]}
    return all(
        bool((np.diff(np.asarray(price_pj(lists[at].astype(np.float32), float(word)))) >= 0).all())
        for at, widths in words.items()
        for word in widths
        for price_pj in (technology.buffer_read_pj, technology.buffer_write_pj)
    )


def _with_every_unit(encoding: Encoding, rows: np.ndarray) -> np.ndarray:
    """Mappings, and those that run an intersection unit with each of them; the genomes are canonical."""
    column = encoding.column(-1, "intersection")
    runs = encoding.intersects(rows)
    parts = [encoding.canonical(rows[~runs])]
    for unit in range(int(encoding.radix[column])):
        own = rows[runs]
        own[:, column] = unit
        parts.append(own)
    return np.concatenate(parts)


def _weights(choices: Any, dataflow: str) -> Any:
    """`Batch.weights` of a machine with the units that one mapping uses: its own choices, then `MAPPING_CHOICES`."""
    chosen, mapped = choices[: len(HARDWARE_CHOICES)], choices[len(HARDWARE_CHOICES) :]
    own = [jax.nn.one_hot(at, len(names)) for at, names in zip(chosen, HARDWARE_CHOICES.values(), strict=True)]
    picked = {
        name: jax.nn.one_hot(at, len(names)) for (name, names), at in zip(MAPPING_CHOICES.items(), mapped, strict=True)
    }
    flow = jax.nn.one_hot(DATAFLOWS.index(dataflow), len(CHOICES["dataflow"]))
    able = [picked[name] for name in MAPPING_CHOICES if name in CAPABILITY_OF]
    return jnp.concatenate([*own, flow, *able, *picked.values()])
