"""A tile as it lies in memory: an array of values, and arrays of metadata of fixed width, down to the bit."""

import dataclasses

import numpy as np
from jaxtyping import Float, Integer, UInt8


def bits_for(count: int) -> int:
    """Bits that tell the numbers 0 .. count - 1 apart; none for a single one."""
    return (max(count, 1) - 1).bit_length()


@dataclasses.dataclass(frozen=True)
class Widths:
    """Bits of a value, of a row and of a column coordinate, and of a pointer, all from the nominal tile."""

    value: int
    row: int
    column: int
    pointer: int

    def of_blocks(self, side: int) -> "Widths":
        """Widths where coordinates and pointers are of blocks, of a side that is a power of two."""
        row, column = (max(bits - bits_for(side), 0) for bits in (self.row, self.column))
        return Widths(self.value, max(1, row), max(1, column), row + column + 1)


def widths_of(value_bits: int, tile_rows: int, tile_columns: int) -> Widths:
    """Widths that a nominal tile demands (docs/machine.md, section 2)."""
    rows, columns = bits_for(tile_rows), bits_for(tile_columns)
    return Widths(value_bits, max(1, rows), max(1, columns), rows + columns + 1)


@dataclasses.dataclass(frozen=True)
class Field:
    """Metadata of one kind: whole numbers of `width` bits each."""

    name: str
    numbers: Integer[np.ndarray, " n"]
    width: int

    def __post_init__(self) -> None:
        if self.numbers.size and not (self.numbers.min() >= 0 and int(self.numbers.max()) < 2**self.width):
            raise OverflowError(f"{self.name}: {self.numbers.max()} does not fit in {self.width} bits.")

    @property
    def bits(self) -> int:
        """Size in memory."""
        return self.numbers.size * self.width

    def packed(self) -> UInt8[np.ndarray, " bits"]:
        """The numbers as a row of bits, most significant first; each bit is one element."""
        places = np.arange(self.width - 1, -1, -1)
        return ((self.numbers[:, None] >> places) & 1).astype(np.uint8).ravel()

    def unpacked(self, bits: UInt8[np.ndarray, " bits"]) -> "Field":
        """The field with the numbers that a row of bits (as `packed` gives it) holds."""
        weights = 1 << np.arange(self.width - 1, -1, -1)
        return dataclasses.replace(self, numbers=bits.reshape(-1, self.width) @ weights)


@dataclasses.dataclass(frozen=True)
class Encoded:
    """One tile in one format. Values are kept as float64; `widths.value` is what each takes in the machine."""

    format: str
    shape: tuple[int, int]
    widths: Widths
    values: Float[np.ndarray, " stored"]
    fields: tuple[Field, ...] = ()
    group: int = 0
    """Group of N:M along a row, or side of a block."""

    @property
    def value_bits(self) -> int:
        """Bits on the value bus."""
        return self.values.size * self.widths.value

    @property
    def metadata_bits(self) -> int:
        """Bits on the index bus."""
        return sum(field.bits for field in self.fields)

    @property
    def bits(self) -> int:
        """Size of the tile, without its entry in the tile directory."""
        return self.value_bits + self.metadata_bits

    def numbers(self, name: str) -> Integer[np.ndarray, " n"]:
        """The numbers of the field of that name."""
        return next(field.numbers for field in self.fields if field.name == name)

    def metadata(self) -> UInt8[np.ndarray, " bits"]:
        """All metadata as one row of bits, field after field."""
        return np.concatenate([np.zeros(0, np.uint8), *(field.packed() for field in self.fields)])

    def with_metadata(self, bits: UInt8[np.ndarray, " bits"]) -> "Encoded":
        """The tile with its metadata read from a row of bits of the same layout."""
        ends = np.cumsum([field.bits for field in self.fields])[:-1]
        pieces = np.split(bits, ends) if self.fields else []
        fields = tuple(field.unpacked(piece) for field, piece in zip(self.fields, pieces, strict=True))
        return dataclasses.replace(self, fields=fields)
