"""Cambricon-S: weights pruned in blocks that share their indices, and zero activations skipped too.

Zhou et al., "Cambricon-S: Addressing Irregularity in Sparse Neural Networks through a Cooperative Software/Hardware
Approach", MICRO 2018 (through secondary notes; lanes from memory).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.sparse import csr_array

from hwmodels.cost import Cost
from hwmodels.systems.estimates.load_imbalance import groups_of
from hwmodels.systems.system import System, cost_at_power
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class CambriconS(System):
    """16 PEs with 16 multipliers; 16 outputs share which weights are kept, so that one selector serves all PEs.

    For a group of 16 outputs and a vector of activations, the selector takes the positions where the shared index and
    the activations are not zero, 16 a cycle. Groups are balanced by construction. Of a pattern that is not in blocks,
    all positions any of the 16 outputs keeps count. Nothing is fitted; energy is the paper's power.
    """

    pes: int = 16
    lanes: int = 16
    clock_ghz: float = 1.0
    """That of Cambricon-X (unverified)."""
    node_nm: float = 65.0
    value_bytes: float = 2.0
    dram_gbps: float = 128.0
    """Not published; as for Cambricon-X."""
    power_w: float = 0.79855
    area_mm2: float = 6.73

    name = "cambricon_s"
    title = "Cambricon-S"
    source = "Zhou et al., MICRO 2018 (through secondary notes)"
    limits = "Totals are taken to be in blocks of 16 outputs; local quantisation of weights is not counted; one power."

    @property
    def peak(self) -> float:
        """Multipliers."""
        return float(self.pes * self.lanes)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights, an output a row) times B (an activation vector a column)."""
        steps, kept = self._expected(work) if work.kernel is None else self._counted(work)
        stored = kept * min(self.pes, work.m)
        dram = {
            "a": stored * self.value_bytes + ceil(work.m / self.pes) * work.k / 8,
            "b": work.b_nonzeros * self.value_bytes,
            "z_write": work.m * work.n * self.value_bytes,
        }
        return cost_at_power(
            work,
            clock_ghz=self.clock_ghz,
            compute_cycles=steps,
            dram_bytes=dram,
            dram_gbps=self.dram_gbps,
            power_w=self.power_w,
            area_mm2=self.area_mm2,
            peak_macs_per_cycle=self.peak,
        )

    def _expected(self, work: Work) -> tuple[float, float]:
        """Cycles in all, and positions kept by the groups of 16 outputs, in all."""
        groups = ceil(work.m / self.pes)
        met, _ = groups_of(ceil(work.k), work.a_density * work.b_density, self.lanes)
        return groups * work.n * met, groups * work.k * work.a_density

    def _counted(self, work: Work) -> tuple[float, float]:
        kernel = work.kernel
        assert kernel is not None
        group = np.repeat(np.arange(kernel.m) // self.pes, np.diff(kernel.a.indptr))
        kept = np.unique(group.astype(np.int64) * kernel.k + kernel.a.indices)
        shape = (ceil(kernel.m / self.pes), kernel.k)
        if kernel.b is None:
            positions = np.bincount(kept // kernel.k, minlength=shape[0])
            return float((-(-positions // self.lanes)).sum() * kernel.n), float(len(kept))
        union = csr_array((np.ones(len(kept)), (kept // kernel.k, kept % kernel.k)), shape=shape)
        ones = csr_array((np.ones(kernel.b.nnz), kernel.b.indices, kernel.b.indptr), shape=kernel.b.shape)
        return float(np.ceil((union @ ones).data / self.lanes).sum()), float(len(kept))
