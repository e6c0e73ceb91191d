"""Many designs at once through the model, compiled once per (family, dataflow).

A call takes a fixed number of designs and one kernel. Its statistics are an argument and are broadcast, never gathered
per design, so neither the number of kernels nor that of designs compiles anything again. Work is grouped on the host by
kernel and dataflow and padded to the chunk.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from dse.problem.compile_cache import kept
from dse.space.encoding import Batch, KernelShape
from hwmodels.analytical.evaluation import evaluate
from hwmodels.cost import COST_LEAVES, Cost, core_area_mm2
from hwmodels.design.choices import DATAFLOWS, INTERSECTIONS
from hwmodels.design.hardware import (
    CAPABILITY_OF,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    Hardware,
    Mapping,
)
from hwmodels.numerics import Exact, Numerics, Trend

OUTPUTS = 7
"""Latency (s), energy (pJ), area without the DRAM's PHY (mm2), and the four `FITS`."""

FAST = {"xla_cpu_use_fusion_emitters": False}
"""Compiler options for many designs: XLA on a CPU takes half of the usual time to compile a model, and the code is as
fast (seen on 2 cores with jaxlib 0.10)."""
SOON = FAST | {"xla_backend_optimization_level": 0}
"""Compiler options for a first result soon: XLA on a CPU takes a quarter of the usual time to compile a model or its
gradient, and the code takes four times as long to run (seen on 2 cores with jaxlib 0.10)."""
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "cost": (32, SOON),
    "bulk": (1024, FAST),
    "gradient": (24, SOON),
}
"""Designs per call, and compiler options, by kind of function; where a call has fewer designs the rest is padding.
`cost` gives all of a `Cost`, `bulk` the outputs only, for batches that pay for its compilation."""

COMPILERS = 2
"""Programs compiled or loaded side by side; more of them wait for each other's memory maps."""
_TRACING = threading.Lock()
"""Tracing holds Python's own lock, so two threads at it only take turns."""

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
    """By log2 of `HARDWARE_NUMBERS`, summed over kernels, shape [n, 11]."""
    tiles: np.ndarray
    """By log2 of the tile sizes, shape [n, kernel, 3]."""
    weights: np.ndarray
    """By `Batch.weights`, shape [n, kernel, 65]."""


def unpack(
    numbers: Sequence[Float[Array, ""]], weights: Float[Array, " 65"], dataflow: str
) -> tuple[Hardware, Mapping]:
    """One row of a batch as the models' hardware and mapping; `weights` are those of `Batch.weights`."""
    sizes = {"intersection": len(INTERSECTIONS), "dataflows": len(DATAFLOWS)}
    sizes |= {CAPABILITY_OF[use]: len(names) for use, names in MAPPING_CHOICES.items() if use in CAPABILITY_OF}
    of_hardware = len(sizes)
    sizes |= {use: len(names) for use, names in MAPPING_CHOICES.items()}
    vectors = zip(sizes, jnp.split(weights, np.cumsum(list(sizes.values()))[:-1]), strict=True)
    hardware = dict(zip(HARDWARE_NUMBERS, numbers, strict=False)) | dict(itertools.islice(vectors, of_hardware))
    mapping = dict(zip(MAPPING_NUMBERS, numbers[len(HARDWARE_NUMBERS) :], strict=True)) | dict(vectors)
    return Hardware(**hardware), Mapping(**mapping, dataflow=dataflow)


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
    ):
        """`devices`, of `jax.devices()`, share the designs of each call evenly, a chunk each; none: the default one."""
        self._parts: dict[str, Any] = {
            "evaluate": evaluate,
            "technology": technology,
            "kernels": kernels,
            "statistics": statistics,
            "relaxed": relaxed,
            "devices": devices,
        }
        self.kernels = tuple(kernels)
        self._devices = tuple(devices) if len(devices) > 1 else ()
        self._evaluate = evaluate
        self._relaxed = relaxed or Trend()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._shared = [jax.tree.leaves((tables, self._technology)) for tables in self._tables]
        self._fixed_tables = [fixed for _, fixed in split]
        self._compiled: dict[Key, Any] = {}

    def changed(self, **parts: Any) -> "Batcher":
        """Like this one but for some of the constructor's arguments.

        Programs take technology and tables as arguments, so those compiled here or there serve both where no other
        argument changes.
        """
        new = Batcher(**self._parts | parts)
        if parts.keys() <= {"technology", "kernels", "statistics"} and new._fixed_technology == self._fixed_technology:
            new._compiled = self._compiled
        return new

    def _function(self, kernel: int, dataflow: str, kind: str) -> Callable:
        """The function to compile: the whole cost or its outputs, and for "gradient" the slopes of `pull @
        log(outputs)` by log2 of numbers."""
        numerics = self._relaxed if kind == "gradient" else Exact()

        def cost(tables, technology, numbers, weights):
            hardware, mapping = unpack(numbers, weights, dataflow)
            statistics = eqx.combine(tables, self._fixed_tables[kernel])
            model = eqx.combine(technology, self._fixed_technology)
            return self._evaluate(hardware, mapping, statistics, model, numerics=numerics)

        def outputs(tables, technology, numbers, weights):
            found = cost(tables, technology, numbers, weights)
            return jnp.stack([found.latency_s, found.total_energy_pj, found.core_area_mm2, *found.fits])

        def gradient(tables, technology, numbers, weights, pull):
            def logs(steps, weights):
                moved = [number * jnp.exp2(step) for number, step in zip(numbers, steps, strict=True)]
                found = outputs(tables, technology, moved, weights)
                return jnp.log(jnp.maximum(found, TINY)), found

            _, back, found = jax.vjp(logs, [jnp.zeros_like(number) for number in numbers], weights, has_aux=True)
            by_number, by_weight = back(pull)
            return found, jnp.stack(by_number), by_weight

        if kind == "gradient":
            return jax.vmap(gradient, in_axes=(None, None, 0, 0, 0))
        return jax.vmap(cost if kind == "cost" else outputs, in_axes=(None, None, 0, 0))

    def _chunk(self, kind: str) -> int:
        """Designs per call."""
        return KINDS[kind][0] * max(len(self._devices), 1)

    def _arguments(
        self, kind: str, kernel: int, batch: Batch, weights: np.ndarray, rows: np.ndarray, pull: np.ndarray | None
    ) -> tuple[Any, ...]:
        """Arguments of a call for one kernel and at most a chunk of rows, padded by repeating the first."""
        padded = np.concatenate([rows, np.full(self._chunk(kind) - len(rows), rows[0])])
        numbers = [*batch.hardware[padded].T, *batch.tiles[padded, kernel].T]
        arguments = (self._tables[kernel], self._technology, numbers, weights[padded, kernel])
        if pull is None:
            return arguments
        return (*arguments, pull[padded, kernel])

    def _calls(self, batch: Batch, kind: str) -> list[tuple[int, str, str, np.ndarray]]:
        """(kernel, dataflow, kind, rows) of every call that a batch needs."""
        calls = []
        for kernel in range(len(self.kernels)):
            for flow, name in enumerate(DATAFLOWS):
                rows = np.flatnonzero(batch.dataflow[:, kernel] == flow)
                mine = kind
                if kind == "values":
                    mine = "bulk" if len(rows) >= KINDS["bulk"][0] // 2 else "cost"
                chunk = self._chunk(mine)
                calls += [(kernel, name, mine, rows[at : at + chunk]) for at in range(0, len(rows), chunk)]
        return calls

    def _launch(self, kind: str, batch: Batch, pull: np.ndarray | None = None) -> list[tuple[int, np.ndarray, list]]:
        """Start every call that a batch needs; compile first, side by side, what is not compiled yet.

        **Returns** (kernel, rows, leaves of the padded results) of each call.
        """
        weights = batch.weights()
        calls = [
            (kernel, (self.kernels[kernel].family, flow, mine), rows)
            for kernel, flow, mine, rows in self._calls(batch, kind)
        ]
        arguments = [self._arguments(key[2], kernel, batch, weights, rows, pull) for kernel, key, rows in calls]
        self._compile({key: (kernel, given) for (kernel, key, _), given in zip(calls, arguments, strict=True)})
        return [
            (kernel, rows, self._compiled[key]([*self._shared[kernel], *jax.tree.leaves(given[2:])]))
            for (kernel, key, rows), given in zip(calls, arguments, strict=True)
        ]

    def _compile(self, wanted: dict[Key, tuple[int, tuple]]) -> None:
        """Compile side by side the functions that are not yet, each with a kernel and arguments to trace it with."""
        missing = {key: call for key, call in wanted.items() if key not in self._compiled}
        with ThreadPoolExecutor(COMPILERS) as pool:
            self._compiled.update(zip(missing, pool.map(self._program, missing, missing.values()), strict=True))

    def _program(self, key: Key, call: tuple[int, tuple]) -> Any:
        """One compiled function, from the disk if an earlier run has kept it there."""
        _, flow, kind = key
        kernel, arguments = call
        leaves, structure = jax.tree.flatten(arguments)
        function = self._function(kernel, flow, kind)

        def of_leaves(leaves: list[Array]) -> list[Array]:  # what is kept on the disk knows no class of ours
            return jax.tree.leaves(function(*jax.tree.unflatten(structure, leaves)))

        def build() -> Any:
            with _TRACING:
                lowered = self._jit(of_leaves, len(jax.tree.leaves(arguments[:2]))).lower(leaves)
            if jax.default_backend() == "cpu":
                try:
                    return lowered.compile(compiler_options=KINDS[kind][1])
                except jax.errors.JaxRuntimeError:  # another version of XLA may not know the options
                    pass
            return lowered.compile()

        if self._evaluate is not evaluate:  # a user's own model, whose source is not known
            return build()
        shapes = [(np.shape(leaf), str(np.asarray(leaf).dtype)) for leaf in leaves]
        devices = [str(device) for device in self._devices]
        settings = (self._relaxed, self._fixed_tables[kernel], self._fixed_technology, jax.default_backend(), *devices)
        return kept(build, key, KINDS[kind], shapes, structure, settings)

    def _jit(self, of_leaves: Callable, shared: int) -> Any:
        """The function of a list of arrays, jitted: over several devices each gets the first `shared` arrays whole and
        an equal part of the others, and runs the program that a single device would run on a part."""
        if not self._devices:
            return jax.jit(of_leaves)
        mesh = Mesh(np.array(self._devices), ("design",))

        def apart(leaves: list[Array]) -> list[Array]:
            specs = [PartitionSpec() if at < shared else PartitionSpec("design") for at in range(len(leaves))]
            split = jax.shard_map(
                of_leaves, mesh=mesh, in_specs=(specs,), out_specs=PartitionSpec("design"), check_vma=False
            )
            return split(leaves)

        return jax.jit(apart)

    def values(self, batch: Batch) -> np.ndarray:
        """Outputs of `Exact` for every design and kernel, shape [n, kernel, OUTPUTS]."""
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        for kernel, rows, leaves in self._launch("values", batch):
            found = np.asarray(leaves[0]) if len(leaves) == 1 else _packed(leaves)
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
        by_weight = np.zeros(batch.weights().shape)
        for kernel, rows, leaves in self._launch("gradient", batch, np.asarray(pull, np.float32)):
            outputs[rows, kernel], by_number[rows, kernel], by_weight[rows, kernel] = (
                np.asarray(leaf)[: len(rows)] for leaf in leaves
            )
        ours = len(HARDWARE_NUMBERS)
        return outputs, Slopes(by_number[..., :ours].sum(axis=1), by_number[..., ours:], by_weight)

    def slopes_of_totals(self, batch: Batch, latency_s: np.ndarray, energy_pj: np.ndarray) -> Slopes:
        """Slopes of log latency, log energy and log area of the whole workload: axis 1 of each array, of length 3.

        **Arguments**: latency and energy of all repeats of each kernel, shape [n, kernel].
        """
        pull = np.zeros((*latency_s.shape, 3, OUTPUTS))
        pull[:, :, 0, 0] = latency_s / latency_s.sum(axis=1, keepdims=True)
        pull[:, :, 1, 1] = energy_pj / energy_pj.sum(axis=1, keepdims=True)
        pull[:, 0, 2, 2] = 1.0  # every kernel reports the same area
        thrice = batch.take(np.repeat(np.arange(len(batch)), 3))
        _, slopes = self.gradients(thrice, np.moveaxis(pull, 2, 1).reshape(-1, *latency_s.shape[1:], OUTPUTS))
        return Slopes(*(leaf.reshape(len(batch), 3, *leaf.shape[1:]) for leaf in slopes))

    def costs(self, batch: Batch) -> list[list[Cost]]:
        """The whole `Cost` of every design (outer list) and kernel (inner list), leaves in NumPy."""
        costs: list[list[Any]] = [[None] * len(self.kernels) for _ in range(len(batch))]
        for kernel, rows, results in self._launch("cost", batch):
            leaves = jax.device_get(results)
            for at, row in enumerate(rows):
                costs[row][kernel] = Cost.of_leaves([leaf[at] for leaf in leaves])
        return costs


def _packed(leaves: Sequence[Any]) -> np.ndarray:
    """Outputs of stacked costs, shape [n, OUTPUTS]."""
    names = ("latency_s", "energy_pj", "area_mm2", "fits")
    latency, energy, area, fits = (np.asarray(leaves[COST_LEAVES.index(name)]) for name in names)
    return np.column_stack([latency, energy.sum(axis=1), core_area_mm2(area), fits])
