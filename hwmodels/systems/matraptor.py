"""MatRaptor: row-wise products, each row of A sorted and merged in the queues of one PE, channels never shared.

Srivastava, Jin, Liu, Albonesi, Zhang, "MatRaptor: A Sparse-Sparse Matrix Multiplication Accelerator Based on Row-Wise
Product", MICRO 2020.
"""

from dataclasses import dataclass

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.spmspm_pattern import collisions
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class MatRaptor(System):
    """8 PEs, one row of A each at a time; every non-zero of A fetches its row of B, which no cache holds.

    - *Memory.* Rows start anywhere in their channel (C2SR), so that a row wastes what is left of its first and last
      burst, and each row of B needs its length and address first, a burst of their own. Streams reach the measured
      share of the peak; the loaders of the PEs meet at random on the channels, of which `1 - (1 - 1/channels)^pes` are
      busy then.
    - *Merging.* The first `queues - 1` rows of B that a row of A selects fill queues; each further one is merged into
      the shortest, which reads and writes what that queue holds (`passes`). A PE passes one element a cycle.
    - Both overlap, a row at a time; rows are dealt to the PEs in turn. Nothing is fitted.

    Where only totals are known, rows are equal unless `work_row_length` says how long the rows are that the products
    come from. Energy is the paper's power, split by its table.
    """

    pes: int = 8
    queues: int = 10
    channels: int = 8
    clock_ghz: float = 2.0
    node_nm: float = 28.0
    channel_gbps: float = 16.0
    """Eight 128-bit HBM channels at 1 GHz."""
    stream_share: float = 89.6 / 128.0
    """Of the peak that C2SR streams reach on 8 channels (the paper's bandwidth study)."""
    burst_bytes: float = 32.0
    """An HBM access: burst length 2 of a 128-bit channel (JEDEC JESD235)."""
    entry_bytes: float = 8.0
    """Value and column."""
    row_bytes: float = 8.0
    """Length and address of a row."""
    power_w: float = 1.34495
    area_mm2: float = 2.257

    name = "matraptor"
    title = "MatRaptor"
    source = "Srivastava et al., MICRO 2020"
    limits = "Rows longer than the queues, for which the paper's host steps in, and hot memory channels."

    @property
    def dram_gbps(self) -> float:
        """Peak of all channels, GB/s."""
        return self.channels * self.channel_gbps

    @property
    def sustained_gbps(self) -> float:
        """What the loaders draw from the channels together, GB/s."""
        return self.dram_gbps * self.stream_share * (1 - (1 - 1 / self.channels) ** self.pes)

    def traffic_bytes(self, work: Work) -> dict[str, float]:
        """Bytes that cross the memory bus by operand, `a`, `b`, `z_write`, with the bursts' unused rests.

        A non-zero of A whose row of B is empty reads only its length. Without the pattern all rows are taken to have
        non-zeros.
        """
        rest = self.burst_bytes - self.entry_bytes
        fetches, empty = work.a_nonzeros, 0.0
        if work.kernel is not None and work.kernel.b is not None:
            empty = float((np.diff(work.kernel.b.indptr)[work.kernel.a.indices] == 0).sum())
        rows = work.m * (rest + self.row_bytes)
        return {
            "a": work.a_nonzeros * self.entry_bytes + rows,
            "b": work.multiplies * self.entry_bytes + (fetches - empty) * rest + fetches * self.burst_bytes,
            "z_write": work.z_nonzeros * self.entry_bytes + rows,
        }

    def passes(self, row_length: float | np.ndarray, draws: float = 0.0) -> np.ndarray:
        """How often a product passes the queues in a row of A of this many non-zeros.

        A queue takes `g = row_length / (queues - 1)` rows of B; merging the j-th passes what the queue holds then. That
        is `j` rows if no products fall on the same output, so `(g + 1) / 2` passes; with `draws` on each output of the
        row's support it is `(1 - exp(-j y / g)) g / y` rows, `y = draws / (queues - 1)`.
        """
        taken = np.maximum(np.asarray(row_length, float) / (self.queues - 1), 1.0)
        y = max(draws / (self.queues - 1), 1e-6)
        held = -np.expm1(-y) / y
        return np.asarray(np.maximum(taken * (1 - held) / y + held / 2, 1.0))

    def busy_cycles(self, work: Work, work_row_length: float | None = None) -> tuple[float, float, float]:
        """Cycles of the memory, of the merging, and of the run: the most loaded PE's."""
        bytes_per_cycle = self.sustained_gbps / self.clock_ghz
        moved = self.traffic_bytes(work)
        memory, draws = sum(moved.values()) / bytes_per_cycle, collisions(work).draws
        if work.kernel is None or work.kernel.b is None:
            length = work.a_nonzeros / work.m if work_row_length is None else work_row_length
            merging = work.multiplies * float(self.passes(length, draws)) / self.pes
            return memory, merging, max(memory, merging)
        a, each = work.kernel.a, np.diff(work.kernel.b.indptr).astype(float)
        row = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))
        products = np.bincount(row, each[a.indices], a.shape[0])
        selected = np.bincount(row, each[a.indices] > 0, a.shape[0])
        merged = products * self.passes(selected, draws)
        read = moved["b"] * products / max(work.multiplies, 1.0) + (moved["a"] + moved["z_write"]) / a.shape[0]
        times = np.maximum(merged, read * self.pes / bytes_per_cycle)
        loads = np.bincount(np.arange(a.shape[0]) % self.pes, times, self.pes)
        return memory, float(merged.sum()) / self.pes, float(loads.max())

    def throughput_gops(self, work: Work, work_row_length: float | None = None) -> float:
        """Two operations for each multiply over the time, GOP/s, as the paper counts."""
        return 2 * work.multiplies / self.busy_cycles(work, work_row_length)[2] * self.clock_ghz

    def mac_share(self, work: Work, work_row_length: float | None = None) -> float:
        """Share of the PEs' cycles in which their multiplier works."""
        return work.multiplies / self.pes / self.busy_cycles(work, work_row_length)[2]

    def cost(self, work: Work) -> Cost:
        """Cost of A times a sparse B; a dense B is one whose rows are full."""
        memory, merging, run = self.busy_cycles(work)
        pj_per_cycle = 1e3 / self.clock_ghz
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={"dram": memory, "compute": merging},
            extra_cycles=run - max(memory, merging),
            energy_pj={
                "accumulator": 1.00749 * pj_per_cycle * run,
                "mac": 0.04308 * pj_per_cycle * run,
                "intersect_decode": 0.2883 * pj_per_cycle * run,
                "noc": 0.006067 * pj_per_cycle * run,
            },
            area_mm2={"accumulator": 1.901, "mac": 0.080, "decoder": 0.258, "noc": 0.016},
            peak_macs_per_cycle=float(self.pes),
            dram_bytes=self.traffic_bytes(work),
        )
