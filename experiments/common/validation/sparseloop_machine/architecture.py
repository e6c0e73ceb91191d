"""The small architecture, the ways to map the product onto it, and what one run of Sparseloop is given."""

from dataclasses import dataclass

CHOICES = {
    "mapping": ("IP", "TILE"),
    "distribution": ("fixed-structured", "hypergeometric"),
    "saf": ("none", "cgate", "gate", "skipA", "skipAB", "skipA_cgate"),
    "format": ("UNC", "BM", "RLE", "COO", "CSR", "CPCP"),
}
"""Names in `SparseloopRun`. Formats: uncompressed, bitmask, run lengths, coordinates, CSR, coordinates under
coordinates. For the features (`saf`) see `model.kept_shares`."""

SIDE = 256
WORDS = SIDE * SIDE
PES = 16
TILE_WORDS = 256
COMPUTES = SIDE**3
WORD_BITS = 16
Z_TILE_TURNS = 4096
"""Words of Z that a PE starts anew: 65,536 outputs over 16 PEs; their first update needs no read."""

WORDS_PER_CYCLE = {"DRAM": 8.0, "GLB": 32.0, "Buffer": 4.0}
"""Read, and as many written, for each instance, where bandwidth is limited; metadata takes its share of them."""

ACCESS_PJ = {
    "DRAM": {"bits": 64, "read": 512.0, "write": 512.0, "metadata_read": 512.0, "metadata_write": 512.0},
    "GLB": {"bits": 64, "read": 68.3493, "write": 51.346, "metadata_read": 44.7157, "metadata_write": 38.4949},
    "Buffer": {"bits": 16, "read": 1.86009, "write": 2.42594, "metadata_read": 1.86009, "metadata_write": 2.42594},
}
"""pJ per access of a port of so many bits: Accelergy 0.4 with CACTI 7 and Aladdin's tables at 45 nm, as configured in
the runs of Sparseloop that it is held to."""
MAC_PJ, GATED_MAC_PJ = 3.38, 0.0223


@dataclass(frozen=True)
class FieldBits:
    """Bits of metadata entries, by format."""

    entry: dict[str, int]
    """Of one entry of the innermost compressed rank: run length or coordinate (BM: one bit of the mask)."""
    upper: dict[str, int]
    """Of one pointer (CSR) or one coordinate with its pointer (CPCP) of the rank above."""


@dataclass(frozen=True)
class Geometry:
    """How a mapping cuts the operands, and how many words of them a PE reads and is sent in a dense run."""

    fiber: int
    """Words of the innermost compressed rank."""
    rows: int
    """Fibers under one pointer array."""
    pe_fills: dict[str, int]
    """Words sent to one PE's buffer."""
    glb_reads: dict[str, int]
    """Words read from the GLB; a word that goes to all PEs is read once."""
    stored: FieldBits
    """Widths of metadata entries in memory."""
    at_port: FieldBits
    """The same as they cross a port: each field takes the next power of two of bits."""

    @property
    def tile_has_rows(self) -> bool:
        """Whether both ranks lie inside a PE's tile."""
        return self.fiber < TILE_WORDS


GEOMETRY: dict[str, Geometry] = {
    "IP": Geometry(
        fiber=256,
        rows=256,
        pe_fills={"A": 4096, "B": 1_048_576},
        glb_reads={"A": 65_536, "B": 1_048_576},
        stored=FieldBits({"BM": 1, "RLE": 5, "COO": 16, "CSR": 8, "CPCP": 8}, {"CSR": 16, "CPCP": 8 + 16}),
        at_port=FieldBits({"BM": 1, "RLE": 8, "COO": 16, "CSR": 8, "CPCP": 8}, {"CSR": 16, "CPCP": 8 + 16}),
    ),
    "TILE": Geometry(
        fiber=16,
        rows=16,
        pe_fills={"A": 65_536, "B": 65_536},
        glb_reads={"A": 1_048_576, "B": 65_536},
        stored=FieldBits({"BM": 1, "RLE": 4, "COO": 8, "CSR": 4, "CPCP": 4}, {"CSR": 9, "CPCP": 4 + 9}),
        at_port=FieldBits({"BM": 1, "RLE": 4, "COO": 8, "CSR": 4, "CPCP": 4}, {"CSR": 16, "CPCP": 4 + 16}),
    ),
}


@dataclass(frozen=True)
class SparseloopRun:
    """One run of Sparseloop: a mapping, the operands' densities and how they are stored and used.

    `b_sparse`: B is stored in `format` and its zeros are known; otherwise B is dense and uncompressed.
    **Raises** `ValueError` if a name is none of the choices or a density is not in (0, 1].
    """

    mapping: str
    distribution: str
    density_a: float
    density_b: float
    b_sparse: bool
    saf: str
    format: str
    bandwidth_limited: bool = False

    def __post_init__(self) -> None:
        for field, names in CHOICES.items():
            if getattr(self, field) not in names:
                raise ValueError(f"{field} is {getattr(self, field)!r}; it must be one of {', '.join(names)}.")
        for name, value in (("density_a", self.density_a), ("density_b", self.density_b)):
            if not 0.0 < value <= 1.0:
                raise ValueError(f"{name} is {value}; it must be above 0 and at most 1.")
