"""Many designs at once through the one-design model, compiled once per (family, dataflow).

A call takes a fixed number of designs and one kernel. Its statistics are an argument and are broadcast, never gathered
per design, so neither the number of kernels nor that of designs compiles anything again. Work is grouped on the host by
kernel and dataflow and padded to the chunk.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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

UNFUSED = {"xla_disable_hlo_passes": "cpu-instruction-fusion,fusion", "xla_backend_optimization_level": 1}
"""Compiler options for what is compiled once and run little: XLA's CPU fusion doubles the time to compile a gradient
(measured: 21 s to 11 s for one function) and makes it no faster to run."""

Evaluate = Callable[..., Cost]


def unpack(
    numbers: Sequence[Float[Array, ""]],
    intersection: Int[Array, ""],
    capabilities: Float[Array, " 28"],
    choices: Int[Array, " 7"],
    dataflow: str,
) -> tuple[Hardware, Mapping]:
    """One row of a batch as the models' hardware and mapping."""
    sizes = [len(DATAFLOWS)] + [len(MAPPING_CHOICES[use]) for use in MAPPING_CHOICES if use in CAPABILITY_OF]
    names = ["dataflows"] + [CAPABILITY_OF[use] for use in MAPPING_CHOICES if use in CAPABILITY_OF]
    vectors = jnp.split(capabilities, np.cumsum(sizes)[:-1])
    hardware = Hardware(
        **{name: numbers[at] for at, name in enumerate(HARDWARE_NUMBERS)},
        **dict(zip(names, vectors, strict=True)),
        intersection=jax.nn.one_hot(intersection, len(INTERSECTIONS), dtype=jnp.float32),
    )
    mapping = Mapping(
        **{name: numbers[len(HARDWARE_NUMBERS) + at] for at, name in enumerate(MAPPING_NUMBERS)},
        **{
            name: jax.nn.one_hot(choices[at], len(names), dtype=jnp.float32)
            for at, (name, names) in enumerate(MAPPING_CHOICES.items())
        },
        dataflow=dataflow,
    )
    return hardware, mapping


class Batcher:
    """Compiled evaluations of a workload's kernels; `chunk` designs per call."""

    def __init__(
        self,
        evaluate: Evaluate,
        technology: Any,
        kernels: Sequence[Kernel],
        statistics: Sequence[Any],
        *,
        chunk: int = 256,
        relaxed: Numerics | None = None,
    ):
        self.kernels, self.chunk = tuple(kernels), chunk
        self._evaluate = evaluate
        self._relaxed = relaxed or Smooth()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._fixed_tables = [fixed for _, fixed in split]
        self._compiled: dict[tuple[str, str, str], Any] = {}

    def _function(self, kernel: int, dataflow: str, kind: str) -> Callable:
        """The function to compile: `kind` is "values", "gradient" or "cost". Numbers come one by one, for the gradient
        of a packed vector would be a single huge fused sum."""
        numerics = self._relaxed if kind == "gradient" else Exact()

        def cost(tables, technology, numbers, intersection, capabilities, choices):
            hardware, mapping = unpack(numbers, intersection, capabilities, choices, dataflow)
            return self._evaluate(
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
                latency, energy, area, fits = values(tables, technology, moved, intersection, capabilities, choices)
                logs = pull[0] * jnp.log(latency) + pull[1] * jnp.log(energy) + pull[2] * jnp.log(area)
                return logs + jnp.sum(pull[3:] * jnp.log(jnp.maximum(fits, 1e-30))), (latency, energy, area, fits)

            slopes, outputs = jax.grad(loss, has_aux=True)([jnp.zeros_like(number) for number in numbers])
            return (*outputs, slopes)

        function = {"values": values, "gradient": gradient, "cost": cost}[kind]
        return jax.vmap(function, in_axes=(None, None, 0, 0, 0, 0) + (0,) * (kind == "gradient"))

    def _arguments(self, kernel: int, batch: Batch, capabilities: np.ndarray, rows: np.ndarray) -> tuple:
        """Arguments of a call for one kernel and at most `chunk` rows, padded by repeating the first."""
        rows = np.concatenate([rows, np.full(self.chunk - len(rows), rows[0])])
        return (
            self._tables[kernel],
            self._technology,
            [*batch.hardware[rows].T, *batch.tiles[rows, kernel].T],
            batch.intersection[rows].astype(np.int32),
            capabilities[rows],
            batch.choices[rows, kernel].astype(np.int32),
        )

    def _calls(self, batch: Batch) -> list[tuple[int, str, np.ndarray]]:
        """(kernel, dataflow, rows) of every call that a batch needs."""
        calls = []
        for kernel in range(len(self.kernels)):
            for flow, name in enumerate(DATAFLOWS):
                rows = np.flatnonzero(batch.dataflow[:, kernel] == flow)
                calls += [(kernel, name, rows[at : at + self.chunk]) for at in range(0, len(rows), self.chunk)]
        return calls

    def _launch(self, kind: str, batch: Batch, pull: np.ndarray | None = None) -> list[tuple[int, np.ndarray, Any]]:
        """Start every call that a batch needs; compile first, side by side, what is not compiled yet.

        **Returns** (kernel, rows, padded results) of each call.
        """
        capabilities = batch.capabilities()
        calls = []
        for kernel, dataflow, rows in self._calls(batch):
            arguments = self._arguments(kernel, batch, capabilities, rows)
            if pull is not None:
                padded = np.zeros((self.chunk, OUTPUTS), np.float32)
                padded[: len(rows)] = pull[rows, kernel]
                arguments = (*arguments, padded)
            calls.append((kernel, dataflow, rows, arguments))
        missing: dict[tuple[str, str, str], Any] = {}
        for kernel, dataflow, _, arguments in calls:
            key = (self.kernels[kernel].family, dataflow, kind)
            if key not in self._compiled and key not in missing:
                missing[key] = jax.jit(self._function(kernel, dataflow, kind)).lower(*arguments)
        if missing:
            options = UNFUSED if kind != "values" and jax.default_backend() == "cpu" else None
            with ThreadPoolExecutor() as pool:
                compiled = pool.map(lambda lowered: lowered.compile(compiler_options=options), missing.values())
                self._compiled |= dict(zip(missing, compiled, strict=True))
        return [
            (kernel, rows, self._compiled[self.kernels[kernel].family, dataflow, kind](*arguments))
            for kernel, dataflow, rows, arguments in calls
        ]

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
