"""The fastest clock that the parts of a design allow, and which of them limits it.

PE buffers set no limit: what they give are words that follow each other, so that a slow one is built of wider words
(EIE reads 64 bits every 8 cycles); this costs nothing here.
"""

from jaxtyping import Array, Float

from hwmodels.area import glb_bank_bytes
from hwmodels.cost import rows_of, within_limit
from hwmodels.design.choices import FAST_CELL
from hwmodels.design.hardware import Hardware
from hwmodels.technology import Technology

CLOCK_PARTS = ("logic", "GLB bank")
"""What has a fastest clock: logic at the highest supply, and a bank of the GLB that takes a new access each cycle."""


def limiting_part(max_clock_ghz: float, technology: Technology) -> str:
    """Which of `CLOCK_PARTS` limits a design of that fastest clock."""
    return CLOCK_PARTS[int(not within_limit(float(technology.max_clock_ghz()), max_clock_ghz))]


def clock_limits_ghz(hardware: Hardware, technology: Technology) -> Float[Array, "2"]:
    """Fastest clock of each of `CLOCK_PARTS`, GHz."""
    bank = technology.glb_clock_limit_ghz(glb_bank_bytes(hardware), hardware.glb_cell[FAST_CELL])
    return rows_of(technology.max_clock_ghz(), bank)
