"""SpArch: outer products of a condensed A, merged on the fly in a tree, rows of B fetched ahead of their use.

Zhang, Wang, Han, Dally, "SpArch: Efficient Architecture for Sparse Matrix Multiplication", HPCA 2020
(arXiv:2002.08947).
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from hwmodels.cost import Cost
from hwmodels.systems.estimates.spmspm_pattern import RowLengths, collisions
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class SpArch(System):
    """A merge tree of `2**merge_layers` ways over columns of A times rows of B, `comparators` outputs a cycle.

    - *Condensing* pushes A's non-zeros to the left: as many columns as the longest row has non-zeros, the j-th with
      one for each row longer than j. Without it there is a column for each column of A that has non-zeros.
    - *Merging.* More columns than ways take rounds, smallest first (Huffman), else neighbours; what a round leaves is
      written to memory and read back.
    - *Prefetching.* How soon a row of B is used again is log-uniform between 1 and all non-zeros of A (a guess). The
      buffer knows the uses that are in the look-ahead queue and keeps those rows; the room that is left holds others
      until it is needed (`horizon`). Each leaf holds a line; a row takes as many lines as it needs. Without the
      prefetcher each non-zero of A fetches its row.
    - *Memory.* Each line of B starts anywhere and wastes the rest of its bursts; all else is streamed.

    Nothing is fitted. Energy is the paper's power, split as in its Fig. 13.
    """

    merge_layers: int = 6
    comparators: int = 16
    multipliers: int = 16
    look_ahead: int = 8192
    """Elements of A."""
    buffer_lines: int = 1024
    line_elements: int = 48
    condensed: bool = True
    huffman: bool = True
    prefetched: bool = True
    clock_ghz: float = 1.0
    node_nm: float = 40.0
    dram_gbps: float = 128.0
    burst_bytes: float = 64.0
    """HBM: burst length 4 of a 128-bit channel (a guess; 32 B are possible too)."""
    value_bytes: float = 8.0
    index_bytes: float = 4.0
    power_w: float = 9.26
    area_mm2: float = 28.49

    name = "sparch"
    title = "SpArch"
    source = "Zhang et al., HPCA 2020 (arXiv:2002.08947)"
    limits = "Real reuse patterns of B, what slower merging costs the prefetcher, energy other than by time."

    @property
    def ways(self) -> int:
        """Columns merged at a time."""
        return 2**self.merge_layers

    def columns(self, work: Work) -> np.ndarray:
        """Products of each column of A, in the order of the columns."""
        if not self.condensed:
            used = work.k * float(RowLengths(work.k, work.a_nonzeros / work.k, 0.0).hit(1.0))
            return np.full(max(round(used), 1), work.multiplies / max(round(used), 1))
        if work.kernel is None or work.kernel.b is None:
            counts = RowLengths.of_a(work).counts()
            return counts * (work.multiplies / counts.sum())
        a, each = work.kernel.a, np.diff(work.kernel.b.indptr).astype(float)
        rank = np.arange(a.nnz) - np.repeat(a.indptr[:-1], np.diff(a.indptr))
        return np.bincount(rank, each[a.indices])

    def partial_elements(self, work: Work) -> float:
        """Elements of partial results that are written to memory and read back."""
        columns, share = self.columns(work), collisions(work)
        rest = len(columns) - self.ways
        if rest <= 0:
            return 0.0
        first = (rest - 1) % (self.ways - 1) + 2  # so that the last round is full (Huffman's rule for many ways)
        if not self.huffman:
            return _in_order(columns, self.ways, share.distinct)
        heap = columns.tolist()
        heapq.heapify(heap)
        total, taken = 0.0, first
        while len(heap) > self.ways:
            merged = sum(heapq.heappop(heap) for _ in range(taken))
            total += float(share.distinct(merged))
            heapq.heappush(heap, merged)
            taken = self.ways
        return total

    def lines_per_row(self, work: Work) -> float:
        """Lines that a row of B takes, of exponentially distributed length with the mean of those that are used."""
        used = work.multiplies / work.a_nonzeros
        return 1.0 / -float(np.expm1(-self.line_elements / used))

    def horizon(self, work: Work) -> float:
        """Non-zeros of A within which a row of B that is used again is still in the buffer.

        Of `N = nnz(A)` reuse times t, density `1 / (t ln N)`. Rows with a known use (t up to the look-ahead F) stay t
        long, all others X, so that rows with `t <= F + X` are found again, and the buffer of C rows is full:
        `(F + X) / ln N + X (1 - ln(F + X) / ln N) = C`. If the known rows alone fill it, the soonest used are kept.
        """
        log_all = float(np.log(max(work.a_nonzeros, 3.0)))
        leaves = min(self.ways, work.a_nonzeros)
        rows = max(self.buffer_lines / self.lines_per_row(work) - leaves, 1.0)
        if self.look_ahead >= rows * log_all:
            return rows * log_all

        def excess(kept: float) -> float:
            reach = self.look_ahead + kept
            return reach / log_all + kept * (1 - np.log(reach) / log_all) - rows

        most = work.a_nonzeros - self.look_ahead
        if most <= 0 or excess(most) <= 0:
            return work.a_nonzeros
        return self.look_ahead + float(brentq(excess, 0.0, most))

    def miss_share(self, work: Work) -> float:
        """Share of A's non-zeros whose row of B is not in the buffer: first uses, and reuse beyond the horizon."""
        if not self.prefetched:
            return 1.0
        reused = max(1.0 - work.k / work.a_nonzeros, 0.0)
        found = np.log(max(self.horizon(work), 1.0)) / np.log(max(work.a_nonzeros, 3.0))
        return 1.0 - reused * min(float(found), 1.0)

    def traffic_bytes(self, work: Work) -> dict[str, float]:
        """DRAM bytes that are used: A, B, Z, and partial results (both ways)."""
        entry = self.value_bytes + self.index_bytes
        return {
            "a": work.a_nonzeros * entry,
            "b": work.multiplies * entry * self.miss_share(work),
            "z": work.z_nonzeros * entry,
            "partial": 2 * self.partial_elements(work) * (entry + self.index_bytes),
        }

    def flops(self, work: Work) -> float:
        """Multiplies and additions."""
        return 2 * work.multiplies - work.z_nonzeros

    def cost(self, work: Work) -> Cost:
        """Cost of A times a sparse B."""
        moved = self.traffic_bytes(work)
        wasted = work.a_nonzeros * self.miss_share(work) * self.lines_per_row(work) * (self.burst_bytes - 4.0)
        partial = moved["partial"] / 2
        merged = work.multiplies + partial / (self.value_bytes + 2 * self.index_bytes)
        busy = {
            "compute": max(work.multiplies / self.multipliers, merged / self.comparators),
            "dram": (sum(moved.values()) + wasted) / self.dram_gbps * self.clock_ghz,
        }
        energy = self.power_w * 1e3 / self.clock_ghz * max(busy.values())
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={
                "accumulator": 0.554 * energy,
                "dram": 0.262 * energy,
                "glb": 0.135 * energy,
                "intersect_decode": 0.040 * energy,
                "mac": 0.009 * energy,
            },
            area_mm2={"accumulator": 0.606 * self.area_mm2, "glb": 0.204 * self.area_mm2,
                      "decoder": 0.174 * self.area_mm2, "mac": 0.016 * self.area_mm2},
            peak_macs_per_cycle=float(self.multipliers),
            dram_bytes={"a": moved["a"], "b": moved["b"], "z_read": partial, "z_write": moved["z"] + partial},
        )  # fmt: skip


def _in_order(columns: np.ndarray, ways: int, distinct: Callable[[np.ndarray], np.ndarray]) -> float:
    """Partial results of rounds that take neighbours, level by level of the tree that they make."""
    total = 0.0
    while len(columns) > ways:
        columns = np.add.reduceat(columns, np.arange(0, len(columns), ways))
        total += float(distinct(columns).sum())
    return total
