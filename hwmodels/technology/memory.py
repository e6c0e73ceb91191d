"""On-chip memories: the GLB's SRAM banks and the PEs' small buffers.

The GLB's cells are of low power or fast; `fast` is the weight of the latter, which cost area and leakage for a shorter
cycle. Buffers of PEs are of low power.

Read energy of a bank is `e0 W + e1 (W + 64) KB^s x^q` with `x = node / 45 nm`: a part that hardly shrinks and a part
that grows with capacity. A PE's buffer is a register file of latches when small and an SRAM macro when large.
"""

import jax
import jax.numpy as jnp

from hwmodels.technology.scaling import Scalar, ScaledConstants, Value, power

_KIB = 1024.0
_MIB = 1024.0 * 1024.0


class OnChipMemory(ScaledConstants):
    """Energy in pJ, area in mm2, leakage in W and delay in ns of SRAM and of register files."""

    def sram_read_pj(self, bank_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of reading one word of `word_bits` from a bank of `bank_bytes`."""
        constants = self.constants
        fixed = constants["sram_fixed_pj_per_bit"] * word_bits
        size = power(bank_bytes / _KIB, constants["sram_size_exponent"])
        toggled = word_bits + constants["sram_extra_bits"]
        grown = constants["sram_size_pj_per_bit"] * toggled * size
        shrunk = grown * self.node_scale(constants["sram_size_node_exponent"])
        return (fixed + shrunk) * self.dynamic_scale()

    def sram_write_pj(self, bank_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of writing one word of `word_bits` to a bank of `bank_bytes`."""
        return self.constants["sram_write_ratio"] * self.sram_read_pj(bank_bytes, word_bits)

    def sram_area_mm2(self, total_bytes: Scalar, word_bits: Scalar, banks: Scalar, fast: Scalar = 0.0) -> Value:
        """Area in mm2 of `total_bytes` of SRAM in `banks` banks, each `word_bits` wide."""
        constants = self.constants
        cell_um2 = constants["sram_cell_um2_per_nm2"] * self.scenario.node_nm**2 + constants["sram_cell_um2"]
        cell_um2 = cell_um2 * _of_cell(fast, 1.0, constants["sram_fast_area_ratio"])
        array_mm2 = total_bytes * 8.0 * 1e-6 * cell_um2 * constants["sram_array_overhead"]
        periphery_um2 = banks * constants["sram_periphery_um2_per_bit"] * word_bits
        return array_mm2 + self.logic_area_mm2(periphery_um2)

    def sram_leakage_w(self, total_bytes: Scalar, fast: Scalar = 0.0) -> Value:
        """Leakage in W of `total_bytes` of SRAM."""
        constants = self.constants
        w_per_mb = _of_cell(fast, constants["sram_leakage_w_per_mb"], constants["sram_fast_leakage_w_per_mb"])
        return total_bytes / _MIB * w_per_mb * self.leakage_scale()

    def glb_clock_limit_ghz(self, bank_bytes: Scalar, fast: Scalar = 0.0) -> Value:
        """Fastest clock in GHz at which a pipelined bank takes a new access each cycle, at nominal supply."""
        constants = self.constants
        cycle_ns = constants["sram_cycle_ns"] * _of_cell(fast, 1.0, constants["sram_fast_cycle_ratio"])
        cycle_ns = cycle_ns * power(bank_bytes / _KIB, constants["sram_cycle_exponent"])
        return 1.0 / (cycle_ns * self.node_scale(constants["sram_delay_node_exponent"]))

    def buffer_read_pj(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of reading one word of `word_bits` from a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
        registers = self._register_read_pj(size_bytes, word_bits)
        return self._registers_or_macro(size_bytes, registers, self.sram_read_pj(size_bytes, word_bits))

    def buffer_write_pj(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of writing one word of `word_bits` to a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
        registers = self.constants["register_write_ratio"] * self._register_read_pj(size_bytes, word_bits)
        return self._registers_or_macro(size_bytes, registers, self.sram_write_pj(size_bytes, word_bits))

    def buffer_area_mm2(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Area in mm2 of a PE's buffer of `size_bytes`, one bank `word_bits` wide (32 B to 256 KiB)."""
        latches_um2 = self.constants["latch_um2_per_bit"] * 8.0 * size_bytes
        registers = self.logic_area_mm2(latches_um2)
        return self._registers_or_macro(size_bytes, registers, self.sram_area_mm2(size_bytes, word_bits, 1.0))

    def queue_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of queues of so many bits altogether, of latches."""
        return self.logic_area_mm2(self.constants["latch_um2_per_bit"] * bits)

    def queue_pj_per_bit(self, entries: Scalar) -> Value:
        """Energy in pJ of writing or reading a bit of a queue of so many entries."""
        each_bit = self.constants["register_pj_per_bit"] + self.constants["register_size_pj_per_bit"] * jnp.sqrt(
            entries
        )
        return each_bit * self.logic_energy_scale()

    def register_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of registers of so many bits altogether, of flip-flops."""
        return self.logic_area_mm2(self.constants["flip_flop_um2_per_bit"] * bits)

    def _register_read_pj(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        root_words = jnp.sqrt(8.0 * size_bytes / word_bits)
        each_bit = self.constants["register_pj_per_bit"] + self.constants["register_size_pj_per_bit"] * root_words
        return word_bits * each_bit * self.logic_energy_scale()

    def _registers_or_macro(self, size_bytes: Scalar, registers: Scalar, macro: Scalar) -> Value:
        """Geometric mean of register file and SRAM macro, weighted by a logistic of the log of the size."""
        log_size = jnp.log(size_bytes / self.constants["buffer_crossover_bytes"])
        weight = jax.nn.sigmoid(log_size / self.constants["buffer_crossover_width"])
        return jnp.exp(jnp.log(registers) + weight * (jnp.log(macro) - jnp.log(registers)))


def _of_cell(fast: Scalar, low_power: Scalar, high_current: Scalar) -> Value:
    """A quantity of the cells: between that of low power and that of the fast ones."""
    return low_power + jnp.asarray(fast) * (high_current - low_power)
