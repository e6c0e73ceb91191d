"""MACs, leakage and the clock network.

Operation energies are power laws of the width through Horowitz's points (ISSCC 2014) at 45 nm.
"""

import jax.numpy as jnp

from hwmodels.technology.scaling import (
    Constants,
    Scalar,
    Value,
    leakage_scale,
    logic_area_mm2,
    logic_energy_scale,
    node_scale,
    power,
)
from hwmodels.technology.scenarios import Scenario


def _mixed(scenario: Scenario, integer: Scalar, floating: Scalar) -> Value:
    return integer + scenario.float_fraction * (floating - integer)


def multiply_energy_pj(constants: Constants, scenario: Scenario, bits: Scalar) -> Value:
    """Energy in pJ of one multiplication of `bits`-wide numbers."""
    integer = constants["int_multiply_pj"] * power(bits / 8.0, constants["int_multiply_exponent"])
    floating = constants["fp_multiply_pj"] * power(bits / 16.0, constants["fp_multiply_exponent"])
    return _mixed(scenario, integer, floating) * logic_energy_scale(constants, scenario)


def add_energy_pj(constants: Constants, scenario: Scenario, bits: Scalar) -> Value:
    """Energy in pJ of one addition of `bits`-wide numbers."""
    integer = constants["int_add_pj"] * power(bits / 32.0, constants["int_add_exponent"])
    floating = constants["fp_add_pj"] * power(bits / 16.0, constants["fp_add_exponent"])
    return _mixed(scenario, integer, floating) * logic_energy_scale(constants, scenario)


def multiply_area_mm2(constants: Constants, scenario: Scenario, bits: Scalar) -> Value:
    """Area in mm2 of a multiplier of `bits`-wide numbers."""
    integer = constants["int_multiply_um2"] * power(bits / 8.0, constants["int_multiply_area_exponent"])
    floating = constants["fp_multiply_um2"] * power(bits / 16.0, constants["fp_multiply_area_exponent"])
    return logic_area_mm2(constants, scenario, _mixed(scenario, integer, floating))


def add_area_mm2(constants: Constants, scenario: Scenario, bits: Scalar) -> Value:
    """Area in mm2 of an adder of `bits`-wide numbers."""
    integer = constants["int_add_um2_per_bit"] * bits
    floating = constants["fp_add_um2"] * power(bits / 16.0, constants["fp_add_area_exponent"])
    return logic_area_mm2(constants, scenario, _mixed(scenario, integer, floating))


def mac_area_mm2(constants: Constants, scenario: Scenario, value_bits: Scalar, accumulator_bits: Scalar) -> Value:
    """Area in mm2 of multiplier, accumulating adder and the flip-flops of two operands and the sum."""
    registers = constants["flip_flop_um2_per_bit"] * (2.0 * jnp.asarray(value_bits) + accumulator_bits)
    multiplier = multiply_area_mm2(constants, scenario, value_bits)
    adder = add_area_mm2(constants, scenario, accumulator_bits)
    return multiplier + adder + logic_area_mm2(constants, scenario, registers)


def logic_leakage_w(constants: Constants, scenario: Scenario, area_mm2: Scalar) -> Value:
    """Leakage in W of `area_mm2` of logic at the scenario's node; a gate leaks the same at every node."""
    density = constants["logic_leakage_w_per_mm2"] * node_scale(scenario, -constants["leakage_density_exponent"])
    return area_mm2 * density * leakage_scale(constants, scenario)


def clock_pj_per_cycle(constants: Constants, scenario: Scenario, logic_area_mm2: Scalar) -> Value:
    """Energy in pJ of the ungated clock network of `logic_area_mm2` of logic, each cycle (EIE's share)."""
    area_45nm_mm2 = logic_area_mm2 * node_scale(scenario, -constants["logic_area_exponent"])
    return area_45nm_mm2 * constants["clock_pj_per_mm2"] * logic_energy_scale(constants, scenario)
