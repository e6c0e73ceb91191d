"""Metadata of compressed operands, as Sparseloop counts it: expected fibers times the coordinates of a mean fiber."""

import numpy as np

from experiments.common.validation.sparseloop_machine.architecture import TILE_WORDS, WORDS, FieldBits, Geometry
from experiments.common.validation.sparseloop_machine.occupancy import Occupancy

DIGITS = 9
"""Decimals kept before rounding up, so that the last bits of a float do not lift a whole number."""


def compressed_bits(occupancy: Occupancy, name: str, geometry: Geometry, widths: FieldBits) -> float:
    """Bits of a whole operand in DRAM or GLB."""
    fiber_occupied, mean = occupancy.occupied(geometry.fiber), geometry.fiber * occupancy.density
    fibers = WORDS / geometry.fiber * fiber_occupied
    block = geometry.fiber * geometry.rows
    blocks = WORDS / block * occupancy.occupied(block)
    entries = {"BM": geometry.fiber, "RLE": mean}.get(name, _whole(mean))
    upper = {"CSR": geometry.rows + 1, "CPCP": _whole(geometry.rows * fiber_occupied)}.get(name, 0)
    return float(fibers * entries * widths.entry[name] + blocks * upper * widths.upper.get(name, 0))


def tile_bits(occupancy: Occupancy, name: str, geometry: Geometry, widths: FieldBits) -> float:
    """Expected bits of a PE's tile that is not empty.

    The mean over what tiles hold. A fixed-structured tile holds the same always; its non-empty rows may be a fraction.
    """
    counts, weights = occupancy.tiles()
    rows = occupancy.occupied_rows(counts, geometry)
    heads = rows if occupancy.distribution == "fixed-structured" else _whole(rows)
    return float(weights @ _bits(counts, rows, heads, name, geometry, widths))


def largest_tile_bits(occupancy: Occupancy, name: str, geometry: Geometry) -> float:
    """Bits that a PE's buffer must hold: those of a full tile if non-zeros may fall anywhere."""
    if occupancy.distribution == "hypergeometric":
        counts, rows = np.array([float(TILE_WORDS)]), np.array([TILE_WORDS / geometry.fiber])
    else:
        counts, _ = occupancy.tiles()
        rows = _whole(occupancy.occupied_rows(counts, geometry))
        counts = counts if geometry.tile_has_rows else _whole(counts)
    needed = _bits(counts, rows, rows, name, geometry, geometry.stored)[0]
    entry = geometry.stored.entry[name]
    return float(_whole(needed / entry) * entry if name == "RLE" else needed)


def _bits(
    counts: np.ndarray, rows: np.ndarray, heads: np.ndarray, name: str, geometry: Geometry, widths: FieldBits
) -> np.ndarray:
    """Bits of tiles with `counts` non-zeros in `rows` non-empty fibers under `heads` coordinates. Shapes [k] -> [k]."""
    if not geometry.tile_has_rows:
        entries = np.full_like(counts, TILE_WORDS) if name == "BM" else counts
        return entries * widths.entry[name]
    mean = counts / (TILE_WORDS // geometry.fiber)
    entries = rows * {"BM": geometry.fiber, "RLE": mean}.get(name, _whole(mean))
    upper = {"CSR": geometry.rows + 1, "CPCP": heads}.get(name, 0)
    return entries * widths.entry[name] + upper * widths.upper.get(name, 0)


def _whole(value):
    """Rounded up, elementwise."""
    return np.ceil(np.round(value, DIGITS))
