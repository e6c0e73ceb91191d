"""How many bits a matrix takes in each format, and which format is best for its density and structure."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer
from scipy.sparse import csr_array, issparse

from hwmodels.formats.encoders.coordinates import LONGEST_RUN
from hwmodels.formats.encoders.encoded import widths_of
from hwmodels.formats.encoders.rates import rates_of
from hwmodels.formats.records import BLOCK_SIDES, DIRECTORY_BITS, FORMAT_OF, FORMATS, GROUPS
from workloads.errors import InputError

Counts = Integer[np.ndarray, " n"]


class _Cut:
    """The non-zeros of a matrix, by tile: counts from which every size follows."""

    def __init__(self, matrix, tile: tuple[int, int] | None):
        csr = csr_array(matrix if issparse(matrix) else np.asarray(matrix, float))
        csr.sum_duplicates()
        csr.eliminate_zeros()
        self.h, self.w = int(csr.shape[0]), int(csr.shape[1])
        self.tile_h, self.tile_w = (self.h, self.w) if tile is None else tile
        coo = csr.tocoo()
        self.row, self.column = coo.row.astype(np.int64), coo.col.astype(np.int64)
        across = -(-self.w // self.tile_w)
        keys, self.tile_of = np.unique(
            self.row // self.tile_h * across + self.column // self.tile_w, return_inverse=True
        )
        self.heights = np.minimum(self.tile_h, self.h - keys // across * self.tile_h)
        self.widths = np.minimum(self.tile_w, self.w - keys % across * self.tile_w)

    def padding(self) -> Counts:
        """RLE padding entries of each tile."""
        inside = self.column % self.tile_w
        previous = np.full(inside.size, -1)
        same = (self.row[1:] == self.row[:-1]) & (self.tile_of[1:] == self.tile_of[:-1])
        previous[1:][same] = inside[:-1][same]
        return np.bincount(self.tile_of, (inside - previous - 1) // (LONGEST_RUN + 1), len(self.heights)).astype(int)

    def slots(self, group: int) -> int:
        """Non-zeros of the fullest group of neighbours along a row; groups start at each tile's edge."""
        across = -(-self.w // self.tile_w) * -(-self.tile_w // group)
        place = self.column // self.tile_w * -(-self.tile_w // group) + self.column % self.tile_w // group
        return int(np.unique(self.row * across + place, return_counts=True)[1].max(initial=0))

    def blocks(self, side: int) -> Counts:
        """BCSR blocks of each tile that hold a non-zero."""
        down, across = -(-self.tile_h // side), -(-self.tile_w // side)
        inside = self.row % self.tile_h // side * across + self.column % self.tile_w // side
        found = np.unique(self.tile_of * (down * across) + inside)
        return np.bincount(found // (down * across), minlength=len(self.heights))


def matrix_bits(matrix, format: str, *, value_bits: int = 8, tile: tuple[int, int] | None = None) -> int:
    """Bits of a matrix (NumPy or SciPy) cut into tiles of `tile` = (rows, columns), each encoded by itself.

    By default the matrix is one tile. A compressed tile has an entry in the tile directory and is not stored at all if
    it is empty; groups of N:M have the slots of the fullest group. InputError for an unknown format.
    """
    return _bits(_Cut(matrix, tile), format, value_bits)


def _bits(cut: _Cut, format: str, value_bits: int) -> int:
    if format not in FORMATS:
        raise InputError(f"format '{format}' is unknown; choose one of: {', '.join(FORMATS)}.")
    if format == "dense":
        return cut.h * cut.w * value_bits
    widths = widths_of(value_bits, cut.tile_h, cut.tile_w)
    entries = np.bincount(cut.tile_of, minlength=len(cut.heights))
    directory = DIRECTORY_BITS * len(cut.heights)
    slots = cut.slots(GROUPS[format]) if format in GROUPS else 0
    if FORMAT_OF[format].run_bits:
        entries = entries + cut.padding()
    blocks = cut.blocks(BLOCK_SIDES[format]) if format in BLOCK_SIDES else np.zeros_like(entries)
    total = 0
    for columns in np.unique(cut.widths):
        some = cut.widths == columns
        rates = rates_of(format, widths, int(columns), slots)
        total += int(rates.bits(entries[some], cut.heights[some], blocks[some]).sum())
    return total + directory


def best_format(
    matrix,
    *,
    value_bits: int = 8,
    tile: tuple[int, int] | None = None,
    formats: Sequence[str] = FORMATS,
) -> str:
    """The format in which a matrix takes the fewest bits, by its density and structure; ties go to the first.

    Density decides between dense, bitmask and coordinates, structure (rows, runs, groups, blocks) among the rest; all
    of it is counted, nothing estimated. `formats`: those to choose from, such as what a dataflow can walk
    (`hwmodels.design.legality.legal_formats`). See `matrix_bits` for the rest.
    """
    if not formats:
        raise InputError(f"no format to choose from; name some of: {', '.join(FORMATS)}.")
    cut = _Cut(matrix, tile)
    return min(formats, key=lambda format: _bits(cut, format, value_bits))
