"""Cambricon-X: sparse weights, dense activations; an indexing module picks the 16 activations of each PE a cycle.

Zhang et al., "Cambricon-X: An Accelerator for Sparse Neural Networks", MICRO 2016. Peak, area and power are those of
its abstract; lanes, clock and index widths are quoted from memory (unverified in the facts).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.load_imbalance import largest_groups
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class CambriconX(System):
    """16 PEs, an output each, take lines of 16 activations from a shared buffer; zeros of activations are computed.

    The outputs of a group of 16 run together and wait for the one with most weights, 16 of which take a cycle. A line
    is fetched from DRAM, again for every group of outputs, unless none of the 16 outputs has a weight in it: the 8 KB
    of NBin keep nothing from group to group. Weights come with a step index and are kept once fetched. Nothing is
    fitted. Energy is the paper's power, split between indexing module (34.8 %, MICRO 2018) and the rest.
    """

    pes: int = 16
    lanes: int = 16
    clock_ghz: float = 1.0
    node_nm: float = 65.0
    value_bytes: float = 2.0
    step_bits: float = 4.0
    """Distance to the next weight; longer gaps are bridged by stored zeros."""
    dram_gbps: float = 128.0
    """Not published; that of Srivastava et al. (Tensaurus, HPCA 2020), who built it again."""
    power_w: float = 0.954
    area_mm2: float = 6.38

    name = "cambricon_x"
    title = "Cambricon-X"
    source = "Zhang et al., MICRO 2016 (abstract)"
    limits = "No time to fill pipelines; activations are never kept between groups of 16 outputs; one power for all."

    @property
    def peak(self) -> float:
        """Multipliers."""
        return float(self.pes * self.lanes)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights, an output a row) times dense B (an activation vector a column).

        Where the pattern is known, zeros of B are multiplied as the machine does.
        """
        steps, lines, stored = self._expected(work) if work.kernel is None else self._counted(work)
        dram = {
            "a": stored * (self.value_bytes + self.step_bits / 8),
            "b": lines * self.lanes * work.n * self.value_bytes,
            "z_write": work.m * work.n * self.value_bytes,
        }
        busy = {"compute": steps * work.n, "dram": sum(dram.values()) / self.dram_gbps * self.clock_ghz}
        energy_pj = self.power_w * 1e3 / self.clock_ghz * max(busy.values())
        indexing = {"energy": 0.3483, "area": 0.3107}
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={"intersect_decode": energy_pj * indexing["energy"], "mac": energy_pj * (1 - indexing["energy"])},
            area_mm2={
                "intersection": self.area_mm2 * indexing["area"],
                "pe_buffer": self.area_mm2 * (1 - indexing["area"]),
            },
            peak_macs_per_cycle=self.peak,
            computed_zeros=work.a_nonzeros * work.n - work.multiplies,
            dram_bytes=dram,
        )

    def _expected(self, work: Work) -> tuple[float, float, float]:
        """Cycles for one column of B, lines fetched for it, and stored weights with their padding."""
        outputs = min(work.m, float(self.pes))
        groups = work.m / outputs
        empty = (1 - work.a_density) ** (outputs * min(self.lanes, work.k))
        return (
            groups * largest_groups(ceil(work.k), work.a_density, self.lanes, outputs),
            groups * ceil(work.k / self.lanes) * (1 - empty),
            work.a_nonzeros + _padding(work, int(2**self.step_bits)),
        )

    def _counted(self, work: Work) -> tuple[float, float, float]:
        kernel = work.kernel
        assert kernel is not None
        a = kernel.a
        row_weights = np.diff(a.indptr)
        row = np.repeat(np.arange(kernel.m, dtype=np.int64), row_weights)
        across = ceil(kernel.k / self.lanes)
        steps = np.pad(-(-row_weights // self.lanes), (0, -kernel.m % self.pes)).reshape(-1, self.pes).max(axis=1)
        first = np.zeros(a.nnz, bool)
        first[a.indptr[:-1][row_weights > 0]] = True
        gaps = np.where(first, a.indices, np.diff(a.indices, prepend=0) - 1)
        padded = (gaps // 2**self.step_bits).sum()
        lines = len(np.unique(row // self.pes * across + a.indices // self.lanes))
        return float(steps.sum()), float(lines), float(a.nnz + padded)


def _padding(work: Work, longest: int) -> float:
    """Expected zeros stored because a step bridges at most `longest` entries: one for each `longest` in a gap."""
    bridged = np.arange(longest, max(work.k, longest), longest)
    return float(work.m * work.a_density * ((work.k - bridged) * (1 - work.a_density) ** bridged).sum())
