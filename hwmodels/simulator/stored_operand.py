"""An operand as it is stored: its tiles, the entries in them, and the bits of each."""

import dataclasses
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import csr_array, issparse

from hwmodels.formats.encoders.encoded import Widths
from hwmodels.formats.encoders.rates import Rates, rates_of
from hwmodels.formats.records import DIRECTORY_BITS, FORMAT_OF, Format
from hwmodels.simulator.tile_cutting import columns_of_owners, count_blocks, cut_columns, cut_entries, cut_rows
from workloads.errors import InputError

PerTile = Integer[np.ndarray, " tiles"]


class RowFibers(NamedTuple):
    """The entries of each tile row by row, as they lie; see `tile_cutting.cut_rows`."""

    fibers_of: np.ndarray
    number: np.ndarray
    first: np.ndarray


class ColumnFibers(NamedTuple):
    """The entries of each tile column by column; see `tile_cutting.cut_columns`."""

    fibers_of: np.ndarray
    number: np.ndarray
    first: np.ndarray
    order: np.ndarray


@dataclasses.dataclass(frozen=True)
class StoredOperand:
    """A matrix of `shape`, cut into tiles of `tile`, stored in a format.

    `i`, `j`, `index`: place of each tile that a visit can see, in row-major order, and its number among the tiles with
    entries, -1 for none (a dense format is never seen to be empty).
    """

    shape: tuple[int, int]
    tile: tuple[int, int]
    format: Format
    i: PerTile
    j: PerTile
    index: PerTile
    start: Integer[np.ndarray, " stored"]
    row: Integer[np.ndarray, " entries"]
    column: Integer[np.ndarray, " entries"]
    value: Float[np.ndarray, " entries"]
    """0 for an entry of padding."""
    widths: Widths
    slots: int

    @property
    def trips(self) -> tuple[int, int]:
        """Tiles along each side."""
        return -(-self.shape[0] // self.tile[0]), -(-self.shape[1] // self.tile[1])

    @cached_property
    def stored(self) -> PerTile:
        """Places, among the tiles that a visit can see, of those with entries."""
        return np.flatnonzero(self.index >= 0) if self.format.is_dense else np.arange(len(self.index))

    @cached_property
    def rows(self) -> RowFibers:
        """Entries by row."""
        return RowFibers(*cut_rows(self.start, self.row))

    @cached_property
    def row_nonzeros(self) -> Integer[np.ndarray, " fibers"]:
        """Non-zeros of each of `rows`: its entries without padding."""
        first = self.rows.first
        if not self.format.has_runs:
            return np.diff(first)
        return np.diff(np.concatenate([[0], np.cumsum(self.value != 0)])[first])

    @cached_property
    def columns(self) -> ColumnFibers:
        """Entries by column."""
        return ColumnFibers(*cut_columns(self.start, self.column, min(self.tile[1], self.shape[1])))

    @cached_property
    def height(self) -> PerTile:
        """Rows of each tile."""
        return np.minimum(self.tile[0], self.shape[0] - self.i * self.tile[0])

    @cached_property
    def width(self) -> PerTile:
        """Columns of each tile."""
        return np.minimum(self.tile[1], self.shape[1] - self.j * self.tile[1])

    def per_tile(self, counts: np.ndarray) -> PerTile:
        """Counts of the tiles with entries, spread to all tiles."""
        return np.where(self.index >= 0, np.append(counts, 0)[self.index], 0)

    @cached_property
    def entries(self) -> PerTile:
        """Stored entries of each tile: non-zeros, and padding of RLE."""
        return self.per_tile(np.diff(self.start))

    def decoded(self, entries: np.ndarray) -> np.ndarray:
        """Of so many entries that are sent, those that a decoder turns into coordinates: none if dense."""
        return np.zeros_like(entries) if self.format.is_dense else entries

    @cached_property
    def nonzeros(self) -> PerTile:
        """Non-zeros of each tile."""
        if not self.format.has_runs:
            return self.entries
        before = np.concatenate([[0], np.cumsum(self.value != 0)])
        return self.per_tile(np.diff(before[self.start]))

    @cached_property
    def blocks(self) -> PerTile:
        """Blocks of each tile that are stored; none of a format without blocks."""
        side = self.format.block
        if not side:
            return np.zeros_like(self.entries)
        across = -(-min(self.tile[1], self.shape[1]) // side)
        return self.per_tile(count_blocks(self.start, self.row, self.column, side, across))

    @cached_property
    def rows_touched(self) -> PerTile:
        """Rows of each tile that have an entry."""
        return self.per_tile(np.diff(self.rows.fibers_of))

    @cached_property
    def columns_touched(self) -> PerTile:
        """Columns of each tile that have an entry."""
        return self.columns_of_owners(1)

    def columns_of_owners(self, owners: int) -> PerTile:
        """Columns of each tile that have an entry, of the owner j mod `owners` that has most."""
        return self.per_tile(columns_of_owners(self.start, self.column, min(self.tile[1], self.shape[1]), owners))

    @cached_property
    def rates(self) -> dict[str, PerTile]:
        """Bits of each tile's format by name of `encoders.rates.Rates`."""
        across = self.trips[1] - 1
        whole, edge = min(self.tile[1], self.shape[1]), self.shape[1] - across * self.tile[1]
        found = [rates_of(self.format.name, self.widths, width, self.slots) for width in (whole, edge)]
        at_edge = self.j == across
        return {
            field.name: np.where(at_edge, *(getattr(of, field.name) for of in found[::-1])).astype(np.int64)
            for field in dataclasses.fields(Rates)
        }

    @cached_property
    def value_bits(self) -> PerTile:
        """Bits of values of each tile."""
        found = self.rates
        of_rows = found["value_row"] * self.height
        return found["value_entry"] * self.entries + of_rows + found["value_block"] * self.blocks

    @cached_property
    def metadata_bits(self) -> PerTile:
        """Bits of metadata of each tile."""
        found = self.rates
        of_blocks = found["metadata_block"] * self.blocks
        of_blocks += found["metadata_block_row"] * -(-self.height // found["side"])
        of_rows = found["metadata_row"] * self.height
        return found["metadata_entry"] * self.entries + of_rows + of_blocks + found["metadata_fixed"]

    @cached_property
    def bits(self) -> PerTile:
        """Bits of each tile in the GLB."""
        return self.value_bits + self.metadata_bits

    @property
    def directory_bits(self) -> int:
        """Bits of a tile's entry in the tile directory."""
        return 0 if self.format.is_dense else DIRECTORY_BITS

    def streamed_index_bits(self, queued: PerTile) -> PerTile:
        """Metadata of each tile on its way to the queues, of which so many rows are queued.

        Only these bring their pointers; entries of CSC bring the number of their column in place of pointers, and the
        rows of a block each its column.
        """
        if self.format.pointers == "columns":
            return self.entries * (self.widths.row + self.widths.column)
        if self.format.block:
            of_blocks = self.format.block * self.rates["metadata_block"] * self.blocks
            return of_blocks + self.rates["metadata_block_row"] * queued
        rows = queued if self.format.pointers == "rows" else self.height
        return self.rates["metadata_entry"] * self.entries + self.rates["metadata_row"] * rows

    def taken_bits(self, entries: int, sent: int) -> int:
        """Bits that are written of so many stored entries, sent in so many bits: blocks are decoded where they
        arrive."""
        return entries * (self.widths.value + self.widths.column) if self.format.block else sent

    @property
    def peak_bits(self) -> int:
        """Bits of the largest tile."""
        return int(self.bits.max(initial=0))


def canonical(matrix: Any, name: str) -> csr_array:
    """A sparse matrix in sorted CSR of float64 without duplicates or stored zeros; InputError for anything else."""
    if not issparse(matrix) or matrix.ndim != 2:
        raise InputError(f"{name} is not a sparse matrix; pass a scipy.sparse.csr_array.")
    csr = csr_array(matrix, dtype=float, copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    if not np.all(np.isfinite(csr.data)):
        raise InputError(f"{name} holds values that are NaN or infinite; replace or remove them.")
    return csr


def store(matrix: csr_array, tile: tuple[int, int], format: str, widths: Widths) -> StoredOperand:
    """Cut and store a sparse matrix in canonical form."""
    record = FORMAT_OF[format]
    indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False)
    h, w = int(matrix.shape[0]), int(matrix.shape[1])
    found = cut_entries(indptr, indices, matrix.data, w, tile[0], tile[1], record.longest_run)
    tile_row, tile_column, start, row, column, value = found
    if record.is_dense:
        down, across = -(-h // tile[0]), -(-w // tile[1])
        index = np.full(down * across, -1)
        index[tile_row * across + tile_column] = np.arange(len(tile_row))
        i, j = np.divmod(np.arange(down * across), across)
    else:
        i, j, index = tile_row, tile_column, np.arange(len(tile_row))
    slots = fullest_group(indptr, indices, tile[1], record.group) if record.group else 0
    return StoredOperand((h, w), tile, record, i, j, index, start, row, column, value, widths, slots)


def store_dense(shape: tuple[int, int], tile: tuple[int, int], widths: Widths) -> StoredOperand:
    """The tiles of a matrix that is dense throughout; its values are kept elsewhere."""
    down, across = -(-shape[0] // tile[0]), -(-shape[1] // tile[1])
    i, j = np.divmod(np.arange(down * across), across)
    nothing, none = np.zeros(0, np.int32), np.zeros(0)
    index = np.full(down * across, -1)
    start, record = np.zeros(1, np.int64), FORMAT_OF["dense"]
    return StoredOperand(shape, tile, record, i, j, index, start, nothing, nothing, none, widths, 0)


def fullest_group(indptr: np.ndarray, indices: np.ndarray, tile_width: int, group: int) -> int:
    """Most non-zeros of any group of neighbours along a row; groups start at the edge of each tile."""
    if indices.size == 0:
        return 0
    row = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    in_tile = -(-tile_width // group)
    place = indices // tile_width * in_tile + indices % tile_width // group
    changes = np.flatnonzero((np.diff(row) != 0) | (np.diff(place) != 0))
    return int(np.diff(np.concatenate([[-1], changes, [indices.size - 1]])).max())
