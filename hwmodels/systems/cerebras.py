"""Cerebras WSE-2: a wafer of cores that hold activations; each weight that arrives triggers an AXPY, zeros never come.

Sizes from Cerebras' pages and the press; clock, power and link rate from memory (unverified). Mechanism: Lie, "Cerebras
Architecture Deep Dive", Hot Chips 34, 2022.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.estimates.load_imbalance import expected_maximum
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from workloads.errors import InputError


@dataclass(frozen=True)
class CerebrasWse2(System):
    """Weight streaming: features of the activations lie over the columns of cores, tokens over the rows.

    A non-zero weight goes down the column that holds its feature, and each core there multiplies its tokens by it, four
    a cycle. Weights of a column follow each other, so the fullest column sets the time. Nothing is fitted; energy is
    the power of the system.
    """

    cores: int = 850_000
    lanes: int = 4
    """16-bit multiply-adds of a core a cycle."""
    clock_ghz: float = 1.1
    """Unverified."""
    node_nm: float = 7.0
    power_w: float = 23e3
    """Peak of a CS-2 (unverified)."""
    sram_bytes: float = 40e9
    stream_gbps: float = 150.0
    """1.2 Tb/s of Ethernet (unverified)."""
    weight_bytes: float = 4.0
    """Value and index of a streamed weight, 16 bits each (a guess)."""
    value_bytes: float = 2.0
    area_mm2: float = 46_225.0

    name = "cerebras_wse2"
    title = "Cerebras WSE-2"
    source = "Cerebras product pages; Lie, Hot Chips 34 (2022)"
    limits = (
        "No fabric latency, no cost of routing or of partial sums; several figures unverified; a bound, no forecast."
    )

    @property
    def side(self) -> int:
        """Cores along an edge of a square wafer."""
        return int(self.cores**0.5)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights) times B (activations, kept dense). **Raises** `InputError` where they exceed the SRAM."""
        held = (work.k + work.m) * work.n * self.value_bytes
        if held > self.sram_bytes:
            raise InputError(f"{self.name}: activations take {held:.3g} bytes of {self.sram_bytes:.3g}; lower n.")
        tokens = ceil(work.n / self.side)
        streamed = work.a_nonzeros * self.weight_bytes
        busy = {
            "compute": self._fullest_column(work) * ceil(tokens / self.lanes),
            "dram": streamed / self.stream_gbps * self.clock_ghz,
        }
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={"mac": self.power_w * 1e3 / self.clock_ghz * max(busy.values())},
            area_mm2={"mac": self.area_mm2},
            peak_macs_per_cycle=float(self.cores * self.lanes),
            computed_zeros=work.a_nonzeros * work.n - work.multiplies,
            dram_bytes={"a": streamed},
        )

    def _fullest_column(self, work: Work) -> float:
        """Weights of the column of cores with most; features lie over columns in blocks."""
        features = ceil(work.k / self.side)
        if work.kernel is not None:
            weights = np.bincount(work.kernel.a.indices, minlength=work.kernel.k)
            return float(np.pad(weights, (0, -len(weights) % features)).reshape(-1, features).sum(axis=1).max())
        mean = features * work.m * work.a_density
        columns = ceil(work.k / features)
        return mean + expected_maximum(columns) * (mean * (1 - work.a_density)) ** 0.5
