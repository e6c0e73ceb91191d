"""On-chip memories: the GLB's SRAM banks and the PEs' small buffers.

Read energy of a bank is `e0 W + e1 (W + 64) KB^s x^q` with `x = node / 45 nm`: a part that hardly shrinks and a part
that grows with capacity. A PE's buffer is a register file of latches when small and an SRAM macro when large.
"""

import jax
import jax.numpy as jnp

from hwmodels.technology.scaling import (
    Constants,
    Scalar,
    Value,
    dynamic_scale,
    leakage_scale,
    logic_area_mm2,
    logic_energy_scale,
    node_scale,
    power,
)
from hwmodels.technology.scenarios import Scenario

_KIB = 1024.0
_MIB = 1024.0 * 1024.0


def sram_read_pj(constants: Constants, scenario: Scenario, bank_bytes: Scalar, word_bits: Scalar) -> Value:
    """Energy in pJ of reading one word of `word_bits` from a bank of `bank_bytes`."""
    fixed = constants["sram_fixed_pj_per_bit"] * word_bits
    size = power(bank_bytes / _KIB, constants["sram_size_exponent"])
    toggled = word_bits + constants["sram_extra_bits"]
    grown = constants["sram_size_pj_per_bit"] * toggled * size
    shrunk = grown * node_scale(scenario, constants["sram_size_node_exponent"])
    return (fixed + shrunk) * dynamic_scale(constants, scenario)


def sram_write_pj(constants: Constants, scenario: Scenario, bank_bytes: Scalar, word_bits: Scalar) -> Value:
    """Energy in pJ of writing one word of `word_bits` to a bank of `bank_bytes`."""
    return constants["sram_write_ratio"] * sram_read_pj(constants, scenario, bank_bytes, word_bits)


def sram_area_mm2(
    constants: Constants, scenario: Scenario, total_bytes: Scalar, word_bits: Scalar, banks: Scalar
) -> Value:
    """Area in mm2 of `total_bytes` of SRAM in `banks` banks, each `word_bits` wide."""
    cell_um2 = constants["sram_cell_um2_per_nm2"] * scenario.node_nm**2 + constants["sram_cell_um2"]
    array_mm2 = total_bytes * 8.0 * 1e-6 * cell_um2 * constants["sram_array_overhead"]
    periphery_um2 = banks * constants["sram_periphery_um2_per_bit"] * word_bits
    return array_mm2 + logic_area_mm2(constants, scenario, periphery_um2)


def sram_leakage_w(constants: Constants, scenario: Scenario, total_bytes: Scalar) -> Value:
    """Leakage in W of `total_bytes` of SRAM."""
    return total_bytes / _MIB * constants["sram_leakage_w_per_mb"] * leakage_scale(constants, scenario)


def sram_access_ns(constants: Constants, scenario: Scenario, bank_bytes: Scalar) -> Value:
    """Time in ns from address to data of a bank, at nominal supply (the SRAM keeps it for its timing)."""
    size = power(bank_bytes / _KIB, constants["sram_access_exponent"])
    at_45nm = constants["sram_access_ns"] + constants["sram_access_size_ns"] * size
    return at_45nm * node_scale(scenario, constants["sram_delay_node_exponent"])


def glb_clock_limit_ghz(constants: Constants, scenario: Scenario, bank_bytes: Scalar) -> Value:
    """Fastest clock in GHz at which a pipelined bank takes a new access each cycle, at nominal supply."""
    cycle_ns = constants["sram_cycle_ns"] * power(bank_bytes / _KIB, constants["sram_cycle_exponent"])
    return 1.0 / (cycle_ns * node_scale(scenario, constants["sram_delay_node_exponent"]))


def _blend(constants: Constants, size_bytes: Scalar, registers: Scalar, macro: Scalar) -> Value:
    """Geometric mean of register file and SRAM macro, weighted by a logistic of the log of the size."""
    log_size = jnp.log(size_bytes / constants["buffer_crossover_bytes"])
    weight = jax.nn.sigmoid(log_size / constants["buffer_crossover_width"])
    return jnp.exp(jnp.log(registers) + weight * (jnp.log(macro) - jnp.log(registers)))


def _register_read_pj(constants: Constants, scenario: Scenario, size_bytes: Scalar, word_bits: Scalar) -> Value:
    root_words = jnp.sqrt(8.0 * size_bytes / word_bits)
    each_bit = constants["register_pj_per_bit"] + constants["register_size_pj_per_bit"] * root_words
    return word_bits * each_bit * logic_energy_scale(constants, scenario)


def buffer_read_pj(constants: Constants, scenario: Scenario, size_bytes: Scalar, word_bits: Scalar) -> Value:
    """Energy in pJ of reading one word of `word_bits` from a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
    registers = _register_read_pj(constants, scenario, size_bytes, word_bits)
    return _blend(constants, size_bytes, registers, sram_read_pj(constants, scenario, size_bytes, word_bits))


def buffer_write_pj(constants: Constants, scenario: Scenario, size_bytes: Scalar, word_bits: Scalar) -> Value:
    """Energy in pJ of writing one word of `word_bits` to a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
    registers = constants["register_write_ratio"] * _register_read_pj(constants, scenario, size_bytes, word_bits)
    return _blend(constants, size_bytes, registers, sram_write_pj(constants, scenario, size_bytes, word_bits))


def buffer_area_mm2(constants: Constants, scenario: Scenario, size_bytes: Scalar, word_bits: Scalar) -> Value:
    """Area in mm2 of a PE's buffer of `size_bytes`, one bank `word_bits` wide (32 B to 256 KiB)."""
    latches_um2 = constants["latch_um2_per_bit"] * 8.0 * size_bytes
    registers = logic_area_mm2(constants, scenario, latches_um2)
    return _blend(constants, size_bytes, registers, sram_area_mm2(constants, scenario, size_bytes, word_bits, 1.0))
