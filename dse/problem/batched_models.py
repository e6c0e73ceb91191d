"""Many designs at once through the model, compiled once per (family, dataflow).

A call takes a fixed number of designs and one kernel. Its statistics are an argument and are broadcast, never gathered
per design, so neither the number of kernels nor that of designs compiles anything again. Work is grouped on the host by
kernel and dataflow and padded to the chunk.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dse.problem.compile_cache import kept
from dse.problem.programs import Programs, compiled, spread
from dse.problem.unpacking import OWN_CHOICES, OWN_WEIGHTS, UNITS, hardware_of, unpack
from dse.space.encoding import Batch, KernelShape, choice_weights
from hwmodels.analytical.evaluation import evaluate
from hwmodels.area import area_mm2
from hwmodels.cost import COST_LEAVES, ENERGY_COMPONENTS, FITS, Cost, counted_area_mm2, outside_pj
from hwmodels.design.choices import DATAFLOWS, INNER_PRODUCT, LANE_AXES
from hwmodels.design.hardware import (
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
)
from hwmodels.energy import machine_energy
from hwmodels.numerics import Exact, Numerics, Trend
from workloads.errors import InputError

LATENCY, ENERGY, AREA, FIT = 0, 1, 2, slice(3, 3 + len(FITS))
BUS_HOPS, OUTSIDE, PHY = range(FIT.stop, FIT.stop + 3)
OUTPUTS = PHY + 1
"""Latency (s), energy (pJ), area that counts (mm2), the `FITS`, bits on the buses times pitches of PEs, energy that
heats the DRAM and not the die (pJ), and area of the PHY that does not count (mm2), of one run of a kernel."""

FLOORS = ("dram_s", "dram_pj", "glb", "macs_s", "macs_pj", "machine", "watts")
"""What `Batcher.floors` gives: seconds in which DRAM moves what a run fetches and stores, the energy of it, what its
tiles take of the GLB over what there is; seconds in which all MACs together work on what is not skipped, the energy of
it; what the machine itself asks of its clock, buses and accumulators over what there is, and what it takes while it
runs without units (W), both of which are the same for all mappings."""

FAST = {"xla_cpu_use_fusion_emitters": False}
"""Compiler options for many designs: XLA on a CPU takes half of the usual time to compile a model, and the code is as
fast (seen on 2 cores with jaxlib 0.10)."""
SOON = FAST | {"xla_backend_optimization_level": 0}
"""Compiler options for a first result soon: XLA on a CPU takes a quarter of the usual time to compile a model or its
gradient, and the code takes four times as long to run (seen on 2 cores with jaxlib 0.10)."""
GRID = 32, 16
"""Tile sizes, and choices, of a call for the least that mappings of one kernel take on one machine."""
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "cost": (32, SOON),
    "bulk": (256, FAST),
    "gradient": (32, SOON),
    "machine": (1024, FAST),
    "floors": (GRID[0] * GRID[1], FAST),
}
"""Designs per call, and compiler options, by kind of function; where a call has fewer designs the rest is padding.
`cost` gives all of a `Cost`; `bulk` the outputs only, for batches that pay for its compilation; `machine` what the
units of a hardware take, which is the same for all kernels; `floors` the least that every choice with every tile size
takes on one machine, so that what a tile holds is looked up once for all choices."""
FEW = 96
"""Designs of one kernel and dataflow for which `bulk` is worth a call."""

CALLERS = 2
"""Calls made side by side: XLA on a CPU leaves cores idle in small ones."""

DRAM, MAC = ENERGY_COMPONENTS.index("dram"), ENERGY_COMPONENTS.index("mac")
GLB = FITS.index("glb")
LANE_AXIS = list(MAPPING_CHOICES).index("lanes_on")
OF_MACHINE = np.array([FITS.index(name) for name in ("accumulator", "bus", "clock")])
"""Needs that no mapping of an inner product changes, and none of another dataflow makes smaller."""
TINY = 1e-30
"""Stands for zero in logs."""

Evaluate = Callable[..., Cost]
"""`(hardware, mapping, kernel, technology, *, numerics) -> Cost`, for one design: `hwmodels.evaluate` or its like."""

Key = tuple[str, str, str]
"""(family, dataflow, kind) of a compiled function."""


GRADIENTS_OF_TOTALS = 6
"""Evaluations that the slopes of a design's three totals count as: a forward pass and a pull back each."""


class Slopes(NamedTuple):
    """Slopes of pulls on the log outputs of n designs."""

    hardware: np.ndarray
    """By log2 of `HARDWARE_NUMBERS`, summed over kernels, shape [n, numbers]."""
    tiles: np.ndarray
    """By log2 of `MAPPING_NUMBERS`, shape [n, kernel, numbers]."""


class Batcher:
    """Compiled evaluations of a workload's kernels, a fixed number of designs per call (`KINDS`)."""

    def __init__(
        self,
        evaluate: Evaluate,
        technology: Any,
        kernels: Sequence[KernelShape],
        statistics: Sequence[Any],
        *,
        relaxed: Numerics | None = None,
        devices: Sequence[Any] = (),
        counts_phy: bool = False,
    ):
        """`counts_phy`: whether the DRAM's PHY is a part of the area.

        `devices`, of `jax.devices()`, share the designs of each call evenly, a chunk each; none: the default one."""
        self._parts: dict[str, Any] = {
            "evaluate": evaluate,
            "technology": technology,
            "kernels": kernels,
            "statistics": statistics,
            "relaxed": relaxed,
            "devices": devices,
            "counts_phy": counts_phy,
        }
        self._counts_phy = counts_phy
        self.kernels = tuple(kernels)
        self._devices = tuple(devices) if len(devices) > 1 else ()
        self._evaluate = evaluate
        self._relaxed = relaxed or Trend()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._shared = [jax.tree.leaves((tables, self._technology)) for tables in self._tables]
        self._fixed_tables = [fixed for _, fixed in split]
        self._programs: Programs[Key] = Programs()

    def changed(self, **parts: Any) -> "Batcher":
        """Like this one but for some of the constructor's arguments.

        Programs take technology and tables as arguments, so those compiled here or there serve both where no other
        argument changes.
        """
        new = Batcher(**self._parts | parts)
        if parts.keys() <= {"technology", "kernels", "statistics"} and new._fixed_technology == self._fixed_technology:
            new._programs = self._programs
        return new

    def _function(self, kernel: int, dataflow: str, kind: str) -> Callable:
        """The function to compile: the whole cost, or its outputs on a machine without units, and for "gradient" the
        slopes of `pull @ log(outputs)` by log2 of numbers."""
        numerics = self._relaxed if kind == "gradient" else Exact()

        def cost(tables, technology, numbers, weights):
            hardware, mapping = unpack(numbers, weights, dataflow)
            statistics = eqx.combine(tables, self._fixed_tables[kernel])
            model = eqx.combine(technology, self._fixed_technology)
            return self._evaluate(hardware, mapping, statistics, model, numerics=numerics)

        def outputs(tables, technology, numbers, weights):
            found = cost(tables, technology, numbers, weights)
            area = counted_area_mm2(found.area_mm2, self._counts_phy)
            totals, phy = [found.latency_s, found.total_energy_pj, area], found.total_area_mm2 - area
            return jnp.stack([*totals, *found.fits, found.actions.bus_hops, outside_pj(found.energy_pj), phy])

        def weights_of(own, mapped):
            picked = [
                jax.nn.one_hot(at, len(names)) for at, names in zip(mapped, MAPPING_CHOICES.values(), strict=True)
            ]
            return jnp.concatenate([own, jnp.zeros(UNITS - OWN_WEIGHTS), *picked])

        def alone(tables, technology, numbers, choices):
            chosen, mapped = choices[: len(OWN_CHOICES)], choices[len(OWN_CHOICES) :]
            own = [jax.nn.one_hot(at, count) for at, count in zip(chosen, OWN_CHOICES.values(), strict=True)]
            return outputs(tables, technology, numbers, weights_of(jnp.concatenate(own), mapped))

        def gradient(tables, technology, numbers, weights, pull):
            def logs(steps):
                found = outputs(tables, technology, numbers * jnp.exp2(steps), weights)
                return jnp.log(jnp.maximum(found, TINY)), found

            _, back, found = jax.vjp(logs, jnp.zeros_like(numbers), has_aux=True)
            return found, *back(pull)

        def machine(_, technology, numbers, units):
            model = eqx.combine(technology, self._fixed_technology).solved()
            areas, energies = [], []
            for built in (units, units.at[OWN_WEIGHTS:].set(0.0)):
                hardware = hardware_of(numbers[: len(HARDWARE_NUMBERS)], built)
                areas.append(area_mm2(hardware, model))
                energies.append(machine_energy(hardware, areas[-1], model))
            more = jax.tree.map(jnp.subtract, *energies)
            watts = more.pj_per_cycle * model.scenario.clock_ghz * 1e-3
            return jnp.stack([counted_area_mm2(areas[0], self._counts_phy), more.hop_pj, watts])

        def floors(tables, technology, numbers, own, tiles, choices):
            hardware = hardware_of(numbers, jnp.concatenate([own, jnp.zeros(UNITS - OWN_WEIGHTS)]))
            model = eqx.combine(technology, self._fixed_technology).with_memory_of(hardware).solved()
            running = machine_energy(hardware, area_mm2(hardware, model), model)
            watts = running.pj_per_cycle * model.scenario.clock_ghz * 1e-3

            def one(tile, choice):
                choice = choice.at[LANE_AXIS].set(LANE_AXES.index("n"))  # which takes no adder tree
                found = cost(tables, technology, jnp.concatenate([numbers, tile]), weights_of(own, choice))
                bits = found.actions.dram_read_bits + found.actions.dram_write_bits
                memory = bits / (model.dram_gbps() * 8e9), found.energy_pj[DRAM], found.fits[GLB]
                worked = found.computes.effectual + found.computes.ineffectual + found.computes.gated
                rate = hardware.pe_rows * hardware.pe_cols * hardware.lanes * model.scenario.clock_ghz * 1e9
                return jnp.stack([*memory, worked / rate, found.energy_pj[MAC], found.fits[OF_MACHINE].max(), watts])

            return jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(tiles, choices)

        if kind == "floors":
            return floors
        function = {"cost": cost, "bulk": alone, "gradient": gradient, "machine": machine}[kind]
        return jax.vmap(function, in_axes=(None, None, *[0] * (3 if kind == "gradient" else 2)))

    def _chunk(self, kind: str) -> int:
        """Designs per call."""
        return KINDS[kind][0] * max(len(self._devices), 1)

    def _arguments(
        self, kind: str, kernel: int, batch: Batch, weights: np.ndarray, rows: np.ndarray, pull: np.ndarray | None
    ) -> tuple[Any, ...]:
        """Arguments of a call for one kernel and at most a chunk of rows, padded by repeating the first."""
        padded = np.concatenate([rows, np.full(self._chunk(kind) - len(rows), rows[0])])
        numbers = np.concatenate([batch.hardware[padded], batch.tiles[padded, kernel]], axis=1)
        arguments = (self._tables[kernel], self._technology, numbers, weights[padded, kernel])
        if pull is None:
            return arguments
        return (*arguments, pull[padded, kernel])

    def _calls(self, batch: Batch, kind: str) -> list[tuple[int, str, np.ndarray]]:
        """(kernel, dataflow, rows) of every call that a batch needs."""
        calls, chunk = [], self._chunk(kind)
        for kernel in range(1 if kind == "machine" else len(self.kernels)):
            for flow, name in enumerate(DATAFLOWS):
                rows = np.flatnonzero(batch.dataflow[:, kernel] == flow)
                if kind == "machine":  # which knows no dataflow
                    rows = np.arange(len(batch) if flow == 0 else 0)
                calls += [(kernel, name, rows[at : at + chunk]) for at in range(0, len(rows), chunk)]
        return calls

    def _launch(
        self, kind: str, batch: Batch, weights: np.ndarray, pull: np.ndarray | None = None
    ) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
        """Make every call that a batch needs, side by side; compile first what is not compiled yet.

        **Returns** (kernel, rows, leaves of the padded results) of each call.
        """
        calls = self._calls(batch, kind)
        keys = [(self.kernels[kernel].family, flow, kind) for kernel, flow, _ in calls]
        arguments = [self._arguments(kind, kernel, batch, weights, rows, pull) for kernel, _, rows in calls]
        wanted = {
            key: partial(self._program, key, kernel, given)
            for key, (kernel, _, _), given in zip(keys, calls, arguments, strict=True)
        }
        programs = self._programs.ready(wanted)

        def made(key: Key, kernel: int, given: tuple[Any, ...]) -> list[np.ndarray]:
            found = jax.device_get(programs[key]([*self._shared[kernel], *jax.tree.leaves(given[2:])]))
            require_numbers(found[:1] if key[2] == "gradient" else found, self.kernels[kernel].name)  # not of slopes
            return found

        kernels = [kernel for kernel, _, _ in calls]
        found = _callers().map(made, keys, kernels, arguments)
        yield from zip(kernels, [rows for _, _, rows in calls], found, strict=True)

    @contextlib.contextmanager
    def preparing(self, batch: Batch, kinds: Sequence[str]) -> Iterator[None]:
        """Compile in the background what calls of some `KINDS` need for designs like these, in the order of the kinds;
        what has not begun at the end is left."""
        begun: list[Key] = []
        for kind in kinds if self.adds_up else ():
            weights = _weights(kind, batch)
            pull = np.zeros((len(batch), len(self.kernels), OUTPUTS), np.float32) if kind == "gradient" else None
            for kernel, flow, rows in self._calls(batch, kind):
                key = self.kernels[kernel].family, flow, kind
                if key not in self._programs:
                    given = self._arguments(kind, kernel, batch, weights, rows[:1], pull)
                    begun += self._programs.begin({key: partial(self._program, key, kernel, given)})
        try:
            yield
        finally:
            self._programs.forget(begun)

    def _program(self, key: Key, kernel: int, arguments: tuple[Any, ...]) -> Any:
        """One compiled function: from the disk if an earlier run has kept it, or traced with a kernel's arguments."""
        _, flow, kind = key
        leaves, structure = jax.tree.flatten(arguments)
        function = self._function(kernel, flow, kind)

        def of_leaves(leaves: list[Array]) -> list[Array]:  # what is kept on the disk knows no class of ours
            return jax.tree.leaves(function(*jax.tree.unflatten(structure, leaves)))

        def build() -> Any:
            devices = () if kind == "floors" else self._devices  # which is of one machine
            shared = len(jax.tree.leaves(arguments[:2]))
            return compiled(spread(of_leaves, shared, devices), leaves, KINDS[kind][1])

        if self._evaluate is not evaluate:  # a user's own model, whose source is not known
            return build()
        shapes = [(np.shape(leaf), str(np.asarray(leaf).dtype)) for leaf in leaves]
        devices = [str(device) for device in self._devices]
        settings = (
            self._relaxed,
            self._counts_phy,
            self._fixed_tables[kernel],
            self._fixed_technology,
            jax.default_backend(),
            *devices,
        )
        return kept(build, key, KINDS[kind], shapes, structure, settings)

    def values(self, batch: Batch) -> np.ndarray:
        """Outputs of `Exact` for every design and kernel, shape [n, kernel, OUTPUTS]."""
        if not self.adds_up or len(batch) < FEW:
            return self._outputs("cost", batch)
        return self.with_units(self.alone(batch), batch, batch.machine_units().astype(np.float32))

    @property
    def adds_up(self) -> bool:
        """Whether what a design costs follows from its kernels alone and its units; of a user's own model it need
        not."""
        return self._evaluate is evaluate

    def alone(self, batch: Batch) -> np.ndarray:
        """Outputs of every design and kernel on a machine that has none of the units which its mappings need.

        What units take is the same for all mappings on a machine, and is added by `with_units`. A user's own model is
        asked for the design as it is. Shape [n, kernel, OUTPUTS].
        """
        return self._outputs("bulk" if self.adds_up else "cost", batch)

    def floors(self, machine: Batch, kernel: int, tiles: np.ndarray, choices: np.ndarray) -> np.ndarray:
        """The least that mappings of one kernel take on one machine, a batch of one.

        **Arguments**: `MAPPING_NUMBERS`, shape [t, numbers], and indices of `MAPPING_CHOICES`, shape [c, choices];
        nothing here depends on the dataflow. **Returns** every choice with every tile size, shape [t, c, `FLOORS`].
        """
        key = (self.kernels[kernel].family, DATAFLOWS[INNER_PRODUCT], "floors")
        own = choice_weights(machine.selected[:1])[0].astype(np.float32)
        corners = list(itertools.product(range(0, len(tiles), GRID[0]), range(0, len(choices), GRID[1])))

        def given(t: int, c: int) -> tuple[Any, ...]:
            sizes, chosen = tiles[t : t + GRID[0]], choices[c : c + GRID[1]]
            padded = (
                np.resize(np.float32(sizes), (GRID[0], len(MAPPING_NUMBERS))),
                np.resize(np.int32(chosen), (GRID[1], len(chosen[0]))),
            )
            return (self._tables[kernel], self._technology, machine.hardware[0], own, *padded)

        def made(corner: tuple[int, int]) -> np.ndarray:
            leaves = jax.tree.leaves(given(*corner)[2:])
            found = np.asarray(program([*self._shared[kernel], *leaves])[0])
            require_numbers([found], self.kernels[kernel].name)
            return found

        program = self._programs.ready({key: lambda: self._program(key, kernel, given(0, 0))})[key]
        found = np.zeros((len(tiles), len(choices), len(FLOORS)))
        for (t, c), some in zip(corners, _callers().map(made, corners), strict=True):
            here = found[t : t + GRID[0], c : c + GRID[1]]
            here[:] = some[: here.shape[0], : here.shape[1]]
        return found

    def with_units(self, outputs: np.ndarray, machines: Batch, units: np.ndarray) -> np.ndarray:
        """Outputs of `alone` on machines that have `units`, weights of shape [n, UNITS]: the same for each kernel."""
        return priced(outputs, self.unit_costs(machines, units))

    def unit_costs(self, machines: Batch, units: np.ndarray) -> np.ndarray | None:
        """Area that counts (mm2), and what units add to the energy of a bit on the buses (pJ) and to the power (W);
        shape [n, 3]. None for a user's own model, whose outputs hold what units take."""
        if not self.adds_up:
            return None
        found = np.zeros((len(units), 3))
        for _, rows, (leaf,) in self._launch("machine", machines, units[:, None]):
            found[rows] = leaf[: len(rows)]
        return found

    def _outputs(self, kind: str, batch: Batch) -> np.ndarray:
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        for kernel, rows, leaves in self._launch(kind, batch, _weights(kind, batch)):
            found = leaves[0] if len(leaves) == 1 else _packed(leaves, self._counts_phy)
            outputs[rows, kernel] = found[: len(rows)]
        return outputs

    def gradients(self, batch: Batch, pull: np.ndarray) -> tuple[np.ndarray, Slopes]:
        """Outputs under the relaxed numerics, and the slopes of `pull * log(outputs)`, added over kernels and outputs.

        **Arguments**: `pull`, shape [n, kernel, OUTPUTS]. **Returns** the outputs, shape [n, kernel, OUTPUTS], and the
        slopes.
        """
        count, kernels, _ = pull.shape
        outputs = np.zeros((count, kernels, OUTPUTS))
        by_number = np.zeros((count, kernels, len(HARDWARE_NUMBERS) + len(MAPPING_NUMBERS)))
        for kernel, rows, leaves in self._launch(
            "gradient", batch, _weights("gradient", batch), np.asarray(pull, np.float32)
        ):
            outputs[rows, kernel], by_number[rows, kernel] = (leaf[: len(rows)] for leaf in leaves)
        ours = len(HARDWARE_NUMBERS)
        return outputs, Slopes(by_number[..., :ours].sum(axis=1), by_number[..., ours:])

    def slopes_of_totals(self, batch: Batch, latency_s: np.ndarray, energy_pj: np.ndarray) -> Slopes:
        """Slopes of log latency, log energy and log area of the whole workload: axis 1 of each array, of length 3.

        **Arguments**: latency and energy of all repeats of each kernel, shape [n, kernel].
        """
        pull = np.zeros((*latency_s.shape, 3, OUTPUTS))
        pull[:, :, 0, LATENCY] = latency_s / latency_s.sum(axis=1, keepdims=True)
        pull[:, :, 1, ENERGY] = energy_pj / energy_pj.sum(axis=1, keepdims=True)
        pull[:, 0, 2, AREA] = 1.0  # every kernel reports the same area
        thrice = batch.take(np.repeat(np.arange(len(batch)), 3))
        _, slopes = self.gradients(thrice, np.moveaxis(pull, 2, 1).reshape(-1, *latency_s.shape[1:], OUTPUTS))
        return Slopes(*(leaf.reshape(len(batch), 3, *leaf.shape[1:]) for leaf in slopes))

    def costs(self, batch: Batch) -> list[list[Cost]]:
        """The whole `Cost` of every design (outer list) and kernel (inner list), leaves in NumPy."""
        costs: list[list[Any]] = [[None] * len(self.kernels) for _ in range(len(batch))]
        for kernel, rows, leaves in self._launch("cost", batch, _weights("cost", batch)):
            for at, row in enumerate(rows):
                costs[row][kernel] = Cost.of_leaves([leaf[at] for leaf in leaves])
        return costs


def require_numbers(found: Sequence[np.ndarray], kernel: str) -> None:
    """InputError, which names the kernel, where what a model gave for it is no number."""
    if any(np.isnan(leaf).any() for leaf in found):
        raise InputError(
            f"{kernel}: the model gives no number (NaN) for what a design costs; check the technology's constants and "
            "the scenario, and if these are sound report it, with this kernel, as a fault of the model."
        )


@functools.cache
def _callers() -> ThreadPoolExecutor:
    """Threads for calls side by side, one pool for the process: starting threads takes longer than a small call."""
    return ThreadPoolExecutor(CALLERS, "call")


def priced(outputs: np.ndarray, unit_costs: np.ndarray | None) -> np.ndarray:
    """Outputs of `Batcher.alone`, shape [n, j, OUTPUTS], with the `unit_costs` of each machine added."""
    if unit_costs is None:
        return outputs
    area_mm2, hop_pj, watts = unit_costs.T[:, :, None]
    outputs = outputs.copy()
    with np.errstate(invalid="ignore"):  # what was not evaluated is infinite
        outputs[:, :, ENERGY] += outputs[:, :, BUS_HOPS] * hop_pj + outputs[:, :, LATENCY] * watts * 1e12
    outputs[:, :, AREA] = area_mm2
    return outputs


def _weights(kind: str, batch: Batch) -> np.ndarray:
    """What a call is given of the choices of designs: as indices where there are many, else as weights."""
    if kind == "machine":
        return batch.machine_units().astype(np.float32)[:, None]
    if kind != "bulk":
        return batch.weights()
    own = np.broadcast_to(batch.selected[:, None], (*batch.dataflow.shape, batch.selected.shape[1]))
    return np.concatenate([own, batch.choices], axis=2).astype(np.int32)


def _packed(leaves: Sequence[Any], counts_phy: bool) -> np.ndarray:
    """Outputs of stacked costs, shape [n, OUTPUTS]."""
    names = ("latency_s", "energy_pj", "area_mm2", "fits", "bus_hops")
    latency, energy, area, fits, bus_hops = (np.asarray(leaves[COST_LEAVES.index(name)]) for name in names)
    counted = counted_area_mm2(area, counts_phy)
    beside = (bus_hops, outside_pj(energy), area.sum(axis=1) - counted)
    return np.column_stack([latency, energy.sum(axis=1), counted, fits, *beside])
