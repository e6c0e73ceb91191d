"""Section 1, what stays: it lies whole in the GLB or in the PEs, and does not meet DRAM."""

from dataclasses import replace

from .design import Design
from .output_traffic import ZBits


def glb_need(tiles: dict[str, int], everything: dict[str, int], design: Design, beside: int = 0) -> float:
    """Bits of the largest tile of each operand and of Z, twice, or of all of it where it stays, over the GLB.

    `beside`: bits of other tiles.
    """
    need = 2 * beside
    for name, bits in tiles.items():
        kept = getattr(design, f"{name}_kept")
        if kept == "no":
            need += 2 * bits
        elif kept == "glb":
            need += everything[name]
    return need / design.glb_bits


def unless_kept(kept: str, bits: list[float]) -> list[float]:
    """What DRAM moves of an operand in each visit."""
    return bits if kept == "no" else [0.0] * len(bits)


def z_unless_kept(kept: str, bits: ZBits) -> ZBits:
    """What DRAM moves of Z in each visit."""
    return replace(bits, read=unless_kept(kept, bits.read), write=unless_kept(kept, bits.write))
