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
from hwmodels.numerics import Exact, Numerics, StraightThrough

OUTPUTS = 7
"""Latency (s), energy (pJ), area (mm2), and the four `FITS`."""

Evaluate = Callable[..., Cost]


def unpack(
    numbers: Float[Array, " 14"],
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
        self._relaxed = relaxed or StraightThrough()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._fixed_tables = [fixed for _, fixed in split]
        self._compiled: dict[tuple[str, str, bool], Any] = {}

    def _function(self, kernel: int, dataflow: str, gradient: bool) -> Callable:
        numerics = self._relaxed if gradient else Exact()

        def one(tables, technology, numbers, log2_step, intersection, capabilities, choices):
            hardware, mapping = unpack(numbers * jnp.exp2(log2_step), intersection, capabilities, choices, dataflow)
            cost = self._evaluate(
                hardware,
                mapping,
                eqx.combine(tables, self._fixed_tables[kernel]),
                eqx.combine(technology, self._fixed_technology),
                numerics=numerics,
            )
            return jnp.concatenate([jnp.stack([cost.latency_s, cost.total_energy_pj, cost.total_area_mm2]), cost.fits])

        def with_gradient(tables, technology, numbers, intersection, capabilities, choices, pull):
            def loss(step):
                outputs = one(tables, technology, numbers, step, intersection, capabilities, choices)
                return jnp.sum(pull * jnp.log(outputs)), outputs

            gradient, outputs = jax.grad(loss, has_aux=True)(jnp.zeros_like(numbers))
            return outputs, gradient

        def values_only(tables, technology, numbers, intersection, capabilities, choices):
            return one(tables, technology, numbers, jnp.zeros_like(numbers), intersection, capabilities, choices)

        if gradient:
            return jax.vmap(with_gradient, in_axes=(None, None, 0, 0, 0, 0, 0))
        return jax.vmap(values_only, in_axes=(None, None, 0, 0, 0, 0))

    def _arguments(self, kernel: int, batch: Batch, capabilities: np.ndarray, rows: np.ndarray) -> tuple:
        """Arguments of a call for one kernel and at most `chunk` rows, padded by repeating the first."""
        rows = np.concatenate([rows, np.full(self.chunk - len(rows), rows[0])])
        return (
            self._tables[kernel],
            self._technology,
            np.concatenate([batch.hardware[rows], batch.tiles[rows, kernel]], axis=1),
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

    def _prepare(self, calls: list[tuple[int, str, tuple]], gradient: bool) -> None:
        """Compile, side by side, what is not compiled yet."""
        missing: dict[tuple[str, str, bool], Any] = {}
        for kernel, dataflow, arguments in calls:
            key = (self.kernels[kernel].family, dataflow, gradient)
            if key not in self._compiled and key not in missing:
                missing[key] = jax.jit(self._function(kernel, dataflow, gradient)).lower(*arguments)
        if missing:
            with ThreadPoolExecutor() as pool:
                self._compiled |= dict(zip(missing, pool.map(lambda low: low.compile(), missing.values()), strict=True))

    def values(self, batch: Batch) -> np.ndarray:
        """Outputs of `Exact` for every design and kernel, shape [n, kernel, OUTPUTS]."""
        return self._run(batch, None)[0]

    def gradients(self, batch: Batch, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Outputs under the relaxed numerics, and gradients of `sum(pull * log(outputs))` by log2 of the numbers.

        **Arguments**: `pull`, shape [n, kernel, OUTPUTS]. **Returns** the outputs, shape [n, kernel, OUTPUTS]; the
        gradients by the hardware's numbers, shape [n, 11], summed over kernels; by tiles, shape [n, kernel, 3].
        """
        outputs, gradients = self._run(batch, np.asarray(pull, np.float32))
        assert gradients is not None
        ours = len(HARDWARE_NUMBERS)
        return outputs, gradients[:, :, :ours].sum(axis=1), gradients[:, :, ours:]

    def _run(self, batch: Batch, pull: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        capabilities = batch.capabilities()
        calls = self._calls(batch)
        arguments = [self._arguments(kernel, batch, capabilities, rows) for kernel, _, rows in calls]
        if pull is not None:
            for at, (kernel, _, rows) in enumerate(calls):
                padded = np.zeros((self.chunk, OUTPUTS), np.float32)
                padded[: len(rows)] = pull[rows, kernel]
                arguments[at] = (*arguments[at], padded)
        gradient = pull is not None
        self._prepare([(kernel, flow, a) for (kernel, flow, _), a in zip(calls, arguments, strict=True)], gradient)
        pending = [
            self._compiled[self.kernels[kernel].family, flow, gradient](*a)
            for (kernel, flow, _), a in zip(calls, arguments, strict=True)
        ]
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        slopes = np.zeros((len(batch), len(self.kernels), len(HARDWARE_NUMBERS) + len(MAPPING_NUMBERS)))
        for (kernel, _, rows), result in zip(calls, pending, strict=True):
            value = result[0] if gradient else result
            outputs[rows, kernel] = np.asarray(value)[: len(rows)]
            if gradient:
                slopes[rows, kernel] = np.asarray(result[1])[: len(rows)]
        return outputs, (slopes if gradient else None)
