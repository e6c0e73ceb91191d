"""Latency and energy against density, of whatever machine, beside a dense counterpart of its own."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

from experiments.common.progress import show_progress
from hwmodels.baselines import cpu_power, dense_cpu, sparse_cpu
from hwmodels.baselines.power import cpu_node
from hwmodels.systems import System, work_of
from hwmodels.systems.nvidia import Gpu
from workloads import SparseKernel
from workloads.errors import InputError

CPU_BUDGET_S = 0.08
"""Of measuring one product on the CPU."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A machine at every density; NaN where it cannot run."""

    name: str
    title: str
    node: str
    latency_s: np.ndarray
    energy_pj: np.ndarray
    dense_latency_s: np.ndarray
    dense_energy_pj: np.ndarray
    """Of its dense counterpart, at each density."""
    utilization: np.ndarray
    reason: str = ""
    """Why it cannot run, where it cannot."""

    @property
    def speedup(self) -> np.ndarray:
        """Over the dense counterpart."""
        return self.dense_latency_s / self.latency_s

    @property
    def saving(self) -> np.ndarray:
        """Energy of the dense counterpart over its own."""
        return self.dense_energy_pj / self.energy_pj


def crossing(densities: Sequence[float], gain: np.ndarray) -> float | None:
    """The density below which a gain over the counterpart stays above 1, between densities by straight lines in log.

    `inf` where it is above 1 even at the highest density, None where it is not above 1 at the lowest.
    """
    known = np.isfinite(gain)
    logs, x = np.log(gain[known]), np.log(np.asarray(densities)[known])
    if len(logs) == 0 or logs[-1] <= 0:
        return None
    below = np.flatnonzero(logs <= 0)
    if len(below) == 0:
        return float("inf")
    at = int(below[-1])
    share = logs[at] / (logs[at] - logs[at + 1])
    return float(np.exp(x[at] + share * (x[at + 1] - x[at])))


def system_curve(system: System, kernels: Sequence[SparseKernel]) -> Curve:
    """A published system. Its counterpart in time is a dense array of as many multipliers, all of them always busy; in
    energy it is the system itself with every zero stored and multiplied."""
    rows = np.full((5, len(kernels)), np.nan)
    reason = ""
    for at, kernel in enumerate(kernels):
        work = work_of(kernel)
        try:
            cost = system.cost(work)
            rows[0, at], rows[1, at] = float(cost.latency_s), float(np.sum(cost.energy_pj))
            rows[2, at] = float(cost.latency_s) * float(cost.utilization) * work.dense_multiplies / work.multiplies
            rows[4, at] = float(cost.utilization)
            rows[3, at] = float(np.sum(system.cost(work.as_dense()).energy_pj))
        except InputError as error:
            reason = str(error)
        except MemoryError:
            reason = "the model takes more memory than there is"
    return Curve(system.name, system.title, node_words(system), *rows, reason=reason)


def cpu_curve(kernels: Sequence[SparseKernel]) -> Curve:
    """SciPy's sparse product on a core of this machine beside NumPy's dense one on a core, both measured.

    BLAS takes as long for zeros as for anything else, so the dense product is measured once.
    """
    power = cpu_power()
    rows = np.full((5, len(kernels)), np.nan)
    reason = ""
    try:
        for at, kernel in enumerate(tqdm(kernels, desc="CPU", disable=not show_progress())):
            sparse = sparse_cpu(kernel, power=power, budget_s=CPU_BUDGET_S)
            rows[0, at], rows[1, at] = sparse.latency_s, sparse.total_energy_pj
        dense = dense_cpu(kernels[0], power=power, threads=1, budget_s=5 * CPU_BUDGET_S)
        rows[2], rows[3] = dense.latency_s, dense.total_energy_pj
    except InputError as error:
        reason = str(error)
    return Curve("cpu", "This CPU, CSR", cpu_node(), *rows, reason=reason)


def two_of_four_curve(gpu: Gpu, kernels: Sequence[SparseKernel]) -> Curve:
    """A GPU on 2:4 patterns; its counterpart is itself, dense. NaN where the pattern is not 2:4."""
    rows = np.full((5, len(kernels)), np.nan)
    for at, kernel in enumerate(kernels):
        work = work_of(kernel)
        if work.fullest_of_four > 2:
            continue
        sparse, dense = gpu.cost(work), gpu.cost(dataclasses.replace(work, fullest_of_four=4.0))
        rows[0, at], rows[1, at] = float(sparse.latency_s), float(np.sum(sparse.energy_pj))
        rows[2, at], rows[3, at] = float(dense.latency_s), float(np.sum(dense.energy_pj))
        rows[4, at] = float(sparse.utilization)
    return Curve(f"{gpu.name}_2_4", f"{gpu.title}, 2:4", node_words(gpu), *rows)


def system_curves(
    systems: Mapping[str, System], kernels: Sequence[SparseKernel], two_of_four: Sequence[SparseKernel]
) -> list[Curve]:
    """Every system on the patterns; GPUs on the 2:4 patterns instead, of which alone they can skip zeros."""
    return [
        two_of_four_curve(one, two_of_four) if isinstance(one, Gpu) else system_curve(one, kernels)
        for one in tqdm(systems.values(), desc="systems", disable=not show_progress())
    ]


def node_words(system: System) -> str:
    """Technology node of a system, where it says one."""
    node = getattr(system, "node_nm", None)
    return f"{float(node):g} nm" if node is not None else "not stated"
