"""How the lines of a text file are laid out, concluded from its first ones: comments, separator, fields, numbers."""

import re

from workloads.readers.source import Source

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ed][+-]?\d+)?|nan|[+-]?inf(inity)?", re.I)
"""All of a field that is a number, Fortran's exponents and what is not finite among them."""


def data_lines(source: Source) -> list[str]:
    """The first lines that are neither blank nor begin with `#`, `%` or `//`, line ends and byte order marks cut."""
    lines = (line.strip("\ufeff").rstrip() for line in source.first_lines)
    return [line for line in lines if line and not is_comment(line)]


def is_comment(line: str) -> bool:
    """Whether a line is passed over by `tokens`."""
    return line.lstrip()[:1] in ("#", "%") or line.lstrip()[:2] == "//"


def separator_of(lines: list[str]) -> str:
    """The character between fields: one that all of the last lines have, empty for blanks, `:` for `::`."""
    some = lines[-20:]
    for mark in (",", ";", "|", "\t"):
        counts = {re.sub(r'"[^"]*"', "", line).count(mark) for line in some}
        if not some or 0 in counts or (len(counts) > 1 and mark == "\t"):
            continue
        if mark != "\t" or any(
            " " in field.strip() or not field.strip() for line in some for field in line.split("\t")
        ):
            return mark
    return ":" if some and all("::" in line for line in some) else ""


def fields_of(line: str, separator: str) -> list[str]:
    """The fields of a line, quotes cut off; an empty one at the end, behind a last separator, is none."""
    if not separator:
        return [text.strip('"') for text in line.split()]
    held: list[str] = []
    plain = line.replace("\0", "\ufffd")  # as marks of what stands in quotes
    bare = re.sub(r'"[^"]*"', lambda m: held.append(m[0][1:-1]) or f"\0{len(held) - 1}\0", plain)
    fields = [text.strip() for text in bare.split(separator)]
    if len(fields) > 1 and not fields[-1]:
        fields.pop()
    return [re.sub("\0(\\d+)\0", lambda m: held[int(m[1])], text) for text in fields]
