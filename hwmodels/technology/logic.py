"""MACs, leakage and the clock network.

Operation energies are power laws of the width through Horowitz's points (ISSCC 2014) at 45 nm.
"""

import jax.numpy as jnp

from hwmodels.technology.scaling import Scalar, ScaledConstants, Value, power


class Logic(ScaledConstants):
    """Energy in pJ, area in mm2 and leakage in W of arithmetic and of logic in general."""

    def _integer_or_float(self, integer: Scalar, floating: Scalar) -> Value:
        return integer + self.scenario.float_fraction * (floating - integer)

    def _float_multiplier(self, share: Scalar) -> Value:
        """What a multiplier of floating point costs of one in IEEE's formats, where bfloat16 costs `share` of it."""
        return 1.0 - self.scenario.bfloat_fraction * (1.0 - share)

    def multiply_energy_pj(self, bits: Scalar) -> Value:
        """Energy in pJ of one multiplication of `bits`-wide numbers."""
        constants = self.constants
        integer = constants["int_multiply_pj"] * power(bits / 8.0, constants["int_multiply_exponent"])
        floating = constants["fp_multiply_pj"] * power(bits / 16.0, constants["fp_multiply_exponent"])
        floating = floating * self._float_multiplier(constants["bf16_multiply_fraction"])
        return self._integer_or_float(integer, floating) * self.logic_energy_scale()

    def add_energy_pj(self, bits: Scalar) -> Value:
        """Energy in pJ of one addition of `bits`-wide numbers."""
        constants = self.constants
        integer = constants["int_add_pj"] * power(bits / 32.0, constants["int_add_exponent"])
        floating = constants["fp_add_pj"] * power(bits / 16.0, constants["fp_add_exponent"])
        return self._integer_or_float(integer, floating) * self.logic_energy_scale()

    def mac_energy_pj(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Energy in pJ of one multiplication of `value_bits` and one addition of `accumulator_bits`."""
        return self.multiply_energy_pj(value_bits) + self.add_energy_pj(accumulator_bits)

    def gated_mac_energy_pj(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Energy in pJ of a MAC whose operands are held because one of them is zero."""
        return self.constants["gated_mac_fraction"] * self.mac_energy_pj(value_bits, accumulator_bits)

    def multiply_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of a multiplier of `bits`-wide numbers."""
        constants = self.constants
        integer = constants["int_multiply_um2"] * power(bits / 8.0, constants["int_multiply_area_exponent"])
        floating = constants["fp_multiply_um2"] * power(bits / 16.0, constants["fp_multiply_area_exponent"])
        floating = floating * self._float_multiplier(constants["bf16_multiply_area_fraction"])
        return self.logic_area_mm2(self._integer_or_float(integer, floating))

    def add_area_mm2(self, bits: Scalar) -> Value:
        """Area in mm2 of an adder of `bits`-wide numbers."""
        constants = self.constants
        integer = constants["int_add_um2_per_bit"] * bits
        floating = constants["fp_add_um2"] * power(bits / 16.0, constants["fp_add_area_exponent"])
        return self.logic_area_mm2(self._integer_or_float(integer, floating))

    def adder_tree_area_mm2(self, lanes: Scalar, bits: Scalar) -> Value:
        """Area in mm2 of a forwarding tree (SIGMA, HPCA 2020): it adds neighbouring products of the same sum.

        An adder for each lane but one, and a multiplexer for each lane at each level.
        """
        multiplexers = self.logic_area_mm2(self.constants["mux_um2_per_bit"] * bits * lanes * jnp.log2(lanes))
        return (lanes - 1.0) * self.add_area_mm2(bits) + multiplexers

    def mac_area_mm2(self, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
        """Area in mm2 of multiplier, accumulating adder and the flip-flops of two operands and the sum."""
        registers = self.constants["flip_flop_um2_per_bit"] * (2.0 * jnp.asarray(value_bits) + accumulator_bits)
        multiplier = self.multiply_area_mm2(value_bits)
        adder = self.add_area_mm2(accumulator_bits)
        return multiplier + adder + self.logic_area_mm2(registers)

    def logic_leakage_w(self, area_mm2: Scalar) -> Value:
        """Leakage in W of `area_mm2` of logic at the scenario's node; a gate leaks the same at every node."""
        shrink = self.node_scale(-self.constants["leakage_density_exponent"])
        density = self.constants["logic_leakage_w_per_mm2"] * shrink
        return area_mm2 * density * self.leakage_scale()

    def clock_pj_per_cycle(self, logic_area_mm2: Scalar) -> Value:
        """Energy in pJ of the ungated clock network of `logic_area_mm2` of logic, each cycle (EIE's share)."""
        area_45nm_mm2 = logic_area_mm2 * self.node_scale(-self.constants["logic_area_exponent"])
        return area_45nm_mm2 * self.constants["clock_pj_per_mm2"] * self.logic_energy_scale()
