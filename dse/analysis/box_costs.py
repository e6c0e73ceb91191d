"""The least that each mapping of a kernel can cost on any machine of a box.

**Proven** from the formulas (`hwmodels.analytical`), with a mapping held and word widths fixed:

- Buses and GLB banks only divide bits, so cycles are least at their largest. The GLB's size is in no cycle.
- Buffers and accumulators of a PE decide how often a tile is cut into passes. No count of passes gives fewer cycles or
  actions than one, $p \\lceil \\lceil c / p \\rceil / W \\rceil \\ge \\lceil c / W \\rceil$, but more passes are not
  always slower; so a box of several PEs is taken to have buffers without end.
- Actions do not fall with PE rows and columns while there is one pass: what each PE reads and decodes is counted as
  often as there are PEs, all else is the same. So they are counted on the smallest array.
- Cycles of a kernel with a dense B do not rise with PE columns and lanes, $\\lceil c / W \\rceil$; nor with PE rows
  where those, the tile heights and the rows of A are powers of two: then the rows of two PEs are put together on one,
  and sorted loads on more PEs are no larger one by one, for cyclic rows, blocks and longest-first dealing alike. The
  fill, which grows with rows and columns, is counted at the smallest.
- No MAC does two multiplies in a cycle, so no mapping is faster than its effectual multiplies on all MACs.
- Area, leakage and the clock's energy are sums of terms that grow with each number. A GLB holds the mapping's tiles,
  so the smallest that does is counted for each mapping; so is the energy of an access to its smallest banks.

**Tested only** (`tests/test_box_costs.py`), each of no account once a box has a single array, or a single PE:

- that cycles do not rise with the array elsewhere: tiles at the edge of a matrix are dealt by a rule of their own, and
  loads of the other families (sparse B, SDDMM, element-wise) are put together from tables so that the formulas allow
  it in principle;
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
from dse.analysis.machine_box import ARRAY, BUFFERS, MachineBox
from dse.problem.batched_models import CALLERS, FAST, unpack
from dse.problem.compile_cache import kept
from dse.problem.search_problem import Problem
from dse.space.design_space import CHOICES
from dse.space.encoding import Encoding
from hwmodels.analytical.evaluation import evaluate
from hwmodels.area import area_mm2
from hwmodels.cost import TOLERANCE, core_area_mm2
from hwmodels.design.choices import DATAFLOWS, INTERSECTIONS
from hwmodels.design.hardware import CAPABILITY_OF, HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS
from hwmodels.energy import price

PRODUCTS = ("dense_b", "sparse_b")
"""Families whose effectual multiplies all take a MAC."""
AT_ONCE = 1024
"""Mappings of a call."""
ENDLESS = 2.0**30
"""Bytes of a buffer in which everything fits."""
ROUNDING = 1e-5
"""By which bounds are lowered, relative, so that float32 cannot lift them above a true cost."""
PLACE = {name: at for at, name in enumerate(HARDWARE_NUMBERS)}
ROWS, COLS, LANES, GLB, BANKS = (PLACE[name] for name in ("pe_rows", "pe_cols", "lanes", "glb_bytes", "glb_banks"))
BUFFER, SUMS = BUFFERS


@dataclasses.dataclass(frozen=True)
class Corners:
    """The machines by which a box is bounded: numbers as `HARDWARE_NUMBERS`."""

    fast: np.ndarray
    """On which cycles are counted."""
    small: np.ndarray
    """On which actions are counted."""
    cheap: np.ndarray
    """By which area and energy are priced."""
    largest: np.ndarray
    """Which says what fits."""
    glb_bytes: np.ndarray
    """Sizes of the GLB in the box, and no end of the largest, as many as in the space."""

    @staticmethod
    def of(box: MachineBox) -> "Corners":
        """Those of a box."""
        fast, small = box.most.copy(), box.most.copy()
        small[ARRAY[:2]] = box.least[ARRAY[:2]]
        if not box.one_pe:
            fast[BUFFERS] = small[BUFFERS] = ENDLESS
        sizes = np.full(len(box.lists[GLB]), np.inf)
        own = box.values(GLB)
        sizes[: len(own)] = own
        leaves = (fast, small, box.least, box.most, sizes)
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
        chosen = [of(encoding.column(0, name)) for name in MAPPING_CHOICES]
        self._choices = np.stack([of(encoding.column(-1, "intersection")), *chosen], axis=1).astype(np.int8)
        self._flows = of(encoding.column(0, "dataflow")).astype(np.int8)
        statistics = self.problem.statistics[0]
        self._tables, self._fixed = eqx.partition(statistics, eqx.is_array)
        self._technology, self._fixed_technology = eqx.partition(problem.technology, eqx.is_array)
        self._programs, self._family = programs, problem.kernels[at].family
        self._effectual = 0.0
        if self._family in PRODUCTS:
            example = self.problem.batcher.costs(encoding.batch(kernel.rows[:1]))[0][0]
            self._effectual = float(example.computes.effectual)
        self._clock_hz = float(problem.technology.scenario.clock_ghz) * 1e9
        self.evaluations = 0

    def proven(self) -> bool:
        """Whether the bounds follow from the formulas alone, whatever the box."""
        lists = MachineBox.of(self.problem.encoding).lists
        heights = self.problem.encoding.genes[self.problem.encoding.column(0, "tile_m")].values
        sizes = [*lists[ROWS], *heights, self.problem.kernels[0].m]
        even = len(lists[ROWS]) == 1 or all(math.log2(float(size)).is_integer() for size in sizes)
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
            np.zeros((AT_ONCE, 1 + len(MAPPING_CHOICES)), np.int32),
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
        return kept(build, "box costs", flow, shapes, structure, self._fixed, self._fixed_technology)

    def _function(self, dataflow: str) -> Callable:
        """Bounds of one mapping."""

        def bound(tables, technology, fast, small, cheap, largest, glb_bytes, tile, choices):
            statistics = eqx.combine(tables, self._fixed)
            model = eqx.combine(technology, self._fixed_technology)
            weights = _weights(choices, dataflow)

            def hardware(numbers, **changes):
                for name, value in changes.items():
                    numbers = numbers.at[PLACE[name]].set(value)
                return unpack(jnp.concatenate([numbers, tile]), weights, dataflow)[0]

            mapping = unpack(jnp.concatenate([fast, tile]), weights, dataflow)[1]
            quick = evaluate(hardware(fast), mapping, statistics, model)
            counted = evaluate(hardware(small), mapping, statistics, model)
            fill = (fast[ROWS] + fast[COLS]) - (cheap[ROWS] + cheap[COLS])
            cycles = quick.cycles - fill
            needed = quick.fits[0] * fast[GLB]
            glb = jnp.min(jnp.where(needed <= glb_bytes * (1.0 + TOLERANCE), glb_bytes, jnp.inf))
            fits = jnp.isfinite(glb) & _fits(quick.fits, fast, largest)
            glb = jnp.where(fits, glb, largest[GLB])

            solved = model.solved()
            built = hardware(cheap, glb_bytes=glb)
            area = area_mm2(built, solved)
            actions = eqx.tree_at(lambda one: one.cycles, counted.actions, cycles)
            parts = [
                price(actions, hardware(cheap, glb_bytes=glb, glb_banks=largest[BANKS], lanes=n), mapping, area, solved)
                for n in (cheap[LANES], largest[LANES])  # a wider word costs less a bit, a wider port more
            ]
            limit = jnp.minimum(solved.max_clock_ghz(), solved.glb_clock_limit_ghz(glb / largest[BANKS]))
            fits &= solved.scenario.clock_ghz <= limit * (1.0 + TOLERANCE)
            found = [cycles / solved.scenario.clock_ghz * 1e-9, jnp.minimum(*parts).sum(), core_area_mm2(area)]
            return jnp.where(fits, jnp.stack(found), jnp.inf)

        return bound


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
    """`Batch.weights` of a machine with the units that one mapping uses: its unit, then `MAPPING_CHOICES`."""
    intersection, *mapped = choices
    picked = {
        name: jax.nn.one_hot(at, len(names)) for (name, names), at in zip(MAPPING_CHOICES.items(), mapped, strict=True)
    }
    flow = jax.nn.one_hot(DATAFLOWS.index(dataflow), len(CHOICES["dataflow"]))
    able = [picked[name] for name in MAPPING_CHOICES if name in CAPABILITY_OF]
    return jnp.concatenate([jax.nn.one_hot(intersection, len(INTERSECTIONS)), flow, *able, *picked.values()])


def _fits(needs: Any, counted: Any, largest: Any) -> Any:
    """Whether what needs so much of the `counted` buffers fits the largest ones of the box."""
    buffer = needs[1] * counted[BUFFER] / largest[BUFFER]
    sums = needs[2] * jnp.floor(counted[SUMS] * 8.0 / counted[PLACE["accumulator_bits"]] * (1.0 + TOLERANCE))
    words = jnp.maximum(jnp.floor(largest[SUMS] * 8.0 / counted[PLACE["accumulator_bits"]] * (1.0 + TOLERANCE)), 1.0)
    return jnp.maximum(buffer, sums / words) <= 1.0 + TOLERANCE
