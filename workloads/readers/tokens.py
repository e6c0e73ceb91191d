"""Text of numbers, split into lines and fields by compiled code: what readers of large text files share.

Lines end with LF, CR LF or CR. Blank lines are passed over unless asked for, and so are lines that begin with `#`, `%`
or `//`. Fields are separated by blanks, or by one given character; either way they may stand in double quotes. Numbers
are read strictly: all of a field, or the line is named.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from workloads.readers.source import MOST_UNPACKED, Source

PAIR = 11
_BLOCK = 2**24
"""Bytes that are split at a time."""
_LONGEST_LINE = 2**31 - 2
_WIDEST = 48
"""Characters of numbers that are converted together; longer ones go one by one."""
_EXACT_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that a float64 holds exactly (Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990)."""


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
        bad = _read_reals(self.data, starts, ends, _EXACT_POWERS, found, slow)
        if bad >= 0:
            self._refuse(fields, bad, what, "a number")
        if slow.any():
            found[slow] = _converted(self.data, starts[slow], ends[slow])
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
        starts, ends, firsts, numbers, lines = _split(data, mark, blank_rows)
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
    bad = _read_integers(rows.data, starts, ends, found)
    return found, None if bad < 0 else bad


def _blocks(source: Source) -> Iterator[bytes]:
    """The content as UTF-8 in pieces that end with a line, byte order mark left out."""
    wide = source.head[:2] in (b"\xff\xfe", b"\xfe\xff")
    decoder = codecs.getincrementaldecoder("utf-16")("replace") if wide else None
    waiting: list[bytes] = []
    size = total = 0
    first = True
    for piece in source.pieces(_BLOCK):
        total += len(piece)
        if source.compressed and total > MOST_UNPACKED:
            source.fail("content", f"is larger than {MOST_UNPACKED / 2**30:g} GiB", "give a smaller file")
        if decoder is not None:
            piece = decoder.decode(piece).encode("utf-8", "replace")
        if first:
            piece, first = piece.removeprefix(codecs.BOM_UTF8), False
        cut = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, len(piece) - 1)) + 1
        if not cut:
            waiting.append(piece)
            size += len(piece)
            if size > _LONGEST_LINE:
                source.fail("a line", "is longer than 2 GiB", "write shorter lines")
            continue
        yield b"".join([*waiting, piece[:cut]])
        waiting, size = [piece[cut:]], len(piece) - cut
    if any(waiting):
        yield b"".join(waiting)


@njit(cache=True, nogil=True)
def _is_blank(byte: int, separator: int) -> bool:
    return byte != separator and (byte == 32 or byte == 9 or byte == 11 or byte == 12)


@njit(cache=True, nogil=True)
def _ends_line(byte: int) -> bool:
    return byte == 10 or byte == 13


@njit(cache=True, nogil=True)
def _after_line(data: np.ndarray, at: int) -> int:
    """The place after the line end at `at`."""
    if at + 1 < len(data) and data[at] == 13 and data[at + 1] == 10:
        return at + 2
    return at + 1


@njit(cache=True, nogil=True)
def _field_end(data: np.ndarray, at: int, separator: int) -> int:
    """The place after the field that begins at `at`, blanks behind it included where there is a separator."""
    while at < len(data) and not _ends_line(data[at]):
        if data[at] == separator if separator else _is_blank(data[at], 0):
            break
        at += 1
    return at


@njit(cache=True, nogil=True)
def _closing_quote(data: np.ndarray, at: int, separator: int) -> int:
    """The place of the quote that ends the field whose first one is at `at`; -1 for none on the line."""
    if data[at] != 34:
        return -1
    close = at + 1
    while close < len(data) and not _ends_line(data[close]):
        if data[close] == 34:
            after = close + 1
            if after == len(data) or _ends_line(data[after]) or data[after] == separator or _is_blank(data[after], 0):
                return close
        close += 1
    return -1


@njit(cache=True, nogil=True)
def _split(data: np.ndarray, separator: int, blank_rows: bool) -> tuple:
    """Starts and ends of fields, first fields and numbers (from 0) of rows, and the count of lines."""
    size = len(data)
    most_lines, most_fields = 1, 1
    for byte in data:
        if _ends_line(byte):
            most_lines += 1
        if _ends_line(byte) or (byte == separator if separator else _is_blank(byte, 0)):
            most_fields += 1
    most_fields += most_lines
    starts, ends = np.empty(most_fields, np.int32), np.empty(most_fields, np.int32)
    firsts, numbers = np.empty(most_lines + 1, np.int64), np.empty(most_lines, np.int64)
    at = fields = rows = line = 0
    while at < size:
        while at < size and _is_blank(data[at], separator):
            at += 1
        if at >= size:
            break
        byte = data[at]
        comment = byte == 35 or byte == 37 or (byte == 47 and at + 1 < size and data[at + 1] == 47)
        if comment or _ends_line(byte):
            while at < size and not _ends_line(data[at]):
                at += 1
            if blank_rows and not comment:
                firsts[rows], numbers[rows] = fields, line
                rows += 1
            at, line = _after_line(data, at), line + 1
            continue
        firsts[rows], numbers[rows] = fields, line
        rows += 1
        while True:
            close = _closing_quote(data, at, separator)
            if close >= 0:
                starts[fields], ends[fields] = at + 1, close
                at = _field_end(data, close + 1, separator) if separator else close + 1
            else:
                start = at
                at = end = _field_end(data, at, separator)
                while end > start and _is_blank(data[end - 1], separator):
                    end -= 1
                starts[fields], ends[fields] = start, end
            fields += 1
            while at < size and _is_blank(data[at], separator):
                at += 1
            if at < size and separator and data[at] == separator:
                at += 1
                while at < size and _is_blank(data[at], separator):
                    at += 1
            if at >= size or _ends_line(data[at]):
                break
        at, line = _after_line(data, at), line + 1
    firsts[rows] = fields
    return starts[:fields].copy(), ends[:fields].copy(), firsts[: rows + 1].copy(), numbers[:rows].copy(), line


@njit(cache=True, nogil=True)
def _read_integers(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, out: np.ndarray) -> int:
    """The place of the first field that is no whole number of 64 bits, or -1."""
    for one in range(len(starts)):
        at, end, negative, value = starts[one], ends[one], False, 0
        if at < end and (data[at] == 43 or data[at] == 45):
            negative = data[at] == 45
            at += 1
        if at >= end or end - at > 19:
            return one
        for place in range(at, end):
            digit = np.int64(data[place]) - 48
            if digit < 0 or digit > 9 or value > (9223372036854775807 - digit) // 10:
                return one
            value = value * 10 + digit
        out[one] = -value if negative else value
    return -1


@njit(cache=True, nogil=True)
def _is_word(data: np.ndarray, at: int, end: int) -> bool:
    """Whether the letters are nan, inf or infinity."""
    length = end - at
    first = data[at] | 32
    if length == 3:
        second, third = data[at + 1] | 32, data[at + 2] | 32
        return (first == 110 and second == 97 and third == 110) or (first == 105 and second == 110 and third == 102)
    if length != 8:
        return False
    word = b"infinity"
    for place in range(8):
        if data[at + place] | 32 != word[place]:
            return False
    return True


@njit(cache=True, nogil=True)
def _exponent(data: np.ndarray, at: int, end: int) -> int:
    """The exponent from `at` on, its letter optional before a sign; 100000 for none that is valid."""
    if data[at] != 43 and data[at] != 45:
        letter = data[at] | 32
        if letter != 101 and letter != 100 and letter != 113:
            return 100000
        at += 1
    negative = False
    if at < end and (data[at] == 43 or data[at] == 45):
        negative = data[at] == 45
        at += 1
    if at >= end:
        return 100000
    value = 0
    for place in range(at, end):
        digit = np.int64(data[place]) - 48
        if digit < 0 or digit > 9:
            return 100000
        value = min(value * 10 + digit, 99999)
    return -value if negative else value


@njit(cache=True, nogil=True)
def _read_reals(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, powers: np.ndarray, out: np.ndarray, slow: np.ndarray
) -> int:
    """The place of the first field that is no number, or -1; marks those that need more than one rounding."""
    for one in range(len(starts)):
        at, end, negative = starts[one], ends[one], False
        if at < end and (data[at] == 43 or data[at] == 45):
            negative = data[at] == 45
            at += 1
        if at >= end:
            return one
        mantissa, digits, scale, point = 0, 0, 0, False
        while at < end:
            digit = np.int64(data[at]) - 48
            if 0 <= digit <= 9:
                digits += 1
                if mantissa < 900719925474099:
                    mantissa = mantissa * 10 + digit
                else:
                    slow[one] = True
                if point:
                    scale -= 1
            elif data[at] == 46 and not point:
                point = True
            else:
                break
            at += 1
        if digits == 0:
            if point or at != starts[one] + (1 if data[starts[one]] in (43, 45) else 0) or not _is_word(data, at, end):
                return one
            slow[one] = True
            continue
        if at < end:
            power = _exponent(data, at, end)
            if power == 100000 or (not point and (data[at] == 43 or data[at] == 45)):
                return one
            scale += power
        if -22 <= scale <= 22:
            value = mantissa * powers[scale] if scale >= 0 else mantissa / powers[-scale]
            out[one] = -value if negative else value
        else:
            slow[one] = True
    return -1


@njit(cache=True, nogil=True)
def _gathered(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, out: np.ndarray) -> None:
    """Copies fields into rows of `out`, exponents written with E."""
    for one in range(len(starts)):
        width, letter = 0, False
        for place in range(starts[one], ends[one]):
            byte = data[place]
            low = byte | 32
            digit_before = width > 0 and (48 <= out[one, width - 1] <= 57 or out[one, width - 1] == 46)
            if (byte == 43 or byte == 45) and digit_before and not letter:
                out[one, width] = 69
                width += 1
            if (low == 100 or low == 113) and digit_before:
                byte = 69
            letter = letter or byte == 69 or low == 101
            out[one, width] = byte
            width += 1


def _converted(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Fields that are numbers, correctly rounded."""
    found, long = np.empty(len(starts)), (ends - starts) > _WIDEST
    short = np.flatnonzero(~long)
    if len(short):
        width = int((ends - starts)[short].max()) + 1
        cells = np.zeros((len(short), width), np.uint8)
        _gathered(data, starts[short], ends[short], cells)
        found[short] = cells.view(f"S{width}").ravel().astype(float)
    for one in np.flatnonzero(long):
        cells = np.zeros((1, ends[one] - starts[one] + 1), np.uint8)
        _gathered(data, starts[one : one + 1], ends[one : one + 1], cells)
        found[one] = float(cells.tobytes().rstrip(b"\0"))
    return found
