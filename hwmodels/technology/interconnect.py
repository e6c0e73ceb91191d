"""Wires, crossbars and the multicast buses between GLB and PEs."""

import jax.numpy as jnp

from hwmodels.technology.scaling import Scalar, ScaledConstants, Value

_WIRE_REFERENCE_NM = 40.0


class Interconnect(ScaledConstants):
    """Energy in pJ and area in mm2 of what moves bits on the chip."""

    def wire_pj_per_bit_mm(self) -> Value:
        """Energy in pJ of moving one bit over 1 mm of repeated wire."""
        scale = self.node_scale(self.constants["wire_exponent"], _WIRE_REFERENCE_NM)
        return self.constants["wire_pj_per_bit_mm"] * scale * self.dynamic_scale()

    def crossbar_area_mm2(self, ports_in: Scalar, ports_out: Scalar, width_bits: Scalar) -> Value:
        """Area in mm2 of a full crossbar of `ports_in` by `ports_out` ports of `width_bits`."""
        return self.logic_area_mm2(self.constants["crossbar_um2_per_bit"] * ports_in * ports_out * width_bits)

    def crossbar_pj(self, bits: Scalar, ports: Scalar) -> Value:
        """Energy in pJ of moving `bits` through a square crossbar of `ports`: a side of wire, a multiplexer tree.

        A guess: the wire is as long as the side of the crossbar with ports of `crossbar_port_bits`.
        """
        constants = self.constants
        crosspoint_mm2 = self.logic_area_mm2(constants["crossbar_um2_per_bit"])
        side_mm = ports * constants["crossbar_port_bits"] * jnp.sqrt(crosspoint_mm2)
        multiplexer_pj = constants["unit_pj_per_um2"] * constants["unit_voltage_factor"] * constants["mux_um2_per_bit"]
        tree_pj = multiplexer_pj * jnp.log2(1.0 + ports) * self.logic_energy_scale()
        return bits * (side_mm * self.wire_pj_per_bit_mm() + tree_pj)

    def rotator_area_mm2(self, ways: Scalar, width_bits: Scalar) -> Value:
        """Area in mm2 of a barrel rotator of `ways` words of `width_bits`: a multiplexer a bit and stage."""
        stages = jnp.log2(ways)
        return self.logic_area_mm2(self.constants["mux_um2_per_bit"] * ways * width_bits * stages)

    def rotator_pj_per_bit(self, ways: Scalar) -> Value:
        """Energy in pJ of a bit that passes the stages of a rotator of `ways` words."""
        constants = self.constants
        multiplexer_pj = constants["unit_pj_per_um2"] * constants["unit_voltage_factor"] * constants["mux_um2_per_bit"]
        return multiplexer_pj * jnp.log2(ways) * self.logic_energy_scale()

    def noc_area_mm2(self, bus_bits: Scalar, pe_rows: Scalar, pe_cols: Scalar) -> Value:
        """Area in mm2 of a multicast bus of `bus_bits`: a register a row and column, a multiplexer a PE.

        A guess at the structure; Eyeriss v2's (JETCAS 2019) takes 2.6 % of its logic.
        """
        registers = self.constants["flip_flop_um2_per_bit"] * (jnp.asarray(pe_rows) + pe_cols)
        taps = self.constants["mux_um2_per_bit"] * pe_rows * pe_cols
        return self.logic_area_mm2(bus_bits * (registers + taps))
