"""Onyx: a coarse-grained reconfigurable array with a dense mode and stream units for sparse tensor algebra.

Koul et al., "Onyx: A 12nm 756 GOPS/W Coarse-Grained Reconfigurable Array for Accelerating Dense and Sparse
Applications", VLSI 2024; Koul et al., "Designing Programmable Accelerators for Sparse Tensor Algebra", IEEE Micro 45(3)
2025. Its sparse mode runs graphs of the Sparse Abstract Machine (Hsu et al., ASPLOS 2023), one token a cycle and unit.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.spmspm_pattern import RowLengths, unevenness
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class Onyx(System):
    """The faster of its two modes; operands are in the GLB, which a host fills.

    - *Sparse*: inner products of 30 x 30 tiles on 7 lanes. A pair of non-empty tiles takes, for each pair of a
      non-empty row and column, a cycle for each element of their union and one for the stop
      (docs/validation_sam.md), plus `hops` blocks of `hop_cycles`. Tiles are dealt evenly to the lanes. Pairs with an
      empty tile cost nothing.
    - *Dense*: as many MACs a cycle as the GLB's 16 banks of 64 bits feed with two fresh 16-bit operands each, at most
      one a PE.

    Fitted: `rtl_clock_ghz`, the clock of the simulations of IEEE Micro 2025 (another process than the chip's; their
    text was not at hand), by their sweep of a 512 x 512 x 512 product from 80 to 99 % zeros. Power: peak throughput at
    0.78 V over the efficiency at 0.66 V, scaled by the square of the voltage.
    """

    tile: int = 30
    """As read off the sweep by those who collected it."""
    lanes: int = 7
    hops: int = 14
    """Blocks in a row in SAM's graph of the inner product."""
    hop_cycles: float = 4.0
    """Of a block with its FIFOs, in register transfers (a guess)."""
    pes: int = 384
    glb_banks: int = 16
    glb_bank_bits: float = 64.0
    value_bits: float = 16.0
    clock_ghz: float = 0.97
    rtl_clock_ghz: float = 1.137
    node_nm: float = 12.0
    power_w: float = 571.0 * 0.97 / 0.85 / 756.0 * (0.78 / 0.66) ** 2
    area_mm2: float = 23.0
    """With pads."""

    name = "onyx"
    title = "Onyx"
    source = "Koul et al., VLSI 2024 and IEEE Micro 2025"
    limits = "One dataflow of many, no imbalance of lanes, no host or DRAM, constant power."

    @property
    def dense_macs(self) -> float:
        """MACs a cycle of the dense mode in a matrix product."""
        fed = self.glb_banks * self.glb_bank_bits / (2 * self.value_bits)
        return min(fed, float(self.pes))

    def dense_cycles(self, work: Work) -> float:
        """Cycles of the dense mode."""
        return work.dense_multiplies / self.dense_macs

    def sparse_cycles(self, work: Work) -> float:
        """Cycles of the sparse mode: on the pattern if it is known, else in expectation."""
        a, b = (self._strips(work, left) for left in (True, False))
        pairs = b[:, 1] @ a[:, 0] + a[:, 1] @ b[:, 0] + a[:, 1] @ b[:, 1]
        return (float(pairs) - work.multiplies + self.hops * self.hop_cycles * float(a[:, 2] @ b[:, 2])) / self.lanes

    def _strips(self, work: Work, left: bool) -> np.ndarray:
        """For each tile of k: non-zeros, non-empty fibers and non-empty tiles of A (left) or B, [k tiles, 3]."""
        count = ceil(work.k / self.tile)
        across = work.m if left else work.n
        if work.kernel is None or work.kernel.b is None:
            nonzeros = work.a_nonzeros if left else work.b_nonzeros
            share = np.minimum(np.arange(1, count + 1) * self.tile / work.k, 1.0)
            share = np.diff(share, prepend=0.0)
            fibers = across * RowLengths(across, nonzeros / across, unevenness(work)).hit(share)
            heights = np.diff(np.minimum(np.arange(ceil(across / self.tile) + 1) * self.tile / across, 1.0))
            tiles = -np.expm1(-nonzeros * np.outer(share, heights)).sum(axis=1)
            return np.stack([nonzeros * share, fibers, tiles], axis=1)
        matrix = (work.kernel.a if left else work.kernel.b.T).tocoo()
        fiber, strip = matrix.coords[0].astype(np.int64), matrix.coords[1] // self.tile
        fibers = np.unique(fiber * count + strip) % count
        tiles = np.unique(fiber // self.tile * count + strip) % count
        return np.stack([np.bincount(at, minlength=count) for at in (strip, fibers, tiles)], axis=1).astype(float)

    def cost(self, work: Work) -> Cost:
        """Cost of a product in the faster mode."""
        dense, sparse = self.dense_cycles(work), self.sparse_cycles(work)
        busy = {"glb": dense} if dense <= sparse else {"compute": sparse}
        zeros = work.dense_multiplies - work.multiplies if dense <= sparse else 0.0
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={"mac": self.power_w * 1e3 / self.clock_ghz * max(busy.values())},
            area_mm2={"mac": self.area_mm2},
            peak_macs_per_cycle=float(self.pes),
            computed_zeros=zeros,
        )
