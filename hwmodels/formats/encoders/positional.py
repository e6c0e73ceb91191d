"""Formats that tell where a value is by its position: dense, bitmask, N:M and BCSR."""

import numpy as np
from jaxtyping import Float

from hwmodels.formats.encoders.encoded import Encoded, Field, Widths, bits_for

Tile = Float[np.ndarray, "h w"]


def encode_dense(tile: Tile, widths: Widths) -> Encoded:
    """Every value, row by row; no metadata."""
    return Encoded("dense", tile.shape, widths, tile.ravel().copy())


def decode_dense(encoded: Encoded) -> Tile:
    """See `encode_dense`."""
    return encoded.values.reshape(encoded.shape).copy()


def encode_bitmask(tile: Tile, widths: Widths) -> Encoded:
    """One bit for each position, then the non-zeros in their order."""
    mask = Field("mask", (tile != 0).ravel().astype(np.int64), 1)
    return Encoded("bitmask", tile.shape, widths, tile[tile != 0], (mask,))


def decode_bitmask(encoded: Encoded) -> Tile:
    """See `encode_bitmask`."""
    tile = np.zeros(encoded.shape)
    tile[encoded.numbers("mask").reshape(encoded.shape) == 1] = encoded.values
    return tile


def fullest_group(matrix: Tile, group: int) -> int:
    """Most non-zeros of any `group` neighbours along a row; groups start at the matrix's left edge."""
    h, w = matrix.shape
    if matrix.size == 0:
        return 0
    padded = np.zeros((h, -(-w // group) * group), bool)
    padded[:, :w] = matrix != 0
    return int(padded.reshape(-1, group).sum(axis=1).max())


def encode_groups(tile: Tile, widths: Widths, group: int, slots: int) -> Encoded:
    """`slots` places (offset in the group and value) for each `group` neighbours along a row; unused ones hold 0.

    OverflowError where a group has more non-zeros than slots.
    """
    h, w = tile.shape
    groups = -(-w // group)
    padded = np.zeros((h, groups * group))
    padded[:, :w] = tile
    cells = padded.reshape(h * groups, group)
    full = int((cells != 0).sum(axis=1).max(initial=0))
    if full > slots:
        raise OverflowError(f"{full} non-zeros in a group of {slots} slots.")
    order = np.argsort(cells == 0, axis=1, kind="stable")[:, :slots]
    values = np.take_along_axis(cells, order, axis=1)
    offsets = np.where(values != 0, order, 0)
    field = Field("offset", offsets.ravel(), bits_for(group))
    return Encoded(f"nm{group}", tile.shape, widths, values.ravel(), (field,), group)


def decode_groups(encoded: Encoded) -> Tile:
    """See `encode_groups`."""
    h, w = encoded.shape
    groups = -(-w // encoded.group)
    padded = np.zeros((h * groups, encoded.group))
    if encoded.values.size:
        slots = encoded.values.size // (h * groups)
        place = np.arange(encoded.values.size) // slots
        used = encoded.values != 0
        padded[place[used], encoded.numbers("offset")[used]] = encoded.values[used]
    return padded.reshape(h, groups * encoded.group)[:, :w].copy()


def encode_blocks(tile: Tile, widths: Widths, side: int) -> Encoded:
    """BCSR: blocks of `side` x `side` that hold a non-zero, stored in full, with CSR's metadata over blocks.

    A block column has as many bits as the nominal tile's block columns demand, at least one; a pointer counts blocks.
    """
    h, w = tile.shape
    rows, columns = -(-h // side), -(-w // side)
    padded = np.zeros((rows * side, columns * side))
    padded[:h, :w] = tile
    blocks = padded.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)
    row, column = np.nonzero((blocks != 0).any(axis=(2, 3)))
    pointers = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    of_blocks = widths.of_blocks(side)
    fields = (Field("pointer", pointers, of_blocks.pointer), Field("block_column", column, of_blocks.column))
    return Encoded("bcsr", tile.shape, widths, blocks[row, column].ravel(), fields, side)


def decode_blocks(encoded: Encoded) -> Tile:
    """See `encode_blocks`."""
    h, w = encoded.shape
    side = encoded.group
    rows, columns = -(-h // side), -(-w // side)
    blocks = np.zeros((rows, columns, side, side))
    row = np.repeat(np.arange(rows), np.diff(encoded.numbers("pointer")))
    blocks[row, encoded.numbers("block_column")] = encoded.values.reshape(-1, side, side)
    return blocks.transpose(0, 2, 1, 3).reshape(rows * side, columns * side)[:h, :w].copy()
