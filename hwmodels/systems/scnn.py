"""SCNN: every non-zero activation times every non-zero weight of its channel, planes cut among PEs.

Parashar et al., "SCNN: An Accelerator for Compressed-sparse Convolutional Neural Networks", ISCA 2017. Sizes are those
of the paper as secondary sources quote them.
"""

import dataclasses
import functools
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.sparse import csr_array

from hwmodels.cost import Cost
from hwmodels.systems.convolution import Convolution
from hwmodels.systems.estimates.load_imbalance import expected_maximum, groups_of
from hwmodels.systems.system import System, cost_of
from hwmodels.systems.work import Work
from hwmodels.technology import Technology, make_technology, scenario

MEMORY_SHARE = 0.57
"""Memories in the area of a PE, by the paper."""


@dataclass(frozen=True)
class ScnnRun:
    """What one layer does on the array; totals over its groups."""

    cycles: float
    products: float
    vector_pairs: float
    """Pairs of an activation vector and a weight vector, each one cycle of one PE; fewer than cycles times PEs."""
    activation_vectors: float
    """Vectors read from the activation RAMs."""
    weights: float
    outputs: float


@dataclass(frozen=True)
class Scnn(System):
    """PT-IS-CP-sparse: a PE holds a tile of the plane, weights of one channel and group of filters are broadcast.

    In a cycle a PE multiplies `weight_lanes` weights by `activation_lanes` activations of one channel and scatters the
    products to its accumulator banks. A channel takes ceil(activations / I) ceil(weights / F) cycles; the PEs meet at
    the end of each group of filters, which is as large as the accumulators hold. Nothing is fitted. Energy and area
    are those of this project's technology at 16 nm, but for the area of the chip, which is the paper's.
    """

    side: int = 8
    """8 x 8 PEs."""
    weight_lanes: int = 4
    activation_lanes: int = 4
    accumulators: int = 1024
    """Words of a PE, 32 banks of 32, one filter of one output position each."""
    activation_ram_bytes: float = 10.0 * 1024
    value_bits: float = 16.0
    index_bits: float = 4.0
    accumulator_bits: float = 24.0
    fifo_vectors: float = 50.0
    clock_ghz: float = 1.0
    node_nm: float = 16.0
    chip_mm2: float = 7.9
    dram_gbps: float = 50.0

    name = "scnn"
    title = "SCNN"
    source = "Parashar et al., ISCA 2017 (through secondary sources)"
    limits = (
        "Knows no conflicts of accumulator banks, no halo traffic and no tiling through DRAM; "
        "a matrix product is taken as a 1 x 1 convolution."
    )

    @property
    def pes(self) -> int:
        """PEs of the array."""
        return self.side**2

    @property
    def peak(self) -> float:
        """Multipliers of the array."""
        return float(self.pes * self.weight_lanes * self.activation_lanes)

    def layer(self, layer: Convolution, weight_density: float = 1.0, activation_density: float = 1.0) -> ScnnRun:
        """Expected run of a convolution with uniform patterns.

        A stride of s is taken as s x s interleaved planes, each with its share of the filter's taps.
        """
        steps = layer.stride**2
        reach = [ceil(taps / layer.stride) - 1 for taps in (layer.filter_rows, layer.filter_columns)]
        tile = [ceil(size / self.side) for size in (layer.rows, layer.columns)]
        used = ceil(layer.rows / tile[0]) * ceil(layer.columns / tile[1])
        words = (tile[0] + reach[0]) * (tile[1] + reach[1])
        run = self._expected(
            channels=layer.channels // layer.groups * steps,
            filters=layer.filters // layer.groups,
            taps=layer.filter_rows * layer.filter_columns / steps,
            tile=tile[0] * tile[1],
            words=words,
            used=min(used, self.pes),
            positions=layer.rows * layer.columns,
            densities=(weight_density, activation_density),
        )
        return _times(run, layer.groups * layer.images)

    def cost(self, work: Work) -> Cost:
        """Cost of A (weights, a filter a row) times B (activations, a channel a row), from the pattern if known."""
        run = self._product(work)
        dram = {
            "a": self._stored_bytes(work.a_nonzeros, work.m * work.k),
            "b": self._stored_bytes(work.b_nonzeros, work.k * work.n),
            "z_write": self._stored_bytes(work.z_nonzeros, work.m * work.n),
        }
        moved = sum(dram.values())
        return cost_of(
            work,
            clock_ghz=self.clock_ghz,
            resource_cycles={"compute": run.cycles, "dram": moved / self.dram_gbps * self.clock_ghz},
            energy_pj=self.energy_pj(run, 8 * moved),
            area_mm2=self.area_mm2(),
            peak_macs_per_cycle=self.peak,
            dram_bytes=dram,
        )

    def energy_pj(self, run: ScnnRun, dram_bits: float) -> dict[str, float]:
        """Energy of a run by component, pJ, by this project's technology."""
        unit = _unit_energies(self)
        return {
            "mac": run.products * unit["product"],
            "pe_buffer": run.vector_pairs * unit["weights"] + run.activation_vectors * unit["activations"],
            "accumulator": run.products * unit["accumulate"] + run.outputs * unit["output"],
            "noc": run.products * unit["scatter"] + run.weights * unit["broadcast"],
            "dram": dram_bits * unit["dram_bit"],
            "clock": run.cycles * unit["clock"],
            "leakage": run.cycles * unit["leakage"],
        }

    def area_mm2(self) -> dict[str, float]:
        """Area of the chip, mm2: multipliers 6 %, scatter crossbars 21 %, memories 57 % of a PE, as the paper has it.

        What is left goes to the accumulators, whose logic is most of it.
        """
        share = {"mac": 0.06, "noc": 0.21, "pe_buffer": MEMORY_SHARE}
        return {name: part * self.chip_mm2 for name, part in (*share.items(), ("accumulator", 1 - sum(share.values())))}

    def _product(self, work: Work) -> ScnnRun:
        used = int(min(work.n, self.pes))
        tile = ceil(work.n / self.pes)
        split = self.pes // used
        if work.kernel is not None:
            return self._counted(work, used, tile, split)
        densities = (work.a_density, work.b_density)
        run = self._expected(ceil(work.k), ceil(work.m), 1, tile, tile, used, work.n, densities, split)
        return dataclasses.replace(run, products=work.multiplies, weights=work.a_nonzeros, outputs=work.z_nonzeros)

    def _expected(
        self,
        channels: int,
        filters: int,
        taps: float | int,
        tile: int,
        words: int,
        used: int,
        positions: float | int,
        densities: tuple[float, float],
        split: int = 1,
    ) -> ScnnRun:
        """`split` sets of PEs share out the groups of filters; all of them meet after each group."""
        most = min(max(self.accumulators // words, 1), ceil(filters / split))
        rounds = ceil(filters / (most * split))
        group = filters / (rounds * split)
        weights, weights_var = groups_of(round(group * taps), densities[0], self.weight_lanes)
        active, active_var = groups_of(tile, densities[1], self.activation_lanes)
        spread = (weights_var + weights**2) * active_var + (active**2 * weights_var if split > 1 else 0.0)
        slowest = channels * weights * active + expected_maximum(used * split) * (channels * spread) ** 0.5
        filled = positions / tile * split
        return ScnnRun(
            cycles=rounds * slowest,
            products=filters * channels * taps * positions * densities[0] * densities[1],
            vector_pairs=rounds * channels * weights * active * filled,
            activation_vectors=rounds * channels * active * filled,
            weights=filters * channels * taps * densities[0],
            outputs=float(filters * positions),
        )

    def _counted(self, work: Work, used: int, tile: int, split: int) -> ScnnRun:
        """From the pattern: cycles of PE and group are a product of counts of vectors over channels."""
        kernel = work.kernel
        assert kernel is not None
        most = min(max(self.accumulators // tile, 1), ceil(kernel.m / split))
        weights = _stored_counts_by_block(kernel.a, most)
        weights.data = np.ceil(weights.data / self.weight_lanes)
        if kernel.b is None:
            blocks = np.minimum(tile, kernel.n - tile * np.arange(ceil(kernel.n / tile)))
            active = np.tile(-(-blocks // self.activation_lanes), (kernel.k, 1))
        else:
            active = -(-_counts_by_block(csr_array(kernel.b.T), tile).T // self.activation_lanes)
        pairs = np.asarray(weights @ active.astype(float))
        rounds = np.pad(pairs.max(axis=1), (0, -len(pairs) % split)).reshape(-1, split)
        return ScnnRun(
            cycles=float(rounds.max(axis=1).sum()),
            products=work.multiplies,
            vector_pairs=float(pairs.sum()),
            activation_vectors=float(active.sum() * len(pairs)),
            weights=work.a_nonzeros,
            outputs=work.z_nonzeros,
        )

    def _stored_bytes(self, nonzeros: float, entries: float) -> float:
        """Values and 4-bit zero runs; beyond 15 zeros a padding entry is stored, here in expectation."""
        empty = 1 - nonzeros / entries
        longest = 2.0**self.index_bits
        padding = (entries - nonzeros) * empty ** (longest - 1) * (1 - empty) / (1 - empty**longest) if empty < 1 else 0
        return (nonzeros + padding) * (self.value_bits + self.index_bits) / 8


@dataclass(frozen=True)
class Dcnn:
    """The dense baseline of the paper: SCNN's tiles and multipliers as dot products of 16, each output in a register.

    Energy by the same technology: the activations stay, 16 weights a cycle are read from a FIFO like SCNN's.
    """

    like: Scnn = dataclasses.field(default_factory=Scnn)
    ram_bytes: float = 2.0 * 1024 * 1024
    chip_mm2: float = 5.9

    def cycles(self, layer: Convolution) -> float:
        """Cycles of a layer, every zero multiplied."""
        tile = ceil(layer.rows / self.like.side) * ceil(layer.columns / self.like.side)
        width = self.like.weight_lanes * self.like.activation_lanes
        return float(layer.images * tile * layer.filters * ceil(layer.taps / width))

    def energy_pj(self, layer: Convolution, switching: float = 1.0) -> float:
        """Energy of a layer, pJ; `switching` is the share of multiplies that no zero operand gates (DCNN-opt)."""
        like, unit = self.like, _unit_energies(self.like)
        width = like.weight_lanes * like.activation_lanes
        model = _model(like)
        vector_bits = width * like.value_bits
        a_cycle = model.buffer_read_pj(like.fifo_vectors * vector_bits / 8, vector_bits)
        a_cycle += model.buffer_read_pj(32.0, like.accumulator_bits) + model.buffer_write_pj(
            32.0, like.accumulator_bits
        )
        logic_mm2 = self.chip_mm2 - model.sram_area_mm2(self.ram_bytes, like.value_bits, like.pes)
        leakage_w = model.logic_leakage_w(logic_mm2) + model.sram_leakage_w(self.ram_bytes)
        everywhere = model.clock_pj_per_cycle(logic_mm2) + leakage_w * 1e3 / like.clock_ghz
        weights = layer.filters * layer.taps
        moved = weights * (like.value_bits * unit["dram_bit"] + unit["broadcast"])
        busy = layer.multiplies / width
        return float(
            switching * layer.multiplies * unit["product"] + busy * a_cycle + self.cycles(layer) * everywhere + moved
        )  # fmt: skip


def _times(run: ScnnRun, count: int) -> ScnnRun:
    return ScnnRun(*(count * getattr(run, field.name) for field in dataclasses.fields(ScnnRun)))


def _counts_by_block(matrix: csr_array, rows: int) -> np.ndarray:
    """Non-zeros of each column in each block of `rows` rows, [blocks, columns]."""
    height, width = matrix.shape
    of_row = np.repeat(np.arange(height, dtype=np.int64) // rows, np.diff(matrix.indptr))
    blocks = -(-height // rows)
    return np.bincount(of_row * width + matrix.indices, minlength=blocks * width).reshape(blocks, width)


def _stored_counts_by_block(matrix: csr_array, rows: int) -> csr_array:
    """As `_counts_by_block`, without the zeros: there may be a block for each row."""
    height, width = matrix.shape
    of_row = np.repeat(np.arange(height, dtype=np.int64) // rows, np.diff(matrix.indptr))
    places, counts = np.unique(of_row * width + matrix.indices, return_counts=True)
    where = (places // width, places % width)
    return csr_array((counts.astype(float), where), shape=(-(-height // rows), width))


@functools.cache
def _model(chip: Scnn) -> Technology:
    return make_technology(scenario(node_nm=chip.node_nm, clock_ghz=chip.clock_ghz)).solved()


@functools.cache
def _unit_energies(chip: Scnn) -> dict[str, float]:
    model = _model(chip)
    word = chip.value_bits + chip.index_bits
    banks = 2 * chip.weight_lanes * chip.activation_lanes
    bank_bytes = chip.accumulators / banks * chip.accumulator_bits / 8
    vector = {"weights": chip.weight_lanes * word, "activations": chip.activation_lanes * word}
    accumulate = model.buffer_read_pj(bank_bytes, chip.accumulator_bits)
    rewritten = model.buffer_write_pj(bank_bytes, chip.accumulator_bits)
    fifo_bytes = chip.fifo_vectors * vector["weights"] / 8
    memory_bytes = chip.pes * (2 * chip.activation_ram_bytes + fifo_bytes + banks * bank_bytes)
    logic_mm2 = (1 - MEMORY_SHARE) * chip.chip_mm2
    reach_mm = chip.chip_mm2**0.5
    leakage_w = model.logic_leakage_w(logic_mm2) + model.sram_leakage_w(memory_bytes)
    energies = {
        "product": model.mac_energy_pj(chip.value_bits, chip.accumulator_bits),
        "weights": model.buffer_read_pj(fifo_bytes, vector["weights"]),
        "activations": model.buffer_read_pj(chip.activation_ram_bytes, vector["activations"]),
        "accumulate": accumulate + rewritten,
        "output": accumulate + model.buffer_write_pj(chip.activation_ram_bytes, word),
        "scatter": model.crossbar_pj(chip.accumulator_bits, banks),
        "broadcast": chip.pes * model.buffer_write_pj(fifo_bytes, word) + word * reach_mm * model.wire_pj_per_bit_mm(),
        "dram_bit": model.dram_pj_per_bit(),
        "clock": model.clock_pj_per_cycle(logic_mm2),
        "leakage": leakage_w * 1e3 / chip.clock_ghz,
    }
    return {name: float(value) for name, value in energies.items()}
