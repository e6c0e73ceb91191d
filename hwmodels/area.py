"""Area of a design by component: every unit it contains is charged, whether this kernel uses it or not.

docs/machine.md, sections 4 and 5, says what a PE is made of.
"""

from jaxtyping import Array, Float

from hwmodels.cost import rows_of
from hwmodels.design.choices import COLUMNS_ON_M, FAST_CELL, FETCHES_B, INNER_PRODUCT, LANES_ON_K, SKIP
from hwmodels.design.hardware import Hardware
from hwmodels.technology import Technology

COORDINATE_BITS = 16.0
"""Width that intersection units, decoders and slots are built for: tiles of up to 65,536 along each dimension."""
WORD_BITS = 64.0
"""What a bank of the GLB reads or writes in a cycle."""
QUEUE_ENTRIES = 16.0
"""Entries, or words of slots, that wait in a queue of a PE."""


def glb_bank_bytes(hardware: Hardware) -> Float[Array, ""]:
    """Capacity of one GLB bank, bytes."""
    return hardware.glb_bytes / hardware.glb_banks


def buffer_word_bits(hardware: Hardware) -> Float[Array, ""]:
    """Bits that a PE's operand buffer gives in a cycle: a value a lane, and with lanes on k as many for each lane."""
    copies = 1.0 + hardware.lane_axes[LANES_ON_K] * (hardware.lanes - 1.0)
    return hardware.value_bits * hardware.lanes * copies


def area_mm2(hardware: Hardware, technology: Technology) -> Float[Array, "9"]:
    """Area by `AREA_COMPONENTS`, mm2."""
    technology = technology.with_memory_of(hardware)
    pes = hardware.pe_rows * hardware.pe_cols
    lanes = pes * hardware.lanes
    on_k, on_m = hardware.lane_axes[LANES_ON_K], hardware.column_axes[COLUMNS_ON_M]
    intersects = hardware.dataflows[INNER_PRODUCT] * hardware.a_zero_modes[SKIP] * hardware.b_zero_modes[SKIP]
    value, word = hardware.value_bits, hardware.accumulator_bits
    queues = pes + on_k * (lanes - pes)
    decoders_of_a = queues + intersects * lanes
    a_decoder, b_decoder = (
        technology.decoder_area_mm2(formats, COORDINATE_BITS) for formats in (hardware.a_formats, hardware.b_formats)
    )
    entry = value + COORDINATE_BITS
    waiting = queues * entry + hardware.residencies[FETCHES_B] * lanes * (entry + 1.0)
    registers = queues * entry + lanes * (value + word)
    buses = hardware.index_bus_bits + hardware.value_bus_bits
    return rows_of(
        lanes * technology.mac_area_mm2(value, word)
        + technology.register_area_mm2(registers)
        + pes * on_k * technology.adder_tree_area_mm2(hardware.lanes, word),
        pes * technology.buffer_area_mm2(hardware.pe_buffer_bytes, buffer_word_bits(hardware))
        + technology.queue_area_mm2(QUEUE_ENTRIES * waiting),
        pes * technology.buffer_area_mm2(hardware.accumulator_bytes, word * hardware.lanes),
        decoders_of_a * a_decoder + lanes * b_decoder,
        lanes * intersects * technology.intersection_area_mm2(hardware.intersection, COORDINATE_BITS),
        technology.scheduler_area_mm2(hardware.schedules, hardware.pe_rows * (1.0 + on_m * (hardware.pe_cols - 1.0))),
        technology.noc_area_mm2(buses, hardware.pe_rows, hardware.pe_cols),
        technology.sram_area_mm2(hardware.glb_bytes, WORD_BITS, hardware.glb_banks, hardware.glb_cell[FAST_CELL])
        + 2.0 * technology.rotator_area_mm2(hardware.glb_banks, WORD_BITS),
        technology.dram_phy_area_mm2(),
    )
