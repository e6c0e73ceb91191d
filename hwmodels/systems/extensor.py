"""ExTensor: tiles intersected at every level of the memory, coordinates skipped where one operand has none.

Hegde, Asghari-Moghaddam, Pellauer, Crago, Jaleel, Solomonik, Emer, Fletcher, "ExTensor: An Accelerator for Sparse
Tensor Algebra", MICRO 2019. Loop order, formats and tile sizes as in TeAAL's artifact (Nayak et al., MICRO 2023).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.spmspm_pattern import RowLengths
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from hwmodels.technology import make_technology, scenario


@dataclass(frozen=True)
class ExTensorCounts:
    """What a product does on the machine, in whole or in expectation."""

    a_fibers: float
    """Non-empty rows of A's PE tiles."""
    b_fibers: float
    """Non-empty columns of B's PE tiles."""
    intersections: float
    """Pairs of a non-empty row and a non-empty column of PE tiles that are multiplied."""
    revisits: float
    """Outputs in rows that a further part of k adds to, summed over the parts."""
    a_visits: float
    """How often A is fetched: once for each part of n."""


@dataclass(frozen=True)
class ExTensor(System):
    """128 PEs on tiles of 128 x 128, cut from LLB tiles that are `k_tiles` x `n_tiles` of them wide; order n, k, m.

    - *DRAM.* A is fetched once for each part of n, B once. Both are trees of tiles: a coordinate and a pointer for each
      tile and each non-empty fiber in it. Outputs are 16-byte triples; rows of Z that a further part of k adds to are
      read back and written again, at their final size (so does the artifact count them). On a pattern, a row's share of
      the outputs is its share of the products.
    - *PEs.* Each pair of non-empty fibers of two tiles that meet costs one step of skip-ahead intersection; matches are
      few in hypersparse fibers.

    Without the pattern, non-zeros fall anywhere in rows of gamma distributed length, all with as many outputs. Tile
    sizes are the mapping's: the defaults are what the artifact uses most. Energy: DRAM, reads of both fibers from the
    PE's buffer for each step, and MACs, by this project's technology at 32 nm. Nothing is fitted.
    """

    k_tiles: int = 64
    n_tiles: int = 96
    pes: int = 128
    pe_tile: int = 128
    clock_ghz: float = 1.0
    node_nm: float = 32.0
    dram_gbps: float = 68.256
    """Four channels of DDR4-2133."""
    pe_buffer_bytes: float = 64 * 1024.0
    dram_pj_per_bit: float = 8.0
    """The artifact's LPDDR4 at 64 pJ a byte is of this size (this project's technology, `dram_lpddr4_pj_per_bit`)."""
    area_mm2: float = 96.89

    name = "extensor"
    title = "ExTensor"
    source = "Hegde et al., MICRO 2019; TeAAL's artifact (MICRO 2023)"
    limits = "Imbalance of the PEs, LLB traffic, natural orders of rows and columns where only totals are known."

    def counts(self, work: Work) -> ExTensorCounts:
        """ExTensorCounts of a product of sparse A and B: on the pattern if it is known, else in expectation."""
        parts = float(ceil(work.n / (self.n_tiles * self.pe_tile)))
        if work.kernel is not None and work.kernel.b is not None:
            return self._on_pattern(work, parts)
        rows = RowLengths.of_a(work)
        columns = RowLengths(work.n, work.b_nonzeros / work.n, rows.unevenness)
        share = min(self.pe_tile / work.k, 1.0)
        tiles = max(work.k / self.pe_tile, 1.0)
        a_fibers, b_fibers = work.m * float(rows.hit(share)), work.n * float(columns.hit(share))
        edges = np.minimum(np.arange(0, ceil(tiles / self.k_tiles) + 1) * self.k_tiles / tiles, 1.0)
        touched = float((rows.hit(np.diff(edges)) / rows.hit(1.0)).sum())
        again = work.z_nonzeros * max(touched - 1.0, 0.0)
        return ExTensorCounts(a_fibers * tiles, b_fibers * tiles, a_fibers * b_fibers * tiles, again, parts)

    def _on_pattern(self, work: Work, parts: float) -> ExTensorCounts:
        kernel, side = work.kernel, self.pe_tile
        assert kernel is not None
        assert kernel.b is not None
        a, b = kernel.a.tocoo(), kernel.b.tocoo()
        tiles = ceil(kernel.k / side)
        a_fibers = np.unique(a.row.astype(np.int64) * tiles + a.col // side)
        b_fibers = np.unique(b.col.astype(np.int64) * tiles + b.row // side)
        met = np.bincount(a_fibers % tiles, minlength=tiles) @ np.bincount(b_fibers % tiles, minlength=tiles)
        wide = ceil(tiles / self.k_tiles)
        visited = np.unique(a.row.astype(np.int64) * wide + a.col // (side * self.k_tiles)) // wide
        visits = np.bincount(visited, minlength=kernel.m)
        products = np.bincount(a.row, np.diff(kernel.b.indptr)[a.col], kernel.m) / max(work.multiplies, 1.0)
        again = work.z_nonzeros * float(products @ np.maximum(visits - 1, 0))
        return ExTensorCounts(float(len(a_fibers)), float(len(b_fibers)), float(met), again, parts)

    def traffic_bytes(self, work: Work) -> dict[str, float]:
        """DRAM bytes of `a`, `b`, outputs read back and written again (`partial`), and `z`."""
        counts = self.counts(work)
        tiles = ceil(work.m / self.pe_tile) * ceil(work.k / self.pe_tile)
        filled = tiles * -np.expm1(-work.a_nonzeros / tiles)
        return {
            "a": counts.a_visits * (12 * work.a_nonzeros + 8 * counts.a_fibers + 8 * filled),
            "b": 12 * work.b_nonzeros + 8 * counts.b_fibers + 8 * filled,
            "partial": 2 * 16 * counts.revisits,
            "z": 16 * work.z_nonzeros,
        }

    def minimum_bytes(self, work: Work) -> float:
        """A, B and Z once each, in the formats of this machine."""
        moved = self.traffic_bytes(work)
        return moved["a"] / self.counts(work).a_visits + moved["b"] + moved["z"]

    def cost(self, work: Work) -> Cost:
        """Cost of A times a sparse B."""
        moved, counts = self.traffic_bytes(work), self.counts(work)
        steps = max(counts.intersections, work.multiplies)
        priced = make_technology(scenario(node_nm=self.node_nm, clock_ghz=self.clock_ghz, arithmetic="float"))
        step_pj = 2 * float(priced.buffer_read_pj(self.pe_buffer_bytes, 64.0))
        mac_pj = float(priced.multiply_energy_pj(64.0) + priced.add_energy_pj(64.0))
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={
                "compute": steps / self.pes,
                "dram": sum(moved.values()) / self.dram_gbps * self.clock_ghz,
            },
            energy_pj={
                "dram": 8 * sum(moved.values()) * self.dram_pj_per_bit,
                "pe_buffer": steps * step_pj,
                "mac": work.multiplies * mac_pj,
            },
            area_mm2={"intersection": 2.38, "glb": self.area_mm2 - 2.38},
            peak_macs_per_cycle=float(self.pes),
            dram_bytes={
                "a": moved["a"],
                "b": moved["b"],
                "z_read": moved["partial"] / 2,
                "z_write": moved["z"] + moved["partial"] / 2,
            },
        )
