"""Encode a tile in any format, decode it, convert between formats."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from hwmodels.design.choices import FORMATS
from hwmodels.formats.encoders import coordinates, positional
from hwmodels.formats.encoders.encoded import Encoded, Widths, widths_of
from workloads.errors import InputError

Tile = Float[np.ndarray, "h w"]

ENCODED_FORMATS = (*FORMATS, "bcsr")
GROUPS = {"nm4": 4, "nm8": 8}
BLOCK_SIDE = 4
"""Side of a BCSR block unless the caller says otherwise."""

_PLAIN: dict[str, Callable[[Tile, Widths], Encoded]] = {
    "dense": positional.encode_dense,
    "bitmask": positional.encode_bitmask,
    "rle": coordinates.encode_rle,
    "csr": coordinates.encode_csr,
    "csc": coordinates.encode_csc,
    "coo": coordinates.encode_coo,
}
_DECODERS: dict[str, Callable[[Encoded], Tile]] = {
    "dense": positional.decode_dense,
    "bitmask": positional.decode_bitmask,
    "rle": coordinates.decode_rle,
    "csr": coordinates.decode_csr,
    "csc": coordinates.decode_csc,
    "coo": coordinates.decode_coo,
    "nm4": positional.decode_groups,
    "nm8": positional.decode_groups,
    "bcsr": positional.decode_blocks,
}


def encode(
    tile: Tile,
    format: str,
    widths: Widths | None = None,
    *,
    value_bits: int = 8,
    slots: int | None = None,
    block: int = BLOCK_SIDE,
) -> Encoded:
    """A dense tile in a format.

    **Arguments**: `widths` of the nominal tile (by default, the tile is the nominal one and values have `value_bits`);
    `slots` in each group of `nm4` and `nm8`, which the whole matrix shares (by default, the fullest group of this
    tile); `block`: side of a BCSR block. **Raises** `InputError` for an unknown format, `OverflowError` for a tile that
    is larger than the widths or the slots allow.
    """
    if format not in ENCODED_FORMATS:
        raise InputError(f"format '{format}' is unknown; choose one of: {', '.join(ENCODED_FORMATS)}.")
    tile = np.asarray(tile, float)
    widths = widths or widths_of(value_bits, *tile.shape)
    if format in GROUPS:
        group = GROUPS[format]
        occupancy = positional.fullest_group(tile, group) if slots is None else slots
        return positional.encode_groups(tile, widths, group, occupancy)
    if format == "bcsr":
        return positional.encode_blocks(tile, widths, block)
    return _PLAIN[format](tile, widths)


def decode(encoded: Encoded) -> Tile:
    """The dense tile."""
    return _DECODERS[encoded.format](encoded)


def convert(encoded: Encoded, format: str, *, slots: int | None = None, block: int = BLOCK_SIDE) -> Encoded:
    """The same tile in another format, with the same widths; see `encode`."""
    return encode(decode(encoded), format, encoded.widths, slots=slots, block=block)
