"""Dense matrices as text, a row a line: what `numpy.savetxt` and spreadsheets write.

A file of two, three or four columns of whole numbers is an edge list sooner; one of two columns with decimals a curve.
"""

import numpy as np
from scipy.sparse import coo_array

from workloads.readers.formats import FileFormat, Sureness, refused
from workloads.readers.found import Found
from workloads.readers.matrices.canonical_form import found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.text_layout import NUMBER, data_lines, fields_of, separator_of
from workloads.readers.tokens import rows_of


def _read(source: Source, options: ReadOptions) -> Found:
    values, width, count = [], None, 0
    for block in rows_of(source, separator_of(_lines(source))):
        width = int(block.widths[0]) if width is None else width
        odd = block.odd_row(width)
        if odd is not None:
            what = f"has {block.widths[odd]} columns where the lines before have {width}"
            source.fail(f"line {block.numbers[odd]}", what, "give all rows as many")
        values.append(block.reals(block.all_fields(), "a value"))
        count += len(block)
    dense = np.concatenate(values).reshape(count, width or 1)
    if count > 2 and np.array_equal(dense[:, 0], dense[0, 0] + np.arange(count)):
        what = "counts the lines: an index or the steps of a log rather than a part of the matrix"
        source.fail("first column", what, "remove it, or save the matrix with numpy.save")
    i, j = np.nonzero(dense)
    matrix = coo_array((dense[i, j], (i, j)), shape=dense.shape)
    note = f"{source.name}: was read as a dense matrix, {count:,} lines of {width:,} numbers."
    return found_matrix(source, "dense matrix as text", matrix, options, notes=(note,))


def _lines(source: Source) -> list[str]:
    return [line.strip() for line in data_lines(source)]


def _cells(source: Source) -> list[list[str]]:
    lines = _lines(source)
    separator = separator_of(lines)
    return [fields_of(line, separator) for line in lines]


def _recognise(source: Source) -> Sureness:
    if not source.is_text:
        return Sureness.NO
    rows = _cells(source)
    if not rows or len(rows[0]) < 3 or not all(NUMBER.fullmatch(text) for row in rows for text in row):
        return Sureness.NO
    return Sureness.LOOKS if len({len(row) for row in rows}) == 1 or len(rows[0]) > 4 else Sureness.NO


def _is_curve(source: Source) -> Sureness:
    if not source.is_text:
        return Sureness.NO
    rows = _cells(source)
    numbers = bool(rows) and all(NUMBER.fullmatch(text) for row in rows for text in row)
    return Sureness.LOOKS if numbers and all(len(row) <= 2 for row in rows) else Sureness.NO


def _is_headed(source: Source) -> Sureness:
    """A heading of words above nothing but numbers."""
    if not source.is_text:
        return Sureness.NO
    rows = _cells(source)
    if len(rows) < 2 or len(rows[0]) < 2 or any(NUMBER.fullmatch(text) for text in rows[0]):
        return Sureness.NO
    same = all(len(row) == len(rows[0]) and all(NUMBER.fullmatch(text) for text in row) for row in rows[1:])
    return Sureness.LOOKS if same else Sureness.NO


FORMATS = (
    FileFormat("dense matrix as text", _recognise, _read, in_folders=False),
    refused(
        "numbers in one or two columns, a curve or a log rather than an edge list or a matrix",
        _is_curve,
        "save a matrix with numpy.save, or write edges as `source target`",
    ),
    refused(
        "a table of numbers under a heading that names no nodes and no layers",
        _is_headed,
        "name the columns source,target for an edge list, or save a matrix with numpy.save",
    ),
)
