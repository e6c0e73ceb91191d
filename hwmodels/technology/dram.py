"""Off-chip memory: energy, bandwidth, PHY and standing power of a DRAM type and channels: the scenario's, or those that
a hardware names (`Technology.with_memory_of`)."""

import jax.numpy as jnp

from hwmodels.design.choices import DRAMS
from hwmodels.technology.scaling import ScaledConstants, Value

_PHY_REFERENCE_NM = 7.0


class OffChipMemory(ScaledConstants):
    """What the DRAM costs, in pJ, mm2 and W, and what it gives, in GB/s."""

    def _of_selected_dram(self, quantity: str) -> Value:
        return self.scenario.dram @ jnp.stack([self.constants[f"dram_{name}_{quantity}"] for name in DRAMS])

    def dram_pj_per_bit(self) -> Value:
        """Energy in pJ of moving one bit to or from DRAM; no node rule."""
        return self._of_selected_dram("pj_per_bit")

    def dram_gbps(self) -> Value:
        """Bandwidth in GB/s (10^9 bytes a second) of all channels together."""
        return self.scenario.dram_channels * self._of_selected_dram("gbps")

    def dram_burst_bits(self) -> Value:
        """Bits that one access moves at least."""
        return self._of_selected_dram("burst_bits")

    def dram_phy_area_mm2(self) -> Value:
        """Area in mm2 on the accelerator's die of the PHYs and controllers of all channels."""
        shrink = self.node_scale(self.constants["dram_phy_exponent"], _PHY_REFERENCE_NM)
        return self.scenario.dram_channels * self._of_selected_dram("phy_mm2") * shrink

    def dram_static_w(self) -> Value:
        """Standing power in W of all channels, whether they move bits or not (a guess)."""
        return self.scenario.dram_channels * self._of_selected_dram("static_w")

    def dram_latency_ns(self) -> Value:
        """Time in ns from request to data of an idle DRAM (a guess, the same for every type)."""
        return jnp.asarray(self.constants["dram_latency_ns"])
