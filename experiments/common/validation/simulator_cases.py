"""One kernel on random designs, by the models and by the simulator: the cases of a comparison. Runs in any process."""

import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array

from dse import Design, Encoding, default_space
from dse.problem.batched_models import SOON
from dse.problem.unpacking import unpack
from dse.space.encoding import Batch, KernelShape
from hwmodels import Cost, evaluate
from hwmodels.cost import RESOURCES, within_limit
from hwmodels.design.choices import DATAFLOWS, FORMATS
from hwmodels.design.hardware import HARDWARE_NUMBERS, MAPPING_CHOICES, MAPPING_NUMBERS
from hwmodels.simulator import AnyKernel, simulate_kernel
from hwmodels.technology import Technology, make_technology, scenario
from hwmodels.technology.number_formats import QUANTISED
from workloads import SparseKernel, measure, stack_statistics
from workloads.kernels.elementwise import ElementwiseKernel
from workloads.kernels.sddmm import SddmmKernel
from workloads.statistics.measurement import KernelStatistics

VISITS = 50_000
"""Most visits of a design: the product of its trip counts."""
ENTRIES = 20_000_000
"""Most entries of an operand, RLE's padding included, as `_entries` bounds them."""
DRAWN = 600
"""Random designs of a kernel that designs are picked from."""
CHUNK = 256
"""Designs evaluated at once."""
STRETCH = 1.6
"""Off the lattice, numbers are multiplied by up to this, or divided by it."""
FIXED = ("value_bits", "accumulator_bits")
LATTICES = ("on", "off")


class CaseTask(NamedTuple):
    """A kernel to compare, `designs` of each of `LATTICES`; the sizes that its tables are padded to, which all tasks of
    a run share, so that the models are compiled once for all of them; widths of values that designs have, sums
    following."""

    kernel: AnyKernel
    designs: int
    seed: tuple[int, int]
    sizes: tuple[int, int, int]
    value_bits: tuple[int, ...] = (QUANTISED.value_bits,)


class CaseResults(NamedTuple):
    """One row for each case, the effectual multiplies simulated, and the seconds that took."""

    rows: list[dict[str, Any]]
    multiplies: float
    simulating_s: float


def compare_kernel(task: CaseTask) -> CaseResults:
    """Draw designs for a kernel, evaluate and simulate them."""
    kernel, rng = task.kernel, np.random.default_rng(task.seed)
    priced = _technology()
    cases = _cases(task, rng)
    rows, multiplies, seconds = [], 0.0, 0.0
    for where, design, model in cases:
        hardware, (mapping,) = design.build()
        start = time.perf_counter()
        truth = simulate_kernel(hardware, mapping, kernel, priced).cost
        seconds += time.perf_counter() - start
        multiplies += float(truth.computes.effectual)
        row = {
            "kernel": kernel.name,
            "family": stratum(kernel),
            "lattice": where,
            "dataflow": mapping.dataflow,
            "bottleneck": RESOURCES[int(np.argmax(truth.bound_cycles))],
            "bottleneck_model": RESOURCES[int(np.argmax(model.bound_cycles))],
        }
        for metric, ours, theirs in (
            ("cycles", model.cycles, truth.cycles),
            ("energy_pj", np.sum(model.energy_pj), np.sum(truth.energy_pj)),
        ):
            row |= {f"{metric}_model": float(ours), f"{metric}_simulator": float(theirs)}
            row[f"{metric}_error"] = float(ours) / float(theirs) - 1
        numbers = {**design.hardware, **design.mappings[0]}
        rows.append(row | {name: value for name, value in numbers.items() if name != "dataflow"})
    return CaseResults(rows, multiplies, seconds)


def _cases(task: CaseTask, rng: np.random.Generator) -> list[tuple[str, Design, Cost]]:
    """Feasible designs on the lattice and off it, with their modelled costs; bottlenecks and dataflows in turn."""
    kernel = task.kernel
    encoding = Encoding(
        default_space().fix(value_bits=task.value_bits), [KernelShape(kernel.name, kernel.family, *kernel.shape)]
    )
    genomes = encoding.random(rng, DRAWN)
    drawn = encoding.batch(genomes)
    statistics = _padded(kernel, task.sizes)
    cases = []
    for where, batch in zip(LATTICES, (drawn, _off_lattice(drawn, rng)), strict=True):
        costs = _modelled(batch, statistics)
        runs = within_limit(np.max(costs.fits, axis=1)) & np.isfinite(costs.latency_s)
        runs &= np.prod(np.ceil(np.array(kernel.shape) / batch.tiles[:, 0, :3]), axis=1) <= VISITS
        runs &= _entries(kernel, batch) <= ENTRIES
        groups: dict[tuple[int, int], list[int]] = {}
        bound = np.argmax(costs.bound_cycles, axis=1)
        for at in np.flatnonzero(runs):
            groups.setdefault((int(batch.dataflow[at, 0]), int(bound[at])), []).append(int(at))
        queues = list(groups.values())
        picked: list[int] = []
        while len(picked) < task.designs and any(queues):
            picked += [queue.pop() for queue in queues if queue][: task.designs - len(picked)]
            rng.shuffle(queues)
        for at in picked:
            design = _with_numbers(encoding.design(genomes[at]), batch, at)
            cases.append((where, design, jax.tree.map(lambda leaf, at=at: leaf[at], costs)))
    return cases


def stratum(kernel: AnyKernel) -> str:
    """What its cases are reported under: the family, or the operation of an element-wise kernel."""
    return kernel.kind if kernel.family == "elementwise" else kernel.family


def sparse_operands(kernel: AnyKernel) -> list[tuple[str, csr_array, str]]:
    """(choice of its format, pattern, loop along its rows) of each sparse operand."""
    if isinstance(kernel, SddmmKernel):
        return [("a_format", kernel.mask, "n")]
    if isinstance(kernel, ElementwiseKernel):
        return [("a_format", kernel.a, "n"), ("b_format", kernel.b, "n")]
    return [("a_format", kernel.a, "k")] + ([] if kernel.b is None else [("b_format", kernel.b, "n")])


def _entries(kernel: AnyKernel, batch: Batch) -> np.ndarray:
    """At most about how many entries the larger operand of each design has: one of RLE has a padding entry for each 16
    zeros of a gap, and gaps are half as long as a tile is wide, if there are not less zeros in all."""
    most = np.zeros(len(batch))
    for name, matrix, loop in sparse_operands(kernel):
        rows, columns = matrix.shape
        gaps = matrix.nnz * np.minimum(batch.tiles[:, 0, "mkn".index(loop)], columns) / 2
        padding = np.minimum(gaps, float(rows) * columns) / 16
        is_rle = batch.choices[:, 0, list(MAPPING_CHOICES).index(name)] == FORMATS.index("rle")
        most = np.maximum(most, matrix.nnz + is_rle * padding)
    return most


def _off_lattice(batch: Batch, rng: np.random.Generator) -> Batch:
    """Designs with every number but the widths of values stretched or shrunk to some whole number."""

    def moved(numbers: np.ndarray, free: np.ndarray) -> np.ndarray:
        factors = STRETCH ** rng.uniform(-1, 1, numbers.shape)
        return np.where(free, np.maximum(np.round(numbers * factors), 1), numbers).astype(np.float32)

    sizes = np.array([name != "dram_channels" for name in HARDWARE_NUMBERS])  # which are the scenario's
    free, hardware = np.array([name not in FIXED for name in HARDWARE_NUMBERS]), batch.hardware.copy()
    hardware[:, sizes] = moved(hardware[:, sizes], free[sizes])
    return dataclasses.replace(batch, hardware=hardware, tiles=moved(batch.tiles, np.True_))


def _with_numbers(design: Design, batch: Batch, at: int) -> Design:
    """The design with the numbers of a row of a batch."""
    hardware = dict(zip(HARDWARE_NUMBERS, map(float, batch.hardware[at]), strict=True))
    tiles = dict(zip(MAPPING_NUMBERS, map(float, batch.tiles[at, 0]), strict=True))
    return dataclasses.replace(
        design, hardware={**design.hardware, **hardware}, mappings=({**design.mappings[0], **tiles},)
    )


@functools.cache
def _technology() -> Technology:
    return make_technology(scenario())


def _padded(kernel: AnyKernel, sizes: tuple[int, int, int]) -> KernelStatistics:
    """A kernel's statistics in tables for matrices of the given sizes."""
    stacked = stack_statistics([measure(kernel), _blank(kernel.family, sizes)])
    return jax.tree.map(lambda leaf: leaf[0], stacked)


@functools.cache
def _blank(family: str, sizes: tuple[int, int, int]) -> KernelStatistics:
    """Statistics of matrices with a single non-zero: tables of the shapes that any of these sizes have."""
    m, k, n = sizes
    a, b, z = (csr_array(([1.0], ([0], [0])), shape=shape) for shape in ((m, k), (k, n), (m, n)))
    if family == "sddmm":
        return measure(SddmmKernel("blank", z, k))
    if family == "elementwise":
        return measure(ElementwiseKernel("blank", z, z, "add"))
    return measure(SparseKernel("blank", a, b if family == "sparse_b" else None, n))


def _modelled(batch: Batch, statistics: KernelStatistics) -> Any:
    """Costs of designs, on the first axis of each leaf; NumPy."""
    numbers, weights = np.concatenate([batch.hardware, batch.tiles[:, 0]], axis=1), batch.weights()[:, 0]
    found: list[tuple[np.ndarray, Any]] = []
    for at, name in enumerate(DATAFLOWS):
        rows = np.flatnonzero(batch.dataflow[:, 0] == at)
        for first in range(0, len(rows), CHUNK):
            mine = rows[first : first + CHUNK]
            padded = np.concatenate([mine, np.full(CHUNK - len(mine), mine[0])])
            arguments = (numbers[padded], weights[padded], statistics, _technology())
            found.append((padded, jax.device_get(_program(name, arguments)(*arguments))))
    _, first = np.unique(np.concatenate([rows for rows, _ in found]), return_index=True)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[first], *(costs for _, costs in found))


def _costs(
    numbers: Float[Array, "n 14"],
    weights: Float[Array, "n 65"],
    statistics: KernelStatistics,
    technology: Technology,
    *,
    dataflow: str,
) -> Cost:
    """Costs of n designs (rows of `dse.space.encoding.Batch`) of one dataflow on one kernel."""
    return jax.vmap(lambda row, picked: evaluate(*unpack(row, picked, dataflow), statistics, technology))(
        numbers, weights
    )


_PROGRAMS: dict[Any, Any] = {}


def _program(dataflow: str, arguments: Sequence[Any]) -> Any:
    """`_costs` compiled, once for all kernels of a family."""
    leaves, structure = jax.tree.flatten(arguments)
    key = dataflow, structure, tuple(np.shape(leaf) for leaf in leaves)
    if key not in _PROGRAMS:
        lowered = jax.jit(functools.partial(_costs, dataflow=dataflow)).lower(*arguments)
        try:
            _PROGRAMS[key] = lowered.compile(compiler_options=SOON)
        except jax.errors.JaxRuntimeError:  # another version of XLA may not know the options
            _PROGRAMS[key] = lowered.compile()
    return _PROGRAMS[key]
