"""Formats that really encode: what a tile is in memory, bit by bit, and back.

The sizes that the models take from statistics (`hwmodels.formats.sizes`) are held to these by tests.

| module | what is in it |
|---|---|
| `encoded` | `Encoded`: values, metadata fields with their widths, size in bits, packed bits; `Widths` |
| `positional` | dense, bitmask, N:M, BCSR: formats that store where things are by position |
| `coordinates` | RLE, CSR, CSC, COO: formats that store runs, coordinates and pointers |
| `tile` | `encode(tile, format, widths)`, `decode(encoded)`; `convert(encoded, format)`; the table of `CODECS` |
| `rates` | size in bits from counts of entries, rows and blocks, from the records |
"""

from hwmodels.formats.encoders.encoded import Encoded, Widths, widths_of
from hwmodels.formats.encoders.tile import convert, decode, encode

__all__ = [
    "Encoded",
    "Widths",
    "convert",
    "decode",
    "encode",
    "widths_of",
]
