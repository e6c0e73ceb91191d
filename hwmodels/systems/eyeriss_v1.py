"""Eyeriss: row-stationary dataflow on a 12 x 14 array that gates zero activations.

Chen, Krishna, Emer, Sze, "Eyeriss: An Energy-Efficient Reconfigurable Accelerator for Deep Convolutional Neural
Networks", IEEE JSSC 52(1), 2017 (tables through fodlam's transcription).
"""

from dataclasses import dataclass
from math import ceil

from hwmodels.cost import Cost
from hwmodels.systems.convolution import Convolution
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work


@dataclass(frozen=True)
class EyerissV1(System):
    """A PE convolves one row of a filter; a set of PEs spans the filter's rows and as many output rows as fit.

    Sets are stacked and put side by side while there is room; taller planes are cut in strips of equal height. A PE
    does a MAC a cycle, and zeros of activations save energy only. Nothing is fitted; one mean power.
    """

    pe_rows: int = 12
    pe_columns: int = 14
    clock_ghz: float = 0.2
    """Unverified."""
    node_nm: float = 65.0
    value_bytes: float = 2.0
    run_bits: float = 16 / 3
    """Metadata of a value in DRAM: 5-bit run lengths, three of them with their values in 64 bits."""
    power_w: float = 0.278
    """On AlexNet's convolutions."""

    name = "eyeriss_v1"
    title = "Eyeriss"
    source = "Chen et al., JSSC 2017"
    limits = (
        "Processing only: no time to load from DRAM; power does not follow the layer; products as 1 x 1 convolutions."
    )

    def active_pes(self, layer: Convolution) -> float:
        """PEs at work, on average over the strips of the plane."""
        stacked = max(self.pe_rows // layer.filter_rows, 1)
        strips = ceil(layer.rows / self.pe_columns)
        across = max(self.pe_columns // layer.rows, 1)
        return min(layer.filter_rows, self.pe_rows) * stacked * across * layer.rows / strips

    def processing_cycles(self, layer: Convolution) -> float:
        """Cycles of a layer with all its operands in the global buffer."""
        return layer.multiplies / self.active_pes(layer)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights) times B (activations) with columns of B along the array, from totals alone."""
        layer = Convolution(channels=1, filters=1, rows=ceil(work.n), columns=1)
        cycles = work.dense_multiplies / self.active_pes(layer)
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={"compute": cycles},
            energy_pj={"pe_buffer": self.power_w * 1e3 / self.clock_ghz * cycles},
            area_mm2={},
            peak_macs_per_cycle=float(self.pe_rows * self.pe_columns),
            computed_zeros=(work.b_nonzeros * work.m - work.multiplies),
            gated=(work.k * work.n - work.b_nonzeros) * work.m,
            dram_bytes={
                "a": work.m * work.k * self.value_bytes,
                "b": work.b_nonzeros * (self.value_bytes + self.run_bits / 8),
                "z_write": work.z_nonzeros * (self.value_bytes + self.run_bits / 8),
            },
        )
