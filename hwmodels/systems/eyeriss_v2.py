"""Eyeriss v2: compressed weights and activations in the PEs, a mesh that shares out any layer shape.

Chen, Yang, Emer, Sze, "Eyeriss v2: A Flexible Accelerator for Emerging Deep Neural Networks on Mobile Devices",
IEEE JETCAS 9(2), 2019 (arXiv:1807.07928).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwmodels.cost import Cost
from hwmodels.systems.convolution import Convolution
from hwmodels.systems.estimates.load_imbalance import expected_maximum, groups_of
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work

GATE_UM2 = 1.44
"""NAND2 gate at 65 nm, um2: the usual size of a two-input gate in 65 nm low-power libraries (a guess)."""


@dataclass(frozen=True)
class EyerissV2(System):
    """192 PEs that walk CSC columns: each non-zero activation meets the non-zero weights of its channel, two a cycle.

    A PE holds a tile of weights (at most 32 filters, what its partial sums hold; at most 16 columns and 192 non-zeros)
    and streams the activations of some output positions past it. Tiles that run at a time wait for the fullest; PEs
    left over share the positions. Meanwhile weights and activations arrive over the routers of the clusters, each once.
    The power is the mean of those that follow from the paper's inferences per second and per joule of MobileNet
    (1470.6 / 2560.3) and AlexNet (1470.6 / 5.3 over 2560.3 / 3.9), 8 % of it the mesh's. Nothing is fitted.
    """

    pes: int = 192
    lanes: int = 2
    """MACs of a PE, which take the weights of a column in pairs."""
    partial_sums: int = 32
    weight_words: int = 192
    weight_columns: int = 16
    clock_ghz: float = 0.2
    """Unverified (Table V, from memory)."""
    node_nm: float = 65.0
    power_w: float = (1470.6 / 2560.3 + 1470.6 / 2560.3 * 3.9 / 5.3) / 2
    mesh_share: float = 0.08
    """Middle of the 6 to 10 % of the energy that the paper gives for its NoC."""
    dram_gbps: float = float("inf")
    """Not limited in the paper's main results."""
    port_bits: float = 16.0 * 3 * 24
    """Routers of the 16 clusters for weights, and as many for activations: 3 of 24 bits each."""
    stored_bits: float = 12.0
    """8-bit value and 4-bit count of a CSC entry."""
    gates_k: float = 2695.0
    """Logic, thousands of NAND2 gates."""

    name = "eyeriss_v2"
    title = "Eyeriss v2"
    source = "Chen et al., JETCAS 2019 (arXiv:1807.07928)"
    limits = "One mean power; area without the GLB; operands come from DRAM once; products as 1 x 1 convolutions."

    @property
    def peak(self) -> float:
        """MACs of the array."""
        return float(self.pes * self.lanes)

    def pe_cycles(self, work: Work) -> float:
        """Cycles of one PE with one MAC that has room for all operands: the effectual multiplies.

        That is, the sum over channels of non-zero activations times non-zero weights, which the authors of Sparseloop
        (Wu et al., MICRO 2022, Fig. 12) hold their model to.
        """
        return work.multiplies

    def layer_cycles(self, layer: Convolution, weight_density: float = 1.0, activation_density: float = 1.0) -> float:
        """Expected cycles of the array for a convolution of uniform patterns; each activation is delivered once."""
        work = layer.work(weight_density, activation_density)
        weights, inputs, outputs = self._operands(layer, weight_density, activation_density)
        moved = self._bytes(weights, inputs, outputs)
        return max(self._busy(self._expected(work, layer.groups), weights, inputs, moved).values())

    def layer_bytes(
        self, layer: Convolution, weight_density: float = 1.0, activation_density: float = 1.0
    ) -> dict[str, float]:
        """Bytes from and to DRAM by operand (`a` weights), each once; the outputs dense."""
        return self._bytes(*self._operands(layer, weight_density, activation_density))

    def _operands(self, layer: Convolution, weights: float, active: float) -> tuple[float, float, float]:
        inputs = layer.images * layer.channels * layer.rows * layer.columns * layer.stride**2
        return layer.filters * layer.taps * weights, inputs * active, float(layer.filters * layer.positions)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights, a filter a row) times B (activations, a channel a row), from the pattern if known."""
        cycles = self._expected(work, 1) if work.kernel is None else self._counted(work)
        dram = self._bytes(work.a_nonzeros, work.b_nonzeros, work.z_nonzeros)
        busy = self._busy(cycles, work.a_nonzeros, work.b_nonzeros, dram)
        energy_pj = self.power_w * 1e3 / self.clock_ghz * max(busy.values())
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles=busy,
            energy_pj={"pe_buffer": energy_pj * (1 - self.mesh_share), "noc": energy_pj * self.mesh_share},
            area_mm2={"pe_buffer": self.logic_mm2 * (1 - 0.026), "noc": self.logic_mm2 * 0.026},
            peak_macs_per_cycle=self.peak,
            dram_bytes=dram,
        )

    def _bytes(self, weights: float, inputs: float, outputs: float) -> dict[str, float]:
        stored = {"a": weights, "b": inputs, "z_write": outputs}
        return {name: count * self.stored_bits / 8 for name, count in stored.items()}

    def _busy(self, cycles: float, weights: float, inputs: float, moved: dict[str, float]) -> dict[str, float]:
        return {
            "compute": cycles,
            "value_bus": max(weights, inputs) * self.stored_bits / self.port_bits,
            "dram": sum(moved.values()) / self.dram_gbps * self.clock_ghz,
        }

    @property
    def logic_mm2(self) -> float:
        """Logic of the chip, mm2; PEs with their scratchpads, and the mesh (2.6 %). The 192 KB of GLB come on top."""
        return self.gates_k * 1e3 * GATE_UM2 * 1e-6

    def _tile(self, work: Work) -> tuple[int, int]:
        """Filters and columns of the weights a PE holds."""
        filters = int(min(ceil(work.m), self.partial_sums))
        columns = self.weight_words / max(filters * work.a_density, 1.0)
        return filters, max(int(min(columns, self.weight_columns, ceil(work.k))), 1)

    def _shares(self, tiles: int, positions: float) -> tuple[int, int]:
        """Tiles that run at a time, and positions of each PE."""
        together = min(ceil(tiles), self.pes)
        return together, ceil(positions / max(min(self.pes // together, ceil(positions)), 1))

    def _expected(self, work: Work, groups: int) -> float:
        filters, columns = self._tile(work)
        blocks = ceil(work.m / filters)
        tiles = groups * blocks * ceil(work.k / columns)
        together, positions = self._shares(tiles, work.n)
        filters, columns = work.m / blocks, groups * blocks * work.k / tiles
        pairs, pairs_var = groups_of(round(filters), work.a_density, self.lanes)
        density = work.b_density
        mean = positions * columns * density * pairs
        spread = (positions * density) ** 2 * pairs_var + positions * density * (1 - density) * (pairs_var + pairs**2)
        slowest = mean + expected_maximum(together) * (columns * spread) ** 0.5
        return ceil(tiles / together) * slowest

    def _counted(self, work: Work) -> float:
        """From the pattern: a column of a tile takes ceil(weights / 2) cycles for each non-zero activation."""
        kernel = work.kernel
        assert kernel is not None
        filters, columns = self._tile(work)
        block = np.repeat(np.arange(kernel.m, dtype=np.int64) // filters, np.diff(kernel.a.indptr))
        column, weights = np.unique(block * kernel.k + kernel.a.indices, return_counts=True)
        active = np.full(kernel.k, kernel.n) if kernel.b is None else np.diff(kernel.b.indptr)
        across = ceil(kernel.k / columns)
        tile = column // kernel.k * across + column % kernel.k // columns
        loads = np.bincount(
            tile, -(-weights // self.lanes) * active[column % kernel.k], minlength=ceil(kernel.m / filters) * across
        )
        together, positions = self._shares(len(loads), work.n)
        rounds = np.pad(loads, (0, -len(loads) % together)).reshape(-1, together).max(axis=1)
        return float(rounds.sum() * positions / kernel.n)
