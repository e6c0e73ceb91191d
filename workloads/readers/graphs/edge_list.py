"""Edge lists: `source target [weight]` a line, ids counted from 0."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import coo_array

from workloads.errors import InputError
from workloads.readers.formats import Format, Sureness
from workloads.readers.found import Found, Layer
from workloads.readers.matrices.canonical import MAX_SIDE, canonical
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source


def _read_edges(source: Source) -> tuple[coo_array, bool]:
    with source.open() as stream:
        lines = (line for _, line in _data_lines(stream))
        first = next(lines, None)
        if first is None:
            source.fail("edge list", "has no edges", "write one `source target [weight]` per line")
        comma = "," if "," in first else None
        try:
            table = np.loadtxt(itertools.chain([first], lines), delimiter=comma, comments=None, ndmin=2)
        except ValueError as error:
            raise _blame_edge(source, comma) or error from error
    if table.shape[1] not in (2, 3):
        source.fail("edge list", f"has {table.shape[1]} columns", "keep `source target` or `source target weight`")
    ids = table[:, :2]
    bad = ~np.isfinite(ids) | (ids < 0) | (ids >= MAX_SIDE) | (ids != np.floor(ids))
    if bad.any():
        value = ids[bad][0]
        what, fix = f"{value:.17g} is not a whole number from 0 to {MAX_SIDE - 1}", "renumber the nodes from 0"
        source.fail(f"node id of edge {int(np.argmax(bad.any(axis=1))) + 1}", what, fix)
    ids = ids.astype(np.int64)
    side = int(ids.max()) + 1
    values = table[:, 2] if table.shape[1] == 3 else np.ones(len(ids))
    return coo_array((values, (ids[:, 0], ids[:, 1])), shape=(side, side)), table.shape[1] == 2


def _blame_edge(source: Source, comma: str | None) -> InputError | None:
    """The error for the first line of an edge list that is not like the first one."""
    width = None
    with source.open() as stream:
        for number, line in _data_lines(stream):
            fields = line.split(comma)
            width = width or len(fields)
            if len(fields) != width:
                what, fix = f"has {len(fields)} columns where the lines before have {width}", "give all lines as many"
                return InputError(f"{source}: line {number} {what}; {fix}.")
            text = next((field.strip() for field in fields if not _is_number(field)), None)
            if text is not None:
                fix = "separate numbers by spaces or commas, and put # before a heading"
                return InputError(f"{source}: line {number} holds {text[:40]!r}, not a number; {fix}.")
    return None


def _data_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and text of what is neither blank nor a comment."""
    for number, line in enumerate(stream, start=1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").strip()
        if text and text[0] not in "#%":
            yield number, text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _found(source: Source, options: ReadOptions) -> Found:
    matrix, pattern = _read_edges(source)
    csr = canonical(source, matrix, options, pattern)
    return Found(source.path, "edge list", (Layer("", csr.shape, lambda: csr),))


def _recognise(source: Source) -> Sureness:
    if source.suffix not in (".txt", ".el", ".edges", ".edgelist", ".tsv", ".csv") or not source.is_text:
        return Sureness.NO
    line = next((line.strip() for line in source.first_lines if line.strip() and line.strip()[0] not in "#%"), "")
    fields = line.split("," if "," in line else None)
    return Sureness.LOOKS if len(fields) in (2, 3) and all(_is_number(field) for field in fields) else Sureness.NO


FORMAT = Format("edge list", _recognise, _found)
