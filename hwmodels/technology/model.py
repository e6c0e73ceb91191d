"""The technology: a scenario and the cited constants, and what each action, unit and memory costs under them.

Every method takes and gives scalars, is smooth, positive and grows with each size and width; use `jax.vmap` for arrays.
Each follows the node and, through the supply the scenario's clock needs, the voltage.
"""

import os

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hwmodels.technology import dram, interconnect, logic, memory, scaling, sparse_units
from hwmodels.technology.reader import constants_table
from hwmodels.technology.scaling import Constants, Scalar, Value
from hwmodels.technology.scenarios import Scenario
from hwmodels.technology.scenarios import scenario as default_scenario
from workloads.errors import InputError


class Technology(eqx.Module):
    """Energy, area, leakage, delay and voltage as functions of the scenario and the constants, all array leaves."""

    scenario: Scenario
    constants: Constants

    def solved(self) -> "Technology":
        """This technology with its rules of the scenario solved once, for code that calls many of its methods."""
        return Technology(self.scenario, scaling.with_solved(self.constants, self.scenario))

    def multiply_energy_pj(self, bits: Scalar) -> Value:
        """Energy in pJ of one multiplication of `bits`-wide numbers."""
        return logic.multiply_energy_pj(self.constants, self.scenario, bits)

    def add_energy_pj(self, bits: Scalar) -> Value:
        """Energy in pJ of one addition of `bits`-wide numbers."""
        return logic.add_energy_pj(self.constants, self.scenario, bits)

    def mac_energy_pj(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Energy in pJ of one multiplication of `value_bits` and one addition of `accumulator_bits`."""
        return self.multiply_energy_pj(value_bits) + self.add_energy_pj(accumulator_bits)

    def gated_mac_energy_pj(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Energy in pJ of a MAC whose operands are held because one of them is zero."""
        return self.constants["gated_mac_fraction"] * self.mac_energy_pj(value_bits, accumulator_bits)

    def multiply_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of a multiplier of `bits`-wide numbers."""
        return logic.multiply_area_mm2(self.constants, self.scenario, bits)

    def add_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of an adder of `bits`-wide numbers."""
        return logic.add_area_mm2(self.constants, self.scenario, bits)

    def mac_area_mm2(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Area in mm2 of multiplier, accumulating adder and the flip-flops of two operands and the sum."""
        return logic.mac_area_mm2(self.constants, self.scenario, value_bits, accumulator_bits)

    def logic_leakage_w(self, area_mm2: Scalar) -> Value:
        """Leakage in W of `area_mm2` of logic at the scenario's node; a gate leaks the same at every node."""
        return logic.logic_leakage_w(self.constants, self.scenario, area_mm2)

    def clock_pj_per_cycle(self, logic_area_mm2: Scalar) -> Value:
        """Energy in pJ of the ungated clock network of `logic_area_mm2` of logic, each cycle (EIE's share)."""
        return logic.clock_pj_per_cycle(self.constants, self.scenario, logic_area_mm2)

    def sram_read_pj(self, bank_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of reading one word of `word_bits` from a bank of `bank_bytes`."""
        return memory.sram_read_pj(self.constants, self.scenario, bank_bytes, word_bits)

    def sram_write_pj(self, bank_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of writing one word of `word_bits` to a bank of `bank_bytes`."""
        return memory.sram_write_pj(self.constants, self.scenario, bank_bytes, word_bits)

    def sram_area_mm2(self, total_bytes: Scalar, word_bits: Scalar, banks: Scalar) -> Value:
        """Area in mm2 of `total_bytes` of SRAM in `banks` banks, each `word_bits` wide."""
        return memory.sram_area_mm2(self.constants, self.scenario, total_bytes, word_bits, banks)

    def sram_leakage_w(self, total_bytes: Scalar) -> Value:
        """Leakage in W of `total_bytes` of SRAM."""
        return memory.sram_leakage_w(self.constants, self.scenario, total_bytes)

    def sram_access_ns(self, bank_bytes: Scalar) -> Value:
        """Time in ns from address to data of a bank, at nominal supply (the SRAM keeps it for its timing)."""
        return memory.sram_access_ns(self.constants, self.scenario, bank_bytes)

    def glb_clock_limit_ghz(self, bank_bytes: Scalar) -> Value:
        """Fastest clock in GHz at which a pipelined bank takes a new access each cycle, at nominal supply."""
        return memory.glb_clock_limit_ghz(self.constants, self.scenario, bank_bytes)

    def buffer_read_pj(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of reading one word of `word_bits` from a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
        return memory.buffer_read_pj(self.constants, self.scenario, size_bytes, word_bits)

    def buffer_write_pj(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Energy in pJ of writing one word of `word_bits` to a PE's buffer of `size_bytes` (32 B to 256 KiB)."""
        return memory.buffer_write_pj(self.constants, self.scenario, size_bytes, word_bits)

    def buffer_area_mm2(self, size_bytes: Scalar, word_bits: Scalar) -> Value:
        """Area in mm2 of a PE's buffer of `size_bytes`, one bank `word_bits` wide (32 B to 256 KiB)."""
        return memory.buffer_area_mm2(self.constants, self.scenario, size_bytes, word_bits)

    def intersection_step_pj(self, unit_weights: Float[Array, "unit ..."], coordinate_bits: Scalar) -> Value:
        """Energy in pJ of one step of the selected unit on coordinates of `coordinate_bits`."""
        return sparse_units.intersection_step_pj(self.constants, self.scenario, unit_weights, coordinate_bits)

    def intersection_area_mm2(
        self, unit_weights: Float[Array, "unit ..."], coordinate_bits: Scalar, lanes: Scalar
    ) -> Value:
        """Area in mm2 of the selected unit, finding up to `lanes` matches a step."""
        return sparse_units.intersection_area_mm2(self.constants, self.scenario, unit_weights, coordinate_bits, lanes)

    def decoder_entry_pj(self, format_weights: Float[Array, "format ..."], coordinate_bits: Scalar) -> Value:
        """Energy in pJ of decoding one stored entry of the selected format."""
        return sparse_units.decoder_entry_pj(self.constants, self.scenario, format_weights, coordinate_bits)

    def decoder_area_mm2(self, format_weights: Float[Array, "format ..."], coordinate_bits: Scalar) -> Value:
        """Area in mm2 of the decoder of the selected format, one entry a cycle; weights may add up several formats."""
        return sparse_units.decoder_area_mm2(self.constants, self.scenario, format_weights, coordinate_bits)

    def scheduler_area_mm2(self, schedule_weights: Float[Array, "schedule ..."], pe_rows: Scalar) -> Value:
        """Area in mm2 of the scheduler of `pe_rows` rows: a counter each, and a row queue if balanced (a guess)."""
        return sparse_units.scheduler_area_mm2(self.constants, self.scenario, schedule_weights, pe_rows)

    def wire_pj_per_bit_mm(self) -> Value:
        """Energy in pJ of moving one bit over 1 mm of repeated wire."""
        return interconnect.wire_pj_per_bit_mm(self.constants, self.scenario)

    def crossbar_area_mm2(self, ports_in: Scalar, ports_out: Scalar, width_bits: Scalar) -> Value:
        """Area in mm2 of a full crossbar of `ports_in` by `ports_out` ports of `width_bits`."""
        return interconnect.crossbar_area_mm2(self.constants, self.scenario, ports_in, ports_out, width_bits)

    def crossbar_pj(self, bits: Scalar, ports: Scalar) -> Value:
        """Energy in pJ of moving `bits` through a square crossbar of `ports`: a side of wire, a multiplexer tree."""
        return interconnect.crossbar_pj(self.constants, self.scenario, bits, ports)

    def noc_area_mm2(self, bus_bits: Scalar, pe_rows: Scalar, pe_cols: Scalar) -> Value:
        """Area in mm2 of a multicast bus of `bus_bits`: a register a row and column, a multiplexer a PE."""
        return interconnect.noc_area_mm2(self.constants, self.scenario, bus_bits, pe_rows, pe_cols)

    def dram_pj_per_bit(self) -> Value:
        """Energy in pJ of moving one bit to or from DRAM; no node rule."""
        return dram.dram_pj_per_bit(self.constants, self.scenario)

    def dram_gbps(self) -> Value:
        """Bandwidth in GB/s (10^9 bytes a second) of all channels together."""
        return dram.dram_gbps(self.constants, self.scenario)

    def dram_phy_area_mm2(self) -> Value:
        """Area in mm2 on the accelerator's die of the PHYs and controllers of all channels."""
        return dram.dram_phy_area_mm2(self.constants, self.scenario)

    def dram_static_w(self) -> Value:
        """Background power in W of all channels (a guess)."""
        return dram.dram_static_w(self.constants, self.scenario)

    def dram_latency_ns(self) -> Value:
        """Time in ns from request to data of an idle DRAM (a guess, the same for every type)."""
        return jnp.asarray(self.constants["dram_latency_ns"])

    def voltage_v(self) -> Value:
        """Supply in V that the scenario's clock needs, not below the lowest that works."""
        return scaling.voltage_v(self.constants, self.scenario)

    def dynamic_scale(self) -> Value:
        """Switching energy over that at nominal supply, `(V / Vnominal)^2`."""
        return scaling.dynamic_scale(self.constants, self.scenario)

    def leakage_scale(self) -> Value:
        """Leakage power over that at nominal supply."""
        return scaling.leakage_scale(self.constants, self.scenario)

    def max_clock_ghz(self) -> Value:
        """Fastest clock in GHz, the one that needs the highest supply allowed."""
        return scaling.max_clock_ghz(self.constants, self.scenario)


def make_technology(scenario: Scenario | None = None, path: str | os.PathLike[str] | None = None) -> Technology:
    """The technology of `scenario` (16 nm, 1 GHz, four LPDDR4 channels by default).

    `path` names a JSON file that replaces constants by name: `{"name": number}` or `{"name": {"value": number, ...}}`
    with optional unit, source and confidence. Raises InputError for a file that cannot be used, and for a clock that
    the node does not reach at the highest supply. Not for use inside `jax.jit`.
    """
    chosen = default_scenario() if scenario is None else scenario
    constants = {constant.name: jnp.asarray(np.float32(constant.value)) for constant in constants_table(path)}
    model = Technology(chosen, constants)
    fastest = float(model.max_clock_ghz())
    clock = float(chosen.clock_ghz)
    if clock > fastest * (1.0 + 1e-6):
        raise InputError(
            f"clock_ghz {clock:g} is more than {float(chosen.node_nm):g} nm reaches at its highest supply, "
            f"{fastest:.3g} GHz; lower the clock, choose a smaller node, or raise clock_45nm_ghz in a technology file."
        )
    return model
