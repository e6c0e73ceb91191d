"""Area and power of an EIE processing element by this project's technology, unit by unit as in Table II of its paper.

What a unit holds follows from Sections III to V of Han et al., ISCA 2016; its parts are priced by
`hwmodels.technology`.
"""

from dataclasses import dataclass, field
from functools import cached_property

from hwmodels.systems.eie import Eie
from hwmodels.technology import Technology, make_technology, scenario

COLUMN_CYCLES = 8.0
"""Cycles of a PE on an activation: a word of weights and a pair of pointers are read in each eight (Section VI)."""
INDEX_BITS = 16
"""Of column and row numbers."""


@dataclass(frozen=True)
class UnitCosts:
    """Area in um2 and power in mW of a unit, of its SRAM, registers and logic."""

    sram_um2: float = 0.0
    sram_mw: float = 0.0
    register_um2: float = 0.0
    register_mw: float = 0.0
    logic_um2: float = 0.0
    logic_mw: float = 0.0

    @property
    def cells_um2(self) -> float:
        """Area of standard cells."""
        return self.register_um2 + self.logic_um2


@dataclass(frozen=True)
class EiePe:
    """The five units of a PE that works without a pause, and what they add up to."""

    system: Eie = field(default_factory=Eie)

    @cached_property
    def technology(self) -> Technology:
        """Constants at EIE's node and clock."""
        return make_technology(scenario(node_nm=self.system.node_nm, clock_ghz=self.system.clock_ghz))

    @cached_property
    def units(self) -> dict[str, UnitCosts]:
        """Parts by the name of the unit in Table II."""
        e, t, bits = self.system, self.technology, self.system.value_bits
        columns_ghz = e.clock_ghz / COLUMN_CYCLES
        entry_bits = e.weight_bits + e.index_bits
        words_ghz = e.clock_ghz * entry_bits / e.weight_word_bits
        queued_bits, held_bytes = bits + INDEX_BITS, e.registers * bits / 8
        return {
            "Act_queue": UnitCosts(
                register_um2=self._register_um2(e.fifo_depth * queued_bits),
                register_mw=columns_ghz * self._read_write_pj(e.fifo_depth * queued_bits / 8, queued_bits),
                logic_um2=self._select_um2(e.fifo_depth, queued_bits),
            ),
            "PtrRead": UnitCosts(
                sram_um2=self._sram_um2(e.pointer_bytes, INDEX_BITS, banks=2),
                sram_mw=self._sram_mw(e.pointer_bytes, INDEX_BITS, columns_ghz, banks=2),
                register_um2=self._register_um2(2 * INDEX_BITS),
                logic_um2=self._add_um2(INDEX_BITS),
                logic_mw=columns_ghz * float(t.add_energy_pj(INDEX_BITS)),
            ),
            "SpmatRead": UnitCosts(
                sram_um2=self._sram_um2(e.weight_bytes, e.weight_word_bits),
                sram_mw=self._sram_mw(e.weight_bytes, e.weight_word_bits, words_ghz),
                register_um2=self._register_um2(e.weight_word_bits + INDEX_BITS),
                logic_um2=self._select_um2(e.weight_word_bits / entry_bits, entry_bits) + self._add_um2(INDEX_BITS),
                logic_mw=e.clock_ghz * float(t.add_energy_pj(INDEX_BITS)),
            ),
            "ArithmUnit": UnitCosts(
                register_um2=self._register_um2(4 * bits),
                logic_um2=1e6 * float(t.multiply_area_mm2(bits))
                + self._add_um2(bits)
                + self._select_um2(2**e.weight_bits, bits),
                logic_mw=e.clock_ghz * float(t.mac_energy_pj(bits, bits)),
            ),
            "ActRW": UnitCosts(
                sram_um2=self._sram_um2(e.activation_bytes, e.weight_word_bits),
                sram_mw=self._sram_mw(e.activation_bytes, e.weight_word_bits, 0.0),
                register_um2=2e6 * float(t.buffer_area_mm2(held_bytes, bits)),
                register_mw=e.clock_ghz * self._read_write_pj(held_bytes, bits),
                logic_um2=self._select_um2(e.registers, bits),
            ),
        }

    def area_um2(self) -> dict[str, float]:
        """By component of Table II. The share of filler cells is the paper's: no constant says how densely it packs."""
        units, s = self.units.values(), self.system
        parts = {
            "memory": sum(unit.sram_um2 for unit in units),
            "register": sum(unit.register_um2 for unit in units),
            "combinational": sum(unit.logic_um2 for unit in units),
        }
        cells = s.queue_um2 + s.pointers_um2 + s.weights_um2 + s.arithmetic_um2 + s.activations_um2
        return parts | {"filler": sum(parts.values()) * s.filler_um2 / cells}

    def power_mw(self) -> dict[str, float]:
        """By component of Table II."""
        units = self.units.values()
        return {
            "memory": sum(unit.sram_mw for unit in units),
            "clock_network": self._clock_mw(sum(unit.cells_um2 for unit in units)),
            "register": sum(unit.register_mw for unit in units),
            "combinational": sum(unit.logic_mw for unit in units),
        }

    def unit_area_um2(self) -> dict[str, float]:
        """By unit of Table II."""
        return {name: unit.sram_um2 + unit.cells_um2 for name, unit in self.units.items()}

    def unit_power_mw(self) -> dict[str, float]:
        """By unit of Table II, each with the clock network of its cells."""
        return {
            name: unit.sram_mw + unit.register_mw + unit.logic_mw + self._clock_mw(unit.cells_um2)
            for name, unit in self.units.items()
        }

    def _sram_um2(self, size_bytes: float | int, word_bits: int, banks: int = 1) -> float:
        return 1e6 * float(self.technology.sram_area_mm2(size_bytes, word_bits, banks))

    def _sram_mw(self, size_bytes: float | int, word_bits: int, reads_ghz: float, banks: int = 1) -> float:
        """Power of reading all banks at `reads_ghz`, and leakage."""
        t = self.technology
        read_pj = float(t.sram_read_pj(size_bytes / banks, word_bits))
        return banks * reads_ghz * read_pj + 1e3 * float(t.sram_leakage_w(size_bytes))

    def _read_write_pj(self, size_bytes: float | int, word_bits: int) -> float:
        t = self.technology
        return float(t.buffer_read_pj(size_bytes, word_bits) + t.buffer_write_pj(size_bytes, word_bits))

    def _register_um2(self, bits: float | int) -> float:
        """Of flip-flops."""
        return self._cells_um2("flip_flop_um2_per_bit", bits)

    def _select_um2(self, ways: float | int, bits: int) -> float:
        """Of multiplexers of `ways` words."""
        return self._cells_um2("mux_um2_per_bit", (ways - 1) * bits)

    def _add_um2(self, bits: int) -> float:
        return 1e6 * float(self.technology.add_area_mm2(bits))

    def _cells_um2(self, constant: str, count: float | int) -> float:
        t = self.technology
        return 1e6 * float(t.logic_area_mm2(t.constants[constant] * count))

    def _clock_mw(self, cells_um2: float) -> float:
        return float(self.technology.clock_pj_per_cycle(cells_um2 * 1e-6)) * self.system.clock_ghz
