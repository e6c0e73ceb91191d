"""Energy of counted actions: a new technology re-prices a run without evaluating it again."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hwmodels.area import COORDINATE_BITS, QUEUE_ENTRIES, WORD_BITS, glb_bank_bytes
from hwmodels.cost import AREA_COMPONENTS, ActionCounts, rows_of
from hwmodels.design.choices import FAST_CELL
from hwmodels.design.hardware import Hardware, Mapping
from hwmodels.technology import Technology

ARRAY = tuple(AREA_COMPONENTS.index(name) for name in ("mac", "pe_buffer", "accumulator", "decoder", "intersection"))
LOGIC = tuple(AREA_COMPONENTS.index(name) for name in ("mac", "decoder", "intersection", "scheduler", "noc"))


def price(
    actions: ActionCounts,
    hardware: Hardware,
    mapping: Mapping,
    area_mm2: Float[Array, "9"],
    technology: Technology,
) -> Float[Array, "10"]:
    """Energy by `ENERGY_COMPONENTS`, pJ, of the counted `actions` on a design of the given areas."""
    technology = technology.with_memory_of(hardware)
    value, accumulator = hardware.value_bits, hardware.accumulator_bits
    # read and written a lane's worth at a time, charged per bit
    buffer_word = value * hardware.lanes
    read_pj = technology.buffer_read_pj(hardware.pe_buffer_bytes, buffer_word) / buffer_word
    write_pj = technology.buffer_write_pj(hardware.pe_buffer_bytes, buffer_word) / buffer_word
    accumulator_pj = 0.5 * (
        technology.buffer_read_pj(hardware.accumulator_bytes, accumulator)
        + technology.buffer_write_pj(hardware.accumulator_bytes, accumulator)
    )
    bank = glb_bank_bytes(hardware)
    machine = machine_energy(hardware, area_mm2, technology)
    decoder_pj = technology.decoder_entry_pj(mapping.a_format, COORDINATE_BITS)
    rotated_pj = technology.rotator_pj_per_bit(hardware.glb_banks)
    return rows_of(
        actions.macs * technology.mac_energy_pj(value, accumulator)
        + actions.gated_macs * technology.gated_mac_energy_pj(value, accumulator)
        + actions.tree_adds * technology.add_energy_pj(accumulator),
        actions.pe_buffer_read_bits * read_pj
        + actions.pe_buffer_write_bits * write_pj
        + actions.queue_bits * technology.queue_pj_per_bit(QUEUE_ENTRIES),
        actions.accumulator_accesses * accumulator_pj,
        actions.intersection_steps * technology.intersection_step_pj(hardware.intersection, COORDINATE_BITS)
        + actions.decoded_entries * decoder_pj,
        actions.bus_hops * machine.hop_pj,
        actions.glb_read_bits * (technology.sram_read_pj(bank, WORD_BITS) / WORD_BITS + rotated_pj)
        + actions.glb_write_bits * (technology.sram_write_pj(bank, WORD_BITS) / WORD_BITS + rotated_pj),
        (actions.dram_read_bits + actions.dram_write_bits) * technology.dram_pj_per_bit(),
        actions.cycles * machine.dram_pj_per_cycle,
        actions.cycles * machine.clock_pj_per_cycle,
        actions.cycles * machine.leakage_pj_per_cycle,
    )


class MachineEnergy(NamedTuple):
    """What a machine takes because of its size, with all units that it has, whatever a kernel makes of them."""

    hop_pj: Float[Array, ""]
    """Energy of a bit that travels the pitch of a PE."""
    dram_pj_per_cycle: Float[Array, ""]
    """What the DRAM takes whether it moves bits or not."""
    clock_pj_per_cycle: Float[Array, ""]
    leakage_pj_per_cycle: Float[Array, ""]

    @property
    def pj_per_cycle(self) -> Float[Array, ""]:
        """Energy of a cycle in which nothing happens."""
        return self.dram_pj_per_cycle + self.clock_pj_per_cycle + self.leakage_pj_per_cycle


def machine_energy(hardware: Hardware, area_mm2: Float[Array, "9"], technology: Technology) -> MachineEnergy:
    """Energy of a bit on the buses and of a cycle, by `AREA_COMPONENTS` of the machine; PEs are squares."""
    technology = technology.with_memory_of(hardware)
    pe_mm2 = sum(area_mm2[i] for i in ARRAY) / (hardware.pe_rows * hardware.pe_cols)
    logic_mm2 = sum(area_mm2[i] for i in LOGIC)
    leakage_w = (
        technology.logic_leakage_w(logic_mm2)
        + technology.sram_leakage_w(hardware.glb_bytes, hardware.glb_cell[FAST_CELL])
        + technology.sram_leakage_w(
            (hardware.pe_buffer_bytes + hardware.accumulator_bytes) * hardware.pe_rows * hardware.pe_cols
        )
    )
    pj_per_cycle_of_a_watt = 1e3 / technology.scenario.clock_ghz
    return MachineEnergy(
        hop_pj=technology.wire_pj_per_bit_mm() * jnp.sqrt(pe_mm2),
        dram_pj_per_cycle=technology.dram_static_w() * pj_per_cycle_of_a_watt,
        clock_pj_per_cycle=technology.clock_pj_per_cycle(logic_mm2),
        leakage_pj_per_cycle=leakage_w * pj_per_cycle_of_a_watt,
    )
