"""Sections 2 and 3: tiles really encoded, their sizes counted from the encoding, and the entries worked on."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from .design import bits_to_number, ceil_div

RUN_BITS = 4
DIRECTORY_BITS = 64
GROUP = {"nm4": 4, "nm8": 8}
BLOCK = 4
"""Side of a block of BCSR."""


@dataclass(frozen=True)
class Widths:
    """Bits of a value, of a row and a column coordinate and of a pointer, from the nominal tile."""

    value: int
    row: int
    column: int
    pointer: int


def block_widths(widths: Widths) -> tuple[int, int]:
    """Bits of a block's column, and of a pointer to blocks."""
    rows, columns = (ceil_div(2**bits, BLOCK) for bits in (widths.row, widths.column))
    return max(1, bits_to_number(columns)), bits_to_number(rows) + bits_to_number(columns) + 1


def widths_of(value_bits: int, tile_rows: int, tile_columns: int) -> Widths:
    """Widths that a nominal tile demands."""
    rows, columns = bits_to_number(tile_rows), bits_to_number(tile_columns)
    return Widths(value_bits, max(1, rows), max(1, columns), rows + columns + 1)


@dataclass
class Encoded:
    """A tile as it is stored: the stream of values, and the stream of metadata fields with their widths."""

    stored_as: str
    shape: tuple[int, int]
    widths: Widths
    values: list[float] = field(default_factory=list)
    fields: list[tuple[int, int]] = field(default_factory=list)

    def put(self, number: int, bits: int) -> None:
        """Append one metadata field."""
        if not 0 <= number < 2**bits:
            raise OverflowError(f"{number} does not fit in {bits} bits")
        self.fields.append((number, bits))

    @property
    def value_bits(self) -> int:
        return len(self.values) * self.widths.value

    @property
    def metadata_bits(self) -> int:
        return sum(bits for _, bits in self.fields)

    @property
    def bits(self) -> int:
        return self.value_bits + self.metadata_bits


def fullest_group(tiles: list[np.ndarray], group: int) -> int:
    """Most non-zeros in any group of `group` neighbours along a row, over all tiles of a matrix."""
    fullest = 0
    for tile in tiles:
        for row in tile:
            for start in range(0, len(row), group):
                fullest = max(fullest, int(np.count_nonzero(row[start : start + group])))
    return fullest


def encode(tile: np.ndarray, stored_as: str, widths: Widths, occupancy: int = 0) -> Encoded:
    """Encode a tile; `occupancy` is the number of slots in each group of N:M."""
    encoded = Encoded(stored_as, tile.shape, widths)
    rows = [[(j, value) for j, value in enumerate(row) if value != 0] for row in tile.tolist()]
    if stored_as == "dense":
        encoded.values += [value for row in tile.tolist() for value in row]
    elif stored_as == "bitmask":
        for row in tile.tolist():
            for value in row:
                encoded.put(int(value != 0), 1)
        encoded.values += [value for row in rows for _, value in row]
    elif stored_as == "rle":
        _encode_fibers(encoded, [_runs(row) for row in rows], RUN_BITS)
    elif stored_as == "csr":
        _encode_fibers(encoded, rows, widths.column)
    elif stored_as == "csc":
        columns = [[(i, value) for i, value in enumerate(column) if value != 0] for column in tile.T.tolist()]
        _encode_fibers(encoded, columns, widths.row)
    elif stored_as == "coo":
        for i, row in enumerate(rows):
            for j, value in row:
                encoded.put(i, widths.row)
                encoded.put(j, widths.column)
                encoded.values.append(value)
    elif stored_as == "bcsr":
        _encode_blocks(encoded, rows)
    else:
        _encode_groups(encoded, rows, GROUP[stored_as], occupancy)
    return encoded


def _encode_blocks(encoded: Encoded, rows: list[list[tuple[int, float]]]) -> None:
    """Pointers of all rows of blocks and their end, then the column and the 16 values of each block with an entry."""
    column_bits, pointer_bits = block_widths(encoded.widths)
    blocks: list[list[tuple[int, list[float]]]] = []
    for top in range(0, len(rows), BLOCK):
        found = defaultdict(lambda: [0.0] * BLOCK**2)
        for i, row in enumerate(rows[top : top + BLOCK]):
            for j, value in row:
                found[j // BLOCK][i * BLOCK + j % BLOCK] = value
        blocks.append(sorted(found.items()))
    for row in range(len(blocks) + 1):
        encoded.put(sum(len(of) for of in blocks[:row]), pointer_bits)
    for column, values in (block for of in blocks for block in of):
        encoded.put(column, column_bits)
        encoded.values += values


def _runs(row: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """(zeros before the entry, value) of one row, with padding entries where a run is too long for its field."""
    longest = 2**RUN_BITS - 1
    entries, position = [], 0
    for j, value in row:
        while j - position > longest:
            entries.append((longest, 0.0))
            position += longest + 1
        entries.append((j - position, value))
        position = j + 1
    return entries


def _encode_fibers(encoded: Encoded, fibers: list[list[tuple[int, float]]], bits: int) -> None:
    """Pointers of all fibers and their end, then a number and a value for each entry."""
    entries = 0
    for fiber in fibers:
        encoded.put(entries, encoded.widths.pointer)
        entries += len(fiber)
    encoded.put(entries, encoded.widths.pointer)
    for fiber in fibers:
        for number, value in fiber:
            encoded.put(number, bits)
            encoded.values.append(value)


def _encode_groups(encoded: Encoded, rows: list[list[tuple[int, float]]], group: int, occupancy: int) -> None:
    """`occupancy` slots in each group along a row; an unused slot holds a zero."""
    for row in rows:
        for start in range(0, encoded.shape[1], group):
            slots = [(j - start, value) for j, value in row if start <= j < start + group]
            if len(slots) > occupancy:
                raise OverflowError(f"{len(slots)} non-zeros in a group of {occupancy} slots")
            for offset, value in slots + [(0, 0.0)] * (occupancy - len(slots)):
                encoded.put(offset, bits_to_number(group))
                encoded.values.append(value)


def decode(encoded: Encoded) -> list[tuple[int, int, float]]:
    """Stored entries (row, column, value): non-zeros, and the explicit zeros of RLE padding. Dense: all positions."""
    h, w = encoded.shape
    numbers = [number for number, _ in encoded.fields]
    values = encoded.values
    entries = []
    if encoded.stored_as == "dense":
        return [(i, j, values[i * w + j]) for i in range(h) for j in range(w)]
    if encoded.stored_as == "bitmask":
        places = [(place // w, place % w) for place, bit in enumerate(numbers) if bit]
        return [(i, j, value) for (i, j), value in zip(places, values, strict=True)]
    if encoded.stored_as == "coo":
        return list(zip(numbers[0::2], numbers[1::2], values, strict=True))
    if encoded.stored_as in GROUP:
        group = GROUP[encoded.stored_as]
        slots_in_row = len(values) // h
        occupancy = slots_in_row // ceil_div(w, group)
        for slot, (offset, value) in enumerate(zip(numbers, values, strict=True)):
            if value != 0:
                i, place = divmod(slot, slots_in_row)
                entries.append((i, place // occupancy * group + offset, value))
        return entries
    if encoded.stored_as == "bcsr":
        return _decode_blocks(encoded)
    fibers = w if encoded.stored_as == "csc" else h
    pointers, numbers = numbers[: fibers + 1], numbers[fibers + 1 :]
    for fiber in range(fibers):
        position = 0
        for entry in range(pointers[fiber], pointers[fiber + 1]):
            if encoded.stored_as == "rle":
                entries.append((fiber, position + numbers[entry], values[entry]))
                position += numbers[entry] + 1
            elif encoded.stored_as == "csr":
                entries.append((fiber, numbers[entry], values[entry]))
            else:
                entries.append((numbers[entry], fiber, values[entry]))
    return entries


def _decode_blocks(encoded: Encoded) -> list[tuple[int, int, float]]:
    """The non-zeros of all blocks."""
    down = ceil_div(encoded.shape[0], BLOCK)
    numbers = [number for number, _ in encoded.fields]
    pointers, columns = numbers[: down + 1], numbers[down + 1 :]
    entries = []
    for row in range(down):
        for block in range(pointers[row], pointers[row + 1]):
            for place, value in enumerate(encoded.values[block * BLOCK**2 : (block + 1) * BLOCK**2]):
                if value != 0:
                    i, j = divmod(place, BLOCK)
                    entries.append((row * BLOCK + i, columns[block] * BLOCK + j, value))
    return entries


class Tile:
    """One stored tile, and the entries of it that are worked on: (row, column, value, is padding)."""

    def __init__(self, array: np.ndarray, stored_as: str, zero: str, widths: Widths, occupancy: int):
        self.array, self.stored_as, self.skips = array, stored_as, zero == "skip"
        self.widths, self.occupancy = widths, occupancy
        self.encoded = encode(array, stored_as, widths, occupancy)
        self.stored = decode(self.encoded)
        if self.skips:
            self.worked = [(i, j, value, value == 0) for i, j, value in self.stored]
        else:
            self.worked = [(i, j, value, False) for i, row in enumerate(array.tolist()) for j, value in enumerate(row)]
        self.stored_in_row = Counter(i for i, _, _ in self.stored)
        self.stored_in_column = Counter(j for _, j, _ in self.stored)
        self.in_row = defaultdict(list)
        self.in_column = defaultdict(list)
        for i, j, value, padding in sorted(self.worked):
            self.in_row[i].append((j, value, padding))
            self.in_column[j].append((i, value, padding))
        self.row_nonzeros = [int(np.count_nonzero(row)) for row in array]
        self.column_nonzeros = [int(np.count_nonzero(column)) for column in array.T]
        self.part_of = cache(self._part_of)

    @property
    def shape(self) -> tuple[int, int]:
        return self.array.shape

    @property
    def seen_empty(self) -> bool:
        """Whether the tile directory shows that the tile holds no non-zero."""
        return self.stored_as != "dense" and not any(self.row_nonzeros)

    @property
    def directory_bits(self) -> int:
        """Bits of the tile's entry in the tile directory."""
        return DIRECTORY_BITS if self.stored_as != "dense" else 0

    def _part_of(self, rows: tuple[int, ...]) -> Encoded:
        """Some rows of the tile, stored as a tile of their own with the widths of this one."""
        return encode(self.array[list(rows)], self.stored_as, self.widths, self.occupancy)


def store(matrix: np.ndarray, cuts: tuple, stored_as: str, zero: str, widths: Widths) -> dict[tuple[int, int], Tile]:
    """All tiles of a matrix, by row and column of tiles."""
    row_cuts, column_cuts = cuts
    pieces = {(i, j): matrix[r, c] for i, r in enumerate(row_cuts) for j, c in enumerate(column_cuts)}
    occupancy = fullest_group(list(pieces.values()), GROUP[stored_as]) if stored_as in GROUP else 0
    return {place: Tile(piece, stored_as, zero, widths, occupancy) for place, piece in pieces.items()}
