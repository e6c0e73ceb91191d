"""SIGMA: non-zeros of one operand packed on all multipliers, whatever its shape; reduction trees of any grouping.

Qin et al., "SIGMA: A Sparse and Irregular GEMM Accelerator with Flexible Interconnects for DNN Training", HPCA 2020.
Sizes, clock, power and area are those of the paper's abstract and of the published description.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.system import System, cost_at_power
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class Sigma(System):
    """128 Flex-DPEs of 128 multipliers; a fold of the stationary operand is loaded, then the other streams past it.

    Folds hold only stationary non-zeros that meet a non-zero of the other operand. Each fold takes the time to load it,
    one cycle for each vector of the streaming operand (whose zeros leave multipliers idle), and the depth of the adder
    network. The operand that gives fewer cycles is kept. Nothing is fitted; energy is the paper's power.
    """

    engines: int = 128
    lanes: int = 128
    loads_per_cycle: float = 128.0
    """Words loaded to the multipliers a cycle, as a systolic array of equal size does (a guess)."""
    clock_ghz: float = 0.5
    node_nm: float = 28.0
    value_bytes: float = 2.0
    """16-bit floating point in (a guess; the adders are wider)."""
    power_w: float = 22.33
    area_mm2: float = 65.10
    dram_gbps: float = float("inf")
    """Not published; the paper counts cycles from the global buffer."""

    name = "sigma"
    title = "SIGMA"
    source = "Qin et al., HPCA 2020"
    limits = "Loading rate is a guess, distribution of streamed vectors never stalls, DRAM is not limited."

    @property
    def peak(self) -> float:
        """Multipliers."""
        return float(self.engines * self.lanes)

    def cost(self, work: Work) -> Cost:
        """Cost of A times B, from the pattern if known: bitmaps of both say which stationary non-zeros are needed."""
        kept_a, kept_b = _needed(work)
        cycles = min(self._cycles(kept_a, work.n), self._cycles(kept_b, work.m))
        dram = {
            "a": work.a_nonzeros * self.value_bytes + work.m * work.k / 8,
            "b": work.b_nonzeros * self.value_bytes + work.k * work.n / 8,
            "z_write": work.m * work.n * self.value_bytes,
        }
        return cost_at_power(
            work,
            clock_ghz=self.clock_ghz,
            compute_cycles=cycles,
            dram_bytes=dram,
            dram_gbps=self.dram_gbps,
            power_w=self.power_w,
            area_mm2=self.area_mm2,
            peak_macs_per_cycle=self.peak,
        )

    def _cycles(self, kept: float, vectors: float) -> float:
        folds = ceil(kept / self.peak)
        return kept / self.loads_per_cycle + folds * (vectors + np.log2(self.lanes))


def _needed(work: Work) -> tuple[float, float]:
    """Non-zeros of A in columns where B has any, and of B in rows where A has any; an empty operand keeps one."""
    if work.kernel is None:
        return (
            max(work.a_nonzeros * -np.expm1(work.n * np.log1p(-min(work.b_density, 1 - 1e-16))), 1.0),
            max(work.b_nonzeros * -np.expm1(work.m * np.log1p(-min(work.a_density, 1 - 1e-16))), 1.0),
        )
    a, b = work.kernel.a, work.kernel.b
    column = np.bincount(a.indices, minlength=a.shape[1])
    row = np.full(a.shape[1], work.kernel.n) if b is None else np.diff(b.indptr)
    return max(float(column[row > 0].sum()), 1.0), max(float(row[column > 0].sum()), 1.0)
