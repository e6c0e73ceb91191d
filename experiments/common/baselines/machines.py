"""A workload on a design, published systems, the CPU and GPU at hand: latency and energy by kernel, and how had."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from dse import Costed
from experiments.common.crossover.curves import node_words
from experiments.common.progress import show_progress
from hwmodels.baselines import (
    MODELLED,
    Baseline,
    CpuPower,
    call_seconds,
    dense_cpu,
    dense_gpu,
    gemm_rate,
    gpu_device,
    sparse_cpu,
    sparse_gpu,
)
from hwmodels.baselines.power import cpu_name, cpu_node, usable_cores
from hwmodels.cost import Cost
from hwmodels.systems import System, Work, work_of
from hwmodels.systems.nvidia import Gpu
from workloads import SparseKernel, Workload
from workloads.errors import InputError

LEAST_GAIN = 1.3
"""Of all cores over one in a large product, on an idle machine."""


@dataclasses.dataclass(frozen=True)
class ContenderRun:
    """One run of one kernel on one machine."""

    latency_s: float
    energy_pj: float
    latency_by: str
    """`measured` or `modelled`; energy likewise."""
    energy_by: str
    cost: Cost | None = None
    """Of a model."""

    @property
    def edp_js(self) -> float:
        """Energy-delay product, J s."""
        return self.energy_pj * 1e-12 * self.latency_s


@dataclasses.dataclass(frozen=True)
class Contender:
    """A machine and its run of each kernel, or why there is none."""

    name: str
    title: str
    node: str
    """Technology node. Figures of different nodes are put side by side as they are, never scaled."""
    kind: str
    """`design`, `template`, `system`, `gpu_model`, `gpu` or `cpu`; the last two are at hand."""
    runs: Sequence[ContenderRun | str]

    def able(self) -> list[int]:
        """Kernels that it runs."""
        return [at for at, run in enumerate(self.runs) if isinstance(run, ContenderRun)]

    def run(self, kernel: int) -> ContenderRun:
        """The run of a kernel that it runs."""
        found = self.runs[kernel]
        assert isinstance(found, ContenderRun)
        return found

    def total(self, repeats: np.ndarray) -> tuple[float, float]:
        """Latency (s) and energy (pJ) of the whole workload; NaN where it cannot run all of it."""
        if len(self.able()) < len(self.runs):
            return math.nan, math.nan
        runs = [self.run(at) for at in self.able()]
        latencies, energies = ([getattr(run, name) for run in runs] for name in ("latency_s", "energy_pj"))
        return float(np.dot(latencies, repeats)), float(np.dot(energies, repeats))


@dataclasses.dataclass(frozen=True)
class CpuAtHand:
    """What the CPU at hand can do at best, all measured: a roof, and the price of calling a library."""

    name: str
    node: str
    threads: int
    gemm_per_s: float
    """Multiplies a second of a large square product, in BLAS."""
    busy: bool
    """Whether all cores together are hardly faster than one: something else runs on them."""
    call_s: Sequence[Mapping[str, float]]
    """For each kernel, by machine name: seconds of the same call on one element."""


def of_design(name: str, title: str, node: str, costed: Costed, kind: str = "design") -> Contender:
    """A design of this project, or one like a published system."""
    return Contender(name, title, node, kind, [_of_cost(cost) for cost in costed.kernels])


def of_system(system: System, works: Sequence[Work]) -> Contender:
    """A published system, by its small model."""
    runs = [_attempt(lambda w=work: system.cost(w)) for work in works]
    return Contender(system.name, system.title, node_words(system), "system", runs)


def of_gpu_model(gpu: Gpu, works: Sequence[Work]) -> list[Contender]:
    """A modelled GPU, dense and with A stored 2:4; the latter only where the pattern is one."""

    def structured(work: Work) -> Cost:
        if work.fullest_of_four > 2:
            raise InputError(f"the pattern is not 2:4, a group of four has {work.fullest_of_four:g} non-zeros")
        return gpu.cost(work)

    dense = [_attempt(lambda w=work: gpu.cost(dataclasses.replace(w, fullest_of_four=4.0))) for work in works]
    two_of_four = [_attempt(lambda w=work: structured(w)) for work in works]
    return [
        Contender(f"{gpu.name}_dense", f"{gpu.title}, dense", node_words(gpu), "gpu_model", dense),
        Contender(f"{gpu.name}_2_4", f"{gpu.title}, 2:4", node_words(gpu), "gpu_model", two_of_four),
    ]


def of_systems(systems: Mapping[str, System], works: Sequence[Work]) -> list[Contender]:
    """All published systems."""
    machines = []
    for one in tqdm(systems.values(), desc="published systems", disable=not show_progress()):
        machines += of_gpu_model(one, works) if isinstance(one, Gpu) else [of_system(one, works)]
    return machines


def of_cpu(
    workload: Workload, power: CpuPower, threads: int | None, budget_s: float
) -> tuple[list[Contender], CpuAtHand]:
    """Runs on the CPU at hand, measured for `budget_s` each, and what it can do at best.

    Dense on all cores (or `threads`) and, because small products gain nothing from more, on one; sparse on one.
    """
    cores = usable_cores() if threads is None else threads
    options: Any = {"power": power, "budget_s": budget_s}
    ways: dict[str, tuple[str, Callable[[SparseKernel], Baseline]]] = {
        "cpu_dense": (f"CPU, dense, {cores} threads", lambda kernel: dense_cpu(kernel, threads=cores, **options)),
        "cpu_dense_1": ("CPU, dense, 1 thread", lambda kernel: dense_cpu(kernel, threads=1, **options)),
        "cpu_sparse": ("CPU, sparse, 1 thread", lambda kernel: sparse_cpu(kernel, **options)),
    }
    if cores == 1:
        del ways["cpu_dense"]
    runs: dict[str, list[ContenderRun | str]] = {name: [] for name in ways}
    calls = []
    for kernel in tqdm(workload.kernels, desc="CPU", disable=not show_progress()):
        for name, (_, way) in ways.items():
            runs[name].append(_measured(lambda k=kernel, w=way: w(k)))
        short = min(0.05, budget_s)
        dense, sparse = (call_seconds(kernel, sparse=kind, budget_s=short) for kind in (False, True))
        calls.append({name: sparse if name == "cpu_sparse" else dense for name in ways})
    machines = [Contender(name, title, cpu_node(), "cpu", runs[name]) for name, (title, _) in ways.items()]
    alone, together = (gemm_rate(count, budget_s) for count in (1, cores))
    busy = cores > 1 and together < LEAST_GAIN * alone
    return machines, CpuAtHand(cpu_name(), cpu_node(), cores, max(alone, together), busy, calls)


def of_gpu(workload: Workload, budget_s: float) -> list[Contender]:
    """Dense and sparse runs on the GPU at hand, measured; none without one."""
    device = gpu_device()
    if device is None:
        return []
    dense = [_measured(lambda k=kernel: dense_gpu(k, budget_s=budget_s)) for kernel in workload.kernels]
    sparse = [_measured(lambda k=kernel: sparse_gpu(k, budget_s=budget_s)) for kernel in workload.kernels]
    name = device.device_kind
    return [
        Contender("gpu_dense", f"{name}, dense float16", "", "gpu", dense),
        Contender("gpu_sparse", f"{name}, sparse float32", "", "gpu", sparse),
    ]


def best_cpu(machines: Sequence[Contender], kernel: int) -> tuple[Contender, ContenderRun]:
    """The CPU run of a kernel with the least energy-delay product, dense or sparse."""
    able = [m for m in machines if m.kind == "cpu" and isinstance(m.runs[kernel], ContenderRun)]
    if not able:
        raise InputError("The CPU runs neither product; give a smaller workload.")
    best = min(able, key=lambda machine: machine.run(kernel).edp_js)
    return best, best.run(kernel)


def gains(
    machines: Sequence[Contender], machine: Contender, rival: str | None = None
) -> dict[int, tuple[float, float]]:
    """Kernel -> (speed-up, energy saving) over the best CPU run, or over the machine named `rival`, where both run."""
    found = {}
    for at in machine.able():
        if rival is None:
            other: ContenderRun | str = best_cpu(machines, at)[1]
        else:
            other = next(m for m in machines if m.name == rival).runs[at]
        if isinstance(other, ContenderRun):
            mine = machine.run(at)
            found[at] = (other.latency_s / mine.latency_s, other.energy_pj / mine.energy_pj)
    return found


def geometric_mean(pairs: Mapping[int, tuple[float, float]]) -> tuple[float, float]:
    """Of speed-ups and of savings; NaN without any."""
    if not pairs:
        return math.nan, math.nan
    speed, energy = np.exp(np.mean(np.log(list(pairs.values())), axis=0))
    return float(speed), float(energy)


def works_of(workload: Workload) -> list[Work]:
    """What the published systems are given."""
    return [work_of(kernel) for kernel in workload.kernels]


def _of_cost(cost: Cost) -> ContenderRun:
    return ContenderRun(float(cost.latency_s), float(np.sum(cost.energy_pj)), MODELLED, MODELLED, cost)


def _attempt(run: Callable[[], Cost]) -> ContenderRun | str:
    try:
        return _of_cost(run())
    except InputError as error:
        return str(error)
    except MemoryError:
        return "the model takes more memory than there is"


def _measured(run: Callable[[], Baseline]) -> ContenderRun | str:
    try:
        found = run()
    except InputError as error:
        return str(error)
    return ContenderRun(found.latency_s, found.total_energy_pj, found.latency_by, found.energy_by)
