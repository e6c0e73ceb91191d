"""Encode a tile in any format, decode it, convert between formats."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hwmodels.formats.encoders import coordinates, positional
from hwmodels.formats.encoders.encoded import Encoded, Widths, widths_of
from hwmodels.formats.records import BLOCK_SIDES, FORMATS, GROUPS
from workloads.errors import InputError

Tile = Float[np.ndarray, "h w"]


class Codec(NamedTuple):
    """How a format is written, and read back."""

    encode: Callable[..., Encoded]
    """Of a tile and its widths; N:M and BCSR take more."""
    decode: Callable[[Encoded], Tile]


CODECS = {
    "dense": Codec(positional.encode_dense, positional.decode_dense),
    "bitmask": Codec(positional.encode_bitmask, positional.decode_bitmask),
    "rle": Codec(coordinates.encode_rle, coordinates.decode_rle),
    "csr": Codec(coordinates.encode_csr, coordinates.decode_csr),
    "csc": Codec(coordinates.encode_csc, coordinates.decode_csc),
    "coo": Codec(coordinates.encode_coo, coordinates.decode_coo),
    "bcsr": Codec(positional.encode_blocks, positional.decode_blocks),
} | dict.fromkeys(GROUPS, Codec(positional.encode_groups, positional.decode_groups))
"""One for each of `FORMATS`."""


def encode(
    tile: Tile,
    format: str,
    widths: Widths | None = None,
    *,
    value_bits: int = 8,
    slots: int | None = None,
) -> Encoded:
    """A dense tile in a format.

    **Arguments**: `widths` of the nominal tile (by default, the tile is the nominal one and values have `value_bits`);
    `slots` in each group of N:M, which the whole matrix shares (by default, the fullest group of this
    tile). **Raises** `InputError` for an unknown format, `OverflowError` for a tile that is larger than the widths or
    the slots allow.
    """
    if format not in FORMATS:
        raise InputError(f"format '{format}' is unknown; choose one of: {', '.join(FORMATS)}.")
    tile = np.asarray(tile, float)
    widths = widths or widths_of(value_bits, *tile.shape)
    more: tuple[int, ...] = ()
    if format in GROUPS:
        group = GROUPS[format]
        more = (group, positional.fullest_group(tile, group) if slots is None else slots)
    elif format in BLOCK_SIDES:
        more = (BLOCK_SIDES[format],)
    return CODECS[format].encode(tile, widths, *more)


def decode(encoded: Encoded) -> Tile:
    """The dense tile."""
    return CODECS[encoded.format].decode(encoded)


def convert(encoded: Encoded, format: str, *, slots: int | None = None) -> Encoded:
    """The same tile in another format, with the same widths; see `encode`."""
    return encode(decode(encoded), format, encoded.widths, slots=slots)
