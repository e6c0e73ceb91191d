"""Area of a design by component: every unit it contains is charged, whether this kernel uses it or not."""

from jaxtyping import Array, Float

from hwmodels.cost import rows_of
from hwmodels.design.choices import INNER_PRODUCT, OUTER_PRODUCT, SKIP
from hwmodels.design.hardware import Hardware
from hwmodels.technology import Technology

COORDINATE_BITS = 16.0
"""Width that intersection units and decoders are built for: tiles of up to 65,536 along each dimension."""
WORD_BITS = 64.0
"""What a bank of the GLB reads or writes in a cycle."""


def glb_bank_bytes(hardware: Hardware) -> Float[Array, ""]:
    """Capacity of one GLB bank, bytes."""
    return hardware.glb_bytes / hardware.glb_banks


def area_mm2(hardware: Hardware, technology: Technology) -> Float[Array, "9"]:
    """Area by `AREA_COMPONENTS`, mm2."""
    pes = hardware.pe_rows * hardware.pe_cols
    lanes = pes * hardware.lanes
    inner, outer = hardware.dataflows[INNER_PRODUCT], hardware.dataflows[OUTER_PRODUCT]
    intersects = inner * hardware.a_zero_modes[SKIP]
    crossbar = technology.crossbar_area_mm2(
        hardware.pe_cols * hardware.lanes, hardware.pe_cols * hardware.lanes, hardware.accumulator_bits
    )
    buses = technology.noc_area_mm2(
        hardware.index_bus_bits + hardware.value_bus_bits, hardware.pe_rows, hardware.pe_cols
    )
    decoders = technology.decoder_area_mm2(hardware.a_formats, COORDINATE_BITS) + technology.decoder_area_mm2(
        hardware.b_formats, COORDINATE_BITS
    )
    return rows_of(
        lanes * technology.mac_area_mm2(hardware.value_bits, hardware.accumulator_bits),
        pes * technology.buffer_area_mm2(hardware.pe_buffer_bytes, hardware.value_bits * hardware.lanes),
        pes * technology.buffer_area_mm2(hardware.accumulator_bytes, hardware.accumulator_bits * hardware.lanes),
        pes * decoders,
        lanes * intersects * technology.intersection_area_mm2(hardware.intersection, COORDINATE_BITS, 1.0),
        technology.scheduler_area_mm2(hardware.schedules, hardware.pe_rows),
        buses + outer * hardware.pe_rows * crossbar,
        technology.sram_area_mm2(hardware.glb_bytes, WORD_BITS, hardware.glb_banks),
        technology.dram_phy_area_mm2(),
    )
