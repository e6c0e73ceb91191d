"""GAMMA: Gustavson's rows, 64 fibers of B merged at a time in each PE, fibers kept in a cache that knows what comes.

Zhang, Attaluri, Emer, Sanchez, "Gamma: Leveraging Gustavson's Algorithm to Accelerate Sparse Matrix Multiplication",
ASPLOS 2021. Parameters as in that paper and in TeAAL's artifact (Nayak et al., MICRO 2023).
"""

from dataclasses import dataclass

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.spmspm_pattern import RowLengths
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class Gamma(System):
    """32 PEs, one element merged and multiplied a cycle; rows of A of more than 64 non-zeros take partial fibers.

    A and Z cross the memory bus once. B does too if the FiberCache holds it; of a larger B, what does not fit is
    fetched twice: the affinity reordering of the rows leaves one more visit (a guess). Nothing is fitted; energy is
    not published for these runs, so it is left at zero but for DRAM at `dram_pj_per_bit`.
    """

    pes: int = 32
    radix: int = 64
    clock_ghz: float = 1.0
    node_nm: float = 45.0
    dram_gbps: float = 128.0
    cache_bytes: float = 3 * 2.0**20
    value_bytes: float = 8.0
    index_bytes: float = 4.0
    area_mm2: float = 30.6
    """Unverified (from memory of the paper)."""
    dram_pj_per_bit: float = 3.9
    """HBM2 (O'Connor et al., MICRO 2017)."""

    name = "gamma"
    title = "GAMMA"
    source = "Zhang et al., ASPLOS 2021"
    limits = "No energy but DRAM's, no row of A waits for the last PE, locality of a large B is guessed."

    def traffic_bytes(self, work: Work) -> dict[str, float]:
        """DRAM bytes by operand: `a`, `b`, `z_write`; rows of B that no column of A selects stay in memory."""
        entry = self.value_bytes + self.index_bytes
        wanted = work.b_nonzeros
        if work.kernel is not None and work.kernel.b is not None:
            used = np.bincount(work.kernel.a.indices, minlength=work.kernel.k) > 0
            wanted = float(np.diff(work.kernel.b.indptr)[used].sum())
        b = wanted * entry + work.k * self.index_bytes
        return {
            "a": work.a_nonzeros * entry + work.m * self.index_bytes,
            "b": b + max(b - self.cache_bytes, 0.0),
            "z_write": work.z_nonzeros * entry + work.m * self.index_bytes,
        }

    def merged(self, work: Work) -> float:
        """Elements that pass the mergers: rows of more than `radix` non-zeros pass once more for each further level."""
        if work.kernel is not None and work.kernel.b is not None:
            a, each = work.kernel.a, np.diff(work.kernel.b.indptr).astype(float)
            length = np.diff(a.indptr)
            products = np.bincount(np.repeat(np.arange(a.shape[0]), length), each[a.indices], a.shape[0])
            levels = np.ceil(np.log(np.maximum(length, 2)) / np.log(self.radix) - 1e-9)
            return float(products @ levels)
        lengths, limit, levels = RowLengths.of_a(work), float(self.radix), 1.0
        while (share := float(lengths.longer_than(limit, weighted=True))) > 1e-6 and limit < work.k:
            levels, limit = levels + share, limit * self.radix
        return work.multiplies * levels

    def cost(self, work: Work) -> Cost:
        """Cost of A times a sparse B."""
        moved = self.traffic_bytes(work)
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={
                "compute": self.merged(work) / self.pes,
                "dram": sum(moved.values()) / self.dram_gbps * self.clock_ghz,
            },
            energy_pj={"dram": 8 * sum(moved.values()) * self.dram_pj_per_bit},
            area_mm2={"accumulator": self.area_mm2},
            peak_macs_per_cycle=float(self.pes),
            dram_bytes=moved,
        )
