"""Text of numbers, split into lines and fields by compiled code: what readers of large text files share.

Lines end with LF, CR LF or CR. Blank lines are passed over unless asked for, and so are lines that begin with `#`, `%`
or `//`. Fields are separated by blanks, or by one given character; either way they may stand in double quotes. Numbers
are read strictly: all of a field, or the line is named.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workloads.readers.number_scanner import EXACT_POWERS, rounded, scan_integers, scan_reals, split_fields
from workloads.readers.source import Source

PAIR = 11
_BLOCK = 2**24
"""Bytes that are split at a time."""
_LONGEST_LINE = 2**30
"""Places in a block are 32 bits."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Lines of a file with the places of their fields.

    `data` uint8 [bytes]; `starts`, `ends` [fields] are places in it; the fields of row i are `firsts[i]` to
    `firsts[i + 1]`; `numbers` [rows] are the numbers of the lines in the file, from 1.
    """

    source: Source
    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    firsts: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def widths(self) -> np.ndarray:
        """Fields of each row."""
        return np.diff(self.firsts)

    def since(self, row: int) -> "Rows":
        """The rows from one on."""
        return Rows(self.source, self.data, self.starts, self.ends, self.firsts[row:], self.numbers[row:])

    def all_fields(self) -> slice:
        """The fields of these rows."""
        return slice(int(self.firsts[0]), int(self.firsts[-1]))

    def column(self, column: int, width: int) -> slice:
        """A column's fields where all rows have `width` fields."""
        return slice(int(self.firsts[0]) + column, int(self.firsts[-1]), width)

    def first_bytes(self) -> np.ndarray:
        """The first byte of each row, which may have no blank rows among them."""
        return self.data[self.starts[self.firsts[:-1]]]

    def text(self, field: int) -> str:
        """One field."""
        return self.data[self.starts[field] : self.ends[field]].tobytes().decode("utf-8", "replace")

    def texts(self, fields: slice) -> list[str]:
        """Several fields."""
        return [self.text(field) for field in range(fields.start, fields.stop, fields.step or 1)]

    def row(self, row: int) -> list[str]:
        """The fields of one row."""
        return self.texts(slice(int(self.firsts[row]), int(self.firsts[row + 1])))

    def odd_row(self, width: int) -> int | None:
        """The first row that has not `width` fields."""
        odd = self.widths != width
        return int(np.argmax(odd)) if odd.any() else None

    def integers(self, fields: slice | np.ndarray, what: str = "") -> np.ndarray:
        """Whole numbers below 2^63. **Raises** `InputError` for other fields, with the line."""
        found, bad = whole_numbers(self, fields)
        if bad is not None:
            self._refuse(fields, bad, what, "a whole number")
        return found

    def reals(self, fields: slice | np.ndarray, what: str = "") -> np.ndarray:
        """Numbers, Fortran's exponents among them; NaN and infinities too. **Raises** `InputError` for other fields."""
        starts, ends = self.starts[fields], self.ends[fields]
        found, slow = np.empty(len(starts)), np.zeros(len(starts), np.bool_)
        bad = scan_reals(self.data, starts, ends, EXACT_POWERS, found, slow)
        if bad >= 0:
            self._refuse(fields, bad, what, "a number")
        if slow.any():
            found[slow] = rounded(self.data, starts[slow], ends[slow])
        return found

    def _refuse(self, fields: slice | np.ndarray, bad: int, what: str, kind: str) -> None:
        field = fields.start + bad * (fields.step or 1) if isinstance(fields, slice) else int(fields[bad])
        line = self.numbers[np.searchsorted(self.firsts, field, side="right") - 1]
        problem = f"holds {self.text(field)[:40]!r}, not {kind}" + (f" ({what})" if what else "")
        self.source.fail(f"line {line}", problem, "correct it or write the file again")


def rows_of(source: Source, separator: str = "", blank_rows: bool = False, pairs: bool = False) -> Iterator[Rows]:
    """The lines of a file, some megabytes at a time; blank ones as rows without fields if asked for.

    With `pairs`, `index:value` is two fields, and `data` has the byte `PAIR` at the end of the first.
    """
    number = 1
    mark = ord(separator) if separator else 0
    for block in _blocks(source):
        block = block.replace(b"\v", b" ").replace(b":", b"\v") if pairs else block
        data = np.frombuffer(block, np.uint8)
        starts, ends, firsts, numbers, lines = split_fields(data, mark, blank_rows)
        if len(numbers):
            yield Rows(source, data, starts, ends, firsts, numbers + number)
        number += lines


def all_rows(source: Source, separator: str = "", blank_rows: bool = False) -> Rows:
    """All lines of a file at once. **Raises** `InputError` for a file without any."""
    parts = list(rows_of(source, separator, blank_rows))
    if not parts:
        source.fail("file", "holds no line of numbers", "write or copy it again")
    if len(parts) == 1:
        return parts[0]
    bytes_before = np.cumsum([0, *(len(part.data) for part in parts)])
    fields_before = np.cumsum([0, *(len(part.starts) for part in parts)])
    whole = [(part, int(bytes_before[at]), int(fields_before[at])) for at, part in enumerate(parts)]
    return Rows(
        source,
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.starts.astype(np.int64) + shift for part, shift, _ in whole]),
        np.concatenate([part.ends.astype(np.int64) + shift for part, shift, _ in whole]),
        np.concatenate([*(part.firsts[:-1] + shift for part, _, shift in whole), fields_before[-1:]]),
        np.concatenate([part.numbers for part in parts]),
    )


def whole_numbers(rows: Rows, fields: slice | np.ndarray) -> tuple[np.ndarray, int | None]:
    """The fields as int64, and the place among them of the first that is none."""
    starts, ends = rows.starts[fields], rows.ends[fields]
    found = np.empty(len(starts), np.int64)
    bad = scan_integers(rows.data, starts, ends, found)
    return found, None if bad < 0 else bad


def _blocks(source: Source) -> Iterator[bytes]:
    """The content as UTF-8 in pieces that end with a line, byte order mark left out."""
    wide = source.head[:2] in (b"\xff\xfe", b"\xfe\xff")
    decoder = codecs.getincrementaldecoder("utf-16")("replace") if wide else None
    waiting: list[bytes] = []
    size = 0
    first = True
    for piece in source.pieces(_BLOCK):
        if decoder is not None:
            piece = decoder.decode(piece).encode("utf-8", "replace")
        if first:
            piece, first = piece.removeprefix(codecs.BOM_UTF8), False
        cut = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, len(piece) - 1)) + 1
        if not cut:
            waiting.append(piece)
            size += len(piece)
            if size > _LONGEST_LINE:
                source.fail("a line", "is longer than 1 GiB", "write shorter lines")
            continue
        yield b"".join([*waiting, piece[:cut]])
        waiting, size = [piece[cut:]], len(piece) - cut
    if any(waiting):
        yield b"".join(waiting)
