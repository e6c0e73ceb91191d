"""Many designs at once through the model, compiled once per (family, dataflow).

A call takes a fixed number of designs and one kernel. Its statistics are an argument and are broadcast, never gathered
per design, so neither the number of kernels nor that of designs compiles anything again. Work is grouped on the host by
kernel and dataflow and padded to the chunk.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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
from hwmodels.numerics import Exact, Numerics, Trend

OUTPUTS = 7
"""Latency (s), energy (pJ), area (mm2), and the four `FITS`."""

SOON = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 0}
"""Compiler options for a first result soon: XLA on a CPU takes a quarter of the usual time to compile a model or its
gradient, and the code takes four times as long to run (seen on 2 cores with jaxlib 0.10)."""
KINDS: dict[str, tuple[int, dict[str, Any]]] = {"cost": (32, SOON), "bulk": (1024, {}), "gradient": (8, SOON)}
"""Designs per call, and compiler options, by kind of function. 32 is about what a step of a search has at hand for one
kernel and dataflow, and the rest of a call is padding; `bulk` is `cost` for those that have more."""

TINY = 1e-30
"""Stands for zero in logs."""

Evaluate = Callable[..., Cost]
"""`(hardware, mapping, kernel, technology, *, numerics) -> Cost`, for one design: `hwmodels.evaluate` or its like."""

Key = tuple[str, str, str]
"""(family, dataflow, kind) of a compiled function."""


PULLS = 3
"""Gradients taken in one call."""


class Slopes(NamedTuple):
    """Slopes of each of P pulls on the log outputs."""

    hardware: np.ndarray
    """By log2 of `HARDWARE_NUMBERS`, summed over kernels, shape [n, P, 11]."""
    tiles: np.ndarray
    """By log2 of the tile sizes, shape [n, kernel, P, 3]."""
    weights: np.ndarray
    """By `Batch.weights`, shape [n, kernel, P, 65]."""


def pull_of_totals(latency_s: np.ndarray, energy_pj: np.ndarray) -> np.ndarray:
    """The pull whose slopes are those of the logs of a workload's latency, energy and area.

    **Arguments**: latency and energy of all repeats of each kernel, shape [n, kernel]. Shape [n, kernel, 3, OUTPUTS].
    """
    pull = np.zeros((*latency_s.shape, PULLS, OUTPUTS))
    pull[:, :, 0, 0] = latency_s / latency_s.sum(axis=1, keepdims=True)
    pull[:, :, 1, 1] = energy_pj / energy_pj.sum(axis=1, keepdims=True)
    pull[:, 0, 2, 2] = 1.0  # every kernel reports the same area
    return pull


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
        kernels: Sequence[Kernel],
        statistics: Sequence[Any],
        *,
        relaxed: Numerics | None = None,
    ):
        self.kernels = tuple(kernels)
        self._evaluate = evaluate
        self._relaxed = relaxed or Trend()
        self._technology, self._fixed_technology = eqx.partition(technology, eqx.is_array)
        split = [eqx.partition(s, eqx.is_array) for s in statistics]
        self._tables = [tables for tables, _ in split]
        self._fixed_tables = [fixed for _, fixed in split]
        self._compiled: dict[Key, Any] = {}

    def _function(self, kernel: int, dataflow: str, kind: str) -> Callable:
        """The function to compile: costs, and for "gradient" the slopes of `pull @ log(outputs)` by log2 of numbers."""
        numerics = self._relaxed if kind == "gradient" else Exact()

        def cost(tables, technology, numbers, weights):
            hardware, mapping = unpack(numbers, weights, dataflow)
            statistics = eqx.combine(tables, self._fixed_tables[kernel])
            model = eqx.combine(technology, self._fixed_technology)
            return self._evaluate(hardware, mapping, statistics, model, numerics=numerics)

        def gradient(tables, technology, numbers, weights, pulls):
            def logs(steps, weights):
                moved = [number * jnp.exp2(step) for number, step in zip(numbers, steps, strict=True)]
                result = cost(tables, technology, moved, weights)
                outputs = jnp.stack([result.latency_s, result.total_energy_pj, result.total_area_mm2, *result.fits])
                return jnp.log(jnp.maximum(outputs, TINY)), result

            _, back, result = jax.vjp(logs, [jnp.zeros_like(number) for number in numbers], weights, has_aux=True)
            return result, jax.vmap(back)(pulls)

        if kind == "gradient":
            return jax.vmap(gradient, in_axes=(None, None, 0, 0, 0))
        return jax.vmap(cost, in_axes=(None, None, 0, 0))

    def _arguments(
        self, kind: str, kernel: int, batch: Batch, weights: np.ndarray, rows: np.ndarray, pull: np.ndarray | None
    ) -> tuple:
        """Arguments of a call for one kernel and at most a chunk of rows, padded by repeating the first."""
        padded = np.concatenate([rows, np.full(KINDS[kind][0] - len(rows), rows[0])])
        numbers = [*batch.hardware[padded].T, *batch.tiles[padded, kernel].T]
        arguments = (self._tables[kernel], self._technology, numbers, weights[padded, kernel])
        if pull is None:
            return arguments
        pulls = np.zeros((len(padded), PULLS, OUTPUTS), np.float32)
        pulls[: len(rows), : pull.shape[2]] = pull[rows, kernel]
        return (*arguments, pulls)

    def _calls(self, batch: Batch, kind: str) -> list[tuple[int, str, str, np.ndarray]]:
        """(kernel, dataflow, kind, rows) of every call that a batch needs."""
        calls = []
        for kernel in range(len(self.kernels)):
            for flow, name in enumerate(DATAFLOWS):
                rows = np.flatnonzero(batch.dataflow[:, kernel] == flow)
                mine = "bulk" if kind == "cost" and len(rows) >= KINDS["bulk"][0] // 2 else kind
                chunk = KINDS[mine][0]
                calls += [(kernel, name, mine, rows[at : at + chunk]) for at in range(0, len(rows), chunk)]
        return calls

    def _launch(self, kind: str, batch: Batch, pull: np.ndarray | None = None) -> list[tuple[int, np.ndarray, Any]]:
        """Start every call that a batch needs; compile first, side by side, what is not compiled yet.

        **Returns** (kernel, rows, padded results) of each call.
        """
        weights = batch.weights()
        calls = [
            (kernel, (self.kernels[kernel].family, flow, mine), rows)
            for kernel, flow, mine, rows in self._calls(batch, kind)
        ]
        arguments = [self._arguments(key[2], kernel, batch, weights, rows, pull) for kernel, key, rows in calls]
        self._compile({key: (kernel, given) for (kernel, key, _), given in zip(calls, arguments, strict=True)})
        return [
            (kernel, rows, self._compiled[key](*given))
            for (kernel, key, rows), given in zip(calls, arguments, strict=True)
        ]

    def _compile(self, wanted: dict[Key, tuple[int, tuple]]) -> None:
        """Compile side by side the functions that are not yet, each with a kernel and arguments to trace it with."""
        missing = {key: call for key, call in wanted.items() if key not in self._compiled}
        if not missing:
            return
        lowered = {
            (family, flow, kind): jax.jit(self._function(kernel, flow, kind)).lower(*arguments)
            for (family, flow, kind), (kernel, arguments) in missing.items()
        }

        def build(key: Key) -> Any:
            if jax.default_backend() == "cpu":
                try:
                    return lowered[key].compile(compiler_options=KINDS[key[2]][1])
                except jax.errors.JaxRuntimeError:  # another version of XLA may not know the options
                    pass
            return lowered[key].compile()

        with ThreadPoolExecutor(2) as pool:
            self._compiled.update(zip(missing, pool.map(build, missing), strict=True))

    def values(self, batch: Batch) -> np.ndarray:
        """Outputs of `Exact` for every design and kernel, shape [n, kernel, OUTPUTS]."""
        outputs = np.zeros((len(batch), len(self.kernels), OUTPUTS))
        for kernel, rows, cost in self._launch("cost", batch):
            outputs[rows, kernel] = _packed(cost, len(rows))
        return outputs

    def gradients(self, batch: Batch, pull: np.ndarray) -> tuple[np.ndarray, Slopes]:
        """Outputs under the relaxed numerics, and the slopes of P sums `pull * log(outputs)`, added over kernels.

        **Arguments**: `pull`, shape [n, kernel, P, OUTPUTS], P at most `PULLS`. **Returns** the outputs, shape
        [n, kernel, OUTPUTS], and the slopes.
        """
        count, kernels, pulls, _ = pull.shape
        outputs = np.zeros((count, kernels, OUTPUTS))
        by_number = np.zeros((count, kernels, pulls, len(HARDWARE_NUMBERS) + len(MAPPING_NUMBERS)))
        by_weight: np.ndarray | None = None
        for kernel, rows, (cost, (numbers, weights)) in self._launch("gradient", batch, np.asarray(pull, np.float32)):
            outputs[rows, kernel] = _packed(cost, len(rows))
            by_number[rows, kernel] = np.stack([np.asarray(s) for s in numbers], axis=-1)[: len(rows), :pulls]
            slopes = np.asarray(weights)[: len(rows), :pulls]
            by_weight = np.zeros((count, kernels, pulls, slopes.shape[-1])) if by_weight is None else by_weight
            by_weight[rows, kernel] = slopes
        assert by_weight is not None
        ours = len(HARDWARE_NUMBERS)
        return outputs, Slopes(by_number[..., :ours].sum(axis=1), by_number[..., ours:], by_weight)

    def costs(self, batch: Batch) -> list[list[Cost]]:
        """The whole `Cost` of every design (outer list) and kernel (inner list), leaves in NumPy."""
        costs: list[list[Any]] = [[None] * len(self.kernels) for _ in range(len(batch))]
        for kernel, rows, cost in self._launch("cost", batch):
            leaves, structure = jax.tree.flatten(jax.device_get(cost))
            for at, row in enumerate(rows):
                costs[row][kernel] = jax.tree.unflatten(structure, [leaf[at] for leaf in leaves])
        return costs


def _packed(cost: Cost, count: int) -> np.ndarray:
    """Latency, energy, area and fits of the first `count` rows, shape [count, OUTPUTS]."""
    latency, energy, area, fits = (
        np.asarray(leaf)[:count] for leaf in (cost.latency_s, cost.energy_pj, cost.area_mm2, cost.fits)
    )
    return np.column_stack([latency, energy.sum(axis=1), area.sum(axis=1), fits])
