"""Formats that store where a non-zero is: run lengths (RLE), coordinates with pointers (CSR, CSC) or alone (COO)."""

import numpy as np
from jaxtyping import Float, Integer

from hwmodels.formats.encoders.encoded import Encoded, Field, Widths
from hwmodels.formats.records import FORMAT_OF

Tile = Float[np.ndarray, "h w"]
Numbers = Integer[np.ndarray, " n"]

RUN_BITS = FORMAT_OF["rle"].run_bits
LONGEST_RUN = 2**RUN_BITS - 1


def _pointers(fiber: Numbers, fibers: int, widths: Widths) -> Field:
    """Where each of the sorted fibers starts, and the end."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(fiber, minlength=fibers))])
    return Field("pointer", starts, widths.pointer)


def _fibers(encoded: Encoded, fibers: int) -> Numbers:
    """The fiber of each stored entry."""
    return np.repeat(np.arange(fibers), np.diff(encoded.numbers("pointer")))


def encode_csr(tile: Tile, widths: Widths) -> Encoded:
    """Row pointers (uncompressed offsets), column coordinates and values, row by row."""
    row, column = np.nonzero(tile)
    fields = (_pointers(row, tile.shape[0], widths), Field("column", column, widths.column))
    return Encoded("csr", tile.shape, widths, tile[row, column], fields)


def decode_csr(encoded: Encoded) -> Tile:
    """See `encode_csr`."""
    tile = np.zeros(encoded.shape)
    tile[_fibers(encoded, encoded.shape[0]), encoded.numbers("column")] = encoded.values
    return tile


def encode_csc(tile: Tile, widths: Widths) -> Encoded:
    """Column pointers, row coordinates and values, column by column."""
    column, row = np.nonzero(tile.T)
    fields = (_pointers(column, tile.shape[1], widths), Field("row", row, widths.row))
    return Encoded("csc", tile.shape, widths, tile[row, column], fields)


def decode_csc(encoded: Encoded) -> Tile:
    """See `encode_csc`."""
    tile = np.zeros(encoded.shape)
    tile[encoded.numbers("row"), _fibers(encoded, encoded.shape[1])] = encoded.values
    return tile


def encode_coo(tile: Tile, widths: Widths) -> Encoded:
    """Row and column coordinates and values, row by row."""
    row, column = np.nonzero(tile)
    fields = (Field("row", row, widths.row), Field("column", column, widths.column))
    return Encoded("coo", tile.shape, widths, tile[row, column], fields)


def decode_coo(encoded: Encoded) -> Tile:
    """See `encode_coo`."""
    tile = np.zeros(encoded.shape)
    tile[encoded.numbers("row"), encoded.numbers("column")] = encoded.values
    return tile


def encode_rle(tile: Tile, widths: Widths) -> Encoded:
    """Each entry behind the run of zeros before it, row by row.

    A run of 16 zeros or more takes padding entries, each an explicit zero after 15 zeros; zeros after the last non-zero
    of a row are not stored.
    """
    row, column = np.nonzero(tile)
    first = np.concatenate([[True], row[1:] != row[:-1]])[: row.size]
    before = np.where(first, -1, np.concatenate([[-1], column[:-1]])[: row.size])
    gap = column - before - 1
    padding = gap // (LONGEST_RUN + 1)
    place = np.arange(row.size) + np.cumsum(padding)
    stored = row.size + int(padding.sum())
    runs, values = np.full(stored, LONGEST_RUN), np.zeros(stored)
    runs[place], values[place] = gap - padding * (LONGEST_RUN + 1), tile[row, column]
    rows = np.repeat(row, padding + 1)
    fields = (_pointers(rows, tile.shape[0], widths), Field("run", runs, RUN_BITS))
    return Encoded("rle", tile.shape, widths, values, fields)


def decode_rle(encoded: Encoded) -> Tile:
    """See `encode_rle`. Padding entries land on positions that are zero anyway."""
    tile = np.zeros(encoded.shape)
    row, pointers = _fibers(encoded, encoded.shape[0]), encoded.numbers("pointer")
    ends = np.cumsum(encoded.numbers("run") + 1)
    before = np.concatenate([[0], ends])[pointers[:-1]]
    tile[row, ends - 1 - before[row]] = encoded.values
    return tile
