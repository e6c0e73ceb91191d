"""What a format is, and which one a file has: by its content first, by its suffix where that says little.

Every family of readers has a tuple `FORMATS`; adding a format is one record there. Of the records that recognise a
file the surest reads it, of equally sure ones the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import import_module
from typing import NoReturn
from weakref import WeakKeyDictionary

from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source

_FAMILIES = ("foreign", "checkpoints", "onnx_graphs", "tables", "graphs", "matrices", "tensors")
"""In order of preference among equally sure formats."""


class Sureness(IntEnum):
    """How sure a format is that a file is one of its own."""

    NO = 0
    LOOKS = 1
    """The content would pass, but it would for other formats too."""
    NAMED = 2
    """The suffix or the file's name says so and the content does not speak against it."""
    SIGNED = 3
    """The content says so: magic bytes, a banner, a heading."""


@dataclass(frozen=True)
class FileFormat:
    """A format: how it is recognised and read."""

    name: str
    """In words, as users call it, and as `Found.format` begins: `Matrix Market`, `METIS graph`; of what is refused with
    an article, as it follows `is`."""
    recognise: Callable[[Source], Sureness]
    """From `head`, `first_lines` and the name only."""
    read: Callable[[Source, ReadOptions], Found]
    """**Raises** `InputError`. A format that is refused raises it always."""
    in_folders: bool = True
    """Whether a folder's files of this kind are read without being named."""
    heeds: tuple[str, ...] = ()
    """Fields of `ReadOptions` that the reader acts upon, beside `large`; others are refused rather than ignored."""
    is_refused: bool = False
    """Whether `read` always raises; in a folder what else there is is read, and this left out."""
    holds_data: bool = True
    """Whether a folder where nothing can be read is told of such a file: not so for pictures and notes."""


def refused(name: str, recognise: Callable[[Source], Sureness], fix: str, holds_data: bool = True) -> FileFormat:
    """A format that is not read: the refusal says `is NAME, which is not read here; FIX`."""

    def read(source: Source, options: ReadOptions) -> NoReturn:
        source.fail(f"is {name},", "which is not read here", fix)

    return FileFormat(name, recognise, read, in_folders=False, is_refused=True, holds_data=holds_data)


@cache
def known_formats() -> tuple[FileFormat, ...]:
    """All formats, by family."""
    return tuple(one for family in _FAMILIES for one in import_module(f"workloads.readers.{family}").FORMATS)


def format_of(source: Source) -> FileFormat | None:
    """The format of a file; None where none recognises it."""
    if source not in _FOUND:
        surest, known = Sureness.NO, None
        for one in known_formats():
            if (sureness := one.recognise(source)) > surest:
                surest, known = sureness, one
            if surest is Sureness.SIGNED:
                break
        _FOUND[source] = known
    return _FOUND[source]


_FOUND: WeakKeyDictionary[Source, FileFormat | None] = WeakKeyDictionary()
"""Formats of the files that were looked at: those of a folder are asked for several times."""
