"""Dual-side sparse tensor core: outer products of columns of A and rows of B, both packed by bitmaps, on a V100.

Wang et al., "Dual-side Sparse Tensor Core", ISCA 2021 (simulated with Accel-Sim).
"""

from dataclasses import dataclass
from math import ceil

from hwmodels.cost import Cost
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class Dstc(System):
    """Warps hold 32 x 32 tiles of Z; each step along k adds the outer product of the non-zeros of a column and a row.

    Packed by their bitmaps, the non-zeros of both sides leave no multiplier idle, so that a step takes the
    multiplications of its pairs of non-zeros. Bitmaps, loads and the issue of instructions do not shrink: `step_share`
    of a dense step. Time is that of the dense product on this machine times (step_share + (1 - step_share) x effectual
    share), or the DRAM traffic. Fitted: `step_share`, to the grid of Fig. 21. Energy: power of the V100, and what the
    paper adds to it.
    """

    clock_ghz: float = 1.38
    sms: int = 80
    fmas: int = 512
    """16-bit multiply-adds of an SM a cycle: 113 TFLOP/s in all (NVIDIA, V100 architecture whitepaper)."""
    dense_tflops: float = 29.97
    """Of this machine on the dense 4096 x 4096 x 4096 product: 4586 us, Fig. 21. Accel-Sim is far below the peak."""
    cutlass_tflops: float = 38.68
    """Of CUTLASS on the same simulated V100: 3553 us, Fig. 21."""
    step_share: float = 0.055
    tile: int = 32
    dram_gbps: float = 900.0
    power_w: float = 250.0
    overhead_w: float = 3.89
    area_mm2: float = 815.0
    overhead_mm2: float = 12.846
    node_nm: float = 12.0
    value_bytes: float = 2.0

    name = "dstc"
    title = "DSTC"
    source = "Wang et al., ISCA 2021"
    limits = (
        "Tiles are equally full; the plateaus at 50 to 60 % sparsity and the second floor where both sides are nearly "
        "empty (Fig. 21) are not modelled; im2col costs nothing."
    )

    def dense_cycles(self, work: Work) -> float:
        """Cycles of the product if nothing were zero, in whole tiles."""
        rows, columns = (ceil(size / self.tile) * self.tile for size in (work.m, work.n))
        return 2.0 * rows * columns * work.k / (self.dense_tflops * 1e3) * self.clock_ghz

    def relative_time(self, work: Work) -> float:
        """Compute time over that of the dense product."""
        effectual = work.multiplies / work.dense_multiplies
        return self.step_share + (1.0 - self.step_share) * effectual

    def speedup(self, work: Work) -> float:
        """Over CUTLASS on the same GPU, where neither waits for DRAM."""
        return self.dense_tflops / self.cutlass_tflops / self.relative_time(work)

    def cost(self, work: Work) -> Cost:
        """Cost of A times B, both stored as bitmaps and packed values, Z dense."""
        dram = {
            "a": work.a_nonzeros * self.value_bytes + work.m * work.k / 8,
            "b": work.b_nonzeros * self.value_bytes + work.k * work.n / 8,
            "z_write": work.m * work.n * self.value_bytes,
        }
        busy = {
            "compute": self.dense_cycles(work) * self.relative_time(work),
            "dram": sum(dram.values()) / self.dram_gbps * self.clock_ghz,
        }
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={"mac": (self.power_w + self.overhead_w) * 1e3 / self.clock_ghz * max(busy.values())},
            area_mm2={"mac": self.area_mm2, "accumulator": self.overhead_mm2},
            peak_macs_per_cycle=float(self.sms * self.fmas),
            dram_bytes=dram,
        )
