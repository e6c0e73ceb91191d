"""Rows of features as text: libsvm and SVMlight (`label index:value ...`), and UCI's bags of words (`docword.*.txt`).

Chang and Lin, "LIBSVM", ACM TIST 2(3), 2011; Joachims, SVMlight, 1999: indices count from 1. Bags of words begin with
the lines documents, words and entries, and go on with `document word count`, from 1 (UCI Machine Learning Repository).
"""

import re

import numpy as np
from scipy.sparse import coo_array

from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found, LeftOut
from workloads.readers.matrices.canonical_form import check_sides, found_matrix
from workloads.readers.options import ReadOptions
from workloads.readers.source import Source
from workloads.readers.tokens import PAIR, Rows, all_rows, rows_of

_PAIR = re.compile(r"(\d+|qid):[^\s:]+")


def _read_libsvm(source: Source, options: ReadOptions) -> Found:
    rows, columns, values, count = [], [], [], 0
    for block in rows_of(source, pairs=True):
        if count == 0 and len(block) > 1 and block.widths[0] == 3 and not _paired(block, int(block.firsts[0]) + 1):
            block = block.since(1)  # the heading `rows features labels` of the extreme classification repository
        i, j, v = _entries(source, block)
        rows.append(i + count)
        columns.append(j)
        values.append(v)
        count += len(block)
    i, j, v = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    if not len(j):
        source.fail("libsvm file", "has no index:value", "copy the file again")
    first, notes = options.first_id, ()
    if first is None and j.min() == 0:
        first, notes = 0, (f"{source.name}: holds the index 0, so that indices were counted from 0, not from 1.",)
    first = 1 if first is None else first
    width = int(j.max()) + 1 - first
    if j.min() < first:
        source.fail("index 0", "is below 1", "leave out :from1")
    check_sides(source, count, width)
    notes += (f"{source.name}: the file does not say how many features there are; the largest index gives {width:,}.",)
    matrix = coo_array((v, (i, j - first)), shape=(count, width))
    return found_matrix(source, "libsvm", matrix, options, notes=notes, left_out=(LeftOut("labels", "no features"),))


def _paired(block: Rows, field: int) -> bool:
    return bool(block.ends[field] < len(block.data) and block.data[block.ends[field]] == PAIR)


def _entries(source: Source, block: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, indices and values of a block; labels in front are passed over."""
    row = np.repeat(np.arange(len(block)), block.widths)
    at = np.arange(int(block.firsts[0]), int(block.firsts[-1]))
    place = at - block.firsts[row] - (block.widths % 2)[row]
    index = at[(place >= 0) & (place % 2 == 0)]
    marks = np.zeros(len(block.starts), bool)
    inside = block.ends < len(block.data)
    marks[inside] = block.data[block.ends[inside]] == PAIR
    expected = np.zeros(len(marks), bool)
    expected[index] = True
    wrong = np.flatnonzero((marks != expected)[at])
    if len(wrong):
        line = block.numbers[row[wrong[0]]]
        source.fail(f"line {line}", "is no `label index:value ...`", "correct it or copy the file again")
    of_row = row[index - at[0]] if len(at) else row
    queries = block.data[block.starts[index]] == ord("q")
    index, of_row = index[~queries], of_row[~queries]
    return of_row, block.integers(index, "an index"), block.reals(index + 1, "a value")


def _is_libsvm(source: Source) -> Sureness:
    if not source.is_text:
        return Sureness.NO
    lines = [line.split() for line in source.first_lines if line.strip() and line.strip()[0] != "#"]
    lines = lines[1:] if len(lines) > 1 and len(lines[0]) == 3 and all(one.isdigit() for one in lines[0]) else lines
    pairs = sum(len(line) - 1 for line in lines)
    number = re.compile(r"[+-]?[\d.]+([eE][+-]?\d+)?(,\d+)*")
    good = all(
        (number.fullmatch(line[0]) or _PAIR.fullmatch(line[0])) and all(_PAIR.fullmatch(one) for one in line[1:])
        for line in lines
    )
    return Sureness.SIGNED if lines and pairs > 0 and good else Sureness.NO


def _read_words(source: Source, options: ReadOptions) -> Found:
    rows = all_rows(source)
    documents, words, entries = (int(one) for one in rows.integers(slice(0, 3), "a size"))
    rows = rows.since(3)
    check_sides(source, documents, words)
    if len(rows) != entries:
        source.fail("third line", f"promises {entries} entries but {len(rows)} follow", "copy the file again")
    odd = rows.odd_row(3)
    if odd is not None:
        source.fail(f"line {rows.numbers[odd]}", "is no `document word count`", "correct it")
    i, j = (rows.integers(rows.column(at, 3), "an id") for at in (0, 1))
    if i.min() < 1 or j.min() < 1 or i.max() > documents or j.max() > words:
        source.fail("ids", f"reach outside {documents} documents and {words} words, from 1", "correct them")
    matrix = coo_array((rows.reals(rows.column(2, 3), "a count"), (i - 1, j - 1)), shape=(documents, words))
    return found_matrix(source, "bag of words", matrix, options)


def _is_words(source: Source) -> Sureness:
    lines = [line.split() for line in source.first_lines if line.strip()][:5]
    shape = [len(line) for line in lines]
    whole = all(re.fullmatch(r"\d{1,15}", text) for line in lines for text in line)
    return Sureness.SIGNED if shape[:4] == [1, 1, 1, 3] and whole else Sureness.NO


FORMATS = (
    FileFormat("libsvm", _is_libsvm, _read_libsvm, heeds=("first_id", "zeros")),
    FileFormat("bag of words", _is_words, _read_words, heeds=("zeros",)),
)
