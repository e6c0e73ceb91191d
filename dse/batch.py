"""Many designs at once through the model, compiled once per (family, dataflow).

A call takes a fixed number of designs and one kernel. Its statistics are an argument and are broadcast, never gathered
per design, so neither the number of kernels nor that of designs compiles anything again. Work is grouped on the host by
kernel and dataflow and padded to the chunk.
"""

import collections
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from dse.encoding import Batch, Kernel
from hwmodels.choices import DATAFLOWS, INTERSECTIONS
from hwmodels.cost import Cost
from hwmodels.hardware import (
    CAPABILITY_OF,
    HARDWARE_NUMBERS,
    MAPPING_CHOICES,
    MAPPING_NUMBERS,
    Hardware,
    Mapping,
)
from hwmodels.numerics import Exact, Numerics, Smooth

OUTPUTS = 7
"""Latency (s), energy (pJ), area (mm2), and the four `FITS`."""

QUICKLY = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 0}
"""Compiler options for a first result soon: XLA on a CPU takes 1 s instead of 5 s to compile a model (5 s instead of
20 s for its gradient), and the code takes three to five times as long to run (seen on 2 cores with jaxlib 0.10)."""
CHUNK = {"values": 128, "gradient": 32, "cost": 32}
"""Designs per call: about as many as searches have at hand for one kernel and dataflow, since the rest is padding."""
LONG_RUN = 4000
"""Calls after which a function is compiled again, with the usual options."""

TINY = 1e-30
"""Stands for zero in logs."""

Evaluate = Callable[..., Cost]
"""`(hardware, mapping, kernel, technology, *, numerics) -> Cost`, for one design or for a stack of them."""

Key = tuple[str, str, str]
"""(family, dataflow, kind) of a compiled function."""


def unpack(
    numbers: Sequence[Float[Array, " n"]],
    intersection: Int[Array, " n"],
    capabilities: Float[Array, "n 28"],
    choices: Int[Array, "n 7"],
    dataflow: str,
) -> tuple[Hardware, Mapping]:
    """Rows of a batch as stacks of the models' hardware and mappings (designs on the first axis)."""
    sizes = [len(DATAFLOWS)] + [len(MAPPING_CHOICES[use]) for use in MAPPING_CHOICES if use in CAPABILITY_OF]
    names = ["dataflows"] + [CAPABILITY_OF[use] for use in MAPPING_CHOICES if use in CAPABILITY_OF]
    vectors = jnp.split(capabilities, np.cumsum(sizes)[:-1], axis=1)
    hardware = Hardware(
        **{name: numbers[at] for at, name in enumerate(HARDWARE_NUMBERS)},
        **dict(zip(names, vectors, strict=True)),
        intersection=jax.nn.one_hot(intersection, len(INTERSECTIONS), dtype=jnp.float32),
    )
    mapping = Mapping(
        **{name: numbers[len(HARDWARE_NUMBERS) + at] for at, name in enumerate(MAPPING_NUMBERS)},
        **{
            name: jax.nn.one_hot(choices[:, at], len(names), dtype=jnp.float32)
            for at, (name, names) in enumerate(MAPPING_CHOICES.items())
        },
        dataflow=dataflow,
    )
    return hardware, mapping


def one_by_one(evaluate: Evaluate) -> Evaluate:
    """A model of one design as a model of a stack of designs, like `hwmodels.evaluate_many`."""

    def many(hardware, mapping, kernel, technology, *, numerics):
        return jax.vmap(lambda h, m: evaluate(h, m, kernel, technology, numerics=numerics))(hardware, mapping)

    return many


class Batcher:
    """Compiled evaluations of a workload's kernels, `CHUNK` designs per call."""

    def __init__(
        self,
        evaluate_many: Evaluate,
        technology: Any,
        kernels: Sequence[Kernel],
        statistics: Sequence[Any],
        *,
        relaxed: Numerics | None = None,
    ):
        self.kernels = tuple(kernels)
        self._evaluate_many = evaluate_many
        self._relaxed = relaxed or Smooth()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._fixed_tables = [fixed for _, fixed in split]
        self._compiled: dict[Key, Any] = {}
        self._optimised: set[Key] = set()
        self._calls_made: collections.Counter[Key] = collections.Counter()
        self._underway: Future[None] | None = None

    def _function(self, kernel: int, dataflow: str, kind: str) -> Callable:
        """The function to compile: `kind` is "values", "gradient" or "cost". Numbers come one by one, for the gradient
        of a packed vector would be a single huge fused sum."""
        numerics = self._relaxed if kind == "gradient" else Exact()

        def cost(tables, technology, numbers, intersection, capabilities, choices):
            hardware, mapping = unpack(numbers, intersection, capabilities, choices, dataflow)
            return self._evaluate_many(
                hardware,
                mapping,
                eqx.combine(tables, self._fixed_tables[kernel]),
                eqx.combine(technology, self._fixed_technology),
                numerics=numerics,
            )

        def values(*arguments):
            result = cost(*arguments)
            return result.latency_s, result.total_energy_pj, result.total_area_mm2, result.fits

        def gradient(tables, technology, numbers, intersection, capabilities, choices, pull):
            def loss(steps):
                moved = [number * jnp.exp2(step) for number, step in zip(numbers, steps, strict=True)]
                outputs = values(tables, technology, moved, intersection, capabilities, choices)
                logs = [jnp.log(jnp.maximum(output, TINY)) for output in (*outputs[:3], *outputs[3].T)]
                pulled = [jnp.vdot(pull[:, at], log) for at, log in enumerate(logs)]  # designs do not interact
                return sum(pulled), outputs

            slopes, outputs = jax.grad(loss, has_aux=True)([jnp.zeros_like(number) for number in numbers])
            return (*outputs, slopes)

        return {"values": values, "gradient": gradient, "cost": cost}[kind]

    def _arguments(
        self, kind: str, kernel: int, batch: Batch, capabilities: np.ndarray, rows: np.ndarray, pull: np.ndarray | None
    ) -> tuple:
        """Arguments of a call for one kernel and at most a chunk of rows, padded by repeating the first."""
        count = len(rows)
        rows = np.concatenate([rows, np.full(CHUNK[kind] - count, rows[0])])
        arguments = (
            self._tables[kernel],
            self._technology,
            [*batch.hardware[rows].T, *batch.tiles[rows, kernel].T],
            batch.intersection[rows].astype(np.int32),
            capabilities[rows],
            batch.choices[rows, kernel].astype(np.int32),
        )
        if pull is None:
            return arguments
        padded = np.zeros((len(rows), OUTPUTS), np.float32)
        padded[:count] = pull[rows[:count], kernel]
        return (*arguments, padded)

    def _calls(self, batch: Batch, chunk: int) -> list[tuple[int, str, np.ndarray]]:
        """(kernel, dataflow, rows) of every call that a batch needs."""
        calls = []
        for kernel in range(len(self.kernels)):
            for flow, name in enumerate(DATAFLOWS):
                rows = np.flatnonzero(batch.dataflow[:, kernel] == flow)
                calls += [(kernel, name, rows[at : at + chunk]) for at in range(0, len(rows), chunk)]
        return calls

    def _launch(self, kind: str, batch: Batch, pull: np.ndarray | None = None) -> list[tuple[int, np.ndarray, Any]]:
        """Start every call that a batch needs; compile first, side by side, what is not compiled yet.

        **Returns** (kernel, rows, padded results) of each call.
        """
        capabilities = batch.capabilities()
        calls = [
            (kernel, dataflow, rows, self._arguments(kind, kernel, batch, capabilities, rows, pull))
            for kernel, dataflow, rows in self._calls(batch, CHUNK[kind])
        ]
        if self._underway is not None and kind == "gradient":
            self._underway.result()
            self._underway = None
        first = {(self.kernels[kernel].family, flow, kind): (kernel, args) for kernel, flow, _, args in calls}
        self._calls_made.update((self.kernels[kernel].family, flow, kind) for kernel, flow, _, _ in calls)
        quick = {key: QUICKLY for key in first if key not in self._compiled}
        slow = {key: None for key in first if self._calls_made[key] > LONG_RUN and key not in self._optimised}
        if quick or slow:
            self._compile(quick | slow, first)
            self._optimised |= set(slow)
        return [
            (kernel, rows, self._compiled[self.kernels[kernel].family, dataflow, kind](*arguments))
            for kernel, dataflow, rows, arguments in calls
        ]

    def _compile(self, wanted: dict[Key, Any], first: dict[Key, Any]) -> None:
        """Compile functions side by side, each with its options."""
        lowered = {}
        for key in wanted:
            kernel, arguments = first[key]
            lowered[key] = jax.jit(self._function(kernel, key[1], key[2])).lower(*arguments)

        def build(key: Key) -> Any:
            if wanted[key] and jax.default_backend() == "cpu":
                try:
                    return lowered[key].compile(compiler_options=wanted[key])
                except jax.errors.JaxRuntimeError:  # another version of XLA may not know the options
                    pass
            return lowered[key].compile()

        with ThreadPoolExecutor() as pool:
            self._compiled.update(zip(wanted, pool.map(build, wanted), strict=True))

    def prepare_gradients(self, batch: Batch, dataflows: Sequence[Sequence[str]]) -> None:
        """Start to compile, in the background, the gradients of each kernel's `dataflows`; `batch` is any batch."""
        first: dict[Key, Any] = {}
        capabilities = batch.capabilities()
        for kernel, flows in enumerate(dataflows):
            pull = np.zeros((len(batch), len(self.kernels), OUTPUTS))
            arguments = self._arguments("gradient", kernel, batch, capabilities, np.zeros(1, int), pull)
            for flow in flows:
                first.setdefault((self.kernels[kernel].family, flow, "gradient"), (kernel, arguments))
        missing = {key: QUICKLY for key in first if key not in self._compiled}
        if missing and self._underway is None:
            worker = ThreadPoolExecutor(1)
            self._underway = worker.submit(self._compile, missing, first)
            worker.shutdown(wait=False)

    def values(self, batch: Batch) -> np.ndarray:
        """Outputs of `Exact` for every design and kernel, shape [n, kernel, OUTPUTS]."""
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        for kernel, rows, result in self._launch("values", batch):
            outputs[rows, kernel] = _packed(result, len(rows))
        return outputs

    def gradients(self, batch: Batch, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Outputs under the relaxed numerics, and gradients of `sum(pull * log(outputs))` by log2 of the numbers.

        **Arguments**: `pull`, shape [n, kernel, OUTPUTS]. **Returns** the outputs, shape [n, kernel, OUTPUTS]; the
        gradients by the hardware's numbers, shape [n, 11], summed over kernels; by tiles, shape [n, kernel, 3].
        """
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        slopes = np.zeros((len(batch), len(self.kernels), len(HARDWARE_NUMBERS) + len(MAPPING_NUMBERS)))
        for kernel, rows, result in self._launch("gradient", batch, np.asarray(pull, np.float32)):
            outputs[rows, kernel] = _packed(result[:4], len(rows))
            slopes[rows, kernel] = np.stack([np.asarray(slope) for slope in result[4]], axis=1)[: len(rows)]
        ours = len(HARDWARE_NUMBERS)
        return outputs, slopes[:, :, :ours].sum(axis=1), slopes[:, :, ours:]

    def costs(self, batch: Batch) -> list[list[Cost]]:
        """The whole `Cost` of every design (outer list) and kernel (inner list), leaves in NumPy."""
        costs: list[list[Any]] = [[None] * len(self.kernels) for _ in range(len(batch))]
        for kernel, rows, result in self._launch("cost", batch):
            leaves = jax.tree.map(np.asarray, result)
            for at, row in enumerate(rows):
                costs[row][kernel] = jax.tree.map(lambda leaf, at=at: jnp.asarray(leaf[at]), leaves)
        return costs


def _packed(result: Sequence[Any], count: int) -> np.ndarray:
    """Latency, energy, area and fits of the first `count` rows, shape [count, OUTPUTS]."""
    latency, energy, area, fits = (np.asarray(leaf)[:count] for leaf in result)
    return np.concatenate([latency[:, None], energy[:, None], area[:, None], fits], axis=1)
