"""Off-chip memory: energy, bandwidth, PHY and background power of the scenario's DRAM type and channels."""

import jax.numpy as jnp

from hwmodels.design.choices import DRAMS
from hwmodels.technology.scaling import Constants, Value, node_scale
from hwmodels.technology.scenarios import Scenario

_PHY_REFERENCE_NM = 7.0


def _selected(constants: Constants, scenario: Scenario, quantity: str) -> Value:
    return scenario.dram @ jnp.stack([constants[f"dram_{name}_{quantity}"] for name in DRAMS])


def dram_pj_per_bit(constants: Constants, scenario: Scenario) -> Value:
    """Energy in pJ of moving one bit to or from DRAM; no node rule."""
    return _selected(constants, scenario, "pj_per_bit")


def dram_gbps(constants: Constants, scenario: Scenario) -> Value:
    """Bandwidth in GB/s (10^9 bytes a second) of all channels together."""
    return scenario.dram_channels * _selected(constants, scenario, "gbps")


def dram_phy_area_mm2(constants: Constants, scenario: Scenario) -> Value:
    """Area in mm2 on the accelerator's die of the PHYs and controllers of all channels."""
    shrink = node_scale(scenario, constants["dram_phy_exponent"], _PHY_REFERENCE_NM)
    return scenario.dram_channels * _selected(constants, scenario, "phy_mm2") * shrink


def dram_static_w(constants: Constants, scenario: Scenario) -> Value:
    """Background power in W of all channels (a guess)."""
    return scenario.dram_channels * _selected(constants, scenario, "static_w")
