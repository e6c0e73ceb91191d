"""Compiled loops over the bytes of a text: where its fields are, and the numbers that they hold.

A real number whose digits are below 2^53 and whose power of ten is at most 22 takes one exact operation (Clinger, "How
to Read Floating Point Numbers Accurately", PLDI 1990); others are marked and converted by NumPy.
"""

import numpy as np

from workloads.cache.machine_code import compiled

_WIDEST = 48
"""Characters of numbers that are converted together; longer ones go one by one."""
EXACT_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that a float64 holds exactly."""


@compiled
def _is_blank(byte: int, separator: int) -> bool:
    return byte != separator and (byte == 32 or byte == 9 or byte == 11 or byte == 12)


@compiled
def _ends_line(byte: int) -> bool:
    return byte == 10 or byte == 13


@compiled
def _after_line(data: np.ndarray, at: int) -> int:
    """The place after the line end at `at`."""
    if at + 1 < len(data) and data[at] == 13 and data[at + 1] == 10:
        return at + 2
    return at + 1


@compiled
def _field_end(data: np.ndarray, at: int, separator: int) -> int:
    """The place after the field that begins at `at`, blanks behind it included where there is a separator."""
    while at < len(data) and not _ends_line(data[at]):
        if data[at] == separator if separator else _is_blank(data[at], 0):
            break
        at += 1
    return at


@compiled
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


@compiled
def split_fields(data: np.ndarray, separator: int, blank_rows: bool) -> tuple:
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


@compiled
def scan_integers(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, out: np.ndarray) -> int:
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


@compiled
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
    same = 0
    for place in range(8):
        same += data[at + place] | 32 == word[place]
    return same == 8


@compiled
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


@compiled
def scan_reals(
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


@compiled
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


def rounded(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
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
