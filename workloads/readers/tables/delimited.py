"""A table in text: which character separates its fields, which line is its heading, what is a comment.

Commas, tabs, semicolons (with decimal commas), bars or blanks; quotes as in RFC 4180 within a line; byte order marks,
Excel's `sep=;`, blank lines, lines that begin with # or // and fields that do are passed over.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workloads.readers.source import Source
from workloads.readers.tables.columns import Column, columns_of, is_heading

MOST_LAYERS = 100_000
_SEPARATORS = (",", "\t", ";", "|", " ")


@dataclass(frozen=True)
class Table:
    """A heading and the rows below it, each with its number in the file."""

    separator: str
    heading_line: int
    columns: list[Column]
    rows: list[tuple[int, list[str]]]


def heading_of(lines: Iterable[tuple[int, str]]) -> tuple[int, str, list[Column]] | None:
    """Line number, separator and columns of the first line that is no blank and no comment, if it is a heading.

    Else those of a comment before it that is one, as `# name, M, N, K`; None for neither.
    """
    commented = None
    for number, line in lines:
        if line.strip().lower().startswith("sep="):
            continue
        if not _is_passed_over(line):
            return _heading(number, line) or commented
        if line.lstrip().startswith("#"):
            commented = _heading(number, line.lstrip()[1:]) or commented
    return commented


def read_table(source: Source) -> Table:
    """The whole table; a heading that is repeated inside is passed over. **Raises** `InputError`."""
    found = heading_of(source.lines())
    if found is None:
        source.fail("table", "has no heading that names sizes", "begin it with name,M,N,K,density")
    heading_line, separator, columns = found
    rows = []
    for number, line in source.lines():
        if number <= heading_line or _is_passed_over(line):
            continue
        fields = _fields(line, separator)
        if any(fields) and not (fields[0] == columns[0].text and columns_of(fields) == columns):
            rows.append((number, fields))
        if len(rows) > MOST_LAYERS:
            source.fail("table", f"has more than {MOST_LAYERS} layers", "give fewer, with a column repeats")
    if not rows:
        source.fail("table", "has no line below its heading", "add one for each layer")
    return Table(separator, heading_line, columns, rows)


def _heading(number: int, line: str) -> tuple[int, str, list[Column]] | None:
    for separator in (one for one in _SEPARATORS if one in line):
        columns = columns_of(_fields(line, separator))
        if is_heading(columns) and (separator != " " or all(one.role for one in columns)):
            return number, separator, columns
    return None


def lacks_heading(lines: Iterable[tuple[int, str]]) -> bool:
    """Whether every line is a name and at least three whole numbers, as in a table without its heading."""
    rows = [
        _fields(line, next((one for one in _SEPARATORS if one in line), ","))
        for _, line in lines
        if not _is_passed_over(line)
    ]
    numbers = [all(re.fullmatch(r"[1-9]\d{0,8}", field) for field in row[1:4]) and len(row) > 3 for row in rows]
    return bool(rows) and all(numbers) and all(re.match(r"[A-Za-z_]", row[0]) for row in rows)


def numbered(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers."""
    return enumerate(lines, start=1)


def _is_passed_over(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith(("#", "//"))


def _fields(line: str, separator: str) -> list[str]:
    """Fields without blanks around them; from the first on that begins with # they are a comment."""
    if len(line) > 10_000:
        return [line[:40]]
    if separator == " ":
        fields = line.split()
    else:
        fields = next(csv.reader([line.strip(" \r\n")], delimiter=separator, skipinitialspace=True), [])
    fields = [" ".join(field.replace("\u00a0", " ").split()) for field in fields]
    comment = next((at for at, field in enumerate(fields) if field.startswith("#") and at), len(fields))
    return fields[:comment]
