"""NVIDIA GPUs: dense products, and products whose left operand is 2:4 sparse, on tensor cores.

Sources: NVIDIA's A100 (2020) and H100 (2022) whitepapers and data sheets; 2:4: Mishra et al., "Accelerating Sparse Deep
Neural Networks", arXiv:2104.08378.
"""

import math
from dataclasses import dataclass

from hwmodels.cost import Cost
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work

KEPT = 0.5
"""Of each group of four values, two."""
METADATA_BITS = 2.0
"""For each kept value (arXiv:2104.08378)."""


@dataclass(frozen=True)
class Library:
    """How a library cuts a product into tiles of Z."""

    tiles: tuple[tuple[int, int], ...] = (
        (256, 128), (128, 256), (128, 128), (128, 64), (64, 128), (64, 64), (64, 32), (64, 8)
    )  # fmt: skip
    """Of which it takes the fastest. Sizes of CUTLASS' kernels (Thakkar et al., github.com/NVIDIA/cutlass)."""
    square: bool = True
    """Whether tiles that run at once form a square of Z; else they run down its columns."""
    hides_stores: bool = True
    """Whether a tile is stored while another is computed on the same SM."""


CUBLAS = Library()
CUSPARSELT = Library(hides_stores=False)
CUTLASS_2_4 = Library(tiles=((128, 128),), square=False, hides_stores=False)
"""The kernel of PyTorch's semi-structured products: one tile size, in the default order of blocks."""


@dataclass(frozen=True)
class Gpu(System):
    """A tile of Z takes an SM the slowest of its tensor cores and of feeding them from the L2, plus the time to fill.

    Tiles run in waves of one a SM. A wave takes no less than its traffic from DRAM: operands are read once if a wave is
    square, or if the left one stays in the L2; else each wave reads its rows of A again. A 2:4 operand doubles the
    rate and halves the bytes of A, not those of B, so that 2:4 tiles are fed more slowly than they are computed before
    dense ones are; and its kernels do not hide their stores. Fitted: `sustained`, to the dense times of the A100.
    Energy: the board's power.
    """

    name: str
    title: str
    source: str
    sms: int
    clock_ghz: float
    fmas: int
    """Multiply-adds of an SM a cycle, dense."""
    l2_bytes_per_cycle: float
    l2_mb: float
    dram_gbps: float
    power_w: float
    area_mm2: float
    node_nm: float
    sustained: float
    """Share of the peak of tensor cores and L2 that remains under load: clocks fall at the power limit."""
    shared_feed: int = 1
    """SMs that one read from the L2 feeds: thread block clusters."""
    dram_share: float = 0.85
    """Of the bandwidth that a stream reaches (a guess)."""
    fill_cycles: float = 1000.0
    """Of a tile before its first multiplication: two accesses to DRAM (a guess)."""
    launch_us: float = 5.0
    """Of a kernel (a guess)."""
    value_bytes: float = 2.0
    limits: str = "Time of one kernel with warm clocks; no unstructured sparsity; sustained clocks are one number."

    def gemm_us(self, m: float, k: float, n: float, *, sparse: bool = False, library: Library | None = None) -> float:
        """Time of Z[m, n] = A[m, k] B[k, n] in microseconds, A 2:4 if `sparse`; cuBLAS or cuSPARSELt by default."""
        chosen = library or (CUSPARSELT if sparse else CUBLAS)
        cycles = min(max(self._waves(m, k, n, sparse, chosen, *tile)) for tile in chosen.tiles)
        return cycles / self.clock_ghz * 1e-3 + self.launch_us

    def cost(self, work: Work) -> Cost:
        """Cost of A times B, both fetched dense; as 2:4 if A fits that and it is faster."""
        fits = work.fullest_of_four <= 2
        us = {sparse: self.gemm_us(work.m, work.k, work.n, sparse=sparse) for sparse in ({False, fits})}
        sparse = min(us, key=lambda s: us[s])
        kept = KEPT if sparse else 1.0
        dram = {
            "a": work.m * work.k * self._a_bytes(sparse),
            "b": work.k * work.n * self.value_bytes,
            "z_write": work.m * work.n * self.value_bytes,
        }
        launch = self.launch_us * 1e3 * self.clock_ghz
        total = us[sparse] * 1e3 * self.clock_ghz
        by_dram = sum(dram.values()) / (self.dram_gbps * self.dram_share) * self.clock_ghz
        binding = "dram" if by_dram >= (total - launch) * (1 - 1e-9) else "compute"
        busy = {"dram": by_dram, "compute": work.dense_multiplies * kept / self.peak, binding: total - launch}
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            extra_cycles=launch,
            energy_pj={"mac": self.power_w * us[sparse] * 1e6},
            area_mm2={"mac": self.area_mm2},
            peak_macs_per_cycle=self.peak,
            computed_zeros=max(work.dense_multiplies * kept - work.multiplies, 0.0),
            dram_bytes=dram,
        )

    @property
    def peak(self) -> float:
        """Dense multiply-adds a cycle."""
        return float(self.sms * self.fmas)

    def _a_bytes(self, sparse: bool) -> float:
        """Of an entry of A, kept or not."""
        return KEPT * (self.value_bytes + METADATA_BITS / 8) if sparse else self.value_bytes

    def _waves(
        self, m: float, k: float, n: float, sparse: bool, library: Library, tile_m: int, tile_n: int
    ) -> tuple[float, float]:
        """Cycles of all waves: by the SMs, and by DRAM."""
        a, b = self._a_bytes(sparse), self.value_bytes
        down, across = math.ceil(m / tile_m), math.ceil(n / tile_n)
        waves = math.ceil(down * across / self.sms)
        dram = self.dram_gbps * self.dram_share / self.clock_ghz
        rate = self.fmas / (KEPT if sparse else 1.0)
        fed = self.l2_bytes_per_cycle / self.sms * self.shared_feed
        steps = k * max(tile_m * tile_n / rate, (tile_m * a + tile_n * b) / fed) / self.sustained
        stored = 0.0 if library.hides_stores else tile_m * tile_n * b / (dram / self.sms)
        read = m * k * a + k * n * b
        if not library.square and m * k * a > self.l2_mb * 1e6:
            running = min(self.sms, down * across)
            rows = min(running, down) * tile_m
            columns = math.ceil(running / down) * tile_n
            read = max(read, waves * k * (min(rows, m) * a + min(columns, n) * b))
        return waves * (steps + self.fill_cycles + stored), (read + m * n * b) / dram


_A100 = "NVIDIA A100 whitepaper and data sheet"
_GEFORCE = "NVIDIA Ampere and Ada GeForce whitepapers"

A100 = Gpu(
    name="a100", title="A100", source=_A100, sms=108, clock_ghz=1.41, fmas=1024, l2_bytes_per_cycle=5120.0, l2_mb=40.0,
    dram_gbps=1555.0, power_w=400.0, area_mm2=826.0, node_nm=7.0, sustained=0.8,
)  # fmt: skip
"""SXM, 40 GB: 312 TFLOP/s dense. Clock, die and L2 from memory (unverified)."""

H100 = Gpu(
    name="h100", title="H100", source="NVIDIA H100 whitepaper and data sheet", sms=132, clock_ghz=1.83, fmas=2048,
    l2_bytes_per_cycle=5120.0, l2_mb=50.0, dram_gbps=3350.0, power_w=700.0, area_mm2=814.0, node_nm=5.0, sustained=0.8,
    shared_feed=2,
)  # fmt: skip
"""SXM: 989 TFLOP/s dense. L2 rate, clusters of two and the A100's `sustained` are guesses."""

RTX_4070_TI_SUPER = Gpu(
    name="rtx_4070_ti_super", title="RTX 4070 Ti Super", source=_GEFORCE, sms=66, clock_ghz=2.61, fmas=256,
    l2_bytes_per_cycle=4224.0, l2_mb=48.0, dram_gbps=672.0, power_w=285.0, area_mm2=379.0, node_nm=5.0, sustained=1.0,
)  # fmt: skip
"""bf16 with float32 sums. `sustained` 1: the rated boost clock is what it keeps. L2: 64 bytes a cycle for each SM."""

RTX_3060 = Gpu(
    name="rtx_3060", title="RTX 3060", source=_GEFORCE, sms=28, clock_ghz=1.777, fmas=256, l2_bytes_per_cycle=1792.0,
    l2_mb=3.0, dram_gbps=360.0, power_w=170.0, area_mm2=276.0, node_nm=8.0, sustained=1.0,
)  # fmt: skip
"""As the 4070 Ti Super."""

TITAN_X = Gpu(
    name="titan_x", title="TITAN X", source="NVIDIA GeForce GTX TITAN X data sheet", sms=24, clock_ghz=1.075, fmas=128,
    l2_bytes_per_cycle=1536.0, l2_mb=3.0, dram_gbps=336.5, power_w=159.0, area_mm2=601.0, node_nm=28.0, sustained=1.0,
    value_bytes=4.0,
)  # fmt: skip
"""Maxwell, float32. Power as EIE's paper measured it. L2: 64 bytes a cycle for each SM."""

TEGRA_K1 = Gpu(
    name="tegra_k1", title="Tegra K1", source="NVIDIA Jetson TK1 data sheet", sms=1, clock_ghz=0.852, fmas=192,
    l2_bytes_per_cycle=64.0, l2_mb=0.128, dram_gbps=14.9, power_w=5.1, area_mm2=125.0, node_nm=28.0, sustained=1.0,
    value_bytes=4.0,
)  # fmt: skip
"""Kepler, float32. Power as EIE's paper measured it; die area unverified."""
